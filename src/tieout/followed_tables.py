"""Tables of survival and of rates in person-time."""

from __future__ import annotations

from tieout import keyed
from tieout.display import Profile, between
from tieout.results import Results, Statistic
from tieout.tables import Notes, assembled, cell, row, sentence


def every(results: Results, profile: Profile) -> dict[str, str]:
    """Return a table for each declared survival, and one of all rates, by the names under which a template inserts them."""
    layout = results.meta["layout"]
    made = {f"survival_{name}": survival(results, name, profile) for name in layout.get("survival", {})}
    return made | ({"rates": rates(results, profile)} if layout.get("rates") else {})


def heads(words: list[str]) -> str:
    cells = (f'<th scope="col">{keyed.literal_html(word)}</th>' for word in words)
    return f"<tr>{''.join(cells)}</tr>"


def survival(results: Results, name: str, profile: Profile) -> str:
    """Return patients, events, the percentage free of the event at each time and the median time, by group."""
    layout, notes = results.meta["layout"]["survival"][name], Notes()
    path, confidence = f"survival.{name}", f"({profile.confidence}{profile.percent} CI)"
    times = [results[f"{path}.{when}.pct"].level_label for when in layout["at"]]
    unit = results[f"{path}.median.estimate"].unit
    median = f"Median time{f', {unit}' if unit else ''} {confidence}"
    head = heads(["Patients", "n", "Events", *(f"Free of it at {time} {confidence}" for time in times), median])
    body = []
    for group in ("", *layout["groups"]):
        base = f"{path}.{group}".removesuffix(".")
        cells = [cell(results, f"{base}.{part}", "value", profile, notes) for part in ("n", "events")]
        cells += [survived(results, f"{base}.{when}", profile, notes) for when in layout["at"]]
        cells.append(with_limits(results, f"{base}.median", profile, notes))
        body.append(row(keyed.literal_html(results[f"{base}.n"].group_label), cells))
    notes.plain = [sentence(f"{layout['label']}: {'; '.join(methods(results, path))}")]
    if f"{path}.p" in results:
        notes.plain.append(f"Log-rank test: {cell(results, path, 'p', profile, notes)}.")
    return assembled(head, body, notes, 4 + len(times))


def survived(results: Results, base: str, profile: Profile, notes: Notes) -> str:
    """Return a percentage with its limits, or alone with the reason why it has none."""
    if results[f"{base}.pct"].error or not results[f"{base}.low"].error:
        return cell(results, base, "pct_limits", profile, notes)
    reason = notes.mark(sentence(f"no interval: {results[f'{base}.low'].error}"))
    return cell(results, f"{base}.pct", "value", profile, notes) + reason


def with_limits(results: Results, base: str, profile: Profile, notes: Notes) -> str:
    """Return an estimate with its limits, one that does not exist as NE with the reason."""
    if results[f"{base}.estimate"].error:
        return cell(results, f"{base}.estimate", "value", profile, notes)
    shown = [cell(results, f"{base}.{side}", "value", profile, notes) for side in ("estimate", "low", "high")]
    return f"{shown[0]} ({shown[1]}{between(results[f'{base}.low'], profile.interval)}{shown[2]})"


def rates(results: Results, profile: Profile) -> str:
    """Return events, person-time and rate of every declared rate, by group, with the ratio of two groups."""
    notes, body = Notes(), []
    for name, layout in results.meta["layout"]["rates"].items():
        path = f"rates.{name}"
        for group in ("", *layout["groups"]):
            base = f"{path}.{group}".removesuffix(".")
            estimate = results[f"{base}.estimate"]
            words = layout["label"] + (f", {estimate.group_label}" if group else "")
            cells = [cell(results, f"{base}.{part}", "value", profile, notes) for part in ("events", "time")]
            unit = f" {keyed.literal_html(estimate.unit)}" if not estimate.error else ""
            shown = with_limits(results, base, profile, notes) + unit + warned(estimate, notes)
            body.append(row(keyed.literal_html(words), [*cells, shown]))
        if f"{path}.rate_ratio.estimate" in results:
            ratio = with_limits(results, f"{path}.rate_ratio", profile, notes)
            p = cell(results, path, "p", profile, notes) + warned(results[f"{path}.rate_ratio.estimate"], notes)
            label = f"{layout['label']}, rate ratio"
            body.append(row(keyed.literal_html(label), ["", "", f"{ratio}; {p}"]))
    notes.plain = [sentence("; ".join(methods(results, "rates")))]
    head = heads(["Event", "Events", "Time observed", f"Rate ({profile.confidence}{profile.percent} CI)"])
    return assembled(head, body, notes, 4)


def warned(statistic: Statistic, notes: Notes) -> str:
    return notes.mark(sentence(statistic.warning)) if statistic.warning else ""


def methods(results: Results, path: str) -> list[str]:
    return list(dict.fromkeys(s.method for s in results.under(path) if s.method and not s.error and s.name != "p"))
