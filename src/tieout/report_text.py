"""Results of a site, or of the coordinating centre, to the words of their reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date

from tieout import figures, keyed, report_tables
from tieout.display import PHRASES, Profile
from tieout.figures.drawing import looking
from tieout.periods import in_words
from tieout.results import HIDDEN, Results
from tieout.tables import reasons
from tieout.weave import ATTRIBUTE

ORDER = ("much-worse", "worse", "missed", "much-better", "better")
TOO_FEW = "This site has too few patients for any indicator to be judged. Read each figure with its interval."
NOTHING = "No indicator of this site calls for action on these figures."


def inserts(results: Results, profile: Profile, edition: str) -> dict[str, dict[str, str]]:
    """Return what the template of an edition, "site" or "centre", may insert: tables, words with figures, the cover."""
    tables, texts = EDITIONS[edition]
    known = results.meta
    cover = {
        "registry": known["title"], "study": known["study"], "period": known["period"]["words"],
        "before": known["period"]["before"], "judged": known["period"]["judged"],
        "cut": in_words(date.fromisoformat(known["cut"])), "snapshot": results.stamp,
        "contact": known["contact"], "version": known["version"], "site": known.get("site", {}).get("name", ""),
        "code": known.get("site", {}).get("code", ""),
    }  # fmt: skip
    literal = {name: keyed.literal_markdown(words) for name, words in cover.items()}
    return {
        "report": literal,
        "yaml": {name: json.dumps(words, ensure_ascii=False) for name, words in literal.items()},
        "tables": {name: table(results, profile) for name, table in tables.items()},
        "text": {name: make(results, profile) for name, make in texts.items()},
    }


def said(results: Results, key: str, phrase: str, profile: Profile) -> str:
    """Return a phrase about a key as Markdown, or that it is hidden or why there is none."""
    look = looking(results, key)
    missing = reasons(look, phrase, profile)
    if missing:
        return "hidden" if HIDDEN in missing else "none"
    return keyed.markdown(PHRASES[phrase](look, profile), profile)


def flags(results: Results, profile: Profile) -> str:
    """Return what calls for action, the gravest first, each with its figure and what to do."""
    status = results.meta.get("status", {})
    lines = []
    for code in ORDER:
        for name, found in status.items():
            if found["code"] != code:
                continue
            told = results.meta["indicators"][name]
            rate = told["kind"] == "rate"
            unit = f" {told['unit']}" if told["unit"] and not rate else ""
            figure = said(results, f"indicator.{name}", "rate" if rate else "median_iqr", profile) + unit
            label = keyed.literal_markdown(told["label"])
            lines.append(f"- **{label}: {found['words'].lower()}.** This site: {'' if rate else 'median '}{figure}. {found['action']}")
    if lines:
        return "\n".join(lines)
    return TOO_FEW if all(found["code"] in ("few", "none", "hidden") for found in status.values()) else NOTHING


def shown(results: Results, profile: Profile, kind: str, captions: Mapping[str, str]) -> str:
    """Return the figures of one kind, two to a row where there are several."""
    blocks = []
    for name, chart in results.meta["charts"].items():
        if chart["kind"] == kind:
            alt = figures.alt(results, name, profile).translate(ATTRIBUTE)
            caption = keyed.literal_markdown(captions[kind].format(label=chart["label"]))
            blocks.append(f'![{caption}](figures/{name}){{#fig-{name.replace("_", "-")} fig-alt="{alt}"}}')
    if len(blocks) < 2 or kind != "funnel":
        return "\n\n".join(blocks)
    rows = ["\n\n".join(blocks[i : i + 2]) for i in range(0, len(blocks), 2)]
    return "\n\n".join(f"::: {{layout-ncol=2}}\n{row}\n:::" if "\n\n" in row else row for row in rows)


CAPTIONS = {
    "funnel": "{label}: the site among all sites, with the limits of chance.",
    "run": "{label}, in the order of time.",
    "recruitment": "{label} by calendar time, and all together.",
}


def funnels(results: Results, profile: Profile) -> str:
    return shown(results, profile, "funnel", CAPTIONS)


def runs(results: Results, profile: Profile) -> str:
    return shown(results, profile, "run", CAPTIONS)


def recruited(results: Results, profile: Profile) -> str:
    return shown(results, profile, "recruitment", CAPTIONS)


def changes(results: Results, profile: Profile) -> str:
    """Return the change log: what is defined otherwise, what was restated, what happened to the site."""
    lines = [f"- {keyed.literal_markdown(line)}" for line in results.meta.get("changes", ())]
    for name, place in results.meta.get("restated", {}).items():
        label = keyed.literal_markdown(results.meta["indicators"][name]["label"])
        rate = results.meta["indicators"][name]["kind"] == "rate"
        phrase = "fraction_pct" if rate else "value"
        then = said(results, f"restated.{name}" if rate else f"restated.{name}.median", phrase, profile)
        now = said(results, place if rate else f"{place}.median", phrase, profile)
        lines.append(f"- {label}, restated: {then} in the last report, {now} from the present data.")
    return "\n".join(lines) or "Nothing was defined otherwise or restated since the last report."


def methods(results: Results, profile: Profile) -> str:
    """Return how the figures were made and what not to conclude from them, as paragraphs."""
    known = results.meta
    told = known["indicators"]
    lines = [f"- **{keyed.literal_markdown(each['label'])}**: {keyed.literal_markdown(each['words'])}; "
             f"of {keyed.literal_markdown(each['among'])}." for each in told.values()]  # fmt: skip
    spread = [each["label"] for each in told.values() if each.get("tau2")]
    paragraphs = [
        "\n".join(lines),
        f"Percentages have Wilson intervals ({profile.confidence}{profile.percent}) unless the study names others; times are "
        "medians with quartiles. Sites are compared with the registry's rate by a funnel plot: its limits are prediction limits from "
        "exact binomial tails (95% and 99.8%), or exact Poisson tails about observed/expected = 1 where an outcome is "
        "adjusted for case mix by indirect standardisation. The interval of observed/expected is Garwood's exact Poisson "
        "interval. For events that are common both are wider than need be.",
        f"Below {known['judge_from']} patients a figure is not judged. Of many sites that are all alike, about one in 20 lies "
        "beyond a 95% limit by chance alone; a figure beyond a limit is a reason to look, not a verdict. Do not rank sites "
        "by these figures.",
    ]
    if spread:
        paragraphs.append(
            "The limits were widened for over-dispersion (Spiegelhalter 2005, additive model) for: "
            + keyed.literal_markdown("; ".join(spread)) + "."
        )  # fmt: skip
    if any(chart["kind"] == "run" for chart in known["charts"].values()):
        paragraphs.append(
            "Run charts follow Anhøj's rules: a signal is a run longer than by chance, or fewer crossings of the median than "
            "expected; points on the median are not counted, and fewer than 10 are not judged."
        )
    return "\n\n".join([*paragraphs, suppression(results, profile)])


def suppression(results: Results, profile: Profile) -> str:
    """Return which counts are hidden."""
    rule = results.meta["suppress"]
    if not rule["below"]:
        return "No counts are hidden."
    zero = "0" if rule["zero"] == "hidden" else "1"
    own = "A site sees its own." if rule["own"] == "shown" else "They are hidden in the site's own report too."
    return (
        f"Other sites' counts from {zero} to {rule['below'] - 1} are hidden, and as many more as it takes that nobody can "
        f"work them out. {own}"
    )


def figure(key: str) -> report_tables.Maker:
    """Return what says one figure."""
    return lambda results, profile: said(results, key, "value", profile)


def last(results: Results, profile: Profile) -> str:
    """Return when the last patient was enrolled."""
    if results["site.last.date"].error:
        return "No patient has been enrolled so far."
    day, days = (said(results, f"site.last.{name}", "value", profile) for name in ("date", "days"))
    return f"The last patient was enrolled on {day}, {days} days before the data were cut."


def lists(results: Results, profile: Profile) -> str:
    """Return how much there is to do, and in which files it is listed by record."""
    todo = [
        f"{keyed.literal_markdown(told['label'])}: {said(results, f'follow_up.{name}.overdue', 'value', profile)} overdue, "
        f"{said(results, f'follow_up.{name}.due', 'value', profile)} due now"
        for name, told in results.meta["follow_ups"].items()
    ]
    files = "Records are named in the separate files follow-up.csv and queries.csv."
    return f"{'; '.join(todo)}. {files}" if todo else files


def silent(results: Results, profile: Profile) -> str:
    """Return the sites without a patient in the period, by name."""
    names = [site["name"] for site in results.meta["sites"] if site["silent"]]
    if not names:
        return "Every site enrolled a patient in the period."
    return "\n".join(f"- {keyed.literal_markdown(name)}" for name in names)


TO_ALL: dict[str, report_tables.Maker] = {
    "funnels": funnels, "recruitment": recruited, "methods": methods, "suppression": suppression,
}  # fmt: skip
TO_SITE = TO_ALL | {
    "flags": flags, "runs": runs, "changes": changes, "last": last, "lists": lists,
    "patients_period": figure("site.period.n"), "patients_so_far": figure("site.cumulative.n"),
}  # fmt: skip
TO_CENTRE = TO_ALL | {
    "silent": silent, "registry_period": figure("registry.period.n"), "registry_so_far": figure("registry.cumulative.n"),
}  # fmt: skip
EDITIONS = {"site": (report_tables.SITE, TO_SITE), "centre": (report_tables.CENTRE, TO_CENTRE)}
"""The tables and the texts of each edition, by the names under which its template inserts them."""
