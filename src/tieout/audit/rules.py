"""The rules that need no data: each with sentences that must fail and sentences that must pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tieout.audit.accounts import agreement, flow, parts
from tieout.audit.comparisons import direction, p_counts, ratio_direction, significance
from tieout.audit.intervals import limits, p_interval, quartiles, symmetry
from tieout.audit.possible import impossible
from tieout.audit.proportions import denominators, share
from tieout.audit.quoted import Finding, Quoted


@dataclass(frozen=True)
class Rule:
    """A check over all figures of a manuscript, and Markdown that it must find fault with and must not."""

    check: Callable[[Sequence[Quoted]], Iterator[Finding]]
    fails: tuple[str, ...]
    passes: tuple[str, ...]


def judge(figures: Sequence[Quoted]) -> list[Finding]:
    """Return what the rules say of the figures of a manuscript, in reading order; nothing of a figure that none can judge.

    A figure is contradicted only when no usual method reproduces it within the rounding of all numbers printed.
    """
    found = [finding for rule in RULES.values() for finding in rule.check(figures)]
    return sorted(found, key=lambda finding: (finding.figures[0].passage.index, finding.figures[0].start))


RULES: dict[str, Rule] = {
    "share": Rule(
        share,
        fails=(
            "A favourable outcome was seen in 52 of 78 patients (69.7%).",
            "Death occurred in 80/78 patients (102.6%).",
            "Recanalisation was achieved in 77/78 patients (97.8%).",
            "Mortality was 8% (4/75).",
            "| | Maintenance (n=52) | Control (n=26) |\n|---|---|---|\n| Female sex, n (%) | 20 (38.5) | 12 (49.2) |\n",
        ),
        passes=(
            "A favourable outcome was seen in 52 of 78 patients (66.7%).",
            "Mortality was 5% (4/75), and 1/8 (12.5%) or 1/8 (13%) had a complication.",
            "Two of three patients (67%) were discharged home.",
            "| | Maintenance (n=52) | Control (n=26) |\n|---|---|---|\n| Female sex, n (%) | 20 (38.5) | 12 (46.2) |\n",
        ),
    ),
    "denominators": Rule(
        denominators,
        fails=(
            "We included 78 patients. Mortality was observed in 4.0% of patients.",
            "Of 78 patients, seventy-seven patients (98.1%) were recanalised.",
            "A total of 78 patients were included. A favourable outcome was seen in 50 patients (66.7%).",
            "We enrolled 20 patients, and 43% of the patients were women.",
        ),
        passes=(
            "We included 78 patients. A favourable outcome was observed in 66.7% of patients.",
            "We included 78 patients. Seventy-seven patients (98.7%) were recanalised.",
            "We included 78 patients. The infarct volume of these patients fell by 4.0%, and the degree of stenosis was 71.0%.",
            "We enrolled 75 of 78 patients. Mortality was 4.0%.",
            "We studied 12,345 patients, of whom 4.0% died.",
            "We included 78 patients. The cumulative incidence of death in these patients was 4.0%.",
        ),
    ),
    "interval": Rule(
        limits,
        fails=(
            "The odds were higher (OR 3.84; 95% CI 1.10 to 3.07; p=0.02).",
            "The odds were higher (OR 1.84; 95% CI 3.07 to 1.10; p=0.02).",
            "Recanalisation was seen in 66.7% (95% CI 75.4% to 86.3%) of patients.",
            "The AUC was 0.91 (95% CI 0.74 to 0.88).",
            "The mean difference was 2.1 mm Hg (95% CI −3.9 to −0.3).",
        ),
        passes=(
            "The odds were higher (OR 1.84; 95% CI 1.10 to 3.07; p=0.02).",
            "The risk was the same (RR 1.0; 95% CI 1.0 to 1.1).",
            "The mean difference was −2.1 mm Hg (95% CI −3.9 to −0.3).",
            "The AUC was 0.81 (95% CI 0.74 to 0.88).",
            "No patient died (0%; 95% CI 0% to 4.6%).",
        ),
    ),
    "symmetry": Rule(
        symmetry,
        fails=(
            "The odds were higher (OR 1.14; 95% CI 1.10 to 3.07).",
            "The hazard was lower (HR 0.72; 95% CI 0.55 to 1.34).",
            "The risk difference was 12.3% (95% CI 9.0% to 25.6%).",
            "The odds were higher (OR 2.00; 95% CI 1.00 to 3.00).",
        ),
        passes=(
            "The odds were higher (OR 1.84; 95% CI 1.10 to 3.07; p=0.02).",
            "A patent stent was associated with the outcome (OR 87.6; 95% CI 4.77 to 1608.9; p=0.003).",
            "By conditional maximum likelihood the ratio was 11.5 (OR 11.5; 95% CI 2.60 to 72.7).",
            "The risk difference was 36.5% (95% CI 17.1% to 55.7%).",
            "The risk was the same (RR 1.1; 95% CI 1.0 to 1.1).",
        ),
    ),
    "p_interval": Rule(
        p_interval,
        fails=(
            "The odds were higher (OR 1.84; 95% CI 1.10 to 3.07; p=0.52).",
            "The hazard was no lower (HR 0.95; 95% CI 0.75 to 1.20; p=0.001).",
            "The odds were higher (OR 5.72; 95% CI 1.45 to 22.6; p=0.13).",
            "The mean difference was −2.1 mm Hg (95% CI −3.9 to −0.3; p=0.20).",
            "The odds were higher (OR 1.84; 95% CI 1.10 to 3.07; p=0.01).",
            "| | OR (95% CI) | p |\n|---|---|---|\n| Age over 70 years | 1.84 (1.10 to 3.07) | 0.40 |\n",
        ),
        passes=(
            "A patent stent was associated with the outcome (OR 87.6; 95% CI 4.77 to 1608.9; p=0.003).",
            "Maintenance was associated with patency (OR 5.72; 95% CI 1.45 to 22.6; p=0.013).",
            "The odds were higher (OR 1.84; 95% CI 1.00 to 3.39; p=0.048).",
            "The odds were higher (OR 1.84; 95% CI 1.10 to 3.07; P=.02).",
            "The hazard was lower (HR 0.72; 95% CI 0.55 to 0.94; p for interaction=0.60).",
            "The mean difference was −2.1 mm Hg (95% CI −3.9 to −0.3; P=.02).",
            "The risk was lower (RR 0.50; 95% CI 0.35 to 0.71; p<0.001).",
        ),
    ),
    "p_counts": Rule(
        p_counts,
        fails=(
            "A favourable outcome was seen in 40/52 (76.9%) v 12/26 (46.2%) patients (p=0.41).",
            "Death occurred in 3/52 (5.8%) versus 4/26 (15.4%) patients (p<0.001).",
            "Patency was found in 46/52 (88.5%) v 18/26 (69.2%) patients (p=0.019).",
        ),
        passes=(
            "A favourable outcome was seen in 40/52 (76.9%) v 12/26 (46.2%) patients (p=0.007).",
            "A favourable outcome was seen in 40/52 (76.9%) v 12/26 (46.2%) patients (p=0.01).",
            "Death occurred in 3/52 (5.8%) versus 4/26 (15.4%) patients (p=0.21).",
            "Death occurred in 3/52 (5.8%) versus 4/26 (15.4%) patients (p=0.16).",
            "Death occurred in 3/52 (5.8%) versus 4/26 (15.4%) patients (p>0.05).",
        ),
    ),
    "parts": Rule(
        parts,
        fails=(
            "Of 78 patients, 80 had a favourable outcome.",
            "We included 78 patients, of whom 87 were women.",
            "In all, 78 patients were randomised, 40 to maintenance and 39 to placebo.",
            "We studied 78 patients (52 men and 36 women).",
            "We excluded 42 patients (20 declined, 15 were ineligible, and 17 moved away).",
        ),
        passes=(
            "Of 78 patients, 52 had a favourable outcome and 96 stents were placed.",
            "We included 78 patients, of whom 30 were women.",
            "In all, 78 patients were randomised, 40 to maintenance and 38 to placebo.",
            "Of 78 patients, 52 had a favourable outcome; in the earlier registry, 120 had one.",
            "Of the 78 patients, matched with 156 controls, 60 were women.",
            "We excluded 42 patients (20 declined, 15 were ineligible, and 7 moved away).",
        ),
    ),
    "flow": Rule(
        flow,
        fails=(
            "We enrolled 78 patients, 3 were lost to follow-up, and 77 were analysed.",
            "Of 120 patients screened, 42 were excluded, leaving 87 patients for analysis.",
            "We enrolled 78 patients. Three patients were lost to follow-up, and 70 patients were analysed.",
        ),
        passes=(
            "We enrolled 78 patients, 3 were lost to follow-up, and 75 were analysed.",
            "Of 120 patients screened, 42 were excluded, leaving 78 patients for analysis.",
            "We enrolled 78 patients, 3 were lost to follow-up, and 78 patients had a baseline scan.",
            "Of 120 patients screened, 40 were excluded and 2 withdrew consent; 78 patients were analysed.",
        ),
    ),
    "agreement": Rule(
        agreement,
        fails=(
            "# Abstract\n\nA favourable outcome was observed in 50/75 patients.\n\n"
            "# Results\n\nA favourable outcome was observed in 52/75 patients.",
            "# Abstract\n\nMortality was 4.0%.\n\n# Results\n\nMortality was 5.3% (4/75).",
        ),
        passes=(
            "# Abstract\n\nA favourable outcome was observed in 66.7% of patients.\n\n"
            "# Results\n\nA favourable outcome was observed in 50/75 patients (66.7%).",
            "# Abstract\n\nMortality was 4.0%.\n\n# Results\n\nMortality in women was 5.3%.",
            "# Abstract\n\nMortality at 30 days was 4.0%.\n\n# Results\n\nMortality at 90 days was 5.3%.",
        ),
    ),
    "quartiles": Rule(
        quartiles,
        fails=(
            "The median NIHSS score was 19 (IQR 10–18).",
            "The median age was 67 years (IQR 75–59).",
        ),
        passes=(
            "The median NIHSS score was 14 (IQR 10–18).",
            "The median number of passes was 1 (IQR 1–1).",
        ),
    ),
    "direction": Rule(
        direction,
        fails=(
            "Patency was more frequent with maintenance than without (69.2% v 88.5%).",
            "Mortality was lower with maintenance (15.4%) than without it (5.8%).",
            "Patency with maintenance (69.2%) was higher than without it (88.5%).",
            "Patency increased from 88.5% to 69.2%.",
        ),
        passes=(
            "Patency was more frequent with maintenance than without (88.5% v 69.2%).",
            "Mortality was lower with maintenance (5.8%) than without it (15.4%).",
            "Mortality was not lower with maintenance (15.4%) than without it (5.8%).",
            "Mortality was higher in controls than in treated patients (treated 5.8% v controls 15.4%).",
            "Patency increased from 69.2% to 88.5%.",
            "Mortality was 5.8% with maintenance and 15.4% without it.",
        ),
    ),
    "ratio_direction": Rule(
        ratio_direction,
        fails=(
            "Maintenance reduced the odds of occlusion (OR 1.84; 95% CI 1.10 to 3.07).",
            "Women were more likely to die (RR 0.72; 95% CI 0.55 to 0.94).",
        ),
        passes=(
            "Maintenance reduced the odds of occlusion (OR 0.54; 95% CI 0.33 to 0.91).",
            "Maintenance did not reduce the odds of occlusion (OR 1.10; 95% CI 0.66 to 1.84).",
            "A reduced ejection fraction was associated with death (OR 1.84; 95% CI 1.10 to 3.07).",
        ),
    ),
    "significance": Rule(
        significance,
        fails=(
            "Patency was significantly associated with the outcome (p=0.21).",
            "There was a significant difference in mortality (5.8% v 15.4%, p=0.16).",
            "There was no significant difference in mortality (5.8% v 25.4%, p=0.002).",
            "Patency was significantly associated with the outcome (OR 1.20; 95% CI 0.90 to 1.60; p=0.21).",
        ),
        passes=(
            "Patency was significantly associated with the outcome (p=0.013).",
            "There was no significant difference in mortality (5.8% v 15.4%, p=0.16).",
            "Patency was significantly associated with the outcome (p=0.013), but age was not (p=0.30).",
            "Mortality was lower, but not significantly so (p=0.16).",
            "Clinically significant bleeding occurred in 5.8% v 15.4% of patients (p=0.16).",
            "Patients without maintenance had significantly lower patency (p=0.013).",
            "P<.10 was considered significant. Age was significantly associated with the outcome (p=0.07).",
        ),
    ),
    "impossible": Rule(
        impossible,
        fails=(
            "Patency was found in 102.6% of patients.",
            "The groups differed (p=1.3).",
            "The groups differed (p=0.000).",
            "The AUC was 1.81 (95% CI 0.74 to 1.88).",
            "Four patients (5.1%; 95% CI −1.0% to 10.1%) died.",
            "The odds were lower (OR −0.54; 95% CI −0.91 to 0.33).",
        ),
        passes=(
            "The platelet count rose by 120% in these patients.",
            "The groups differed (p<0.001) or did not (p=1.00).",
            "The AUC was 0.81 (95% CI 0.74 to 0.88).",
            "Four patients (5.1%; 95% CI 2.0% to 12.5%) died.",
            "The risk difference was 2.3% (95% CI −1.0% to 5.6%).",
        ),
    ),
}
