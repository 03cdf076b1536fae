"""Rules for patients accounted for: parts against wholes, flow, and the same figure told in several places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tieout.audit.arithmetic import overlap, spread
from tieout.audit.match import stems
from tieout.audit.quoted import Finding, Quoted
from tieout.audit.sentences import (
    OTHER_UNITS,
    Sentence,
    counts_people,
    counts_people_or_nothing_else,
    noun_phrase,
    part_of_manuscript,
    sentences,
    whole,
)

WHOLE = re.compile(r"\b(?:of|among|amongst)\s+(?:the |these |all |our |those |a total of |included |enrolled )*$", re.I)
OF_THESE = re.compile(r"\b(?:of whom|of which|of these|of those|of them|among whom|among them)\b[\s,]*$", re.I)
NOT_WITHIN = re.compile(r"\b(?:matched|controls?|compared with|another|additional|further|other|plus|more|cohort|versus|vs|v)\b", re.I)

ELSEWHERE = re.compile(r";|\b(?:whereas|while|versus|vs|v|compared|cohort|registry|trial|previous|arms?|groups?)\b", re.I)


def parts(figures: Sequence[Quoted]) -> Iterator[Finding]:
    """Judge parts by their whole: "Of 78 patients, 80 had …", "78 patients, of whom 80 …", "78 were randomised, 40 to …"."""
    earlier: Sentence | None = None
    for sentence in sentences(figures):
        counts = [figure for figure in sentence.figures if own_count(figure) is not None]
        yield from of_whole(sentence, counts)
        yield from of_these(sentence, counts, earlier)
        yield from split_in_two(sentence, counts)
        yield from in_parentheses(sentence, counts)
        earlier = sentence


def own_count(figure: Quoted) -> int | None:
    """Return the count of a figure that is one: with or without a percentage."""
    return whole(figure.count) if figure.kind in ("count", "count_of_total", "percent") else None


def of_whole(sentence: Sentence, counts: Sequence[Quoted]) -> Iterator[Finding]:
    """Judge the parts after "Of the N patients, …"."""
    for place, figure in enumerate(counts):
        lead = sentence.text[: figure.start - sentence.start]
        if figure.kind != "count" or not WHOLE.search(lead) or not counts_people(figure):
            continue
        comma = re.search(r",", sentence.text[figure.end - sentence.start :])
        if not comma:
            return
        limit = figure.end + comma.start()
        wholes = [f for f in counts[place:] if f.start < limit]
        total = sum(own_count(f) or 0 for f in wholes)
        if NOT_WITHIN.search(sentence.passage.text[figure.start : limit]):
            return
        stop = sentence.start + len(sentence.text)
        turn = ELSEWHERE.search(sentence.passage.text, limit, stop)
        stop = turn.start() if turn else stop
        yield from larger_than(figure, total, [f for f in counts[place:] if limit <= f.start < stop])
        return


def larger_than(figure: Quoted, total: int, others: Sequence[Quoted]) -> Iterator[Finding]:
    for part in others:
        if not counts_people_or_nothing_else(part) or NOT_WITHIN.search(noun_phrase(part)):
            continue
        count = own_count(part) or 0
        if count > total:
            message = f"{count:,} are said to be of {total:,}"
            yield Finding("parts", "contradicted", (figure, part), message, expected=f"at most {total:,}")
        elif part.total is None:
            yield Finding("parts", "consistent", (part,), f"{count:,} of the {total:,}")


def of_these(sentence: Sentence, counts: Sequence[Quoted], earlier: Sentence | None) -> Iterator[Finding]:
    """Judge "N patients, of whom M …", and "Of these, M …" after a sentence with one count of patients."""
    for place, part in enumerate(counts):
        if not OF_THESE.search(sentence.text[: part.start - sentence.start]):
            continue
        ahead = [f for f in counts[:place] if own_count(f) is not None]
        if not ahead and earlier is not None and earlier.passage is sentence.passage:
            ahead = [f for f in earlier.figures if own_count(f) is not None]
            ahead = ahead if len(ahead) == 1 else []
        if ahead and all(counts_people(f) for f in ahead):
            total = own_count(ahead[-1]) or 0
            yield from larger_than(ahead[-1], total, [part])


SPLIT = re.compile(r"\b(?:randomi[sz]ed|randomly|assigned|allocated)\b", re.I)
TO = re.compile(
    r"\W{0,20}(?:\([^()]{0,40}\)\W{0,20})?(?:patients|participants)?\s{0,9}(?:were\s{1,9})?"
    r"(?:(?:assigned|allocated|randomi[sz]ed)\s{1,9})?to\b(?!\s*\d)",
    re.I,
)
MALE, FEMALE = re.compile(r"\b(?:men|males?|boys)\b", re.I), re.compile(r"\b(?:women|females?|girls)\b", re.I)


def split_in_two(sentence: Sentence, counts: Sequence[Quoted]) -> Iterator[Finding]:
    """Judge three counts of which two divide the first: an allocation to two groups, or men and women."""
    if len(counts) != 3 or not counts_people(counts[0]) or NOT_WITHIN.search(sentence.text):
        return
    first, second = (sentence.between(counts[1], counts[2]), sentence.between(counts[2], None))
    allocated = SPLIT.search(sentence.text) and TO.match(first) and TO.match(second)
    nouns = [noun_phrase(figure) for figure in counts[1:]]
    by_sex = any(MALE.search(one) and FEMALE.search(other) for one, other in (nouns, nouns[::-1]))
    if not (allocated or by_sex):
        return
    total, one, other = (own_count(figure) or 0 for figure in counts)
    sum_up = f"{one:,} + {other:,} = {one + other:,}"
    if one + other == total:
        yield Finding("parts", "consistent", tuple(counts), sum_up)
    elif one + other > total:
        yield Finding("parts", "contradicted", tuple(counts), f"{sum_up}, more than {total:,}", f"{total:,}")
    else:
        message = f"{sum_up}, not {total:,}"
        yield Finding("parts", "query", tuple(counts), message, f"{total:,}", "are the others told elsewhere?")


def in_parentheses(sentence: Sentence, counts: Sequence[Quoted]) -> Iterator[Finding]:
    """Judge "42 were excluded (20 declined, 15 were ineligible, 7 …)": reasons in parentheses against what they divide."""
    for opened in re.finditer(r"\(([^()]{5,400})\)", sentence.text):
        begin, end = (sentence.start + place for place in opened.span())
        inner = [f for f in counts if begin < f.start and f.end < end and f.total is None and f.percent is None]
        ahead = [f for f in counts if f.end <= begin and f.end > begin - 60]
        if len(inner) < 2 or not ahead or any(OTHER_UNITS.search(noun_phrase(f)) for f in inner):
            continue
        total, listed = own_count(ahead[-1]) or 0, [own_count(f) or 0 for f in inner]
        sum_up = f"{' + '.join(f'{count:,}' for count in listed)} = {sum(listed):,}"
        figures = (ahead[-1], *inner)
        if sum(listed) == total:
            yield Finding("parts", "consistent", figures, sum_up)
        elif sum(listed) > total and max(listed) <= total:
            message = f"{sum_up}, more than {total:,}"
            yield Finding("parts", "query", figures, message, f"{total:,}", "may a patient be in several of them?")


START = re.compile(
    r"\b(?:enrol+(?:ed|ment)|randomi[sz]ed|included|recruited|screened|assessed for eligibility|identified|registered|consented"
    r"|eligible|treated|of)\b",
    re.I,
)
LOST = re.compile(
    r"\b(?:lost|excluded|exclud(?:ing|ed)|withdr(?:e|a)w\w*|dropped|missing|declined|refused|ineligible|unavailable"
    r"|not (?:be )?(?:included|analy[sz]ed|available|assessed|imaged|evaluable|eligible)|no follow-up|after exclusion of)\b",
    re.I,
)
LEFT = re.compile(
    r"\b(?:analy[sz]ed|analysis|analyses|remain(?:ed|ing)?|leaving|were left|evaluable|completed|available|complete follow-up"
    r"|were followed|study population)\b",
    re.I,
)
LEAVING = re.compile(r"\b(?:leaving|were left|remain(?:ed|ing)?|thus|therefore|hence|resulting in)\b", re.I)


def flow(figures: Sequence[Quoted]) -> Iterator[Finding]:
    """Judge "78 enrolled, 3 lost to follow-up, 75 analysed" as a subtraction."""
    carried: Quoted | None = None
    earlier: Sentence | None = None
    for sentence in sentences(figures):
        counts = [f for f in sentence.figures if own_count(f) is not None and not nested(sentence, f)]
        roles = [role(sentence, counts, place) for place in range(len(counts))]
        if any(OTHER_UNITS.search(noun_phrase(f)) for f in counts):
            carried = None
            continue
        start = next((f for f, r in zip(counts, roles, strict=True) if r == "start"), None)
        if start is None and earlier is not None and earlier.passage is sentence.passage:
            start = carried
        lost = [f for f, r in zip(counts, roles, strict=True) if r == "lost"]
        left = [f for f, r in zip(counts, roles, strict=True) if r == "left"]
        if start is not None and lost and len(left) == 1 and left[0].start > lost[-1].start and start not in lost:
            yield subtracted(sentence, start, lost, left[0])
        starts = [f for f, r in zip(counts, roles, strict=True) if r == "start"]
        carried = starts[0] if len(starts) == 1 and not lost and not left and len(counts) == 1 else None
        earlier = sentence


def nested(sentence: Sentence, figure: Quoted) -> bool:
    lead = sentence.text[: figure.start - sentence.start]
    return lead.count("(") + lead.count("[") > lead.count(")") + lead.count("]")


def role(sentence: Sentence, counts: Sequence[Quoted], place: int) -> str:
    """Return what a count is in a flow by the words behind it, else by those before it: "start", "lost", "left" or ""."""
    figure = counts[place]
    following = counts[place + 1] if place + 1 < len(counts) else None
    previous = counts[place - 1] if place else None
    behind = re.split(r"[,;.]|\b(?:and|leaving|with)\b", sentence.between(figure, following))[0]
    ahead = re.split(r"[,;.]|\band\b", sentence.between(previous, figure))[-1]
    for words in (behind, ahead):
        for name, pattern in (("lost", LOST), ("left", LEFT), ("start", START)):
            if pattern.search(words):
                return name
    return ""


def subtracted(sentence: Sentence, start: Quoted, lost: Sequence[Quoted], left: Quoted) -> Finding:
    begun, remaining = own_count(start) or 0, own_count(left) or 0
    gone = [own_count(figure) or 0 for figure in lost]
    figures = (start, *lost, left)
    expected = begun - sum(gone)
    sum_up = f"{begun:,} − {' − '.join(f'{count:,}' for count in gone)} = {expected:,}"
    if expected == remaining:
        return Finding("flow", "consistent", figures, sum_up)
    message = f"{sum_up}, not {remaining:,}"
    lead = sentence.passage.text[lost[-1].end : left.end + 40]
    if LEAVING.search(lead) and (len(gone) == 1 or remaining > begun - max(gone)):
        return Finding("flow", "contradicted", figures, message, f"{expected:,}")
    if remaining > expected:
        explanation = "are some of the patients lost kept in the analysis, or lost for several reasons?"
    else:
        explanation = f"{expected - remaining:,} more are not accounted for"
    return Finding("flow", "query", figures, message, f"{expected:,}", explanation)


GENERIC = frozenset(
    """achieved achieve occurred occur seen underwent total overall rate proportion percentage frequency reported
    result one registry included study cohort population outcomes found noted had finally ci confidence interval iqr sd mean median
    final treated number percent event also multicenter prospective consecutive""".split()
)
OTHER_ANALYSIS = re.compile(r"\b(?:sensitivity|subgroups?|per[- ]protocol|validation|secondary|supplement\w*|discussion)\b", re.I)
COMPARED = ("count", "count_of_total", "percent", "ratio_ci", "median_iqr", "mean_sd")


def agreement(figures: Sequence[Quoted]) -> Iterator[Finding]:
    """Judge the figures that abstract, text and tables give under the same words; other groups are other figures."""
    told: dict[tuple[str, str, frozenset[str]], dict[str, list[Quoted]]] = {}
    for figure, label in labelled(figures):
        place = told.setdefault((family(figure), figure.measure, label), {})
        place.setdefault(part_of_manuscript(figure.passage), []).append(figure)
    for places in told.values():
        if len(places) > 1 and all(len(same) == 1 for same in places.values()):
            first, *others = (same[0] for same in places.values())
            for other in others:
                yield told_twice(first, other)


def family(figure: Quoted) -> str:
    return "share" if figure.kind in ("percent", "count_of_total") else figure.kind


def labelled(figures: Sequence[Quoted]) -> Iterator[tuple[Quoted, frozenset[str]]]:
    """Yield each figure that is the only one of its family in its sentence or cell, with the words that say what it is."""
    for sentence in sentences(figures):
        if any(OTHER_ANALYSIS.search(heading) for heading in sentence.passage.section):
            continue
        by_family: dict[str, list[Quoted]] = {}
        for figure in sentence.figures:
            by_family.setdefault(family(figure), []).append(figure)
        for name, same in by_family.items():
            if len(same) == 1 and name in ("share", *COMPARED):
                label = label_of(without(sentence))
                if label:
                    yield same[0], label
    for figure in figures:
        passage = figure.passage
        if passage.table is not None and figure.kind in COMPARED and passage.row_header:
            headers = re.sub(r"\bn\s*=\s*[\d,]+", "", " ".join(passage.column_headers), flags=re.I)
            label = label_of(f"{passage.row_header} {headers}")
            if label:
                yield figure, label


def without(sentence: Sentence) -> str:
    """Return the words of a sentence without its figures; conventional numbers stay, as "at 90 days" is not "at 12 months"."""
    pieces, place = [], sentence.start
    for figure in sentence.figures:
        pieces.append(sentence.passage.text[place : figure.start])
        place = max(place, figure.end)
    return " ".join((*pieces, sentence.passage.text[place : sentence.start + len(sentence.text)]))


def label_of(words: str) -> frozenset[str]:
    return (stems(words) - GENERIC) | frozenset(re.findall(r"\d+", words))


def told_twice(one: Quoted, other: Quoted) -> Finding:
    first, second = (part_of_manuscript(figure.passage) for figure in (one, other))
    pairs = [
        (getattr(one, name), getattr(other, name))
        for name in ("count", "total", "percent", "estimate", "low", "high", "sd")
        if getattr(one, name) is not None and getattr(other, name) is not None
    ]
    if pairs and all(overlap(spread(a), spread(b)) for a, b in pairs):
        return Finding("agreement", "consistent", (one, other), f"{first} and {second} agree")
    message = f"{one.text} in the {first}, {other.text} in the {second}"
    same_total = one.total is not None and other.total is not None and one.total.value == other.total.value
    if same_total and not (one.inherited or other.inherited):
        return Finding("agreement", "contradicted", (one, other), message)
    other_total = one.total is not None and other.total is not None and not same_total
    explanation = "another denominator" if other_total else "another group, time or model?"
    return Finding("agreement", "query", (one, other), message, explanation=explanation)

