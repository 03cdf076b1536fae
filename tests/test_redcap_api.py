"""REDCap's API, spoken by a real server on loopback: what is asked for, and what no message may hold."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pandas as pd
import pytest
from redcap_project import API, FIELDS, patients, write_dictionary, write_export

from tieout import registry, study
from tieout.errors import TieoutError
from tieout.redcap import api, dictionary, export

pytest.importorskip("redcap", reason="PyCap is not installed")
TOKEN = "0123456789ABCDEF0123456789ABCDEF"
Answer = Callable[[dict[str, list[str]]], tuple[int, str]]


class Server:
    """A server that answers as REDCap does, and keeps what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[dict[str, list[str]]] = []
        self.answer: Answer = self.project
        self.records = list(csv.DictReader(write_export(folder / "raw.csv", patients(20)).open(encoding="utf-8")))
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode(), keep_blank_values=True)
                server.asked.append(body)
                status, text = server.answer(body)
                self.send_response(status)
                if status in (302, 307):
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere/")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/api/"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def project(self, body: dict[str, list[str]]) -> tuple[int, str]:
        if body["token"] != [TOKEN]:
            return 403, json.dumps({"error": "You do not have permissions to use the API"})
        content = body["content"][0]
        if content == "metadata":
            rows = [
                dict.fromkeys(API, "") | {
                    "field_name": f[0], "form_name": f[1], "field_type": f[2], "field_label": f[3],
                    "select_choices_or_calculations": f[4], "text_validation_type_or_show_slider_number": f[5],
                    "text_validation_min": f[6], "text_validation_max": f[7], "identifier": f[8], "branching_logic": f[9],
                    "required_field": f[10],
                }
                for f in FIELDS
            ]  # fmt: skip
            return 200, json.dumps(rows)
        if content == "formEventMapping":
            pairs = [("baseline", "baseline"), ("baseline", "visit"), ("month_3", "follow_up")]
            return 200, json.dumps([{"arm_num": 1, "unique_event_name": f"{e}_arm_1", "form": form} for e, form in pairs])
        asked = {value for key, values in body.items() if key.startswith("fields[") for value in values}
        names = [n for n in self.records[0] if n.startswith("redcap_") or n.split("___")[0] in asked]
        text = io.StringIO()
        out = csv.DictWriter(text, names, extrasaction="ignore")
        out.writeheader()
        out.writerows(self.records)
        return 200, text.getvalue()


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv(api.VARIABLE, TOKEN)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    found = Server(tmp_path)
    yield found
    found.http.shutdown()
    found.http.server_close()


def test_a_project_from_the_api_is_the_same_as_its_export(server, tmp_path):
    found = api.fetch(server.url)
    one = export.flatten(found.table, found.dictionary, api.WHERE, found.events).table
    declared = dictionary.read(write_dictionary(tmp_path / "d.csv"))
    raw = pd.read_csv(tmp_path / "raw.csv", dtype=str, keep_default_na=False)
    two = export.flatten(raw, declared, tmp_path / "raw.csv", found.events).table
    pd.testing.assert_frame_equal(one, two)


def test_fields_that_identify_a_patient_are_not_even_asked_for(server):
    api.fetch(server.url)
    records = next(body for body in server.asked if body["content"] == ["record"])
    asked = {value for key, values in records.items() if key.startswith("fields[") for value in values}
    assert {"record_id", "age", "baseline_complete"} <= asked
    assert not asked & {"surname", "email", "comment"}
    assert records["rawOrLabel"] == ["raw"]


def test_a_study_reads_its_registry_from_the_api(server, tmp_path):
    (tmp_path / "study.yaml").write_text(
        f"""name: N
title: T
data: {{redcap: {{api: "{server.url}"}}, cut: 2021-12-31}}
documents: {{manuscript: m.qmd}}
variables:
  record_id: {{label: Record, type: key, role: record}}
  redcap_data_access_group: {{label: Site, type: text, role: site}}
  admitted: {{label: Admission, type: date, role: enrolled}}
  age: {{label: Age, type: integer}}
""",
        encoding="utf-8",
    )
    declared = study.read(tmp_path / "study.yaml")
    assert len(registry.read(declared).frame) == 20
    assert registry.digest(declared) == registry.digest(declared)
    assert TOKEN not in "".join(path.read_text(encoding="utf-8") for path in tmp_path.iterdir() if path.is_file())


def refused(url: str, caplog=None) -> str:
    with pytest.raises(TieoutError) as error:
        api.fetch(url)
    told = [str(error.value), repr(error.value), str(error.value.__cause__ or "")]
    told += [record.getMessage() for record in caplog.records] if caplog else []
    assert error.value.__suppress_context__ or error.value.__context__ is None
    assert not any(word in text for text in told for word in (TOKEN, "Secret", "private remark"))
    return str(error.value)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda body: (403, '{"error": "no"}'), "the token was refused"),
        (lambda body: (500, "Secret"), "the server answered with the error 500"),
        (lambda body: (404, "Secret"), "there is no API at this address"),
        (lambda body: (302, ""), "the server sends to another address"),
        (lambda body: (307, ""), "the server sends to another address"),
        (lambda body: (200, "<html>Secret</html>"), "is no answer of REDCap's"),
        (lambda body: (200, '[{"field_name": "rec'), "is no answer of REDCap's"),
        (lambda body: (200, '{"error": "Secret"}'), "the server sent an error"),
        (lambda body: (200, "[]"), "is no answer of REDCap's"),
        (lambda body: (200, '[{"field_name": 1}]'), "the server sent an error"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_told_without_token_or_content(server, caplog, answer, words):
    caplog.set_level("DEBUG")
    server.answer = answer
    assert words in refused(server.url, caplog)
    assert all(body["token"] == [TOKEN] for body in server.asked)


def test_records_that_are_cut_short_are_refused(server):
    def cut(body):
        status, text = server.project(body)
        return (status, "Secret") if body["content"] == ["record"] else (status, text)

    server.answer = cut
    assert "is no answer of REDCap's" in refused(server.url)


def test_a_server_that_does_not_listen_or_has_no_name_is_told_within_seconds(server):
    assert "could not be reached" in refused("http://127.0.0.1:9/api/")
    assert "could not be reached" in refused("https://redcap.invalid/api/")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://redcap.example.org/api/", "would send the token unprotected"),
        ("ftp://redcap.example.org/", "no address of a server"),
        ("https://me:secret@redcap.example.org/api/", "more than an address"),
        (f"https://redcap.example.org/api/?token={TOKEN}", "more than an address"),
    ],
)
def test_an_address_that_would_give_the_token_away_is_refused(server, url, words):
    assert words in refused(url)
    assert not server.asked


def test_a_token_that_is_missing_or_none_says_where_to_put_it(server, monkeypatch):
    monkeypatch.setenv(api.VARIABLE, "short")
    assert "the token is not one of REDCap's" in refused(server.url)
    monkeypatch.delenv(api.VARIABLE)
    assert f"set {api.VARIABLE}, or run: keyring set tieout" in refused(server.url)
    assert not server.asked
