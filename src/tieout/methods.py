"""Write the statistical paragraph from the methods that the results record, so that it says what was done."""

from __future__ import annotations

from collections.abc import Iterable

from tieout import keyed
from tieout.display import profile_of
from tieout.results import Results, Statistic


def paragraph(results: Results) -> str:
    """Return the statistical methods as Markdown: summaries, tests, intervals, models, software."""
    said = (summaries, tests, intervals, contrasts, models, hazards, survival, person_time, shifts, comparisons, caveats, software)
    sentences = [say(results) for say in said]
    return " ".join(sentence for sentence in sentences if sentence)


def methods_of(statistics: Iterable[Statistic]) -> list[str]:
    """Return the methods behind statistics, what follows the first comma in brackets."""
    names = dict.fromkeys(s.method for s in statistics if s.method and not s.error)
    parted = [(name, "", "") if name.endswith(")") else name.partition(", ") for name in names]
    return [keyed.literal_markdown(keyed.curly(f"{head} ({tail})" if tail else head)) for head, _, tail in parted]


def listed(words: list[str], joint: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joint} {words[-1]}" if words else ""


def summaries(results: Results) -> str:
    how = methods_of(s for s in results if s.context.startswith("table.") and s.name in ("median", "mean"))
    numbers = f"Continuous variables are given as {listed(how, 'or')}, categorical" if how else "Categorical"
    unfit = " Values that do not fit the data dictionary counted as missing." if results.meta.get("set_aside") else ""
    return (
        f"{numbers} variables as number (percentage) of the patients with the value recorded. "
        f"Missing values were counted and {'imputed only where this is said' if imputes(results) else 'not imputed'}.{unfit}"
    )


def tests(results: Results) -> str:
    """Say which test compared what: counts by the tests of counts, numbers by the others."""
    found = [s for s in results if s.name == "p" and s.context.startswith("table.")]
    of_counts = [s for s in found if s.method.startswith(("Pearson", "Fisher"))]
    of_numbers = methods_of(s for s in found if s not in of_counts)
    exact = methods_of(s for s in of_counts if s.method.startswith("Fisher"))
    usual = methods_of(s for s in of_counts if s.method.startswith("Pearson"))
    words = [f"continuous and ordinal variables with the {listed(of_numbers)}"] if of_numbers else []
    if usual and exact:
        words.append(
            f"categorical variables with the {listed(usual)}, or {listed(exact, 'or')} where an expected count was below 5"
        )
    elif usual or exact:
        words.append(f"categorical variables with {listed(usual or exact)}")
    if any(s.name == "smd" and not s.error and s.context.startswith("table.") for s in results):
        words.append("all of them by standardised mean differences")
    return f"Groups were compared: {'; '.join(words)}." if words else ""


NAMES = ("Firth", "Fisher", "Cox", "Poisson", "Kaplan")


def lowered(method: str) -> str:
    """Return a method's name as it stands inside a sentence: names of people stay."""
    return method if method.startswith(NAMES) else method[:1].lower() + method[1:]


def intervals(results: Results) -> str:
    found = methods_of(s for s in results if s.context == "outcome" and s.kind == "percent_limit")
    return f"Rates have {results.meta['confidence']}% {listed(found)} confidence intervals." if found else ""


def contrasts(results: Results) -> str:
    kinds = {"difference": "differences in rates", "risk_ratio": "risk ratios", "odds_ratio": "odds ratios"}
    found = {
        kind: methods_of(s for s in results if s.context == "outcome" and s.kind == kind and s.name == "estimate")
        for kind in kinds
    }
    parts = [f"{kinds[kind]} ({listed(how)})" for kind, how in found.items() if how]
    return f"Rates of two groups were compared by {listed(parts)}." if parts else ""


def models(results: Results) -> str:
    estimates = [s for s in results if s.context == "model" and s.name == "estimate"]
    if not estimates:
        return ""
    plain = methods_of(s for s in estimates if ".firth." not in s.key)
    words = f"Factors were studied one by one and together by {listed([lowered(m) for m in plain])}, on complete cases."
    beside = {s.key.replace(".firth.", ".") for s in estimates if ".firth." in s.key}
    if any(s.warning and s.key in beside for s in estimates):
        firth = methods_of(s for s in estimates if ".firth." in s.key)
        words += f" Where a factor separated the outcome or nearly did, {listed(firth)} is given beside it."
    return words


def hazards(results: Results) -> str:
    found = methods_of(s for s in results if s.context == "model" and ".proportional_hazards." in s.key)
    return f"Hazards were examined for proportionality by the {listed([lowered(m) for m in found])}." if found else ""


def survival(results: Results) -> str:
    """Say how survival was estimated and compared, and how its intervals were made."""
    of = [s for s in results if s.context == "survival"]
    curves = methods_of(s for s in of if s.kind in ("survival", "survival_time"))
    tested = methods_of(s for s in of if s.name == "p")
    words = f"Times to events are described by {listed(curves)}" if curves else ""
    if tested:
        words += f"{', and' if words else 'Times to events'} were compared by the {listed(tested)}"
    return f"{words}." if words else ""


def person_time(results: Results) -> str:
    of = [s for s in results if s.context == "rate"]
    single, ratios = methods_of(s for s in of if s.kind == "rate"), methods_of(s for s in of if s.kind == "rate_ratio")
    words = f"Rates are events in person-time with the {listed(single)}" if single else ""
    if words and ratios:
        words += f", and were compared by the {listed(ratios)}"
    return f"{words}." if words else ""


def shifts(results: Results) -> str:
    found = methods_of(s for s in results if s.context == "shift" and s.name == "estimate")
    return f"Distributions of ordinal scores were compared by {listed([lowered(m) for m in found])}." if found else ""


def imputes(results: Results) -> bool:
    return any(s.context == "imputation" and s.name == "estimate" and not s.error for s in results)


def comparisons(results: Results) -> str:
    """Say how strata were pooled, repeated measurements compared, groups weighted and missing values imputed."""

    def of(context: str, *names: str) -> str:
        return listed(methods_of(s for s in results if s.context == context and s.name in names))

    pooled = [s for s in results if s.context == "stratified" and s.key.count(".") == 3 and s.name == "estimate"]
    found = {
        "Comparisons within strata were pooled by the {}": listed(methods_of(pooled)) if pooled else "",
        "and tested with the {}": of("stratified", "p"),
        "Repeated measurements of the same patients were compared by {}": of("paired", "p"),
        "Groups were compared after {}": of("propensity", "effective_size"),
        "As a sensitivity analysis, models were fitted again by {}": of("imputation", "estimate"),
    }
    parts = [words.format(how) for words, how in found.items() if how]
    sentences = ". ".join(parts).replace(". and ", ", and ") + "." if parts else ""
    if of("propensity", "estimate"):
        sentences += " Weighted effects have sandwich intervals, in which the weights are taken as known."
    if any(s.context == "e_value" and not s.error for s in results):
        sentences += " E-values say how strongly an unmeasured confounder would have to be associated with both sides of a ratio."
    if any(s.context == "own" for s in results):
        sentences += " Further figures come from the study’s own analysis."
    return sentences.strip()


def caveats(results: Results) -> str:
    found = methods_of(s for s in results if s.context == "p_value" and s.kind == "count")
    but = f", but for those given as adjusted ({listed(found)})" if found else ""
    return f"All tests are two-sided; {profile_of(results.meta).p_symbol} values are not adjusted for multiple comparisons{but}."


SOFTWARE = {
    "pandas": "pandas",
    "scipy": "SciPy",
    "statsmodels": "statsmodels",
    "firthmodels": "firthmodels",
    "tableone": "tableone",
}


def software(results: Results) -> str:
    """Say which software computed the figures, and whether the tables were computed by two programs."""
    used = [f"{words} {results.meta['libraries'][name]}" for name, words in SOFTWARE.items()]
    tables, twice = results.meta["layout"]["tables"], results.meta.get("double_programmed", [])
    second = "; the tables of characteristics were computed by two independent programs" if twice else ""
    if twice and len(twice) < len(tables):
        second += f", but for {len(tables) - len(twice)} that are too large for the second"
    return keyed.literal_markdown(f"Analyses were made in Python with {listed(used)}{second}.")
