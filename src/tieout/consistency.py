"""Find what is wrong between the parts of a study file: names, levels, ranges, types that do not fit together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tieout import journals
from tieout.declared import Where
from tieout.errors import nearest, some_of
from tieout.places import Place
from tieout.reports import Indicator
from tieout.study import LEVELLED, MOMENTS, NUMBERS, RESERVED, Model, Study, Variable

Mistake = tuple[tuple[Any, ...], str, str]


def mistakes(study: Study) -> list[Mistake]:
    """Return what is wrong between the parts of a study file: loc, problem, hint."""
    return [found for check in CHECKS for found in check(study)]


def unknown(kind: str, name: str, known: Iterable[str]) -> tuple[str, str]:
    known = list(known)
    return (
        f"no {kind} is called '{name}'",
        nearest(name, known) or (f"{kind}s here: {some_of(known)}" if known else f"no {kind} is declared"),
    )


def check_journal(study: Study) -> Iterator[Mistake]:
    """A journal is known, or a file of the study's own, which is read when it is needed."""
    if not journals.is_file(study.journal) and study.journal not in journals.known():
        yield ("journal",), *journals.not_known(study.journal)


def check_variables(study: Study) -> Iterator[Mistake]:
    """Levels where levels belong, ranges in order, codes told apart, names declared once."""
    tables = [("variables", study.variables)]
    if study.data.screening:
        tables.append(("data", study.data.screening.variables))
    for where, variables in tables:
        prefix = (where,) if where == "variables" else ("data", "screening", "variables")
        for name, variable in variables.items():
            loc = (*prefix, name)
            yield from check_variable(loc, variable)
        headers = [variable.column or name for name, variable in variables.items()]
        for name, variable in variables.items():
            if headers.count(header := variable.column or name) > 1:
                yield (*prefix, name), f"two variables are the column '{header}'", "declare each column once"
    for name in sorted(set(RESERVED) & {*study.variables, *study.derived}):
        loc = ("variables" if name in study.variables else "derived", name)
        yield loc, f"'{name}' is a word of the keys themselves", "choose another name"
    for name in sorted(set(study.variables) & set(study.derived)):
        yield ("derived", name), f"'{name}' is a column already", "give the derived variable another name"
    for role in ("record", "site", "enrolled"):
        holders = [name for name, v in study.variables.items() if v.role == role]
        if len(holders) > 1:
            problem = f"{len(holders)} variables have the role '{role}', expected one"
            yield ("variables", holders[1]), problem, f"give one variable 'role: {role}'"
        elif not holders and study.reports:
            yield ("reports",), f"no variable has the role '{role}'", f"reports need it: give one variable 'role: {role}'"


def check_variable(loc: tuple[Any, ...], variable: Variable) -> Iterator[Mistake]:
    levelled = variable.type in LEVELLED
    if levelled and not variable.codes:
        yield loc, f"a {variable.type} variable needs its levels", "write levels: {1: first label, 2: second label}"
    if variable.levels and not levelled:
        yield (*loc, "levels"), f"a variable of type {variable.type} has no levels", "did you mean 'category'?"
    if variable.type == "yesno" and set(variable.codes) != {"0", "1"}:
        yield (*loc, "levels"), f"got {some_of(variable.codes)}, expected the codes 1 and 0", "or use type: category"
    if variable.range and not variable.range[0] < variable.range[1]:
        low, high = variable.range
        yield (*loc, "range"), f"impossible range: {low:g} is not below {high:g}", "write the lower limit first"
    if variable.range and variable.type not in NUMBERS:
        yield (*loc, "range"), f"a variable of type {variable.type} has no range", "leave it out, or is it a number?"
    for both in set(variable.codes) & set(variable.absent):
        yield (*loc, "missing", both), f"the code {both} is a level and a missing code", "declare it once, as what it means"
    for both in set(variable.missing) & set(variable.not_applicable):
        yield (*loc, "missing", both), f"the code {both} is declared missing and not applicable", "declare it once"
    doubled = [label for label in variable.codes.values() if list(variable.codes.values()).count(label) > 1]
    if doubled:
        yield (*loc, "levels"), f"two levels have the label '{doubled[0]}'", "tell them apart"


def check_where(study: Study, loc: tuple[Any, ...], where: Where, source: str = "registry") -> Iterator[Mistake]:
    variables = study.dictionary if source == "registry" else study.data.screening.variables  # type: ignore[union-attr]
    for name, codes in where.items():
        if name not in variables:
            yield (*loc, name), *unknown("variable", name, variables)
            continue
        for level in codes:
            if level not in variables[name].codes:
                yield (*loc, name), *unknown("level", level, variables[name].codes)


def check_derived(study: Study) -> Iterator[Mistake]:
    """One rule each, from columns that exist, with times between moments."""
    for name, derived in study.derived.items():
        loc = ("derived", name)
        if len(derived.rules) != 1:
            given = " and ".join(rule.strip("_") for rule in derived.rules) or "no rule"
            yield loc, f"got {given}, expected exactly one of: is, minutes, hours, days", "say, is: {mrs: [0, 1]}"
        for variable, codes in (derived.is_ or {}).items():
            if variable not in study.variables:
                yield (*loc, "is", variable), *unknown("variable", variable, study.variables)
                continue
            for level in codes:
                if level not in study.variables[variable].codes:
                    yield (*loc, "is", variable), *unknown("level", level, study.variables[variable].codes)
        for variable in derived.span[1] if derived.span else ():
            moments = [n for n, v in study.variables.items() if v.type in MOMENTS]
            if variable not in moments:
                yield (*loc, derived.span[0], variable), *unknown("date", variable, moments)  # type: ignore[index]
        yield from check_variable(loc, derived.as_variable())


def usable(study: Study, loc: tuple[Any, ...], name: str, types_: tuple[str, ...]) -> Iterator[Mistake]:
    """Check that a variable exists, is not a key, site or identifier, and has a type that fits."""
    variable = study.dictionary.get(name)
    if variable is None:
        yield loc, *unknown("variable", name, study.dictionary)
    elif variable.role in ("record", "site", "identifier"):
        yield loc, f"'{name}' is a {variable.role} and never analysed by name", "name another variable"
    elif variable.type not in types_:
        yield loc, f"'{name}' is of type {variable.type}, expected {' or '.join(types_)}", "name another variable, or derive one"


def check_groups(study: Study) -> Iterator[Mistake]:
    for name, group in study.groups.items():
        loc = ("groups", name)
        found = list(usable(study, (*loc, "variable"), group.variable, ("yesno", "category", "ordinal")))
        yield from found
        if not found:
            codes = study.dictionary[group.variable].codes
            for segment, level in group.levels.items():
                if level not in codes:
                    yield (*loc, "levels", segment), *unknown("level", level, codes)
                if segment in RESERVED:
                    yield (*loc, "levels", segment), f"'{segment}' is a word of the keys themselves", "choose another"
            for segment in group.labels:
                if segment not in group.levels:
                    yield (*loc, "labels", segment), *unknown("group", segment, group.levels)
            if len(set(group.levels.values())) < len(group.levels):
                yield (*loc, "levels"), "a level stands twice", "give each group a level of its own"


def check_group_named(study: Study, loc: tuple[Any, ...], name: str) -> Iterator[Mistake]:
    if name not in study.groups:
        yield (*loc, "by"), *unknown("group", name, study.groups)


def check_outcomes(study: Study) -> Iterator[Mistake]:
    for name, outcome in study.outcomes.items():
        loc = ("outcomes", name)
        found = list(usable(study, (*loc, "variable"), outcome.variable, ("yesno", "category", "ordinal")))
        yield from found
        for level in () if found else outcome.event:
            codes = study.dictionary[outcome.variable].codes
            if level not in codes:
                yield (*loc, "event"), *unknown("level", level, codes)
        yield from check_where(study, (*loc, "where"), outcome.where)
        if outcome.by:
            yield from check_group_named(study, loc, outcome.by)


def check_tables(study: Study) -> Iterator[Mistake]:
    kinds = (*NUMBERS, *LEVELLED)
    for name, table in study.tables.items():
        loc = ("tables", name)
        yield from check_group_named(study, loc, table.by)
        yield from check_where(study, (*loc, "where"), table.where)
        rows = [row for section in table.rows.values() for row in section]
        if not rows:
            yield (*loc, "rows"), "the table has no rows", "name variables: rows: [age, sex]"
        for heading, section in table.rows.items():
            inside = (*loc, "rows", heading) if heading else (*loc, "rows")
            for row in section:
                yield from usable(study, (*inside, row), row, kinds)
        for row in {row for row in rows if rows.count(row) > 1}:
            yield (*loc, "rows"), f"the row '{row}' stands twice", "keep one of them"
        for what in ("tests", "summaries"):
            for row in getattr(table, what):
                if row not in rows:
                    yield (*loc, what, row), *unknown("row", row, rows)


OUTCOMES = {
    "logistic": ("yesno",),
    "linear": NUMBERS,
    "ordinal": ("ordinal",),
    **dict.fromkeys(("poisson", "negative_binomial"), ("integer",)),
    "cox": ("yesno",),
}
"""The types that the outcome of each kind of model may have."""
OF_KIND = {
    "time": ("cox",),
    "exposure": ("poisson", "negative_binomial"),
    "correlation": ("logistic", "linear", "poisson"),
}
"""The kinds of model that take each of these keys."""


def check_models(study: Study) -> Iterator[Mistake]:
    for name, model in study.models.items():
        loc = ("models", name)
        yield from usable(study, (*loc, "outcome"), model.outcome, OUTCOMES[model.kind])
        yield from check_kind(study, loc, model)
        for part in ("terms", "univariable"):
            terms = getattr(model, part)
            for term in terms:
                yield from usable(study, (*loc, part, term), term, (*NUMBERS, "yesno", "category", "ordinal"))
                if term == model.outcome:
                    yield (*loc, part, term), "the outcome cannot explain itself", "take it out of the terms"
            for term in {t for t in terms if terms.count(t) > 1}:
                yield (*loc, part), f"the term '{term}' stands twice", "keep one of them"
        terms = dict.fromkeys((*model.terms, *model.univariable))
        for part in ("reference", "per"):
            for term in getattr(model, part):
                if term not in terms:
                    yield (*loc, part, term), *unknown("term", term, terms)
        for term, level in model.reference.items():
            codes = study.dictionary[term].codes if term in study.dictionary else {level: ""}
            if level not in codes:
                yield (*loc, "reference", term), *unknown("level", level, codes)


def check_kind(study: Study, loc: tuple[Any, ...], model: Model) -> Iterator[Mistake]:
    """Time, exposure, clusters, correlation and interval fit the kind of the model."""
    for part, kinds in OF_KIND.items():
        if getattr(model, part) and model.kind not in kinds:
            yield (*loc, part), f"a model of kind {model.kind} has no {part}", f"{part} belongs to {' or '.join(kinds)}"
    for part in ("time", "exposure"):
        if variable := getattr(model, part):
            yield from usable(study, (*loc, part), variable, NUMBERS)
            if variable in (model.outcome, *model.terms, *model.univariable):
                yield (*loc, part), f"'{variable}' is the outcome or a term as well", "name another variable"
    if model.kind == "cox" and not model.time:
        yield loc, "a Cox model needs the time to the event or to the end of follow-up", "write time: and its variable"
    if model.correlation and not model.cluster:
        yield (*loc, "correlation"), "there is no cluster in which patients could be correlated", "write cluster: and its variable"
    if model.interval == "profile" and (model.kind != "logistic" or model.cluster):
        yield (*loc, "interval"), "only a logistic model without clusters has a profile interval", "leave it out"
    if model.cluster:
        yield from check_cluster(study, (*loc, "cluster"), model.cluster)
        if model.cluster in (model.outcome, model.time, model.exposure):
            yield (*loc, "cluster"), f"'{model.cluster}' is the outcome, time or exposure as well", "name another variable"


def check_cluster(study: Study, loc: tuple[Any, ...], name: str) -> Iterator[Mistake]:
    """The clusters are the sites, or what a variable with levels, a text or a key tells apart."""
    variable = study.dictionary.get(name)
    if variable is None:
        yield loc, *unknown("variable", name, study.dictionary)
    elif variable.role != "site" and (variable.role != "variable" or variable.type in (*NUMBERS, *MOMENTS, "checkbox")):
        yield loc, f"'{name}' does not say to which cluster a patient belongs", "name the site, or a category, text or key"


def check_survival(study: Study) -> Iterator[Mistake]:
    for name, survival in study.survival.items():
        loc = ("survival", name)
        yield from usable(study, (*loc, "time"), survival.time, NUMBERS)
        yield from usable(study, (*loc, "event"), survival.event, ("yesno",))
        yield from check_where(study, (*loc, "where"), survival.where)
        if survival.by:
            yield from check_group_named(study, loc, survival.by)
        if len(set(survival.at)) < len(survival.at):
            yield (*loc, "at"), "a time stands twice", "keep one of them"


def check_rates(study: Study) -> Iterator[Mistake]:
    for name, rate in study.rates.items():
        loc = ("rates", name)
        yield from usable(study, (*loc, "events"), rate.events, ("integer", "yesno"))
        yield from usable(study, (*loc, "exposure"), rate.exposure, NUMBERS)
        yield from check_where(study, (*loc, "where"), rate.where)
        if rate.by:
            yield from check_group_named(study, loc, rate.by)


def check_shifts(study: Study) -> Iterator[Mistake]:
    for name, shift in study.shifts.items():
        loc = ("shifts", name)
        yield from usable(study, (*loc, "variable"), shift.variable, ("ordinal",))
        yield from check_group_named(study, loc, shift.by)


def check_two_groups(study: Study, loc: tuple[Any, ...], name: str) -> Iterator[Mistake]:
    """A group that exists and compares exactly two kinds of patients."""
    if name not in study.groups:
        yield loc, *unknown("group", name, study.groups)
    elif len(study.groups[name].levels) != 2:
        yield loc, f"'{name}' has {len(study.groups[name].levels)} levels, expected two", "the first is compared with the second"


def check_stratified(study: Study) -> Iterator[Mistake]:
    for name, declared in study.stratified.items():
        loc = ("stratified", name)
        if declared.outcome not in study.outcomes:
            yield (*loc, "outcome"), *unknown("outcome", declared.outcome, study.outcomes)
        yield from check_two_groups(study, (*loc, "by"), declared.by)
        yield from usable(study, (*loc, "strata"), declared.strata, ("yesno", "category", "ordinal"))
        if declared.by in study.groups and declared.strata == study.groups[declared.by].variable:
            yield (*loc, "strata"), "the groups cannot be their own strata", "name another variable"


def check_paired(study: Study) -> Iterator[Mistake]:
    """Measurements of one kind, each once."""
    for name, declared in study.paired.items():
        loc = ("paired", name)
        found = [m for v in declared.variables for m in usable(study, (*loc, "variables", v), v, (*NUMBERS, "yesno", "ordinal"))]
        yield from found
        if found:
            continue
        chosen = [study.dictionary[v] for v in declared.variables]
        kinds = dict.fromkeys("number" if v.type in NUMBERS else v.type for v in chosen)
        if len(kinds) > 1:
            yield (*loc, "variables"), f"got {' and '.join(kinds)}, expected one kind of measurement", "compare like with like"
        elif len({tuple(v.codes) for v in chosen}) > 1:
            yield (*loc, "variables"), "the variables have different levels", "compare the same scale with itself"
        elif len({(v.summary, v.unit) for v in chosen}) > 1:
            yield (*loc, "variables"), "the variables differ in their summary or their unit", "declare the same for each"
        if len(set(declared.variables)) < len(declared.variables):
            yield (*loc, "variables"), "a variable stands twice", "keep one of them"
        for word in sorted({"change", "gained", "lost"} & {*declared.variables}):
            yield (*loc, "variables", word), f"'{word}' is a word of the keys themselves", "choose another name"
        if declared.by:
            yield from check_group_named(study, loc, declared.by)


def check_propensity(study: Study) -> Iterator[Mistake]:
    """Two groups, terms that do not hold the group or an outcome, and outcomes that exist."""
    for name, declared in study.propensity.items():
        loc = ("propensity", name)
        yield from check_two_groups(study, (*loc, "group"), declared.group)
        outcomes = {study.outcomes[o].variable for o in declared.outcomes if o in study.outcomes}
        group = study.groups[declared.group].variable if declared.group in study.groups else ""
        for term in declared.terms:
            yield from usable(study, (*loc, "terms", term), term, (*NUMBERS, "yesno", "category", "ordinal"))
            if term == group:
                yield (*loc, "terms", term), "the group cannot explain itself", "take it out of the terms"
            elif term in outcomes:
                yield (*loc, "terms", term), "an outcome cannot explain who was in which group", "terms are known before it"
        for part in ("terms", "outcomes"):
            listed = getattr(declared, part)
            for twice in {each for each in listed if listed.count(each) > 1}:
                yield (*loc, part), f"'{twice}' stands twice", "keep one of them"
        for outcome in declared.outcomes:
            if outcome not in study.outcomes:
                yield (*loc, "outcomes", outcome), *unknown("outcome", outcome, study.outcomes)


def check_imputation(study: Study) -> Iterator[Mistake]:
    for name, declared in study.imputation.items():
        loc = ("imputation", name)
        if declared.model not in study.models:
            yield (*loc, "model"), *unknown("model", declared.model, study.models)
            continue
        model = study.models[declared.model]
        if model.kind != "logistic" or model.cluster:
            problem = "only a logistic model without clusters is fitted to imputed data"
            yield (*loc, "model"), problem, "name another model"
        for variable in declared.variables:
            yield from usable(study, (*loc, "variables", variable), variable, (*NUMBERS, "yesno", "category", "ordinal"))
            if variable in (model.outcome, *model.terms):
                yield (*loc, "variables", variable), f"'{variable}' is in the model, and so in the imputation", "leave it out here"


def check_flow(study: Study) -> Iterator[Mistake]:
    names = [step.name for step in study.flow]
    for index, step in enumerate(study.flow):
        loc = ("flow", index)
        if step.name in names[:index]:
            yield (*loc, "name"), f"the step '{step.name}' stands twice", "give one of them another name"
        if step.of == "screening" and study.data.screening is None:
            yield (*loc, "of"), "the study declares no screening log", "add it under data › screening"
            continue
        yield from check_where(study, (*loc, "where"), step.where, step.of)
        known = study.dictionary if step.of == "registry" else study.data.screening.variables  # type: ignore[union-attr]
        if step.reasons and step.reasons not in known:
            yield (*loc, "reasons"), *unknown("variable", step.reasons, known)


def check_figures(study: Study) -> Iterator[Mistake]:
    sources: dict[str, tuple[str, Mapping[str, object]]] = {
        "distribution": ("shift", study.shifts),
        "forest": ("model", study.models),
        "love": ("propensity", study.propensity),
        "kaplan_meier": ("survival", study.survival),
        "missing": ("table", study.tables),
    }
    for name, figure in study.figures.items():
        loc = ("figures", name)
        if figure.kind in sources:
            kind, known = sources[figure.kind]
            if figure.of is None:
                yield loc, "the key 'of' is missing", f"add it: 'of: …', with the name of a {kind}"
            elif figure.of not in known:
                yield (*loc, "of"), *unknown(kind, str(figure.of), known)
            elif figure.kind == "forest" and study.models[str(figure.of)].kind == "linear":
                yield (*loc, "of"), "a forest shows ratios, and a linear model has differences of means", "show it in a table"
        elif not study.flow:
            yield loc, "the study declares no flow", "add flow: and its steps"


def check_claims(study: Study) -> Iterator[Mistake]:
    for name, claim in study.claims.items():
        if claim.condition not in study.conditions:
            yield ("claims", name, "condition"), *unknown("condition", claim.condition, study.conditions)


def check_rules(study: Study) -> Iterator[Mistake]:
    """Rules over the variables of a patient can be read, and name what exists."""
    rules = [(("checks", name, "expect"), check.expect, True) for name, check in study.checks.items()]
    rules += [(("variables", name, "applies"), v.applies, False) for name, v in study.variables.items() if v.applies]
    if not rules:
        return
    from tieout import logic  # it needs pandas, which takes long to load
    from tieout.registry import every_column

    columns = every_column(study.variables)
    derived = {name: d.as_variable() for name, d in study.derived.items()}
    for loc, rule, of_derived in rules:
        try:
            logic.check(rule, {**columns, **derived} if of_derived else columns)
        except logic.Misread as error:
            yield loc, str(error), logic.EXAMPLE
            continue
        if not of_derived and {loc[1], *every_column({loc[1]: study.variables[loc[1]]})} & set(logic.names(rule)):
            yield loc, "a variable cannot say of itself where it applies", "name other variables"


def check_reports(study: Study) -> Iterator[Mistake]:
    """Indicators, follow-ups, completeness and case mix name what exists and fits."""
    if study.reports is None:
        for name in ("site", "centre"):
            if name in study.documents:
                yield ("documents", name), "the study declares no reports", "add reports › indicators"
        return
    reports = study.reporting
    for name, indicator in reports.indicators.items():
        yield from check_indicator(study, ("reports", "indicators", name), indicator)
    for name, follow_up in reports.follow_ups.items():
        loc = ("reports", "follow_ups", name)
        yield from usable(study, (*loc, "after"), follow_up.after, MOMENTS)
        for part in ("done", "unless"):
            yield from check_where(study, (*loc, part), getattr(follow_up, part))
        if follow_up.opens > follow_up.closes:
            problem = f"the window opens on day {follow_up.opens} and closes on day {follow_up.closes}"
            yield (*loc, "opens"), problem, "write the earlier day first"
    for heading, rows in reports.completeness.items():
        for row in rows:
            inside = ("reports", "completeness", *([heading] if heading else []), row)
            yield from usable(study, inside, row, (*NUMBERS, *LEVELLED, *MOMENTS, "text"))
    for row in reports.case_mix:
        yield from usable(study, ("reports", "case_mix", row), row, (*NUMBERS, "yesno", "category", "ordinal"))
    if reports.queries:
        yield from usable(study, ("reports", "queries"), reports.queries, NUMBERS)


def check_indicator(study: Study, loc: tuple[Any, ...], indicator: Indicator) -> Iterator[Mistake]:
    if (indicator.variable is None) == (indicator.follow_up is None):
        yield loc, "expected exactly one of: variable, follow_up", "name what the indicator looks at"
        return
    yield from check_where(study, (*loc, "where"), indicator.where)
    if indicator.follow_up is not None and indicator.follow_up not in study.reporting.follow_ups:
        yield (*loc, "follow_up"), *unknown("follow-up", indicator.follow_up, study.reporting.follow_ups)
    if indicator.variable is None:
        numeric = False
    else:
        kinds = (*NUMBERS, "yesno", "category", "ordinal")
        found = list(usable(study, (*loc, "variable"), indicator.variable, kinds))
        yield from found
        if found:
            return
        codes = study.dictionary[indicator.variable].codes
        numeric = not codes
        for level in () if numeric else indicator.event:
            if level not in codes:
                yield (*loc, "event"), *unknown("level", level, codes)
    if indicator.target is not None and not numeric and not 0 <= indicator.target <= 100:
        yield (*loc, "target"), f"got {indicator.target:g}, expected a percentage from 0 to 100", "write, say, target: 80"
    if indicator.adjust and (numeric or indicator.variable is None):
        yield (*loc, "adjust"), "only a percentage of patients with an event is adjusted for case mix", "leave adjust out"
    for term in indicator.adjust:
        yield from usable(study, (*loc, "adjust", term), term, (*NUMBERS, "yesno", "category", "ordinal"))


TEXT_FILES = (".csv", ".tsv", ".txt")
FORMATTED = {
    "sheet": (".xlsx", ".xlsm"),
    "delimiter": TEXT_FILES,
    "encoding": (*TEXT_FILES, ".dta", ".sav", ".zsav", ".sas7bdat", ".xpt"),
}
"""Which files have what a format may say."""


def check_places(study: Study) -> Iterator[Mistake]:
    """Exactly one place for the data; a table or a query of a database, and no password in the study file."""
    places: list[tuple[tuple[str, ...], Place]] = [(("data",), study.data)]
    if study.data.screening:
        places.append((("data", "screening"), study.data.screening))
    for loc, place in places:
        if len(place.ways) != 1:
            given = " and ".join(place.ways) or "none"
            problem = f"got {given}, expected exactly one of: file, join, database, redcap › api"
            yield loc, problem, "file: registry.csv is the usual one"
        if place.redcap and bool(place.redcap.dictionary) == bool(place.redcap.api):
            yield (*loc, "redcap"), "expected exactly one of: dictionary, api", "an export needs its data dictionary"
        for part, endings in FORMATTED.items():
            if getattr(place.format, part) and not any(name.casefold().endswith((*endings, "/")) for name in place.files):
                problem = f"'{part}' says nothing about these data"
                yield (*loc, "format", part), problem, f"it is for files ending in {some_of(endings)}"
        if place.database and bool(place.database.table) == bool(place.database.query):
            yield (*loc, "database"), "expected exactly one of: table, query", "name a table, or write a query"
        if place.database and place.database.secret:
            hint = "remove it; set PGPASSWORD, or write ~/.pgpass"
            yield (*loc, "database", "connection"), "a password stands in the study file", hint


CHECKS = (
    check_journal,
    check_places,
    check_variables,
    check_derived,
    check_groups,
    check_outcomes,
    check_tables,
    check_models,
    check_survival,
    check_rates,
    check_shifts,
    check_stratified,
    check_paired,
    check_propensity,
    check_imputation,
    check_flow,
    check_figures,
    check_claims,
    check_rules,
    check_reports,
)
