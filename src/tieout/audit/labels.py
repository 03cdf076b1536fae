"""The words by which a manuscript says what a number is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """What an announced number is: the kind of figure, and which measure."""

    kind: str
    measure: str


RATIOS = {
    "OR": "odds ratio|odds ratios", "HR": "hazard ratio|hazard ratios|subdistribution hazard ratio",
    "RR": "risk ratio|risk ratios|relative risk|relative risks|rate ratio|rate ratios", "IRR": "incidence rate ratio",
    "PR": "prevalence ratio",
}  # fmt: skip
DIFFERENCES = {
    "RD": "risk difference|absolute difference|absolute risk difference|absolute risk reduction|rate difference|difference",
    "MD": "mean difference|mean differences|difference in means|between group difference|median difference",
}
AREAS = (
    "AUC|AUROC|c statistic|c statistics|c index|C statistic|C index|concordance index|area under the curve|"
    "area under the receiver operating characteristic curve|area under the roc curve"
)
NOT_TYPED = (
    "χ|χ2|χ²|chi square|chi squared|df|κ|kappa|β|beta|I2|I²|ICC|VIF|SMD|standardised mean difference|"
    "standardized mean difference|correlation coefficient|AIC|BIC|NNT|number needed to treat"
)


def spellings() -> dict[str, list[tuple[tuple[str, ...], Label]]]:
    """Return the names of measures by their first word, the longest first."""
    named: list[tuple[str, Label]] = [
        *((name, Label("auc_ci", "AUC")) for name in AREAS.split("|")),
        *((name, Label("conventional", "statistic of no kind")) for name in NOT_TYPED.split("|")),
        *((name, Label("median_iqr", "")) for name in ("median", "medians", "Median")),
        *((name, Label("mean_sd", "")) for name in ("mean", "means", "average", "Mean")),
    ]
    for short, names in RATIOS.items():
        named += [(name, Label("ratio_ci", short)) for name in (short, f"{short}s", *names.split("|"))]
        adjusted = Label("ratio_ci", f"a{short}")
        named += [
            (f"{word} {name}", adjusted) for word in ("adjusted", "Adjusted") for name in (short, *names.split("|"))
        ]
        named += [(f"{prefix}{short}", adjusted) for prefix in ("a", "A", "adj")]
    named += [
        ("common odds ratio", Label("ratio_ci", "OR")),
        ("cOR", Label("ratio_ci", "OR")),
        ("sHR", Label("ratio_ci", "HR")),
    ]
    for short, names in DIFFERENCES.items():
        named += [(name, Label("difference_ci", short)) for name in (short, *names.split("|"))]
        named += [(f"adjusted {name}", Label("difference_ci", short)) for name in names.split("|")]
    found: dict[str, list[tuple[tuple[str, ...], Label]]] = {}
    for name, label in named:
        words = tuple(name.split())
        found.setdefault(words[0], []).append((words, label))
    for names_of_one in found.values():
        names_of_one.sort(key=lambda pair: -len(pair[0]))
    return found


LABELS = spellings()
LIMIT_WORDS = frozenset(
    "ci cis cri ui cl interval intervals limits confidence credible uncertainty compatibility".split()
)
INTERVAL_WORDS = LIMIT_WORDS | {"bayesian", "exact", "wilson"}
QUARTILE_WORDS = frozenset(
    "iqr interquartile range quartile quartiles q1 q3 percentile percentiles first third q1–q3 min max".split()
)
UNITS = frozenset(
    """year years yr yrs month months week weeks day days hour hours h hr hrs minute minutes min mins second seconds s
    ms mg g kg µg μg mcg ng ml dl l mm cm m km µm μm mmhg mmol hg hz gy iu u unit units kcal bpm beats kpa °c c f
    inch inches points point kda fr gauge ppm decade decades""".split()
)
NOUNS = frozenset(
    """patients participants subjects individuals women men children adults infants neonates newborns people persons
    cases controls deaths events sites centres centers hospitals stents procedures lesions strokes hemorrhages
    haemorrhages occlusions arteries vessels studies trials pregnancies births deliveries admissions operations survivors
    readmissions relapses recurrences complications infections failures responders nonresponders carriers users males
    females girls boys mothers fathers residents volunteers donors recipients tumours tumors fractures samples records
    questionnaires visits eyes knees hips implants grafts devices responses reoperations falls seizures bleeds
    countries practices units wards surgeons clinics patient participant death event woman man child case stent
    thrombectomies reinterventions dissections perforations aneurysms attacks infarctions infarcts losses withdrawals
    dropouts exclusions attempts passes crossovers twins births households schools centre center hospital workers nurses
    physicians students pupils employees inhabitants veterans smokers members relatives partners carers""".split()
)
NEVER_COUNTED = frozenset(
    """groups group arms arm reviewers reviewer investigators authors models model variables variable categories times
    time levels level dimensions scales items questions tables figures steps stage stages phases phase sections raters
    readers observers neurologists radiologists statisticians and or to vs versus points score scores per""".split()
)
COUNTED_AFTER = frozenset(
    """were was had died underwent received completed did achieved experienced developed survived remained withdrew
    discontinued declined met refused could required who did have showed needed moved""".split()
)
COUNTED_BEFORE = frozenset(
    "total of in enrolled included randomised randomized excluded remaining other leaving by".split()
)
THRESHOLD = frozenset(
    "significant significance significantly alpha α univariable univariate considered threshold".split()
)
NAMED = {
    **dict.fromkeys(("table", "tables", "figure", "figures", "fig", "figs", "appendix", "section", "chapter", "box",
                     "supplement", "panel", "eq", "equation", "step", "item", "page", "pages", "part"), "number of a table or figure"),
    **dict.fromkeys(("ref", "refs", "reference", "references"), "reference"),
    **dict.fromkeys(("version", "release", "SAS", "Stata", "SPSS", "R", "Python"), "version"),
    **dict.fromkeys(("phase", "grade", "grades", "type", "class", "stage", "level", "model", "category", "group", "arm",
                     "cohort", "trial", "study", "visit", "cycle", "factor", "quartile", "tertile", "quintile"), "grade or class"),
    **dict.fromkeys(("mrs", "nihss", "aspects", "mtici", "tici", "timi", "nyha", "asa", "ecog", "gcs", "apgar", "icd",
                     "meddra", "ctcae", "score", "scores"), "scale"),
    **dict.fromkeys(("aged", "age"), "age limit"),
    **dict.fromkeys(("every", "within", "after", "day", "days", "week", "month", "year", "dose", "approval", "protocol",
                     "number", "nct", "isrctn"), "protocol"),
}  # fmt: skip
QUALIFIERS = frozenset(
    """exact likelihood profile ratio fisher fisher's fisher’s chi square squared log rank logrank wald wilson score
    bootstrap bootstrapped clopper pearson adjusted unadjusted nominal sided two one mcnemar wilcoxon mann whitney test
    from""".split()
)
"""Words that may stand between an estimate and its interval or its p: "exact 95% CI", "likelihood ratio p=0.03"."""
