"""The usual sentences about a result: a template says which one it wants, and not how it is put."""

from __future__ import annotations

from collections.abc import Callable

from tieout.display import Piece, Profile, fraction_pct, interval, iqr, p
from tieout.errors import TieoutError
from tieout.keyed import literal_markdown
from tieout.results import Results, Statistic

Sentence = Callable[..., list[Piece]]


def looking(results: Results, key: str) -> Callable[[str], Statistic]:
    return lambda name: results[f"{key}.{name}" if name else key]


def occurred(results: Results, key: str, profile: Profile, verb: str = "occurred in", whom: str = "patients") -> list[Piece]:
    """Symptomatic intracranial haemorrhage occurred in 4 of 78 patients (5.1%; 95% CI 2.0 to 12.5)"""
    look = looking(results, key)
    label = literal_markdown(look("n").variable_label or look("n").label)
    return [
        f"{label} {verb} ", look("n"), " of ", look("total"), f" {whom} (", look("pct"), profile.parts,
        *interval(look, profile), ")",
    ]  # fmt: skip


def described(results: Results, key: str, profile: Profile) -> list[Piece]:
    """median 67 years (IQR 59 to 75), or mean 67.1 years (SD 11.2)"""
    look = looking(results, key)
    middle = look("median") if f"{key}.median" in results else look("mean")
    unit = f" {literal_markdown(middle.unit)}" if middle.unit else ""
    if middle.kind == "mean":
        return ["mean ", middle, f"{unit} (SD{profile.named}", look("sd"), ")"]
    return ["median ", middle, f"{unit} (", *iqr(look, profile), ")"]


def compared(results: Results, key: str, profile: Profile) -> list[Piece]:
    """43/53 (81.1%) v 1/12 (8.3%); difference 72.8 percentage points; 95% CI 43.0 to 83.5; p<0.001"""
    look = looking(results, f"{key}.difference")
    difference = look("estimate")
    groups = [s.key.removesuffix(".pct") for s in results.under(key) if s.name == "pct" and s.group not in ("", "all")]
    first, second = (fraction_pct(looking(results, group), profile) for group in groups[:2])
    return [
        *first, " v ", *second, f"{profile.parts}difference ", difference, " percentage points", profile.parts,
        *interval(look, profile), profile.parts, *p(looking(results, key), profile),
    ]  # fmt: skip


def levels(results: Results, key: str, profile: Profile, group: str = "all") -> list[Piece]:
    """Stenosis in 76 (97.4%), dissection in 1 (1.3%) and hard embolus in 1 (1.3%): the levels that occur, most frequent first"""
    counts = [s for s in results.under(key) if s.name == "n" and s.group == group and s.level and s.value]
    if not counts:
        raise TieoutError(key, f"has no levels in the group '{group}'", "name a variable of a table, as in table.baseline.sex")
    pieces: list[Piece] = []
    for place, count in enumerate(sorted(counts, key=lambda s: -(s.value or 0))):
        joint = "" if not place else " and " if place == len(counts) - 1 else ", "
        label = count.level_label if not place else lowered(count.level_label)
        pct = results[f"{count.key.removesuffix('.n')}.pct"]
        pieces += [f"{joint}{literal_markdown(label)} in ", count, " (", pct, ")"]
    return pieces


def lowered(label: str) -> str:
    """Return a label as it stands within a sentence: "Dissection" is "dissection", "ICA" stays."""
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


def was(results: Results, key: str, profile: Profile) -> list[Piece]:
    """was, or was not where p is no smaller than the level of the study's intervals allows"""
    found = results[f"{key}.p"]
    if found.value is None:
        raise TieoutError(found.key, f"cannot be judged: it is not estimable ({found.error})", "reword the sentence")
    return ["was" if found.value < round(1 - float(profile.confidence) / 100, 10) else "was not"]


SENTENCES: dict[str, Sentence] = {
    "occurred": occurred,
    "described": described,
    "compared": compared,
    "levels": levels,
    "was": was,
}
"""What templates use as filters on the place where a result's keys begin."""
