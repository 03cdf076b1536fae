"""Write the statistical paragraph from the methods that the results record, so that it says what was done."""

from __future__ import annotations

from collections.abc import Iterable

from tieout import keyed
from tieout.results import Results, Statistic


def paragraph(results: Results) -> str:
    """Return the statistical methods as Markdown: summaries, tests, intervals, models, software."""
    sentences = [say(results) for say in (summaries, tests, intervals, contrasts, models, shifts, caveats, software)]
    return " ".join(sentence for sentence in sentences if sentence)


def methods_of(statistics: Iterable[Statistic]) -> list[str]:
    return list(dict.fromkeys(keyed.literal_markdown(s.method) for s in statistics if s.method and not s.error))


def listed(words: list[str], joint: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joint} {words[-1]}" if words else ""


def summaries(results: Results) -> str:
    how = methods_of(s for s in results if s.context.startswith("table.") and s.name in ("median", "mean"))
    numbers = f"Continuous variables are given as {listed(how, 'or')}, categorical" if how else "Categorical"
    return (
        f"{numbers} variables as number (percentage) of the patients with the value recorded. "
        "Missing values were counted and not imputed."
    )


def tests(results: Results) -> str:
    found = methods_of(s for s in results if s.name == "p" and s.context.startswith("table."))
    words = f"Groups were compared with the {listed([lowered(name) for name in found], 'or the')}" if found else ""
    standardised = any(s.name == "smd" for s in results)
    return words + (" and by standardised mean differences." if words and standardised else "." if words else "")


def lowered(method: str) -> str:
    """Return a method's name as it stands inside a sentence: names of people and Greek letters stay."""
    keep = ("Mann", "Fisher", "Kruskal", "Welch", "Student", "Pearson")
    return method if method.startswith(keep) else method[:1].lower() + method[1:]


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
    unstable = [s for s in estimates if s.warning and ".univariable." not in s.key and ".firth." not in s.key]
    if unstable:
        firth = methods_of(s for s in estimates if ".firth." in s.key)
        words += f" Where a factor (nearly) separated the outcome, {listed(firth)} is given beside it."
    return words


def shifts(results: Results) -> str:
    found = methods_of(s for s in results if s.context == "shift" and s.name == "estimate")
    return f"Distributions of ordinal scores were compared by {listed([lowered(m) for m in found])}." if found else ""


def caveats(results: Results) -> str:
    return "All tests are two-sided; p values are not adjusted for multiple comparisons."


def software(results: Results) -> str:
    names = {"pandas": "pandas", "scipy": "SciPy", "statsmodels": "statsmodels", "firthmodels": "firthmodels", "tableone": "tableone"}
    used = [f"{words} {results.meta['libraries'][name]}" for name, words in names.items()]
    return keyed.literal_markdown(
        f"Analyses were made in Python with {listed(used)}; each table of characteristics was computed by two independent "
        "programs, and every figure in this document was placed by its key."
    )
