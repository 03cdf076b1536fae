"""Tables of strata, pairs, adjusted p values, weighting, imputation and E-values, in the one table dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tieout import keyed
from tieout.display import Profile
from tieout.results import Results, Statistic
from tieout.tables import Notes, assembled, cell, row, section, sentence, term_label, unit


def every(results: Results, profile: Profile) -> dict[str, str]:
    """Return the tables of the declared comparisons, by the name under which a template inserts them."""
    layout = results.meta["layout"]
    made = {
        f"{prefix}_{name}": make(results, name, profile)
        for part, (prefix, make) in TABLES.items()
        for name in layout.get(part, ())
    }
    made |= {
        f"weighted_{name}": weighted_outcomes(results, name, profile)
        for name, each in layout.get("propensity", {}).items()
        if each["outcomes"]
    }
    return made | ({"e_values": e_values(results, profile)} if "e_values" in layout else {})


def heads(words: Iterable[str]) -> str:
    """Return one header row; words are HTML."""
    cells = "".join(f'<th scope="col">{word}</th>' for word in words)
    return f"<tr>{cells}</tr>"


def with_interval(name: str, profile: Profile) -> str:
    return f"{name} ({profile.confidence}{profile.percent} CI)"


def p_head(profile: Profile) -> str:
    return f"<em>{profile.p_symbol}</em>"


def marked(results: Results, key: str, phrase: str, profile: Profile, notes: Notes) -> str:
    """Return a cell, marked with the warning that its estimate carries."""
    name = {"value": key, "ratio_interval": f"{key}.estimate"}[phrase]
    shown, found = cell(results, key, phrase, profile, notes), results[name]
    return shown + (notes.mark(sentence(found.warning)) if found.warning and not shown.startswith(profile.not_estimable) else "")


def tested(results: Results, key: str, profile: Profile, notes: Notes) -> str:
    """Return a p value, marked with the test that gave it."""
    p = results[key]
    return cell(results, key, "value", profile, notes) + ("" if p.error else notes.mark(sentence(p.method)))


def how(statistics: Iterable[Statistic]) -> list[str]:
    """Return the methods behind figures as one footnote, where there are any."""
    methods = dict.fromkeys(part for s in statistics if s.method and not s.error for part in s.method.split("; "))
    return [sentence("; ".join(methods))] if methods else []


def stratified(results: Results, name: str, profile: Profile) -> str:
    """Return each stratum's counts and ratios, those of all together, and those pooled over the strata."""
    layout, path, notes = results.meta["layout"]["stratified"][name], f"stratified.{name}", Notes()
    codes = [code for code in layout["levels"] if f"{path}.stratum.{code}.odds_ratio.estimate" in results]
    groups = [results[f"{path}.stratum.{codes[0]}.{group}.n"].group_label for group in layout["groups"]]
    columns = [
        keyed.literal_html(layout["strata"]), *(f"{keyed.literal_html(group)}, n/N ({profile.percent})" for group in groups),
        with_interval("OR", profile), with_interval("RR", profile), p_head(profile),
    ]  # fmt: skip
    body = []
    for code in codes:
        base = f"{path}.stratum.{code}"
        counts = [cell(results, f"{base}.{group}", "fraction_pct", profile, notes) for group in layout["groups"]]
        label = keyed.literal_html(results[f"{base}.odds_ratio.estimate"].level_label)
        body.append(row(label, [*counts, *ratios(results, base, profile, notes), ""]))
    body.append(row("Not stratified", ["", "", *ratios(results, f"{path}.crude", profile, notes), ""]))
    pooled = [*ratios(results, path, profile, notes), tested(results, f"{path}.p", profile, notes)]
    body.append(row("Pooled over strata", ["", "", *pooled]))
    homogeneity = cell(results, f"{path}.homogeneity.p", "value", profile, notes)
    words = "Homogeneity of the odds ratios between strata: "
    test = results[f"{path}.homogeneity.p"]
    said = f" ({keyed.literal_html(keyed.curly(test.method))})" if not test.error else ""
    if results[f"{path}.left_out.n"].value:
        lost = cell(results, f"{path}.left_out.n", "value", profile, notes)
        notes.plain += [f"Patients in strata without patients of the other group, who compare nothing: {lost}."]
    notes.plain += [f"{words}<em>{profile.p_symbol}</em> {homogeneity}{said}."]
    notes.plain += how(results[f"{path}.{kind}.estimate"] for kind in ("odds_ratio", "risk_ratio"))
    return assembled(heads(columns), body, notes, len(columns))


def ratios(results: Results, base: str, profile: Profile, notes: Notes) -> list[str]:
    return [cell(results, f"{base}.{kind}", "ratio_interval", profile, notes) for kind in ("odds_ratio", "risk_ratio")]


MEASURED = {"pct": "n_pct", "median": "median_iqr", "mean": "mean_sd"}
SHOWN = {"pct": "n (%)", "median": "median (IQR)", "mean": "mean (SD)"}


def paired(results: Results, name: str, profile: Profile) -> str:
    """Return what was measured, how it changed and the test, for all patients and by group."""
    layout, path, notes = results.meta["layout"]["paired"][name], f"paired.{name}", Notes()
    first = f"{path}.all.{layout['variables'][0]}"
    kind = next(part for part in MEASURED if f"{first}.{part}" in results)
    changes = CHANGES[kind] if len(layout["variables"]) == 2 else {}
    measured = [results[f"{path}.all.{variable}.{kind}"] for variable in layout["variables"]]
    words = [keyed.literal_html(s.variable_label + ("" if kind == "pct" else unit(s))) for s in measured]
    changed = [head.format(confidence=profile.confidence, percent=profile.percent) for head in changes.values()]
    columns = ["Patients", "n", *words, *changed, p_head(profile)]
    body = []
    for group in layout["groups"]:
        base = f"{path}.{group}"
        cells = [cell(results, f"{base}.n", "value", profile, notes)]
        cells += [cell(results, f"{base}.{variable}", MEASURED[kind], profile, notes) for variable in layout["variables"]]
        cells += [cell(results, f"{base}.{key}", phrase, profile, notes) for key, phrase in changes]
        label = results[f"{base}.n"].group_label
        body.append(row(keyed.literal_html(label[:1].upper() + label[1:]), [*cells, tested(results, f"{base}.p", profile, notes)]))
    lost = cell(results, f"{path}.all.missing", "value", profile, notes)
    notes.plain = [f"Values are {SHOWN[kind]}. Patients without every measurement, who are left out: {lost}."]
    return assembled(heads(columns), body, notes, len(columns))


CHANGES: dict[str, dict[tuple[str, str], str]] = {
    "pct": {("gained.n", "value"): "From no to yes", ("lost.n", "value"): "From yes to no"},
    "median": {("change", "median_iqr"): "Change"},
    "mean": {("change", "ratio_interval"): "Mean change ({confidence}{percent} CI)"},
}
"""What a table shows of two measurements: key and phrase, and the head of the column."""


def adjusted(results: Results, name: str, profile: Profile) -> str:
    """Return raw and adjusted p values side by side."""
    path, notes = f"p_value.{name}", Notes()
    own = [s for s in results.under(path) if s.kind == "p"]
    columns = ["Comparison", p_head(profile), f"Adjusted {p_head(profile)}"]
    body = []
    for statistic in own:
        raw = statistic.key.removeprefix(f"{path}.")
        cells = [tested(results, raw, profile, notes), cell(results, statistic.key, "value", profile, notes)]
        body.append(row(keyed.literal_html(results[raw].label), cells))
    n, lost = (cell(results, f"{path}.{part}", "value", profile, notes) for part in ("n", "left_out.n"))
    method = keyed.literal_html(keyed.curly(results[f"{path}.n"].method))
    notes.plain = [f"{method}; {profile.p_symbol} values adjusted: {n}; left out, since not estimable: {lost}."]
    return assembled(heads(columns), body, notes, len(columns))


def balance(results: Results, name: str, profile: Profile) -> str:
    """Return the terms of a propensity score by group and their standardised mean difference, before and after weighting."""
    layout, path, notes = results.meta["layout"]["propensity"][name], f"propensity.{name}", Notes()
    groups = layout["groups"]
    sizes = [results[f"{path}.{group}.n"] for group in groups]
    names = [keyed.literal_html(size.group_label) for size in sizes]
    before = [f"{label}<br>(n={keyed.html_cell([size], profile)})" for label, size in zip(names, sizes, strict=True)]
    effective = [cell(results, f"{path}.{group}.effective_size", "value", profile, notes) for group in groups]
    after = [f"{label}<br>(effective n={size})" for label, size in zip(names, effective, strict=True)]
    spans = "".join(f'<th colspan="3" scope="colgroup">{words}</th>' for words in ("Before weighting", "After weighting"))
    lower = "".join(f'<th scope="col">{word}</th>' for word in (*before, "SMD", *after, "SMD"))
    head = f'<tr><th rowspan="2" scope="col">Term</th>{spans}</tr><tr>{lower}</tr>'
    body = [line for term in layout["terms"] for line in term_rows(results, f"{path}.balance.{term}", groups, profile, notes)]
    lost, far = (cell(results, f"{path}.{part}", "value", profile, notes) for part in ("missing", "outside.n"))
    notes.plain = [
        f"Values are mean or {profile.percent}. SMD, standardised mean difference, over the standard deviations before weighting. "
        f"Patients lost to missing values: {lost}; with a score outside the range of the other group: {far}.",
        *how([results[f"{path}.{groups[0]}.effective_size"]]),
    ]
    notes.plain += warned(results, path, groups, profile, notes)
    return assembled(head, body, notes, 7)


def warned(results: Results, path: str, groups: list[str], profile: Profile, notes: Notes) -> list[str]:
    """Return what must be said of weights that few patients carry, or of groups that a term nearly separates."""
    if not results[f"{path}.{groups[0]}.effective_size"].warning:
        return []
    largest, sizes = (
        ", ".join(
            keyed.literal_html(results[f"{path}.{group}.n"].group_label)
            + f" {cell(results, f'{path}.{group}.{part}', 'value', profile, notes)}"
            for group in groups
        )
        for part in ("largest_weight", "effective_size")
    )
    return [
        "The weights are unstable: few patients carry them, or a term nearly separates the groups. "
        f"Largest weight, as a multiple of the average: {largest}; effective sample size: {sizes}."
    ]


def term_rows(results: Results, base: str, groups: list[str], profile: Profile, notes: Notes) -> list[str]:
    """Return the row of a number or of yes, or the rows of levels under a heading that bears the differences."""
    smds = [cell(results, f"{base}.{part}", "value", profile, notes) for part in ("smd", "weighted_smd")]
    found = results[f"{base}.smd"]
    label = keyed.literal_html(found.variable_label)

    def values(inner: Callable[[str], str], part: str) -> list[list[str]]:
        return [[cell(results, f"{inner(g)}.{prefix}{part}", "value", profile, notes) for g in groups] for prefix in ("", "weighted_")]

    if f"{base}.{groups[0]}.mean" in results:
        before, after = values(lambda group: f"{base}.{group}", "mean")
        return [row(f"{label}{keyed.literal_html(unit(found))}", [*before, smds[0], *after, smds[1]])]
    levels = {s.level: s.level_label for s in results.under(base) if s.level}
    rows = [row(label, ["", "", smds[0], "", "", smds[1]])]
    for code, words in levels.items():
        before, after = values(lambda group, code=code: f"{base}.{code}.{group}", "pct")  # type: ignore[misc]
        rows.append(row(keyed.literal_html(words), [*before, "", *after, ""], level=True))
    return rows


def weighted_outcomes(results: Results, name: str, profile: Profile) -> str:
    """Return outcomes after weighting: percentages by group, risk difference and risk ratio."""
    layout, path, notes = results.meta["layout"]["propensity"][name], f"propensity.{name}.outcome", Notes()
    labels = [keyed.literal_html(results[f"propensity.{name}.{group}.n"].group_label) for group in layout["groups"]]
    columns = [
        "Outcome, weighted", "n", *labels, with_interval("Difference, percentage points", profile), p_head(profile),
        with_interval("RR", profile), p_head(profile),
    ]  # fmt: skip
    body = []
    for outcome in layout["outcomes"]:
        base = f"{path}.{outcome}"
        cells = [cell(results, f"{base}.n", "value", profile, notes)]
        cells += [cell(results, f"{base}.{group}.pct", "value", profile, notes) for group in layout["groups"]]
        for kind in ("difference", "risk_ratio"):
            cells.append(cell(results, f"{base}.{kind}", "ratio_interval", profile, notes))
            cells.append(cell(results, f"{base}.{kind}.p", "value", profile, notes))
        body.append(row(keyed.literal_html(results[f"{base}.n"].variable_label), cells))
    estimates = [results[f"{path}.{o}.{kind}.estimate"] for o in layout["outcomes"] for kind in ("difference", "risk_ratio")]
    notes.plain = [*how(estimates), *warned(results, f"propensity.{name}", layout["groups"], profile, notes)]
    return assembled(heads(columns), body, notes, len(columns))


def imputation(results: Results, name: str, profile: Profile) -> str:
    """Return a model's odds ratios on complete cases and with missing values imputed, side by side."""
    layout, path, notes = results.meta["layout"]["imputation"][name], f"imputation.{name}", Notes()
    model = f"model.{layout['model']}"
    spans = "".join(
        f'<th colspan="{width}" scope="colgroup">{words}</th>'
        for words, width in (("Complete cases", 2), ("Missing values imputed", 3))
    )
    ratio = [with_interval("OR", profile), p_head(profile)]
    lower = "".join(f'<th scope="col">{word}</th>' for word in (*ratio, *ratio, "Missing information"))
    head = f'<tr><th rowspan="2" scope="col">Factor</th>{spans}</tr><tr>{lower}</tr>'
    body = []
    for term in layout["terms"]:
        found = [s for s in results.under(f"{path}.{term}") if s.name == "estimate"]
        if len(found) > 1:
            body.append(section(f"{found[0].variable_label} (reference: {found[0].group})", 6))
        for statistic in found:
            inner = statistic.key.removeprefix(f"{path}.").removesuffix(".estimate")
            cells = [*both(results, f"{model}.{inner}", profile, notes), *both(results, f"{path}.{inner}", profile, notes)]
            fmi = cell(results, f"{path}.{inner}.fmi", "value", profile, notes)
            label = keyed.literal_html(term_label(statistic, len(found) > 1))
            body.append(row(label, [*cells, fmi], level=len(found) > 1))
    complete, patients, times = (
        cell(results, key, "value", profile, notes) for key in (f"{model}.n", f"{path}.n", f"{path}.imputations.n")
    )
    notes.plain = [
        f"Complete cases: {complete}; patients with missing values imputed: {patients}; imputations: {times}.",
        *how(s for s in results.under(path) if s.name == "estimate"),
    ]
    return assembled(head, body, notes, 6)


def both(results: Results, key: str, profile: Profile, notes: Notes) -> list[str]:
    """Return a ratio with its interval and its p value; a dash where the fit lacks the term."""
    if f"{key}.estimate" not in results:
        return ["–", ""]
    return [marked(results, key, "ratio_interval", profile, notes), cell(results, f"{key}.p", "value", profile, notes)]


def e_values(results: Results, profile: Profile) -> str:
    """Return the declared ratios with the E-values of estimate and limit."""
    notes = Notes()
    columns = ["Ratio", f"Estimate ({profile.confidence}{profile.percent} CI)", "E-value", "E-value of the limit"]
    body = []
    for name, of in results.meta["layout"]["e_values"].items():
        key = of.removesuffix(".estimate")
        cells = [marked(results, key, "ratio_interval", profile, notes)]
        cells += [cell(results, f"e_value.{name}.{part}", "value", profile, notes) for part in ("estimate", "limit")]
        body.append(row(keyed.literal_html(results[f"{key}.estimate"].label), cells))
    notes.plain = how(s for s in results if s.context == "e_value")
    return assembled(heads(columns), body, notes, len(columns))


TABLES: dict[str, tuple[str, Callable[[Results, str, Profile], str]]] = {
    "stratified": ("stratified", stratified),
    "paired": ("paired", paired),
    "p_values": ("p_value", adjusted),
    "propensity": ("propensity", balance),
    "imputation": ("imputation", imputation),
}
"""By the part of the study file: how the table's name begins, and what makes it."""
