"""Rules for groups compared: p against counts, words against the order of the numbers, "significant" against p."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tieout.audit.arithmetic import deviate, one_sided_p_values, overlap, p_spread, p_values, spread, within
from tieout.audit.proportions import assessed
from tieout.audit.quoted import Finding, Number, Quoted, Verdict
from tieout.audit.sentences import NEGATION, Sentence, p_shown, p_text, sentence_of, sentences, table_rows, whole

VERSUS = re.compile(r"\b(?:v|vs|versus|compared (?:with|to)|than|against)\b", re.I)
NO_PLAIN_TEST = re.compile(
    r"\b(?:adjust\w*|match\w*|paired|mcnemar|propensity|stratif\w*|regression|interaction|trend|non-?inferior\w*|bonferroni|holm"
    r"|correct(?:ed|ion)|log-?rank|weighted|cluster\w*|mixed|gee|multivaria\w*|baseline|before|after|multiplicity|one-sided"
    r"|one-tailed|overall|shift|ordinal)\b",
    re.I,
)
CLEAR = 0.15
"""How far, in deviates, a p value must lie outside all usual tests to contradict them."""

Comparison = tuple[Quoted, Quoted, Quoted, str]


def p_counts(figures: Sequence[Quoted]) -> Iterator[Finding]:
    """Judge each p value that follows two shares of patients by what usual tests of the 2×2 table give."""
    for one, other, p, doubt in (*compared_in_text(figures), *compared_in_tables(figures)):
        finding = tested(one, other, p, doubt)
        if finding is not None:
            yield finding


def is_share(figure: Quoted) -> bool:
    return whole(figure.count) is not None and bool(whole(figure.total))


def compared_in_text(figures: Sequence[Quoted]) -> Iterator[Comparison]:
    """Yield two shares and the p value right after them, with what would cast doubt on a plain test."""
    for sentence in sentences(figures):
        shares: list[Quoted] = []
        for figure in sentence.figures:
            if figure.kind == "p_value":
                if len(shares) == 2:
                    yield shares[0], shares[1], figure, doubt_in(sentence, shares)
                shares = []
            elif is_share(figure):
                shares.append(figure)
            elif figure.kind != "difference_ci" or figure.p is not None:
                shares = []


def doubt_in(sentence: Sentence, shares: Sequence[Quoted]) -> str:
    found = NO_PLAIN_TEST.search(sentence.text)
    if found:
        return f"'{found[0]}' may mean another test"
    if not VERSUS.search(sentence.between(*shares)):
        return "the two may not be what the p value compares"
    return ""


def compared_in_tables(figures: Sequence[Quoted]) -> Iterator[Comparison]:
    """Yield the two groups of a table row and its p value; a p that covers several rows is left out."""
    rows = table_rows(figures)
    for (table, row), cells in rows.items():
        p = [cell for cell in cells if cell.kind == "p_value"]
        shares = without_overall([cell for cell in cells if is_share(cell)])
        following = rows.get((table, row + 1), [])
        several = any(is_share(cell) for cell in following) and not any(cell.kind == "p_value" for cell in following)
        if len(p) == 1 and len(shares) == 2 and not several:
            words = " ".join((cells[0].passage.row_header, cells[0].passage.caption, *p[0].passage.column_headers))
            found = NO_PLAIN_TEST.search(words)
            yield shares[0], shares[1], p[0], f"'{found[0]}' may mean another test" if found else ""


def without_overall(shares: list[Quoted]) -> list[Quoted]:
    """Leave out a column that is the sum of the two others."""
    if len(shares) != 3:
        return shares
    for place, cell in enumerate(shares):
        others = shares[:place] + shares[place + 1 :]
        if whole(cell.total) == sum(whole(other.total) or 0 for other in others):
            return others
    return shares


def tested(one: Quoted, other: Quoted, p: Quoted, doubt: str) -> Finding | None:
    a, b = whole(one.count) or 0, whole(other.count) or 0
    n, m = assessed(one) or whole(one.total) or 0, assessed(other) or whole(other.total) or 0
    found = p_values(a, n, b, m)
    if not found or p.p is None:
        return None
    figures, quoted = (one, other, p), p_spread(p.p)
    hits = [f"{name} {p_text(value)}" for name, value in found.items() if within(value, quoted)]
    table = f"{a}/{n} v {b}/{m}"
    if hits:
        return Finding("p_counts", "consistent", figures, f"p agrees with {table} ({hits[0]})")
    least, most = min(found.values()), max(found.values())
    if overlap((least, most), quoted):
        return Finding("p_counts", "consistent", figures, f"p lies between the usual tests of {table}")
    names = ("χ² without correction", "χ² with continuity correction", "Fisher's exact test")
    expected = ", ".join(f"{name} {p_text(found[name])}" for name in names if name in found)
    message = f"no usual test of {table} gives {p_shown(p.p)} ({expected})"
    single = next((name for name, v in one_sided_p_values(a, n, b, m).items() if within(v, quoted)), "")
    if single:
        explanation = f"it would be the one-sided p of {single}"
        return Finding("p_counts", "query", figures, message, expected, explanation)
    gap = max(deviate(most) - deviate(quoted[0]), deviate(quoted[1]) - deviate(least))
    if not doubt and (one.inherited or other.inherited):
        doubt = "patients with missing values are not in the totals of the columns"
    if not doubt and n == m and a + b == n:
        doubt = "are these the same patients twice?"
    if not doubt and gap <= CLEAR:
        doubt = "another test, nearly the same"
    return Finding("p_counts", "query" if doubt else "contradicted", figures, message, expected, doubt)


UP = r"higher|greater|more|larger|longer|older|increased"
DOWN = r"lower|fewer|less|smaller|shorter|younger|reduced|decreased"
COMPARATIVE = re.compile(rf"\b(?:(?P<up>{UP})|(?P<down>{DOWN}))\b", re.I)
FROM_TO = re.compile(r"\b(?:(?P<up>increas|rose|rise|grew)|(?P<down>decreas|fell|fall|declin|drop))\w*\b[^.;]{0,60}?\bfrom\s*$", re.I)
NO_ORDER = re.compile(
    r"\b(?:reduction|decrease|decline|change|drop|loss|improve\w*|no|not|nor|neither|respectively|non|never|whereas|while|but"
    r"|although|ratio|if|whether|(?:\w+er|more|less) than \d+)\b|n['’]t\b",
    re.I,
)
SIZED = ("percent", "count_of_total", "median_iqr", "mean_sd")


def direction(figures: Sequence[Quoted]) -> Iterator[Finding]:
    """Judge "higher in A than in B (x v y)" and "rose from x to y" by the order of the two numbers."""
    for sentence in sentences(figures):
        sized = [figure for figure in sentence.figures if figure.kind in SIZED]
        for one, other in pairwise(sized):
            finding = risen(sentence, one, other)
            if finding is None and len(sized) == 2:
                finding = compared_in_words(sentence, one, other)
            if finding is not None:
                yield finding


def size(figure: Quoted) -> Number | None:
    """Return the percentage, median or mean of a figure, or the percentage that its count and total give."""
    count, total = whole(figure.count), whole(figure.total)
    if figure.percent is None and count is not None and total:
        return Number(100 * count / total, 6)
    return figure.percent or figure.estimate


def compared_in_words(sentence: Sentence, one: Quoted, other: Quoted) -> Finding | None:
    """Judge the one comparative of a sentence whose only two sizes are these: "higher in A (x) than in B (y)" and the like."""
    first, second = size(one), size(other)
    said = list(COMPARATIVE.finditer(sentence.text))
    if first is None or second is None or first.value < 0 or second.value < 0 or len(said) != 1:
        return None
    lead, between = sentence.between(None, one), sentence.between(one, other)
    if NO_ORDER.search(lead + between):
        return None
    place, up = said[0].end(), said[0]["up"] is not None
    than = [word.start() for word in re.finditer(r"\bthan\b", sentence.text)]
    if len(than) != 1 or than[0] < place:
        return None
    begin, end = one.start - sentence.start, other.start - sentence.start
    in_turn = begin < than[0] < end
    as_pair = than[0] < begin and re.fullmatch(r"\W*(?:v|vs|versus)\W*", between, re.I) is not None
    if not (in_turn or as_pair):
        return None
    return in_order(one, other, first, second, up, said[0][0], in_turn or re.search(r"[(\[,;:]\s*$", lead) is not None)


def in_order(
    one: Quoted, other: Quoted, first: Number, second: Number, up: bool, word: str, sure: bool
) -> Finding | None:
    a, b = spread(first), spread(second)
    holds = a[1] >= b[0] if up else a[0] <= b[1]
    if holds:
        return Finding("direction", "consistent", (one, other), f"the numbers run as '{word}' says")
    message = f"'{word}' is said, but {one.text} is {'less' if up else 'more'} than {other.text}"
    verdict: Verdict = "contradicted" if sure else "query"
    return Finding("direction", verdict, (one, other), message, explanation="are the two groups swapped?")


def risen(sentence: Sentence, one: Quoted, other: Quoted) -> Finding | None:
    said = FROM_TO.search(sentence.passage.text[max(sentence.start, one.start - 120) : one.start])
    first, second = size(one), size(other)
    if not said or first is None or second is None or not re.fullmatch(r"[^.;,\d]{0,40}\bto\s*", sentence.between(one, other)):
        return None
    if first.value < 0 or second.value < 0 or re.search(r"\b(?:no|not)\b|n['’]t\b", sentence.text, re.I):
        return None
    return in_order(other, one, second, first, said["up"] is not None, said[0].split()[0], True)


ODDS = re.compile(
    r"\b(?:(?P<up>higher|increased?|increas(?:es|ing)|raised|greater|elevated)|(?P<down>lower(?:ed)?|reduced?|reduc(?:es|ing)"
    r"|decreased?|decreas(?:es|ing)))\s+(?:the\s+)?(?:\w+\s+){0,2}?(?:odds|risks?|hazards?|likelihood|chances?|probability)\b"
    r"|\b(?P<more>more)\s+likely\b|\b(?P<less>less)\s+likely\b|\b(?P<protective>protective)\b",
    re.I,
)


def ratio_direction(figures: Sequence[Quoted]) -> Iterator[Finding]:
    """Judge "reduced the odds (OR 1.8)": the one ratio of a sentence by the one word on its direction."""
    for sentence in sentences(figures):
        ratios = [f for f in sentence.figures if f.kind == "ratio_ci" and f.estimate is not None]
        said = list(ODDS.finditer(sentence.text))
        if len(ratios) != 1 or len(said) != 1 or NEGATION.search(sentence.text):
            continue
        estimate, up = ratios[0].estimate, bool(said[0]["up"] or said[0]["more"])
        assert estimate is not None
        low, high = spread(estimate)
        if (high < 1) if up else (low > 1):
            message = f"'{said[0][0]}' is said, but the ratio is {'below' if up else 'above'} 1"
            explanation = "is the reference group the other one?"
            yield Finding("ratio_direction", "query", (ratios[0],), message, explanation=explanation)
        else:
            message = f"the ratio runs as '{said[0][0]}' says"
            yield Finding("ratio_direction", "consistent", (ratios[0],), message)


SIGNIFICANT = re.compile(
    r"(?<!clinically )(?<!hemodynamically )(?<!haemodynamically )(?<!angiographically )(?<!level of )(?<!considered )"
    r"\bsignificant(?:ly)?\b(?!\s+(?:if|at|sten\w+|bleed\w*|coronary|comorbid\w*|other|lesions?|disease|level|threshold))",
    re.I,
)
CLAUSE = re.compile(r"[;:]|, (?:and|but|whereas|while|although)\b")
DENIED = re.compile(
    r"(?:\b(?:no|not|nor|neither|never|non|cannot|fail(?:ed|s)? to|lacked|borderline|marginally|nearly|almost)\b"
    r"|n['’]t\b|\bnon-)"
    r"(?:\W+\w+){0,4}\W*$|\bwithout(?: an?| any)?(?: statistically)?\s*$",
    re.I,
)
TURN = re.compile(
    r";|\b(?:but|whereas|although|though|while|however|nor|except|other than|apart from|aside from|and not|only)\b", re.I
)
LEVEL = re.compile(r"(?:<|≤|α ?=|alpha ?=|level of|at)\s*(0?[.·]\d+)", re.I)
CORRECTED = re.compile(r"\b(?:bonferroni|holm|correct(?:ed|ion)|multiple|multiplicity|level|threshold)\b", re.I)


def significance(figures: Sequence[Quoted]) -> Iterator[Finding]:
    """Judge "significant" and "not significant" by the p value that follows in the same clause."""
    levels = stated_levels(figures)
    for sentence in sentences(figures):
        tested = [figure for figure in sentence.figures if figure.p is not None]
        said = list(SIGNIFICANT.finditer(sentence.text))
        for number, word in enumerate(said):
            end = said[number + 1].start() if number + 1 < len(said) else len(sentence.text)
            figure = first_p(sentence, tested, word, end)
            if figure is not None:
                finding = as_significant(sentence, figure, word, levels)
                if finding is not None:
                    yield finding


def stated_levels(figures: Sequence[Quoted]) -> set[float]:
    """Return the levels of significance that the manuscript states, 0.05 if none."""
    found = set()
    for figure in figures:
        if figure.kind == "conventional" and re.search("significan", f"{figure.convention} {sentence_of(figure)}", re.I):
            given = LEVEL.search(figure.text) or re.fullmatch(r"\W*(0?[.·]\d+)\W*", figure.text)
            if given:
                found.add(float(given[1].replace("·", ".")))
    return {level for level in found if 0 < level <= 0.2} or {0.05}


def first_p(sentence: Sentence, tested: Sequence[Quoted], word: re.Match[str], end: int) -> Quoted | None:
    """Return the figure with the first p after a word, if no turn of the sentence lies between, else the p just before it."""
    place = sentence.start + word.end()
    behind = [f for f in tested if place <= f.start < sentence.start + end]
    if behind:
        between = sentence.passage.text[place : behind[0].start]
        if between.count("(") > between.count(")"):
            between = between[: between.index("(")]  # what stands in brackets with p is no turn of the sentence
        return None if TURN.search(between) else behind[0]
    ahead = [f for f in tested if f.end <= sentence.start + word.start()]
    if len(tested) == 1 and ahead and not TURN.search(sentence.passage.text[ahead[0].end : place]):
        return ahead[0]
    return None


def as_significant(sentence: Sentence, figure: Quoted, word: re.Match[str], levels: set[float]) -> Finding | None:
    assert figure.p is not None
    low, high = p_spread(figure.p)
    text, highest, lowest = p_shown(figure.p), max(levels), min(levels)
    clause = CLAUSE.split(sentence.text[: word.start()])[-1]
    if DENIED.search(clause):
        if high >= lowest:
            return Finding("significance", "consistent", (figure,), f"not called significant, with {text}")
        message = f"{text} is below {lowest:g}, but not called significant"
        doubt = high > 0.001 or CORRECTED.search(sentence.text) is not None or len(levels) > 1
        explanation = "is a stricter level meant, as after a correction for several tests?" if doubt else ""
        return Finding("significance", "query" if doubt else "contradicted", (figure,), message, explanation=explanation)
    if NEGATION.search(clause):
        return None
    if low <= highest and figure.p.sign not in (">", "≥"):
        if figure.p.value >= highest and not figure.p.sign:
            message = f"{text} may be just below {highest:g}"
            return Finding("significance", "query", (figure,), message, explanation="give one more decimal")
        return Finding("significance", "consistent", (figure,), f"called significant, with {text}")
    message = f"called significant, but {text} is not below {highest:g}"
    interaction = re.search(r"\b(?:interaction|heterogeneity)\b", sentence.text, re.I)
    explanation = "is the level of an interaction meant?" if interaction else ""
    verdict: Verdict = "query" if interaction else "contradicted"
    return Finding("significance", verdict, (figure,), message, f"p<{highest:g}", explanation)
