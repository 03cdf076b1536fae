"""Fill in the STROBE checklist from where a document says that it reports each item."""

from __future__ import annotations

import re

from tieout import keyed
from tieout.tables import raw

ITEMS = {
    "1": "Design named in the title or abstract; informative, balanced abstract",
    "2": "Background and rationale",
    "3": "Objectives, with any hypothesis",
    "4": "Study design presented early",
    "5": "Setting, places and dates",
    "6": "Eligibility, sources and selection of participants",
    "7": "Outcomes, exposures, predictors and confounders defined",
    "8": "Data sources and how each variable was measured",
    "9": "What was done about bias",
    "10": "How the study size came about",
    "11": "How quantitative variables were handled",
    "12": "Statistical methods, missing data, loss to follow-up, sensitivity analyses",
    "13": "Numbers at each stage with reasons; flow diagram",
    "14": "Characteristics of participants; missing data by variable; follow-up",
    "15": "Numbers of outcome events",
    "16": "Unadjusted and adjusted estimates with intervals; confounders named",
    "17": "Other analyses: subgroups, interactions, sensitivity",
    "18": "Key results against the objectives",
    "19": "Limitations: bias and imprecision, direction and size",
    "20": "Cautious interpretation",
    "21": "Generalisability",
    "22": "Funding and the role of funders",
}
HEADING = re.compile(r"^(?P<marks>#{1,6})\s+(?P<words>[^{\n]*?)\s*(?P<attributes>\{[^}\n]*\})?\s*$")
ANCHOR = re.compile(r"\{[^{}\n]*#(?P<kind>tbl|fig)-[\w-]+[^{}\n]*\}")
REPORTS = re.compile(r'strobe="(?P<items>[\d\s]+)"')


def places(template: str) -> dict[str, list[str]]:
    """Return where a document reports each item: the section, table or figure that carries strobe="…".

    The front matter's `strobe:` line speaks for the title and the abstract.
    """
    found: dict[str, list[str]] = {item: [] for item in ITEMS}
    counts = {"tbl": 0, "fig": 0}
    trail: list[str] = []
    for line in template.splitlines():
        place = ""
        if heading := HEADING.match(line):
            depth = len(heading["marks"])
            trail = [*trail[: depth - 1], heading["words"]]
            place = ", ".join(trail)
        elif anchor := ANCHOR.search(line):
            counts[anchor["kind"]] += 1
            place = f"{'Table' if anchor['kind'] == 'tbl' else 'Figure'} {counts[anchor['kind']]}"
        elif line.startswith("strobe:"):
            line, place = f'strobe="{line.partition(":")[2].strip(" []")}"'.replace(",", " "), "Title and abstract"
        if place and (reported := REPORTS.search(line)):
            for item in reported["items"].split():
                found.setdefault(item, []).append(place)
    return found


def checklist(template: str) -> str:
    """Return the checklist as a table: item, what it asks for, where it is reported."""
    found = places(template)
    rows = [
        f"<tr><td>{item}</td><td>{keyed.literal_html(words)}</td>"
        f"<td>{keyed.literal_html('; '.join(found[item]) or 'Not reported')}</td></tr>"
        for item, words in ITEMS.items()
    ]
    head = '<tr><th scope="col">Item</th><th scope="col">What STROBE asks for</th><th scope="col">Where</th></tr>'
    return raw(
        f'<table class="tieout strobe">\n<thead>{head}</thead>\n<tbody>\n{chr(10).join(rows)}\n</tbody>\n</table>'
    )
