"""Fetch a project's records and dictionary from REDCap's API."""

from __future__ import annotations

import io
import ipaddress
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from tieout.errors import TieoutError
from tieout.redcap import dictionary as dictionaries
from tieout.redcap import export
from tieout.redcap.dictionary import Dictionary

SECONDS = (8, 120)
"""How long the server may take to answer, and to send the next part."""
VARIABLE, SERVICE = "REDCAP_API_TOKEN", "tieout"
WHERE = Path("REDCap API")


@dataclass(frozen=True)
class Fetched:
    """A raw export with the dictionary of its project, and the events of each form where the project has events."""

    table: pd.DataFrame
    dictionary: Dictionary
    events: Mapping[str, tuple[str, ...]] | None


class Refused(Exception):
    """An answer that is none; `status` is HTTP's."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def fetch(url: str) -> Fetched:
    """Return a project's raw records, with dictionary and events; fields that identify a patient are not asked for.

    The token comes from the environment (REDCAP_API_TOKEN) or the keyring (service "tieout", the address as user); it is
    never in a message. Raises TieoutError within seconds where the server does not answer, refuses, or sends what is no
    answer of REDCap.
    """
    check(url)
    with answers():
        project = opened(url)
        fields = project.export_metadata(format_type="json")
        if not isinstance(fields, list) or not fields:
            raise Refused(200)
        declared = dictionaries.of_rows(WHERE, [{key: str(value) for key, value in row.items()} for row in fields])
        wanted = [f.name for f in declared.fields if f is declared.record or not (f.identifying or f.type in export.NO_DATA)]
        text = project.export_records(
            format_type="csv", raw_or_label="raw", raw_or_label_headers="raw", export_data_access_groups=True,
            fields=[*wanted, *(f"{form}_complete" for form in declared.forms)],
        )  # fmt: skip
        if not isinstance(text, str) or declared.record.name not in text.partition("\n")[0]:
            raise Refused(200)
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
        events = mapping(project) if export.EVENT in table else None
    return Fetched(table, declared, events)


def mapping(project: Any) -> dict[str, tuple[str, ...]]:
    rows = project.export_instrument_event_mappings(format_type="json")
    if not isinstance(rows, list):
        raise Refused(200)
    return export.events_of([{key: str(value) for key, value in row.items()} for row in rows])


def opened(url: str) -> Any:
    try:
        import redcap
    except ImportError:
        raise TieoutError(str(WHERE), "the client of REDCap's API is not installed", "pip install 'tieout[redcap]'") from None
    return redcap.Project(url, token(url), timeout=SECONDS, allow_redirects=False, hooks={"response": answered})


def token(url: str) -> str:
    """Return the token for a server; raise TieoutError where there is none, or what there is cannot be one."""
    found = os.environ.get(VARIABLE, "") or from_keyring(url)
    if not found:
        raise TieoutError(str(WHERE), "there is no token", f"set {VARIABLE}, or run: keyring set {SERVICE} {url}")
    if len(found.strip()) not in (32, 64) or not found.strip().isalnum():
        hint = "expected 32 letters and digits: copy it from the project's API page"
        raise TieoutError(str(WHERE), "the token is not one of REDCap's", hint)
    return found.strip()


def from_keyring(url: str) -> str:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return ""
    try:
        return keyring.get_password(SERVICE, url) or ""
    except keyring.errors.KeyringError:
        return ""


def check(url: str) -> None:
    """Raise TieoutError for an address that is none, or would send the token unprotected."""
    parts, place = urlsplit(url), "data › redcap › api"
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise TieoutError(place, "this is no address of a server", "expected https://redcap.example.org/api/")
    if parts.username or parts.password or parts.query:
        raise TieoutError(place, "the address holds more than an address", "remove user, password and what follows '?'")
    if parts.scheme == "http" and not loopback(parts.hostname):
        raise TieoutError(place, "the address would send the token unprotected", "use https://")


def loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def answered(response: Any, *_: Any, **__: Any) -> None:
    if response.status_code != 200:
        raise Refused(response.status_code)


@contextmanager
def answers() -> Iterator[None]:
    """Turn what can go wrong into a message without address, token or what the server sent."""
    import requests

    try:
        yield
    except TieoutError:
        raise
    except Refused as error:
        told = STATUS.get(error.status, (f"the server answered with the error {error.status}", TRY))
        raise TieoutError(str(WHERE), *told) from None
    except requests.exceptions.SSLError:
        raise TieoutError(str(WHERE), "the server's certificate is not valid", "ask those who run the server") from None
    except requests.exceptions.Timeout:
        raise TieoutError(str(WHERE), f"the server did not answer within {SECONDS[0]} seconds", TRY) from None
    except requests.exceptions.JSONDecodeError:
        raise TieoutError(str(WHERE), *STATUS[200]) from None
    except requests.exceptions.ConnectionError:
        raise TieoutError(str(WHERE), "the server could not be reached", TRY) from None
    except Exception:
        hint = "may this token export data? ask those who run the project"
        raise TieoutError(str(WHERE), "the server sent an error", hint) from None


TRY = "is the address right, and does the server work?"
STATUS = {
    200: ("what the server sent is no answer of REDCap's", "is the address that of the API, such as https://redcap.example.org/api/?"),
    301: ("the server sends to another address", "give the address it ends at, often with a slash at the end"),
    302: ("the server sends to another address", "give the address it ends at, often with a slash at the end"),
    307: ("the server sends to another address", "give the address it ends at, often with a slash at the end"),
    308: ("the server sends to another address", "give the address it ends at, often with a slash at the end"),
    400: ("the server did not understand what was asked", "is its REDCap older than version 8?"),
    401: ("the token was refused", "is it the token of this project and this server?"),
    403: ("the token was refused", "is it the token of this project, and may it export data?"),
    404: ("there is no API at this address", "expected https://redcap.example.org/api/"),
}
"""What an answer means that is none, by HTTP's status, and what to try."""
