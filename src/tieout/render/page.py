"""Let a finished HTML page explain itself: what each figure is, the claims with their margins, the rows behind the pictures."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from tieout import explain, resources
from tieout.display import profile_of, text
from tieout.nodes import Node
from tieout.render.document import Carried
from tieout.render.tree import plain_text
from tieout.results import Results, parsed
from tieout.weave import keys_in

KEY = re.compile(r'data-key="([^"]+)"')
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>\s*')
LEFT_OUT = ("key", "data")


def finished(page: str, results: Results, rows: Mapping[str, str]) -> str:
    """Return a page with cards for its figures and one inline script, which is all that its policy lets run.

    `rows` has the CSV text of what each picture draws, by the end of its identifier: "forest" for #fig-forest.
    """
    script, style = (read(name) for name in ("page.js", "page.css"))
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{fingerprint(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>\n{style}</style>\n'
    block = json.dumps(told(page, results, rows), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    foot = f'<script type="application/json" id="told">{block}</script>\n<script>{script}</script>\n'
    opening, _, rest = POLICY.sub("", page).partition("</head>")
    body, _, end = rest.rpartition("</body>")
    return f"{opening}{head}</head>{body}{foot}</body>{end}"


def explained(page: str, folder: Path, meta: Node, carried: Carried) -> str:
    """Return a page of a project finished with the results that its document carries; a report to a site stays as it is."""
    if "results.json" not in carried or plain_text(meta.get("layout")) == "report":
        return page
    rows = {path.stem: path.read_text(encoding="utf-8") for path in sorted((folder / "figures").glob("*.csv"))}
    return finished(page, parsed(carried["results.json"]().encode()), rows)


def read(name: str) -> str:
    return (resources.templates() / name).read_text(encoding="utf-8")


def fingerprint(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def told(page: str, results: Results, rows: Mapping[str, str]) -> dict[str, object]:
    """Return what the script tells: words once, and for each figure the places of its names and words among them."""
    places: dict[str, int] = {}

    def place(words: str) -> int:
        return places.setdefault(words, len(places))

    keys = [key for key in dict.fromkeys(map(html.unescape, KEY.findall(page))) if key in results]
    figures = {key: [place(words) for pair in facts(results, key) for words in pair] for key in keys}
    shown = {name: csv for name, csv in sorted(rows.items()) if f'id="fig-{name}"' in page}
    return {"figures": figures, "words": list(places), "claims": list(claims(results)), "rows": shown}


def facts(results: Results, key: str) -> Iterable[tuple[str, str]]:
    own = {"snapshot": f"{results.stamp}, data cut {results.meta['cut']}"}
    return ((name, own.get(name, words)) for name, words in explain.entries(results, results[key]) if name not in LEFT_OUT)


def claims(results: Results) -> Iterable[dict[str, object]]:
    """Yield the claims: what each states, whether it holds and by what margin, and what its figures are now."""
    profile = profile_of(results.meta)
    for name, claim in results.meta.get("claims", {}).items():
        now = [[key, text(results[key], profile)] for key in keys_in(claim["needs"], results) if not results[key].error]
        yield {"name": name, **{part: claim.get(part, "") for part in ("states", "needs", "holds", "margin")}, "now": now}
