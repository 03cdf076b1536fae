"""Results of a site, or of the coordinating centre, to the tables of their reports and of its spreadsheet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tieout import keyed
from tieout.display import PHRASES, Profile
from tieout.results import HIDDEN, Results, Statistic
from tieout.spreadsheet import as_csv, harmless
from tieout.tables import Notes, assembled, reasons, row, section, sentence

VEILED = '<span class="veiled">hidden</span>'
MOST_FLAGGED = 60
INDICATORS = ("site", "name", "indicator", "n", "of", "percent_or_median", "low_or_q1", "high_or_q3", "status")
PARTS = {"rate": ("n", "total", "pct", "low", "high"), "time": ("", "total", "median", "q1", "q3")}
FLAGGED = ("much-worse", "worse", "much-better", "missed", "better")
STATES = {"obtained": "Obtained", "due": "Due now", "overdue": "Overdue", "later": "Not yet due", "excused": "Not needed"}


def cell(results: Results, key: str, phrase: str, profile: Profile, notes: Notes) -> str:
    """Return a cell's figures with their keys; "hidden", or a dash with the reason as a footnote."""

    def look(name: str) -> Statistic:
        return results[f"{key}.{name}" if name else key]

    missing = reasons(look, phrase, profile)
    if HIDDEN in missing:
        return VEILED
    return f"–{notes.mark(sentence(missing))}" if missing else keyed.html_cell(PHRASES[phrase](look, profile), profile)


def head(*columns: str) -> str:
    cells = (f'<th scope="col">{column}</th>' for column in columns)
    return f"<tr>{''.join(cells)}</tr>"


def finished(notes: Notes, *lines: str) -> Notes:
    """Return the notes with lines before the marked ones, and what "hidden" means where it may stand."""
    notes.plain[:0] = [keyed.literal_html(keyed.curly(line)) for line in lines if line]
    return notes


def whole(head: str, body: list[str], notes: Notes, columns: int) -> str:
    """Return a table, or an empty text where it has no rows: a template asks whether there is one."""
    return assembled(head, body, notes, columns) if body else ""


def status(results: Results, name: str) -> str:
    found = results.meta["status"][name]
    return mark(found["code"], found["words"])


def mark(code: str, words: str) -> str:
    return f'<span class="status {code}">{keyed.literal_html(words)}</span>'


def summary(results: Results, profile: Profile) -> str:
    """Return each indicator on one line: the site, the registry without it, the change, and the status in words."""
    notes, body = Notes(), []
    for name, told in results.meta["indicators"].items():
        path = f"indicator.{name}"
        rate = told["kind"] == "rate"
        how = "n_over_total" if rate else "value"
        size = cell(results, path if rate else f"{path}.total", how, profile, notes)
        own = cell(results, path, "pct_limits" if rate else "median_iqr", profile, notes)
        rest = cell(results, f"{path}.others", "fraction_pct" if rate else "median_iqr", profile, notes)
        change = cell(results, f"{path}.change", "value", profile, notes)
        unit = "" if rate or not told["unit"] else f", {told['unit']}"
        label = keyed.literal_html(f"{told['label']}{unit}") + aim(told, profile)
        body.append(row(label, [status(results, name), size, own, rest, change]))
    confidence = f"{profile.confidence}{profile.percent} CI"
    finished(
        notes,
        f"Judged over: {results.meta['period']['judged']}. "
        f"Registry: all other sites together. Change: percentage points, or the unit of the time, since the report on "
        f"{results.meta['period']['before']}, computed again from the present data.",
    )
    own = f"This site, % ({confidence}) or median (IQR)"
    columns = ("Indicator", "Status", "n/N", own, "Registry without this site", "Change")
    return whole(head(*columns), body, notes, 6)


def aim(told: dict[str, Any], profile: Profile) -> str:
    """Return an indicator's target as a second line beneath its label."""
    if told["target"] is None:
        return ""
    sign = "≥" if told["better"] == "higher" else "≤"
    unit = profile.percent if told["kind"] == "rate" else f" {told['unit']}" if told["unit"] else ""
    words = keyed.literal_html(f"target {sign} {told['target']:g}{unit}")
    return f'<br><span class="aim">{words}</span>'


def recruitment(results: Results, profile: Profile) -> str:
    notes = Notes()
    lines = {"period": "In the period", "cumulative": "So far", "screened": "Screened so far"}
    body = []
    for name, label in lines.items():
        if f"site.{name}.n" in results:
            target = f"site.{name}.target"
            body.append(
                row(label, [
                    cell(results, f"site.{name}.n", "value", profile, notes),
                    cell(results, target, "value", profile, notes) if target in results else "",
                    cell(results, f"site.{name}.registry.n", "value", profile, notes),
                ])
            )  # fmt: skip
    finished(notes, "Target: the yearly number of the site table for the days in question. Registry: all sites.")
    return whole(head("Patients", "This site", "Target", "Registry"), body, notes, 4)


def in_sections(
    sections: dict[str, list[str]], columns: int, line: Callable[[str], Iterable[str]]
) -> list[str]:
    body: list[str] = []
    for heading, names in sections.items():
        if heading:
            body.append(section(heading, columns))
        for name in names:
            body += line(name)
    return body


def completeness(results: Results, profile: Profile) -> str:
    """Return how many values of each variable are recorded, here and elsewhere."""
    notes = Notes()

    def line(name: str) -> list[str]:
        path = f"completeness.{name}"
        label = keyed.literal_html(results.meta["labels"][name])
        own = [cell(results, path, "n_over_total", profile, notes), cell(results, f"{path}.pct", "value", profile, notes)]
        return [row(label, [*own, cell(results, f"{path}.others.pct", "value", profile, notes)])]

    body = in_sections(results.meta["completeness"], 4, line)
    finished(notes, "All patients enrolled until the end of the period to whom the variable applies.")
    columns = ("Variable", "Recorded, n/N", "This site", "Registry without this site")
    return whole(head(*columns), body, notes, 4)


def follow_up(results: Results, profile: Profile) -> str:
    notes, body = Notes(), []
    for name, told in results.meta["follow_ups"].items():
        cells = [cell(results, f"follow_up.{name}.{state}", "value", profile, notes) for state in STATES]
        window = f"window: day {told['opens']} to {told['closes']}"
        body.append(row(f'{keyed.literal_html(told["label"])}<br><span class="aim">{window}</span>', cells))
    finished(notes, f"On {results.meta['cut']}, the cut of the data. Overdue: the window closed without it.")
    return whole(head("Follow-up", *STATES.values()), body, notes, 1 + len(STATES))


def times(results: Results, profile: Profile) -> str:
    """Return the times: this period, the time judged, the report before, the registry, the target."""
    notes, body = Notes(), []
    for name, told in results.meta["indicators"].items():
        if told["kind"] != "time":
            continue
        path = f"indicator.{name}"
        cells = [
            cell(results, f"{path}{part}", "median_iqr", profile, notes) for part in (".period", "", ".previous", ".others")
        ]
        size = cell(results, f"{path}.total", "value", profile, notes)
        label = keyed.literal_html(told["label"] + (f", {told['unit']}" if told["unit"] else ""))
        body.append(row(label + aim(told, profile), [size, *cells]))
    finished(notes, f"Median (IQR). Judged: {results.meta['period']['judged']}; n is of the patients judged.")
    columns = ("Time", "n", "In the period", "Judged", "Last report", "Registry without this site")
    return whole(head(*columns), body, notes, 6)


def outcomes(results: Results, profile: Profile) -> str:
    """Return crude rates, and observed against expected events where the indicator is adjusted for case mix."""
    notes, body = Notes(), []
    for name, told in results.meta["indicators"].items():
        if "model" not in told:
            continue
        path = f"indicator.{name}"
        cells = [
            cell(results, path, "fraction_pct", profile, notes),
            cell(results, f"{path}.observed", "value", profile, notes),
            cell(results, f"{path}.expected", "value", profile, notes),
            cell(results, f"{path}.ratio", "ratio_interval", profile, notes),
            cell(results, f"{path}.adjusted", "value", profile, notes),
        ]
        body.append(row(keyed.literal_html(told["label"]), cells))
        if not told["model"]["reason"]:  # which else stands as a footnote of the cells
            notes.plain.append(model(results, path, told, profile))
    confidence = f"O/E ({profile.confidence}{profile.percent} CI)"
    columns = ("Outcome", "Crude, n/N (%)", "Observed", "Expected", confidence, "Adjusted rate")
    return whole(head(*columns), body, notes, 6)


def model(results: Results, path: str, told: dict[str, Any], profile: Profile) -> str:
    """Return a footnote on the model behind the expected events."""
    found = told["model"]
    n, events = (cell(results, f"{path}.model.{name}", "value", profile, Notes()) for name in ("n", "events"))
    without = ", fitted without this site" if found["without_own"] else ""
    terms = keyed.literal_html(f"{told['label']}: expected events from a logistic model of {', '.join(found['terms'])}")
    return f"{terms} ({n} patients, {events} events in all sites{without}). Patients lacking one of these are in neither count."


def case_mix(results: Results, profile: Profile) -> str:
    """Return the case mix here and in the registry without this site."""
    notes, body = Notes(), []
    for name in results.meta["case_mix"]:
        path = f"case_mix.{name}"
        label = keyed.literal_html(results.meta["labels"][name])
        levels = [s for s in results.under(path) if s.level and s.name == "pct" and not s.group]
        if not levels:
            found = results[f"{path}.median"]
            unit = f", {keyed.literal_html(found.unit)}" if found.unit else ""
            pair = [cell(results, p, "median_iqr", profile, notes) for p in (path, f"{path}.others")]
            sizes = [cell(results, f"{p}.total", "value", profile, notes) for p in (path, f"{path}.others")]
            body.append(row(f"{label}{unit}", [sizes[0], pair[0], sizes[1], pair[1]]))
            continue
        several = len(levels) > 1
        if several:
            body.append(row(label, [""] * 4))
        for each in levels:
            inner = each.key.removesuffix(".pct")
            text = keyed.literal_html(each.level_label) if several else label
            cells = [
                cell(results, part, phrase, profile, notes)
                for base in (inner, f"{inner}.others")
                for part, phrase in ((base, "n_over_total"), (f"{base}.pct", "value"))
            ]
            body.append(row(text, cells, level=several))
    finished(notes, f"n/N and % or n and median (IQR). Judged: {results.meta['period']['judged']}.")
    return whole(
        head("Patients’ characteristics", "This site, n", "% or median", "Registry without this site, n", "% or median"),
        body, notes, 5,
    )  # fmt: skip


def registry(results: Results, profile: Profile) -> str:
    """Return the registry's own figures, for the coordinating centre."""
    notes, body = Notes(), []
    for name, told in results.meta["indicators"].items():
        path, rate = f"registry.indicator.{name}", told["kind"] == "rate"
        size = cell(results, path if rate else f"{path}.total", "n_over_total" if rate else "value", profile, notes)
        value = cell(results, path, "pct_limits" if rate else "median_iqr", profile, notes)
        unit = f", {told['unit']}" if told["unit"] and not rate else ""
        cells = [size, value, cell(results, f"registry.flagged.{name}", "n_of_total", profile, notes)]
        body.append(row(keyed.literal_html(f"{told['label']}{unit}") + aim(told, profile), cells))
    finished(notes, f"Judged: {results.meta['period']['judged']}. Sites flagged: worse than expected, or a target not "
                    "met, of the sites with patients enough to be judged whose figures may be shown.")  # fmt: skip
    return whole(head("Indicator", "n/N", "Registry", "Sites flagged"), body, notes, 4)


def flagged(results: Results, profile: Profile) -> str:
    """Return the sites beyond a limit or a target, the gravest first, for the coordinating centre's workflow."""
    found = [
        (FLAGGED.index(code), name, site)
        for name, codes in results.meta["statuses"].items()
        for code, site in zip(codes, results.meta["sites"], strict=True)
        if code in FLAGGED
    ]
    found.sort(key=lambda each: each[0])
    notes, body = Notes(), []
    for grave, name, site in found[:MOST_FLAGGED]:
        told, path, code = results.meta["indicators"][name], f"at.{site['key']}.{name}", FLAGGED[grave]
        value = cell(results, path, "rate" if told["kind"] == "rate" else "median_iqr", profile, notes)
        label = keyed.literal_html(told["label"])
        body.append(row(keyed.literal_html(site["name"]), [label, mark(code, results.meta["words"][code]), value]))
    if len(found) > MOST_FLAGGED:
        finished(notes, "The gravest; all of them are in the file indicators.csv.")
    return whole(head("Site", "Indicator", "Status", "Figure"), body or [row("None", [""] * 3)], notes, 4)


def sites(results: Results, profile: Profile) -> str:
    """Return every site with its patients, its last day, and how many indicators call for a look."""
    notes, body = Notes(), []
    for site in results.meta["sites"]:
        path = f"at.{site['key']}"
        last = results[f"{path}.last.date"]
        cells = [
            cell(results, f"{path}.period.n", "value", profile, notes),
            cell(results, f"{path}.cumulative.n", "value", profile, notes),
            "none" if last.error and last.error != HIDDEN else cell(results, last.key, "value", profile, notes),
            cell(results, f"{path}.flags.n", "value", profile, notes),
        ]
        body.append(row(keyed.literal_html(site["name"]), cells))
    finished(notes, "Flags: indicators worse than expected or with a target not met, of those that may be shown.")
    return whole(head("Site", "In the period", "So far", "Last patient", "Flags"), body, notes, 5)


def spread_out(results: Results) -> str:
    """Return the figures of every site that the coordinating centre's edition may show, as CSV text."""
    lines = [INDICATORS]
    for place, site in enumerate(results.meta["sites"]):
        for name, told in results.meta["indicators"].items():
            path, parts = f"at.{site['key']}.{name}", PARTS[told["kind"]]
            found = [results[f"{path}.{part}"].value if part else None for part in parts]
            values = ["" if value is None else f"{value:.15g}" for value in found]
            head = [harmless(words) for words in (site["code"], site["name"], told["label"])]
            lines.append((*head, *values, results.meta["words"][results.meta["statuses"][name][place]]))
    return as_csv(lines)


Maker = Callable[[Results, Profile], str]

SITE: dict[str, Maker] = {
    "summary": summary, "recruitment": recruitment, "completeness": completeness, "follow_up": follow_up,
    "times": times, "outcomes": outcomes, "case_mix": case_mix,
}  # fmt: skip
CENTRE: dict[str, Maker] = {"registry": registry, "flagged": flagged, "sites": sites}
"""The tables of each report, by the name under which a template inserts them."""
