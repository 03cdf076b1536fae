"""Rules for shares of patients: count against total against percentage, and the totals that a percentage can have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from tieout.audit.arithmetic import (
    always_possible,
    counts_for,
    cut_off,
    spread,
    totals_for,
    totals_of_count,
    within,
)
from tieout.audit.quoted import Finding, Number, Quoted, Verdict
from tieout.audit.sentences import PEOPLE, after, before, counts_people, in_abstract, percent_text, sentence_of, whole

WEIGHTED = re.compile(
    r"\b(?:weighted|adjusted|imputed|imputation|standardi[sz]ed|kaplan|cumulative|estimated|probability|predicted|model(?:led|ed)?"
    r"|per 100|person-years|patient-years|actuarial|pooled|meta-analysis|rate per|crude)\b",
    re.I,
)
NOT_A_SHARE = re.compile(
    r"\b(?:chang(?:e|es|ed)|increas\w*|reduc\w*|decreas\w*|declin\w*|improve\w*|differ\w*|rose|rises?|rising"
    r"|fell|falls?|gained|grew|degree of|narrowing|diameter|sensitiv\w*|specific(?:ity|ities)|predictive value|accuracy"
    r"|ejection|saturation|h(?:a)?ematocrit|hba1c|a1c|power|variance"
    r"|heterogeneity|weight|dose|concentration|per year|per annum|annual|mean|median|average|efficacy|effectiveness"
    r"|contribut\w*|attributable|explained|coverage|kappa|oxygen|threshold|higher|lower|greater|less|more|residual)\b|%\s(?:\w+\s)?stenos",
    re.I,
)
EVENTS = re.compile(r"\b(?:mortality|death|deaths|died|events?|h(?:a)?emorrhages?|outcomes?|occurr\w+|rates?)\b", re.I)
PERSON_TIME = re.compile(r"\s*(?:person|patient)[- ]?(?:years?|months?|days?)", re.I)
OF = re.compile(r"\b(?:of|out of|among|in)\b", re.I)
GRADE = re.compile(r"(?:\b(?:scores?|grades?|class|stages?|types?|levels?|category|mrs|nihss|m?tici|aspects|of)\W*|/)$", re.I)
COUNT_AND_SHARE = re.compile(r"[^()\[\]%]{1,60}[(\[]\s*[\d.·,]+\s?%?\s*[)\]]?")
MOST_TOTALS = 300
CLOSE = 0.2
"""The share of patients that may be missing before a smaller total is no longer suggested."""


def share(figures: Sequence[Quoted]) -> Iterator[Finding]:
    """Judge count, total and percentage printed together."""
    for figure in figures:
        count, total = whole(figure.count), whole(figure.total)
        if figure.kind != "count_of_total" or count is None or not total or PERSON_TIME.match(after(figure)):
            continue
        if count > total:
            yield more_than_all(figure, count, total)
        elif figure.percent is not None and not figure.percent.sign:
            yield of_total(figure, count, total, figure.percent)


def more_than_all(figure: Quoted, count: int, total: int) -> Finding:
    message = f"{count:,} is more than the {total:,} it is said to be of"
    sure = not figure.inherited and (figure.percent is not None or OF.search(figure.text) is not None)
    explanation = "" if sure else "is the total that of something else?"
    return Finding("share", "contradicted" if sure else "query", (figure,), message, explanation=explanation)


def of_total(figure: Quoted, count: int, total: int, percent: Number) -> Finding:
    exact = 100 * count / total
    expected = percent_text(exact, percent.decimals)
    if within(exact, spread(percent)):
        return Finding("share", "consistent", (figure,), f"{count:,}/{total:,} is {expected}")
    printed = percent_text(percent.value, percent.decimals)
    if within(exact, cut_off(percent)):
        message = f"{count:,}/{total:,} is {expected}; {printed} is cut off, not rounded"
        return Finding("share", "query", (figure,), message, expected, "the further digits were cut off")
    if figure.inherited and (known := assessed(figure)):
        return Finding("share", "consistent", (figure,), f"{count:,}/{known:,} is {printed}: {total - known} of {total:,} missing")
    explanation, candidates = what_would_fit(count, total, percent)
    weighted = WEIGHTED.search(sentence_of(figure))
    if weighted:
        explanation = f"'{weighted[0]}' may mean that it is no plain share"
    verdict: Verdict = "query" if figure.inherited or weighted else "contradicted"
    source = ", the total of its column" if figure.inherited else ""
    message = f"{count:,}/{total:,}{source} is {expected}, not {printed}"
    return Finding("share", verdict, (figure,), message, expected, explanation, candidates=candidates)


def assessed(figure: Quoted) -> int | None:
    """Return the total that a share is of: its own; that of its column, or less the few with missing values that it fits."""
    count, total = whole(figure.count), whole(figure.total)
    if count is None or not total or not figure.inherited or figure.percent is None:
        return total
    if within(100 * count / total, spread(figure.percent)):
        return total
    fitting = [t for t in totals_of_count(count, spread(figure.percent)) if (1 - CLOSE) * total <= t < total]
    return max(fitting, default=None)


def what_would_fit(count: int, total: int, percent: Number) -> tuple[str, tuple[str, ...]]:
    """Return in words which total or which count would give the percentage, and these as fractions."""
    printed = percent_text(percent.value, percent.decimals)
    totals, counts = totals_of_count(count, spread(percent)), counts_for(percent, total)
    said, candidates = [], []
    if totals:
        nearest = min(totals, key=lambda t: abs(t - total)) if len(totals) < 1000 else totals[0]
        candidates.append(f"{count}/{nearest}")
        missing = total - nearest
        said.append(f"{count} is {printed} of {nearest}" + missing_words(missing, total))
    if counts:
        nearest = min(counts, key=lambda c: abs(c - count)) if len(counts) < 1000 else counts[0]
        candidates.append(f"{nearest}/{total}")
        said.append(f"{nearest} of {total} is {printed}")
    return "; ".join(said), tuple(candidates)


def missing_words(missing: int, total: int) -> str:
    if not 0 < missing <= CLOSE * total:
        return ""
    return f": {'was' if missing == 1 else 'were'} {missing} of the {total} not assessed?"


def denominators(figures: Sequence[Quoted]) -> Iterator[Finding]:
    """Judge percentages without a printed total by the totals that the manuscript states."""
    inside, outside = stated_totals(figures, True), stated_totals(figures, False)
    stated = {True: inside or outside, False: outside or inside}
    for figure in figures:
        percent = figure.percent
        if figure.kind != "percent" or percent is None or percent.sign or not 0 < percent.value < 100:
            continue
        sentence = sentence_of(figure)
        if WEIGHTED.search(sentence) or NOT_A_SHARE.search(about(figure, sentence)):
            continue
        totals, count = stated[in_abstract(figure.passage)], whole(figure.count)
        if count:
            yield from percent_of_count(figure, count, percent, totals)
        elif totals:
            yield from percent_alone(figure, percent, totals, sentence)


def about(figure: Quoted, sentence: str) -> str:
    """Return the words of the clause of a percentage, which say what it is of."""
    if figure.passage.table is not None:
        return sentence
    text = figure.passage.text
    ahead = re.split(r"[,;:]\s", text[max(0, figure.start - 70) : figure.start].rstrip(" (["))[-1]
    return ahead + figure.text + re.split(r"[,;:.]\s", text[figure.end : figure.end + 40])[0]


def stated_totals(figures: Sequence[Quoted], abstract: bool) -> dict[int, bool]:
    """Return the counts and totals stated in the abstract, or outside it, and whether each is of people; the largest ones."""
    found: dict[int, bool] = {}
    for figure in figures:
        count, total = whole(figure.count), whole(figure.total)
        if in_abstract(figure.passage) is not abstract:
            continue
        if count and count > 1:
            of_people = figure.kind == "count" and counts_people(figure)
            found[count] = found.get(count, False) or of_people
        if total and total > 1:
            found[total] = True
    return dict(sorted(found.items(), key=lambda item: (-item[1], -item[0]))[:MOST_TOTALS])


def percent_of_count(figure: Quoted, count: int, percent: Number, totals: dict[int, bool]) -> Iterator[Finding]:
    """Judge "50 (66.7%)": is there a total of which the count is that percentage, and is it stated?"""
    printed = percent_text(percent.value, percent.decimals)
    fitting = totals_of_count(count, spread(percent))
    if not fitting:
        yield of_no_total(figure, count, percent, printed)
        return
    known = [total for total in totals if total in fitting]
    if known:
        yield Finding("denominators", "consistent", (figure,), f"{count:,} is {printed} of {max(known):,}")
        return
    people = [total for total, of_people in totals.items() if of_people]
    of = f"{fitting[0]:,}" if len(fitting) == 1 else f"{fitting[0]:,} to {fitting[-1]:,}"
    message = f"{count:,} is {printed} of {of}"
    if people and figure.passage.table is None:
        reference = max(people)
        short = reference - fitting[-1]
        if fitting[0] > reference:
            message += f", more than the {reference:,} that are stated"
            yield Finding("denominators", "query", (figure,), message, explanation="which total is meant?")
            return
        if 0 < short <= CLOSE * reference:
            message += f", which is not stated{missing_words(short, reference)}"
            fits = (f"{count}/{fitting[-1]}",)
            yield Finding("denominators", "query", (figure,), message, explanation="a smaller total", candidates=fits)
            return
    yield Finding("denominators", "consistent", (figure,), message)


def of_no_total(figure: Quoted, count: int, percent: Number, printed: str) -> Finding:
    low = max(int(100 * count / percent.value), count)
    shown = ", ".join(f"{count}/{t} is {percent_text(100 * count / t, percent.decimals)}" for t in (low, low + 1))
    cut = totals_of_count(count, cut_off(percent))
    if cut:
        message = f"{count:,} is {printed} of {cut[0]:,} only when cut off, not rounded"
        return Finding("denominators", "query", (figure,), message, explanation="the further digits were cut off")
    closed = figure.text.rstrip()[-1:] in (")", "]") or re.match(r"\s*[)\]]", after(figure)) is not None
    sure = closed and COUNT_AND_SHARE.fullmatch(figure.text) is not None and GRADE.search(before(figure, 25)) is None
    message = f"{count:,} is {printed} of no whole number ({shown})"
    verdict: Verdict = "contradicted" if sure else "query"
    return Finding("denominators", verdict, (figure,), message, explanation="" if sure else "are both of the same patients?")


def percent_alone(figure: Quoted, percent: Number, totals: dict[int, bool], sentence: str) -> Iterator[Finding]:
    """Judge "66.7%": which of the stated totals, and which totals up to the largest of people, can give it?"""
    people = [total for total, of_people in totals.items() if of_people]
    if not people:
        return
    reference = max(people)
    fitting = [t for t in totals if (totals[t] or not always_possible(percent, t)) and counts_for(percent, t)]
    telling = [total for total in fitting if not always_possible(percent, total)]
    printed = percent_text(percent.value, percent.decimals)
    if telling:
        stated = max((t for t in telling if totals[t]), default=max(telling))
        yield Finding("denominators", "consistent", (figure,), possible(percent, printed, stated, max(telling)))
    elif not fitting and reference >= 5 and speaks_of_people(sentence):
        yield impossible(figure, percent, printed, reference)


def speaks_of_people(sentence: str) -> bool:
    return PEOPLE.search(sentence) is not None or EVENTS.search(sentence) is not None


def fraction(percent: Number, total: int) -> str:
    counts = counts_for(percent, total)
    return f"{counts[len(counts) // 2]}/{total}"


def possible(percent: Number, printed: str, stated: int, largest: int) -> str:
    others = [f"{count}/{total}" for count, total in islice(totals_for(percent, largest), 5) if total != stated]
    also = f"; also {', '.join(others[:3])}{' …' if len(others) > 3 else ''}" if others else ""
    return f"{printed} is {fraction(percent, stated)}{also}"


def impossible(figure: Quoted, percent: Number, printed: str, total: int) -> Finding:
    below = int(percent.value * total / 100)
    near = ", ".join(
        f"{count}/{total} is {percent_text(100 * count / total, percent.decimals)}" for count in (below, below + 1)
    )
    fits = list(islice(totals_for(percent, total), 4))
    message = f"{printed} is impossible of {total} ({near})"
    candidates = tuple(f"{count}/{of}" for count, of in fits[:3])
    if not candidates:
        return Finding("denominators", "query", (figure,), f"{message}, and of any smaller number")
    message += f"; it would be {listed(candidates)}"
    missing = missing_words(total - fits[0][1], total)
    explanation = missing.removeprefix(": ")
    return Finding("denominators", "query", (figure,), message + missing, near, explanation, candidates=candidates)


def listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
