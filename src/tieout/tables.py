"""Results to a table whose cells keep their keys: one HTML table that every format is made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tieout import keyed
from tieout.display import MEASURES, PHRASES, Profile
from tieout.results import Results, Statistic

INDENT = "\u2003"
MARKS = "abcdefghijklmnopqrstuvwxyz"
YES_NO = {"1": "Yes", "0": "No"}


@dataclass
class Notes:
    """Footnotes of one table, as HTML: those for the whole, and those with a mark that cells carry."""

    plain: list[str] = field(default_factory=list)
    marked: dict[str, str] = field(default_factory=dict)

    def mark(self, note: str) -> str:
        """Return the superscript of a footnote, the same for the same words."""
        number = len(self.marked)
        letters = MARKS[number % 26] * (number // 26 + 1)
        return f"<sup>{self.marked.setdefault(note, letters)}</sup>"

    def html(self, columns: int) -> str:
        lines = self.plain + [f"<sup>{mark}</sup> {note}" for note, mark in self.marked.items()]
        return f'<tfoot><tr><td colspan="{columns}">{"<br>".join(lines)}</td></tr></tfoot>' if lines else ""


def sentence(words: str) -> str:
    """Return words of ours as a literal sentence with its capital and its full stop."""
    return keyed.literal_html(keyed.curly(f"{words[:1].upper()}{words[1:]}."))


def cell(results: Results, key: str, phrase: str, profile: Profile, notes: Notes) -> str:
    """Return a cell's figures with their keys, or "NE" with the reason as a footnote."""

    def look(name: str) -> Statistic:
        return results[f"{key}.{name}" if name else key]

    missing = reasons(look, phrase, profile)
    if missing:
        return f"{profile.not_estimable}{notes.mark(sentence(f'{profile.not_estimable}, not estimable: {missing}'))}"
    return keyed.html_cell(PHRASES[phrase](look, profile), profile)


def reasons(look: Callable[[str], Statistic], phrase: str, profile: Profile) -> str:
    """Return why a phrase cannot be said: the errors of the statistics it needs."""
    found: dict[str, None] = {}

    def asked(name: str) -> Statistic:
        statistic = look(name)
        if statistic.error:
            found.setdefault(statistic.error)
            return Statistic(statistic.key, 0.5, statistic.kind, "")
        return statistic

    PHRASES[phrase](asked, profile)
    return "; ".join(found)


def row(header: str, cells: Iterable[str], *, level: bool = False) -> str:
    """Return a row of the table dialect; that of a `level` is indented."""
    start = f'<th scope="row">{INDENT if level else ""}{header}</th>'
    kind = ' class="level"' if level else ""
    return f"<tr{kind}>{start}{''.join(f'<td>{c}</td>' for c in cells)}</tr>"


def section(heading: str, columns: int) -> str:
    """Return the heading of a section of rows."""
    blank = "<td></td>" * (columns - 1)
    return f'<tr class="section"><th scope="row"><strong>{keyed.literal_html(heading)}</strong></th>{blank}</tr>'


def raw(table: str) -> str:
    """Return HTML as a raw block of Quarto Markdown."""
    return f"```{{=html}}\n{table}\n```"


def assembled(head: str, body: Iterable[str], notes: Notes, columns: int) -> str:
    """Return a table of its head, rows and notes, as the raw block that every format takes."""
    rows = "\n".join(body)
    return raw(
        f'<table class="tieout">\n<thead>{head}</thead>\n<tbody>\n{rows}\n</tbody>\n{notes.html(columns)}\n</table>'
    )


def unit(statistic: Statistic) -> str:
    """Return the unit of a statistic behind a comma, or nothing."""
    return f", {statistic.unit}" if statistic.unit else ""


def characteristics(results: Results, name: str, profile: Profile) -> str:
    """Return a declared table: characteristics of all patients and by group, missing values, SMD and p."""
    layout = results.meta["layout"]["tables"][name]
    path, groups, smd = f"table.{name}", layout["groups"], layout["smd"]
    notes = Notes()
    columns = 3 + len(groups) + smd
    body: list[str] = []
    summaries: dict[str, None] = {}
    for heading, variables in layout["sections"].items():
        if heading:
            body.append(section(heading, columns))
        for variable in variables:
            body += variable_rows(results, path, variable, groups, smd, profile, notes, summaries)
    notes.plain.append(legend(results, path, layout, summaries, profile))
    return assembled(group_head(results, path, layout, profile), body, notes, columns)


def group_head(results: Results, path: str, layout: dict, profile: Profile) -> str:
    """Return the two header rows: who is in each column, under what the columns are compared by."""
    first, *rest = layout["groups"]
    tail = ["SMD"] * layout["smd"] + [f"<em>{profile.p_symbol}</em>"]
    upper = [
        '<th rowspan="2" scope="col">Characteristic</th>',
        f'<th rowspan="2" scope="col">{column_head(results, path, first, profile)}</th>',
        '<th rowspan="2" scope="col">Missing</th>',
        f'<th colspan="{len(rest)}" scope="colgroup">{keyed.literal_html(layout["by"])}</th>',
        *(f'<th rowspan="2" scope="col">{word}</th>' for word in tail),
    ]
    lower = [f'<th scope="col">{column_head(results, path, group, profile)}</th>' for group in rest]
    return f"<tr>{''.join(upper)}</tr><tr>{''.join(lower)}</tr>"


def column_head(results: Results, path: str, group: str, profile: Profile) -> str:
    size = results[f"{path}.patients.{group}.n"]
    return f"{keyed.literal_html(size.group_label)}<br>(n={keyed.html_cell([size], profile)})"


def legend(results: Results, path: str, layout: dict, summaries: dict[str, None], profile: Profile) -> str:
    shown = {
        "levels": f"n ({profile.percent})",
        "median": "median (IQR)",
        "mean": "mean (SD)",
    }
    kinds = [shown[kind] for kind in shown if kind in summaries]
    words = f"Values are {' or '.join(kinds)} of the patients with the value recorded."
    pairs = ", the largest of all pairs of groups" if len(layout["groups"]) > 3 else ""
    words += f" SMD, standardised mean difference{pairs}." if layout["smd"] else ""
    ungrouped = results[f"{path}.patients.ungrouped.n"]
    if ungrouped.value:
        unknown = keyed.html_cell([ungrouped], profile)
        words += f" Patients in no column, since their group is not known: {unknown}."
    return words


def variable_rows(
    results: Results,
    path: str,
    variable: str,
    groups: list[str],
    smd: bool,
    profile: Profile,
    notes: Notes,
    summaries: dict[str, None],
) -> list[str]:
    """Return the rows of one variable: one for a number or a yes/no, a heading and its levels otherwise."""
    base = f"{path}.{variable}"
    sample = results[f"{base}.{groups[0]}.missing"]
    levels = {s.level: s.level_label for s in results.under(base) if s.level}
    kind = "levels" if levels else "mean" if f"{base}.{groups[0]}.mean" in results else "median"
    summaries.setdefault(kind)
    missing = keyed.html_cell([sample], profile)
    tail = test_cells(results, base, smd, profile, notes)
    label = keyed.literal_html(sample.variable_label) + not_applicable(results, base, groups[0], profile, notes)

    def values(inner: Callable[[str], str], phrase: str) -> list[str]:
        return [cell(results, inner(group), phrase, profile, notes) for group in groups]

    def of_level(code: str) -> list[str]:
        return values(lambda group: f"{base}.{code}.{group}", "n_pct")

    if not levels:
        phrase = {"median": "median_iqr", "mean": "mean_sd"}[kind]
        first, *rest = values(lambda group: f"{base}.{group}", phrase)
        return [row(f"{label}{keyed.literal_html(unit(sample))}", [first, missing, *rest, *tail])]
    if levels == YES_NO:
        first, *rest = of_level("1")
        return [row(label, [first, missing, *rest, *tail])]
    blank = [""] * (len(groups) - 1)
    rows = [row(label, ["", missing, *blank, *tail])]
    for code, words in levels.items():
        first, *rest = of_level(code)
        rows.append(row(keyed.literal_html(words), [first, "", *rest, *[""] * len(tail)], level=True))
    return rows


def not_applicable(results: Results, base: str, group: str, profile: Profile, notes: Notes) -> str:
    key = f"{base}.{group}.not_applicable"
    if key not in results or not results[key].value:
        return ""
    patients = keyed.html_cell([results[key]], profile)
    return notes.mark(f"Not applicable to {patients} patients, who are neither counted nor missing here.")


def test_cells(results: Results, base: str, smd: bool, profile: Profile, notes: Notes) -> list[str]:
    """Return SMD and p, the p marked with the test that gave it."""
    if f"{base}.p" not in results:
        return ["", ""][: 1 + smd]
    p = results[f"{base}.p"]
    mark = "" if p.error else notes.mark(sentence(p.method))
    shown = cell(results, f"{base}.p", "value", profile, notes) + mark
    return [cell(results, f"{base}.smd", "value", profile, notes)] * smd + [shown]


FITS = {"univariable": "Univariable", "": "Multivariable", "firth": "Multivariable, Firth’s penalised likelihood"}


def odds_ratios(results: Results, name: str, profile: Profile) -> str:
    """Return a model's table: univariable and multivariable estimates, and Firth's beside those that are unstable."""
    path = f"model.{name}"
    estimates = [s for s in results.under(path) if s.name == "estimate"]
    unstable = any(s.warning or s.error for s in estimates if ".univariable." not in s.key)
    unstable = unstable and any(s.key.startswith(f"{path}.firth.") for s in estimates)
    layout = results.meta["layout"]["models"][name]
    terms = list(dict.fromkeys((*layout["univariable"], *layout["terms"])))
    return side_by_side(results, name, terms, {fit: words for fit, words in FITS.items() if fit != "firth" or unstable}, profile)


def firth(results: Results, name: str, profile: Profile) -> str:
    """Return a model's ordinary estimates with Firth's beside each of them, stable or not."""
    fits = {"": "Maximum likelihood", "firth": "Firth’s penalised likelihood"}
    return side_by_side(results, name, results.meta["layout"]["models"][name]["terms"], fits, profile)


def side_by_side(results: Results, name: str, terms: list[str], fits: dict[str, str], profile: Profile) -> str:
    path, notes = f"model.{name}", Notes()
    estimates = [s for s in results.under(path) if s.name == "estimate"]
    columns = 1 + 2 * len(fits)
    measure, unit_of = (MEASURES[estimates[0].kind], unit(estimates[0])) if estimates else ("", "")
    measure = f"{measure[:1].upper()}{measure[1:]}" + (keyed.literal_html(unit_of) if measures_in_units(estimates) else "")
    confidence = f"{measure} ({profile.confidence}{profile.percent} CI)"
    spans = "".join(f'<th colspan="2" scope="colgroup">{words}</th>' for words in fits.values())
    lower = f'<th scope="col">{confidence}</th><th scope="col"><em>{profile.p_symbol}</em></th>' * len(fits)
    head = f'<tr><th rowspan="2" scope="col">Factor</th>{spans}</tr><tr>{lower}</tr>'
    body = [line for term in terms for line in term_rows(results, path, term, list(fits), profile, notes)]
    notes.plain = model_notes(results, path, list(fits), profile)
    return assembled(head, body, notes, columns)


def term_rows(results: Results, path: str, term: str, fits: list[str], profile: Profile, notes: Notes) -> list[str]:
    found = [s for s in results.under(f"{path}.univariable.{term}") if s.name == "estimate"]
    if not found:
        return []
    several = len(found) > 1
    rows = []
    if several:
        heading = f"{found[0].variable_label} (reference: {found[0].group})"
        rows.append(row(keyed.literal_html(heading), [""] * (2 * len(fits))))
    for statistic in found:
        inner = statistic.key.removeprefix(f"{path}.univariable.").removesuffix(".estimate")
        cells = [
            c for fit in fits for c in ratio_cells(results, f"{path}.{fit}.{inner}".replace("..", "."), profile, notes)
        ]
        rows.append(row(keyed.literal_html(term_label(statistic, several)), cells, level=several))
    return rows


def term_label(term: Statistic, under_heading: bool) -> str:
    """Return what a term's odds ratio compares: a level with the reference, or one step of a number."""
    if under_heading:
        return term.level_label
    if term.level:
        return f"{term.variable_label}, {term.level_label} v {term.group}"
    return term.variable_label + step(term)


def step(term: Statistic) -> str:
    """Return what one unit of a term is: ", per 10 years"."""
    return (f", {term.step}" if term.step else "") if measures_in_units([term]) else unit(term)


def measures_in_units(estimates: list[Statistic]) -> bool:
    """Return whether estimates are in the unit of the outcome, so that `unit` does not hold the step of their term."""
    return any(estimate.kind == "mean_difference" for estimate in estimates)


def ratio_cells(results: Results, key: str, profile: Profile, notes: Notes) -> list[str]:
    """Return an odds ratio with its interval, and its p value; a term that is not in the fit has a dash."""
    if f"{key}.estimate" not in results:
        return ["–", ""]
    estimate = results[f"{key}.estimate"]
    mark = notes.mark(sentence(estimate.warning)) if estimate.warning else ""
    ratio = cell(results, key, "ratio_interval", profile, notes)
    p = cell(results, f"{key}.p", "value", profile, notes)
    return [ratio + mark, "" if p.startswith(profile.not_estimable) else p]


def model_notes(results: Results, path: str, fits: list[str], profile: Profile) -> list[str]:
    """Return what a reader needs beside the odds ratios: who is in the model, and how it was fitted."""
    n, events, missing, epv = (
        cell(results, f"{path}.{name}", "value", profile, Notes()) if f"{path}.{name}" in results else ""
        for name in ("n", "events", "missing", "events_per_variable")
    )
    estimates = [s for s in results.under(path) if s.name == "estimate" and s.method]
    methods = dict.fromkeys(s.method for s in estimates if "firth" in fits or ".firth." not in s.key)
    rarer = "events (or non-events, if fewer)" if estimates and estimates[0].kind == "odds_ratio" else "events"
    counted = f", {events} events" if events else ""
    per_term = f"; {rarer} per term: {epv}" if epv else ""
    return [
        f"Multivariable model: {n} complete cases{counted}; patients lost to missing values: {missing}{per_term}.",
        *whole_model(results, path, profile),
        sentence("; ".join(methods)),
    ]


WHOLE = {"clusters": "Clusters", "correlation": "Correlation within a cluster", "dispersion": "Dispersion",
         "proportional_hazards.p": "Proportional hazards, all terms together, p"}  # fmt: skip


def whole_model(results: Results, path: str, profile: Profile) -> list[str]:
    """Return what is told of a model as a whole: clusters, correlation, dispersion, the test of proportional hazards."""
    found = {words: results[f"{path}.{name}"] for name, words in WHOLE.items() if f"{path}.{name}" in results}
    told = [f"{words}: {keyed.html_cell([s], profile)}" for words, s in found.items() if not s.error]
    return [f"{'; '.join(told)}."] if told else []


def missing(results: Results, name: str, profile: Profile) -> str:
    """Return how many values each variable of a declared table lacks, of all patients and by group."""
    layout, path, notes = results.meta["layout"]["tables"][name], f"table.{name}", Notes()
    groups = layout["groups"]
    head = "".join(f'<th scope="col">{column_head(results, path, group, profile)}</th>' for group in groups)
    body = []
    for heading, variables in layout["sections"].items():
        body += [section(heading, 1 + len(groups))] if heading else []
        for variable in variables:
            found = [results[f"{path}.{variable}.{group}.missing"] for group in groups]
            cells = [keyed.html_cell([each], profile) for each in found]
            aside = not_applicable(results, f"{path}.{variable}", groups[0], profile, notes)
            body.append(row(keyed.literal_html(found[0].variable_label) + aside, cells))
    return assembled(f'<tr><th scope="col">Values missing</th>{head}</tr>', body, notes, 1 + len(groups))


def rates(results: Results, profile: Profile) -> str:
    """Return the declared outcomes with n/N, percentage and interval."""
    notes = Notes()
    outcomes = [s for s in results if s.context == "outcome" and s.name == "pct" and s.group == "all"]
    confidence = f"{profile.percent} ({profile.confidence}{profile.percent} CI)"
    head = f'<tr><th scope="col">Outcome</th><th scope="col">n/N</th><th scope="col">{confidence}</th></tr>'
    body = []
    for outcome in outcomes:
        base = outcome.key.removesuffix(".pct")
        cells = [cell(results, base, "n_over_total", profile, notes), cell(results, base, "pct_ci", profile, notes)]
        body.append(row(keyed.literal_html(outcome.variable_label), cells))
    methods = dict.fromkeys(
        s.method
        for s in results
        if s.context == "outcome" and s.name == "low" and s.method and s.kind == "percent_limit"
    )
    notes.plain.append(sentence(f"Intervals: {', '.join(methods)}"))
    return assembled(head, body, notes, 3)


def every(results: Results, profile: Profile) -> dict[str, str]:
    """Return every table of the results, by the name under which a template inserts it."""
    layout = results.meta["layout"]
    made = {name: characteristics(results, name, profile) for name in layout["tables"]}
    made |= {f"model_{name}": odds_ratios(results, name, profile) for name in layout["models"]}
    made |= {f"firth_{name}": firth(results, name, profile) for name in layout["models"] if results.under(f"model.{name}.firth")}
    made |= {f"missing_{name}": missing(results, name, profile) for name in layout["tables"]}
    return made | {"outcomes": rates(results, profile)}
