"""Match quoted figures with Results: confirmed, contradicted or untraceable, and what would explain it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tieout.audit.quoted import Finding, KeyedSpan, Manuscript, Number, Passage, Quoted
from tieout.display import Profile, in_words, profile_of, text
from tieout.results import Results, Statistic
from tieout.spelling import american

STOP = frozenset(
    """a an and are as at be been by for from had has have in into is it its no not of on or our than that the their
    there they this those to was we were which who with within were patients patient values value n v vs versus
    compared respectively observed months month group groups all least one""".split()
)
SAME = {
    "mortality": "death", "died": "death", "dead": "death", "hemorrhage": "hemorrhage", "sich": "hemorrhage",
    "recanalized": "recanalization", "reperfusion": "recanalization",
    "icas": "atherosclerotic", "patency": "patent", "favorably": "favorable", "men": "male", "women": "female",
    "gpi": "glycoprotein", "gp": "glycoprotein", "symptomatically": "symptomatic", "outcomes": "outcome",
    "years": "age", "aged": "age", "enrolled": "registry", "included": "registry",
}  # fmt: skip
"""Words of the field that say the same thing in an abstract and in a data dictionary."""
ENOUGH, STRONG = 0.34, 0.8
OTHER_GROUP = 0.3
NOUN_WITHIN = 4  # words after a count
MEDIAN_WORDS = frozenset(("median", "iqr", "interquartile", "quartile"))
ALL = ("", "all")


@dataclass(frozen=True)
class Candidate:
    """A statistic that a quoted figure could be, how far its words agree, and whether its value does."""

    statistic: Statistic
    agreement: float
    fits: bool


def match(manuscript: Manuscript, figures: Sequence[Quoted], results: Results) -> list[Finding]:
    """Return a Finding for each figure that carries a key or is no convention, in reading order.

    A figure whose key survived is judged by that key alone; any other by kind, words, group and denominator.
    """
    profile = profile_of(results.meta)
    pools = {kind: [s for s in results if s.value is not None and s.kind in kinds] for kind, kinds in SAME_KIND.items()}
    groups = {kind: frozenset(s.group_label for s in pool) for kind, pool in pools.items()}
    found: list[Finding] = []
    for figure in figures:
        if spans := spans_of(figure):
            found.append(by_key(figure, spans, results, profile))
        elif figure.kind != "conventional":
            named = groups_named(figure, groups[figure.kind])
            found.append(by_words(figure, pools[figure.kind], named, results, profile))
    return found


def spans_of(figure: Quoted) -> list[KeyedSpan]:
    return [span for span in figure.passage.keys if span.start < figure.end and span.end > figure.start]


def by_key(figure: Quoted, spans: Sequence[KeyedSpan], results: Results, profile: Profile) -> Finding:
    """Judge a figure by the keys that its parts carry: it must print what the statistics print."""
    changed: list[tuple[str, str]] = []
    for span in spans:
        if span.key not in results:
            reason = f"its key '{span.key}' is not in the results"
            return Finding("key", "untraceable", (figure,), reason, candidates=(results.near(span.key),))
        if difference := changed_from(figure, span, results[span.key], profile):
            changed.append((span.key, difference))
    key = changed[0][0] if changed else spans[0].key
    said = [difference for _, difference in changed]
    if figure.confidence and f"{figure.confidence:g}" != profile.confidence:
        said.append(f"{figure.confidence:g}% confidence, but the limits are of {profile.confidence}%")
    if said:
        reason = "changed after it was woven: the text says " + "; ".join(said)
        return Finding("key", "contradicted", (figure,), reason, expected=expected(results[key], profile), key=key)
    return Finding("key", "confirmed", (figure,), f"prints {key}", key=key)


def changed_from(figure: Quoted, span: KeyedSpan, statistic: Statistic, profile: Profile) -> str:
    """Return what a span says and what its statistic prints, or nothing where they are the same."""
    shown = figure.passage.text[span.start : span.end]
    if statistic.error:
        return f"{shown}, but {span.key} is {expected(statistic, profile)}"
    if not prints(shown, statistic, profile):
        return f"{shown}, but {span.key} is {text(statistic, profile)}"
    sign = sign_of(statistic, profile)
    if statistic.kind == "p" and figure.p and figure.p.sign not in ("", sign):
        return f"p{figure.p.sign}{shown}, but {span.key} is p{sign}{shown.lstrip('<>')}"
    return ""


def sign_of(statistic: Statistic, profile: Profile) -> str:
    first = text(statistic, profile)[0]
    return first if first in "<>" else "="


def expected(statistic: Statistic, profile: Profile) -> str:
    return f"not estimable ({statistic.error})" if statistic.error else text(statistic, profile)


def prints(shown: str, statistic: Statistic, profile: Profile) -> bool:
    """Return whether a span prints a statistic: its text, its n/N, its number in words, or its value more coarsely rounded."""
    known = " ".join(text(statistic, profile).split())
    plain = " ".join(shown.split())
    if plain in (known, f"{statistic.n}/{statistic.total}") or (
        statistic.kind == "count" and plain.casefold() == in_words(int(statistic.value or 0), profile).casefold()
    ):
        return True
    number = parsed(plain)
    if number is None or number.sign or (plain[0] in "-−–" and known[0] != profile.minus):
        return False
    if plain.endswith("%") and not known.endswith(profile.percent):
        return False
    return rounds_to(statistic.value, number)


def parsed(shown: str) -> Number | None:
    """Return the number that a short text is, or None."""
    found = re.fullmatch(r"([<>]?)\s*([-−–]?)((?:\d[\d,\u2009\u202f\u00a0]*)?(?:[.·]\d+)?)\s*%?", shown)
    if not found or not found[3]:
        return None
    digits = re.sub(r"[,\s]", "", found[3]).replace("·", ".")
    return Number(float(digits) * (-1 if found[2] else 1), len(digits.partition(".")[2]), found[1], shown)


def rounds_to(value: float | None, number: Number | None) -> bool:
    """Return whether a raw value prints as this number: within half a unit of its last digit, or beyond its sign."""
    if value is None or number is None:
        return False
    half = 0.5 * 10.0**-number.decimals * (1 + 1e-9)
    if number.sign in ("<", "≤"):
        return value <= number.value
    if number.sign in (">", "≥"):
        return value >= number.value
    return abs(value - number.value) <= half


@lru_cache(maxsize=65536)
def stems(words: str) -> frozenset[str]:
    """Return the content words of a text in one spelling: lower case, no plural, the field's synonyms joined."""
    found = set()
    for word in re.findall(r"[^\W\d_]+", words.casefold()):
        word = american(word)
        word = SAME.get(word, word)
        word = word.removesuffix("ly") if len(word) > 6 else word
        if word not in STOP and len(word) > 1:
            found.add(word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith("ss") else word)
    return frozenset(found)


def said(figure: Quoted) -> frozenset[str]:
    """Return the words that say what a figure is of: its sentence, or the header of its row."""
    passage = figure.passage
    if passage.kind == "cell" and passage.row_header:
        return stems(passage.row_header)
    return stems(" ".join((figure.words or passage.text, *passage.column_headers)))


@lru_cache(maxsize=65536)
def own_words(variable: str, level: str, label: str) -> frozenset[str]:
    """Return the words that a statistic is known by, without what its label adds in brackets."""
    named = re.sub(r"\([^()]*\)", " ", f"{variable} {level}")
    return stems(named) or stems(label)


def agreement(figure: Quoted, statistic: Statistic, groups: frozenset[str]) -> float:
    """Return the share of a statistic's own words that stand around the figure, 0 to 1, less where its group does not.

    `groups` are those that the figure's columns name; where they name none, the sentence must name the group.
    """
    own = own_words(statistic.variable_label, statistic.level_label, statistic.label)
    around = said(figure)
    if not own:
        return 0.0
    share = len(own & around) / len(own)
    if groups:
        return share if statistic.group_label in groups or not statistic.group else share * OTHER_GROUP
    if statistic.group_label and statistic.group not in ALL:
        group = stems(statistic.group_label) - own
        share *= 1.0 if not group or group & around else OTHER_GROUP
    return share


def groups_named(figure: Quoted, labels: Iterable[str]) -> frozenset[str]:
    """Return the group labels that the headers of a figure's column name, the longest of those that are within another."""
    header = stems(" ".join(figure.passage.column_headers)) if figure.passage.kind == "cell" else frozenset()
    named = [label for label in labels if stems(label) and stems(label) <= header]
    return frozenset(label for label in named if not any(stems(label) < stems(other) for other in named))


def sibling(statistic: Statistic, name: str, results: Results) -> Statistic | None:
    key = f"{statistic.key.rpartition('.')[0]}.{name}"
    return results[key] if key in results else None


def beside(figure: Quoted, statistic: Statistic, results: Results, parts: dict[str, Number | None]) -> bool:
    """Return whether the parts that are quoted are what the statistics beside this one print."""
    for name, number in parts.items():
        other = sibling(statistic, name, results)
        if number is not None and (other is None or not rounds_to(other.value, number)):
            return False
    return True


def count_fits(figure: Quoted, s: Statistic, results: Results) -> bool:
    return s.kind == "count" and rounds_to(s.value, figure.count or figure.estimate)


def proportion_fits(figure: Quoted, s: Statistic, results: Results) -> bool:
    """A rate fits where percentage, numerator and denominator fit as far as they are quoted."""
    if s.kind not in SAME_KIND["percent"]:
        return False
    limits = {"low": figure.low, "high": figure.high}
    return (
        (figure.percent is None or rounds_to(s.value, figure.percent))
        and (figure.count is None or s.n == figure.count.value)
        and total_fits(figure, s)
        and beside(figure, s, results, limits)
    )


def total_fits(figure: Quoted, s: Statistic) -> bool:
    """A total of its own must be the statistic's; that of the column may have lost those with missing values."""
    if figure.total is None or s.total == figure.total.value:
        return True
    return figure.inherited and s.total is not None and s.total < figure.total.value


def ratio_fits(figure: Quoted, s: Statistic, results: Results) -> bool:
    kinds = SAME_KIND["ratio_ci"]
    parts = {"low": figure.low, "high": figure.high, "p": figure.p}
    return (
        s.kind in kinds
        and s.name == "estimate"
        and rounds_to(s.value, figure.estimate)
        and beside(figure, s, results, parts)
    )


def difference_fits(figure: Quoted, s: Statistic, results: Results) -> bool:
    parts = {"low": figure.low, "high": figure.high}
    return s.kind in SAME_KIND["difference_ci"] and rounds_to(s.value, figure.estimate) and beside(figure, s, results, parts)


def median_fits(figure: Quoted, s: Statistic, results: Results) -> bool:
    parts = {"q1": figure.low, "q3": figure.high}
    return s.kind == "median" and rounds_to(s.value, figure.estimate) and beside(figure, s, results, parts)


def mean_fits(figure: Quoted, s: Statistic, results: Results) -> bool:
    return (
        s.kind == "mean" and rounds_to(s.value, figure.estimate) and beside(figure, s, results, {"sd": figure.sd})
    )


def p_fits(figure: Quoted, s: Statistic, results: Results) -> bool:
    return s.kind == "p" and rounds_to(s.value, figure.p)


def never_fits(figure: Quoted, s: Statistic, results: Results) -> bool:
    return False


FITS: dict[str, Callable[[Quoted, Statistic, Results], bool]] = {
    "count": count_fits,
    "count_of_total": proportion_fits,
    "percent": proportion_fits,
    "ratio_ci": ratio_fits,
    "difference_ci": difference_fits,
    "median_iqr": median_fits,
    "mean_sd": mean_fits,
    "p_value": p_fits,
    "auc_ci": never_fits,
}
SAME_KIND = {
    "count": ("count",),
    "count_of_total": ("percent",),
    "percent": ("percent", "survival"),
    "ratio_ci": ("odds_ratio", "risk_ratio", "common_odds_ratio", "hazard_ratio", "rate_ratio"),
    "difference_ci": ("difference", "mean_difference"),
    "median_iqr": ("median",),
    "mean_sd": ("mean",),
    "p_value": ("p",),
    "auc_ci": (),
}


def by_words(
    figure: Quoted, same: Sequence[Statistic], groups: frozenset[str], results: Results, profile: Profile
) -> Finding:
    """Judge a figure without a key by the statistics of its kind: a value that merely occurs is a candidate, never a pass."""
    found = [Candidate(s, agreement(figure, s, groups), FITS[figure.kind](figure, s, results)) for s in same]
    fitting = sorted((c for c in found if c.fits), key=lambda c: -c.agreement)
    if fitting and fitting[0].agreement >= ENOUGH:
        best = fitting[0].statistic
        reason = f"is {best.key}: {described(best, profile)}"
        return Finding("match", "confirmed", (figure,), reason, key=best.key)
    meant = [c for c in found if c.agreement >= STRONG and not c.fits and (groups or c.statistic.group in ALL)]
    if meant and surely_of_its_kind(figure, meant[0].statistic):
        best_agreement = max(c.agreement for c in meant)
        first = [c.statistic for c in meant if c.agreement == best_agreement]
        another = bool(fitting) and fitting[0].agreement > 0 and fitting[0].statistic.variable != first[0].variable
        if not another and len({round(s.value or 0, 9) for s in first}) == 1:
            return contradicted(figure, first[0], found, results, profile)
    nearest = [*fitting, *sorted(meant, key=lambda c: -c.agreement)][:3]
    near = tuple(f"{c.statistic.key} ({described(c.statistic, profile)})" for c in nearest)
    why = (
        "the value occurs, but the words around it do not say that it is this"
        if fitting
        else "no statistic prints this"
    )
    return Finding(
        "match", "untraceable", (figure,), why, explanation=by_accident(figure, same), candidates=near
    )


def surely_of_its_kind(figure: Quoted, meant: Statistic) -> bool:
    """Return whether the words say so plainly what a figure is that another value contradicts it.

    A count must have its noun beside it, and quartiles must be called so: three numbers alone may be an interval.
    """
    if figure.kind == "count":
        after = re.split("[,.;:(]", figure.passage.text[figure.end : figure.end + 80])[0].split()[:NOUN_WITHIN]
        return bool(own_words(meant.variable_label, meant.level_label, meant.label) & stems(" ".join(after)))
    if figure.kind == "median_iqr":
        passage = figure.passage
        around = stems(" ".join((figure.words, passage.row_header, *passage.column_headers, passage.caption)))
        return bool(MEDIAN_WORDS & around)
    return True


def described(statistic: Statistic, profile: Profile) -> str:
    whole = f", {statistic.n}/{statistic.total}" if statistic.kind == "percent" and statistic.n is not None else ""
    return f"{statistic.label}, {text(statistic, profile)}{whole}"


def contradicted(
    figure: Quoted, meant: Statistic, found: Sequence[Candidate], results: Results, profile: Profile
) -> Finding:
    reason = f"the words say {meant.label}, and the data give {described(meant, profile)}"
    explanation = "; ".join(explain(figure, meant, found, results))
    return Finding(
        "match",
        "contradicted",
        (figure,),
        reason,
        expected=text(meant, profile),
        explanation=explanation,
        key=meant.key,
    )


def explain(figure: Quoted, meant: Statistic, found: Sequence[Candidate], results: Results) -> Iterator[str]:
    """Yield what would explain a contradiction: another denominator, another group, another fit, a swapped pair."""
    if figure.percent is not None and meant.n is not None:
        totals = sorted({s.total for s in results if s.total and s.total >= meant.n})
        for total in totals:
            if total != meant.total and rounds_to(100 * meant.n / total, figure.percent):
                yield f"{meant.n} of {total} would print this: another denominator"
    for c in found:
        s = c.statistic
        if c.fits and s.variable == meant.variable and s.level == meant.level and s.key != meant.key:
            yield f"{s.key} prints this: {s.group_label or s.label}"
    if figure.low and figure.high and figure.low.value > figure.high.value:
        yield "its limits stand in the wrong order"


def by_accident(figure: Quoted, same: Sequence[Statistic]) -> str:
    """Return how likely a number of this form is printed by some statistic of this kind by accident."""
    number = figure.percent or figure.estimate or figure.p or figure.count
    if number is None or not same:
        return ""
    low, high = (min(s.value or 0 for s in same), max(s.value or 0 for s in same))
    cells = max((high - low) * 10**number.decimals, 1.0)
    taken = len({round(s.value or 0, number.decimals) for s in same})
    return f"one number in {max(1, round(cells / taken))} of this form occurs among {len(same)} such statistics by accident"


def place(passage: Passage) -> str:
    """Return where a passage stands, in words: page, section, table cell."""
    parts = [f"page {passage.page}" if passage.page else "", passage.section[-1] if passage.section else ""]
    if passage.table:
        parts.append(f"Table {passage.table}, {passage.row_header or 'row ' + str(passage.row)}")
    return ", ".join(part for part in parts if part) or f"passage {passage.index + 1}"
