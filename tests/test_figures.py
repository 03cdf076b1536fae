"""Pictures of results: what they say, what they show, and that they are the same every time."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import html
import io
import re
import subprocess
import sys
import warnings
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path

import pytest

from tieout import figures
from tieout.display import Profile
from tieout.results import Results, Statistic
from tieout.spreadsheet import as_csv

JNIS = Profile()
HERE = Path(__file__).parent
SCORES = [str(code) for code in range(7)]


def results(statistics=(), *, synthetic="", flow=(), models=None, shifts=None, **drawn):
    layout = {"flow": list(flow), "models": models or {}, "shifts": shifts or {}, "figures": drawn}
    return Results.of(statistics, {"synthetic": synthetic, "layout": layout})


def without(found, *keys, reason="too few to show"):
    """Return the results with some statistics not estimable."""
    hidden = {key: dataclasses.replace(found[key], value=None, error=reason) for key in keys}
    return Results.of([hidden.get(s.key, s) for s in found], found.meta)


def step(name, label, *, excluded="", beside=False):
    return {"name": name, "label": label, "excluded": excluded, "beside": beside, "of": "registry"}


def counted(name, n, label):
    return Statistic(f"flow.{name}.n", n, "count", label, n=n, context="flow", variable=name, name="n")


def left(name, n, label, **reasons):
    yield Statistic(f"flow.{name}.excluded.n", n, "count", label, n=n, context="flow", name="excluded")
    for code, (why, lost) in enumerate(reasons.values(), start=1):
        yield Statistic(
            f"flow.{name}.reason.{code}.n", lost, "count", why, n=lost, context="flow", name="reason",
            level=str(code), level_label=why, variable_label=label,
        )  # fmt: skip


def patients(synthetic="", first="Thrombectomies screened", why="No first-line thrombectomy"):
    steps = [
        step("screened", first),
        step("eligible", "Rescue stenting after failed first-line thrombectomy", excluded="Not eligible"),
        step("consented", "Consent or waiver", excluded="Consent refused"),
        step("enrolled", "Enrolled in the registry"),
        step("imaged", "Follow-up vessel imaging", excluded="No follow-up imaging", beside=True),
        step("assessed", "mRS known at 3 months", excluded="No 3-month mRS", beside=True),
    ]
    ns = dict(zip((s["name"] for s in steps), (10_412, 93, 91, 91, 74, 88), strict=True))
    reasons = {
        "a": (why, 9_870),
        "b": ("Elective stenting", 402),
        "c": ("Extracranial stenting only", 0),
        "d": ("Other reason", 47),
    }
    statistics = [
        *(counted(s["name"], ns[s["name"]], s["label"]) for s in steps),
        *left("eligible", 10_319, "Not eligible", **reasons),
        *left("consented", 2, "Consent refused"),
        *left("imaged", 17, "No follow-up imaging"),
        *left("assessed", 3, "No 3-month mRS"),
    ]
    return results(statistics, synthetic=synthetic, flow=steps, flow_={"kind": "flow", "of": ""})


def grades(group, label, counts, score="mRS at 3 months", labels=None):
    total = sum(counts.values())
    for code, n in counts.items():
        shared = {
            "n": n, "total": total, "context": "shift", "variable": "mrs90", "variable_label": score, "level": code,
            "level_label": (labels or {}).get(code, code), "group": group, "group_label": label,
        }  # fmt: skip
        path = f"shift.mrs.{group}.{code}"
        yield Statistic(f"{path}.n", n, "count", "", name="n", **shared)
        share = 100 * n / total if total else None
        error = "" if total else "no patients in this group"
        yield Statistic(f"{path}.pct", share, "percent", "", name="pct", error=error, **shared)


def contrast(estimate=3.214, low=1.456, high=7.102, p=0.00389, error=""):
    label = "mRS at 3 months, common odds ratio of a lower score, Patent v Not patent"
    kinds = {"estimate": "common_odds_ratio", "low": "ratio_limit", "high": "ratio_limit", "p": "p"}
    for (name, kind), value in zip(kinds.items(), (estimate, low, high, p), strict=True):
        value = None if error else value
        yield Statistic(f"shift.mrs.{name}", value, kind, label, name=name, error=error, context="shift")


def shifted(groups, *more, synthetic="", **words):
    statistics = [s for name, (label, counts) in groups.items() for s in grades(name, label, counts, **words)]
    layout = {"mrs": {"label": "mRS by patency", "groups": list(groups)}}
    return results([*statistics, *more], synthetic=synthetic, shifts=layout, mrs={"kind": "distribution", "of": "mrs"})


def scores(*counts):
    return dict(zip(SCORES, counts, strict=False))


TWO_GROUPS = {
    "patent": ("Patent", scores(9, 13, 11, 7, 6, 1, 4)),
    "not_patent": ("Not patent", scores(1, 0, 3, 4, 5, 3, 7)),
}


def term(name, label, values, *, fit="", warning="", error="", level="", level_label="", reference="", unit=""):
    kinds = {"estimate": "odds_ratio", "low": "ratio_limit", "high": "ratio_limit", "p": "p"}
    path = ".".join(part for part in ("model.favourable", fit, name, level) if part)
    for (part, kind), value in zip(kinds.items(), values or [None] * 4, strict=True):
        yield Statistic(
            f"{path}.{part}", value, kind, label, name=part, warning=warning, error="" if values else error,
            context="model", variable=name, variable_label=label, level=level, level_label=level_label,
            group=reference, unit=unit,
        )  # fmt: skip


UNSTABLE = "near-separation: the ordinary estimate is unstable; Firth's is given beside it"
SEPARATED = "perfect separation: the ordinary estimate does not exist; Firth's is given"


def fitted(
    *statistics, terms=("d_patent", "age", "nihss_adm", "occl_site", "dm"), synthetic="", label="Favourable outcome"
):
    layout = {"favourable": {"label": label, "terms": list(terms), "univariable": []}}
    return results(statistics, synthetic=synthetic, models=layout, forest={"kind": "forest", "of": "favourable"})


def odds(synthetic=""):
    site = {"name": "occl_site", "label": "Occlusion site", "reference": "Intracranial ICA"}
    return fitted(
        *term("d_patent", "Stent patent at follow-up", (87.6, 4.77, 1608.9, 0.0026), warning=UNSTABLE),
        *term("d_patent", "Stent patent at follow-up", (31.45, 4.012, 702.3, 0.00041), fit="firth"),
        *term("age", "Age", (0.612, 0.33, 1.088, 0.093), unit="per 10"),
        *term("age", "Age", (0.65, 0.36, 1.1, 0.11), unit="per 10", fit="firth"),
        *term("nihss_adm", "NIHSS on arrival", (0.874, 0.783, 0.976, 0.017)),
        *term(**site, values=(1.31, 0.02, 12.4, 0.81), level="2", level_label="MCA M1"),
        *term(**site, values=None, error="no event among its patients", level="5", level_label="Basilar artery"),
        *term("dm", "Diabetes mellitus", None, warning=SEPARATED, error="perfect separation"),
        *term("dm", "Diabetes mellitus", (0.021, 0.0001, 0.41, 0.0004), fit="firth"),
        synthetic=synthetic,
    )


LONG = "A label as long as a protocol's criterion, with each of its conditions and exceptions spelled out in full, " * 2
NO_FORMULA = "$\\frac{$"
STRANGE = f"선별된 환자 🧠 {NO_FORMULA} 50% {LONG}{'unbreakable' * 12}"
SIDEWAYS = Results.of(
    patients(),
    {
        "synthetic": "",
        "layout": {
            "flow": [
                {**s, "beside": s["beside"] or s["name"] == "consented"} for s in patients().meta["layout"]["flow"]
            ],
            "figures": {"flow_": {"kind": "flow", "of": ""}},
        },
    },
)
ONE_GROUP = shifted({"all_of_them": ("Everyone", scores(0, 0, 12, 0, 0, 1, 300))})
EMPTY_GROUP = shifted(
    {**TWO_GROUPS, "none": ("Nobody", scores(0, 0, 0, 0, 0, 0, 0))}, *contrast(error="an empty group")
)
BEYOND = fitted(*term("age", "Age", (1500.0, 900.0, 1e7, 1e-9)), *term("dm", "Diabetes", (1e-5, 0.0, 0.01, 0.02)))
NONE_ESTIMABLE = fitted(*term("age", "Age", None, error="the fit did not converge"))

def balanced(*labels, synthetic=""):
    """Return the balance of terms that differ by 0.31 before weighting and by 0.04 after."""
    found = results(
        [
            Statistic(f"propensity.x.balance.t{at}.{part}", value, "smd", label, variable_label=label)
            for at, label in enumerate(labels)
            for part, value in (("smd", 0.31), ("weighted_smd", 0.04))
        ],
        synthetic=synthetic,
        balance={"kind": "love", "of": "x"},
    )
    terms = [f"t{at}" for at in range(len(labels))]
    return found.with_meta(layout={**found.meta["layout"], "propensity": {"x": {"label": "Stenting", "terms": terms}}})


def survived(groups, synthetic="", label="Survival", times=("90", "365")):
    """Return survival by group: of each its label and the steps of its curve (time, percentage, low, high)."""
    statistics = [Statistic("survival.x.p", 0.0031, "p", "")]
    statistics += [Statistic("survival.x.median.estimate", 200, "survival_time", "", unit="days")]
    curves = {}
    for name, (words, steps) in groups.items():
        path = f"survival.x.{name}"
        counts = {"n": 120, "events": 60} | {f"{when}.at_risk": 90 - 10 * i for i, when in enumerate(times)}
        statistics += [Statistic(f"{path}.{part}", value, "count", words, n=value) for part, value in counts.items()]
        for when in times:
            kinds = {"pct": "survival", "low": "percent_limit", "high": "percent_limit"}
            statistics += [Statistic(f"{path}.{when}.{part}", 61.5, kind, words) for part, kind in kinds.items()]
        curves[name] = {"label": words, "end": 400.0, "steps": steps}
    found = results(statistics, synthetic=synthetic, km={"kind": "kaplan_meier", "of": "x"})
    survival = {"x": {"label": label, "groups": list(groups), "at": list(times)}}
    return found.with_meta(layout={**found.meta["layout"], "survival": survival}, curves={"x": curves})


def lacking(counts, patterns=(), synthetic=""):
    """Return how many values variables lack, by label, of 80 patients, and which lack together."""
    labels = {f"v{at}": label for at, label in enumerate(counts)}
    statistics = [Statistic("table.t.patients.all.n", 80, "count", "Patients")] + [
        Statistic(f"table.t.{name}.all.missing", counts[label], "count", label, n=counts[label], variable_label=label)
        for name, label in labels.items()
    ]
    found = results(statistics, synthetic=synthetic, gaps={"kind": "missing", "of": "t"})
    layout = {**found.meta["layout"], "tables": {"t": {"sections": {"": list(labels)}}}}
    return found.with_meta(layout=layout, patterns={"t": [{"missing": list(names), "n": n} for names, n in patterns]})


FALLING = [[30.0, 90.0, 80.0, 95.0], [120.0, 61.5, 50.0, 70.0], [360.0, 40.0, None, None]]
TWO_CURVES = {"a": ("Rescue stent", FALLING), "b": ("Medical treatment alone", [[10.0, 70.0, 60.0, 80.0], [200.0, 12.0, 5.0, 20.0]])}
GAPS = {"Age": 3, "Sex": 0, "Collateral grade (ASITN/SIR)": 12}
PICTURES = {
    "kaplan_meier": (survived(TWO_CURVES, "SYNTHETIC"), "km"),
    "kaplan_meier of four": (survived({k: (f"Group {k}", FALLING) for k in "abcd"}, times=("30", "35", "365")), "km"),
    "kaplan_meier with strange labels": (survived({"a": (STRANGE, FALLING)}, label=STRANGE), "km"),
    "kaplan_meier of nothing": (survived({"a": ("Stent", [])}), "km"),
    "missing": (lacking(GAPS, [((), 66), (("v2",), 11), (("v0",), 2), (("v0", "v2"), 1)], "SYNTHETIC"), "gaps"),
    "missing with many patterns": (
        lacking({f"Variable {i}": 20 for i in range(30)}, [((f"v{i}",), 1000 + i) for i in range(30)]), "gaps",
    ),
    "missing with strange labels": (lacking({STRANGE: 4}, [(("v0",), 4)]), "gaps"),
    "missing of nothing": (lacking({"Age": 0}, [((), 80)]), "gaps"),
    "flow": (patients("SYNTHETIC"), "flow_"),
    "flow with strange labels": (patients(first=STRANGE, why=STRANGE), "flow_"),
    "flow with a step at the side": (SIDEWAYS, "flow_"),
    "flow of nothing": (results(flow_={"kind": "flow", "of": ""}), "flow_"),
    "distribution": (shifted(TWO_GROUPS, *contrast(), synthetic="SYNTHETIC"), "mrs"),
    "distribution of one group": (ONE_GROUP, "mrs"),
    "distribution with an empty group": (EMPTY_GROUP, "mrs"),
    "distribution with strange labels": (
        shifted({"a": (STRANGE, scores(1, 2, 3))}, score=STRANGE, labels=dict.fromkeys(SCORES, STRANGE)), "mrs",
    ),
    "distribution of nothing": (shifted({}), "mrs"),
    "forest": (odds("SYNTHETIC"), "forest"),
    "forest with strange labels": (fitted(*term("age", STRANGE, (0.5, 0.2, 1.3, 0.2)), label=STRANGE), "forest"),
    "forest beyond the axis": (BEYOND, "forest"),
    "forest of nothing estimable": (NONE_ESTIMABLE, "forest"),
    "forest of nothing": (fitted(), "forest"),
    "love": (balanced("Age", "NIHSS at admission", synthetic="SYNTHETIC"), "balance"),
    "love with strange labels": (balanced(STRANGE, "Age"), "balance"),
    "love of nothing": (balanced(), "balance"),
}  # fmt: skip
each_picture = pytest.mark.parametrize("picture", PICTURES)


def drawn_now(picture, profile=JNIS):
    return figures.draw(*PICTURES[picture], profile)


draw = cache(drawn_now)


PLACED = re.compile(
    r'<!-- (?P<text>.*?) -->\s*<g (?:style="[^"]*" )?transform="translate\((?P<x>[\d.-]+) (?P<y>[\d.-]+)\)'
)


def placed(figure):
    """Return (text, left, baseline, width) of each line of text of a picture, in points."""
    found = [(html.unescape(m["text"]), m["x"], m["y"]) for m in PLACED.finditer(figure.svg.decode())]
    return [(text, float(x), float(y), figures.measure(text)) for text, x, y in found]


def texts(figure):
    return [text for text, *_ in placed(figure)]


def said(figure):
    """Return all text of a picture, its wrapped lines joined."""
    return " ".join(texts(figure))


def size(figure):
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', figure.svg.decode())
    return float(found[1]), float(found[2])


def rectangles(figure, fill=r"#[0-9a-f]{6}"):
    """Return (left, top, width, height) of the filled rectangles with an outline."""
    corner = r"([\d.-]+) ([\d.-]+) \n"
    path = rf'd="M {corner}L ([\d.-]+) [\d.-]+ \nL [\d.-]+ ([\d.-]+) \nL [^"]*" style="fill: {fill}; stroke: '
    found = [[float(side) for side in m] for m in re.findall(path, figure.svg.decode())]
    return [(min(a, c), min(b, d), abs(c - a), abs(d - b)) for a, b, c, d in found]


@each_picture
def test_no_text_leaves_its_picture(picture):
    figure = draw(picture)
    width, height = size(figure)
    assert placed(figure)
    for text, x, y, wide in placed(figure):
        assert x >= -0.5 and x + wide <= width + 0.5, text
        assert y - figures.SIZE * 0.75 >= 0 and y + figures.SIZE * 0.2 <= height, text


@each_picture
def test_no_two_lines_of_text_overlap(picture):
    for (a, x, y, wide), (b, x2, y2, wide2) in combinations(placed(draw(picture)), 2):
        apart = x + wide <= x2 + 0.3 or x2 + wide2 <= x + 0.3 or abs(y - y2) >= figures.SIZE
        assert apart, (a, b)


@each_picture
def test_a_picture_is_the_same_bytes_each_time(picture):
    assert drawn_now(picture) == draw(picture)


@each_picture
def test_the_alternative_text_is_that_of_the_picture_and_one_line(picture):
    text = figures.alt(*PICTURES[picture], JNIS)
    assert text == draw(picture).alt
    assert "\n" not in text and "  " not in text and text.endswith(".")


@each_picture
def test_rows_are_a_table_that_csv_gives_back(picture):
    rows = draw(picture).rows
    assert len(rows) > 1 and len({len(row) for row in rows}) == 1
    assert tuple(tuple(row) for row in csv.reader(io.StringIO(as_csv(rows)))) == rows


@each_picture
def test_pictures_are_86_or_178_mm_wide_and_png_has_300_dots_per_inch(picture):
    from PIL import Image

    figure = draw(picture)
    width, height = size(figure)
    assert round(width / 72 * 25.4, 3) in (86, 178)
    with Image.open(io.BytesIO(figure.png)) as image:
        assert image.size == pytest.approx((width / 72 * 300, height / 72 * 300), abs=1)
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        assert not {"Software", "Creation Time"} & set(image.info)


@each_picture
def test_every_decimal_is_written_by_the_journal_profile(picture):
    lancet = dataclasses.replace(JNIS, decimal_point="·")
    figure = draw(picture, lancet)
    for text in (*texts(figure), figure.alt, as_csv(figure.rows)):
        assert not re.search(r"\d\.\d", text)


@pytest.mark.parametrize("kind", ["flow", "distribution", "forest"])
def test_synthetic_data_are_marked_in_the_picture_and_in_its_text(kind):
    figure = draw(kind)
    assert texts(figure).count("SYNTHETIC DATA") == 1
    assert figure.alt.endswith("Synthetic data.")
    found, name = PICTURES[kind]
    real = figures.draw(Results.of(found, {**found.meta, "synthetic": ""}), name, JNIS)
    assert "SYNTHETIC" not in said(real) and "ynthetic" not in real.alt


def test_another_process_draws_the_same_bytes_without_pyplot_and_alt_loads_no_matplotlib():
    code = """
import hashlib, sys
from test_figures import JNIS, PICTURES
from tieout import figures
figures.alt(*PICTURES["forest"], JNIS)
assert "matplotlib" not in sys.modules
figure = figures.draw(*PICTURES["forest"], JNIS)
assert "matplotlib.pyplot" not in sys.modules
print(hashlib.sha256(figure.svg + figure.png).hexdigest())
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True, check=True)
    figure = draw("forest")
    assert ran.stdout.strip() == hashlib.sha256(figure.svg + figure.png).hexdigest()
    assert ran.stderr == ""


def test_a_users_settings_of_matplotlib_neither_change_a_picture_nor_are_changed():
    import matplotlib

    plain = draw("forest")
    theirs = {"savefig.bbox": "tight", "savefig.facecolor": "red", "path.sketch": (1, 100, 2), "svg.fonttype": "none"}
    with matplotlib.rc_context(theirs):
        assert drawn_now("forest") == plain
        assert {name: matplotlib.rcParams[name] for name in theirs} == theirs


@pytest.mark.parametrize("picture", [name for name in PICTURES if "strange" in name])
def test_signs_that_no_font_has_give_no_warning_and_mathematics_stays_text(picture, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = drawn_now(picture)
    assert capfd.readouterr() == ("", "")
    assert NO_FORMULA in said(figure)


def test_a_flow_shows_each_count_and_leaves_out_reasons_that_nobody_had():
    figure = draw("flow")
    for shown in ("Thrombectomies screened (n=10,412)", "Consent or waiver (n=91)", "mRS known at 3 months (n=88)"):
        assert shown in said(figure) and shown in figure.alt
    for shown in ("Not eligible (n=10,319)", "Elective stenting (n=402)", "No 3-month mRS (n=3)"):
        assert shown in texts(figure)
    assert "Extracranial" not in said(figure) + figure.alt + as_csv(figure.rows)
    assert ("Not eligible", "Elective stenting", "402") in figure.rows


def test_reasons_stand_indented_beneath_their_total_at_the_right_of_the_arrow():
    places = {text: (x, y) for text, x, y, _ in placed(draw("flow"))}
    total, reason, spine = places["Not eligible (n=10,319)"], places["Other reason (n=47)"], places["(n=93)"]
    assert reason[0] > total[0] > spine[0] and total[1] < reason[1] < spine[1]


def test_last_steps_stand_beside_each_other_and_one_before_more_steps_stands_at_the_side():
    places = {text: (x, y) for text, x, y, _ in placed(draw("flow"))}
    assert places["Follow-up vessel imaging"][1] == places["mRS known at 3 months"][1]
    places = {text: (x, y) for text, x, y, _ in placed(draw("flow with a step at the side"))}
    side, after = places["Consent or waiver (n=91)"], places["Enrolled in the registry"]
    assert side[1] < after[1] and side[0] < after[0]


@pytest.mark.parametrize("picture", ["flow", "flow with strange labels", "flow with a step at the side"])
def test_text_of_a_flow_stays_in_its_box(picture):
    figure = draw(picture)
    boxes = rectangles(figure)
    for text, x, y, wide in placed(figure):
        inside = [b for b in boxes if b[0] < x and x + wide < b[0] + b[2] and b[1] < y - 4 and y + 1 < b[1] + b[3]]
        assert len(inside) == 1 or text == "SYNTHETIC DATA", text


def test_a_count_that_is_hidden_is_not_estimable_and_no_error():
    found = without(patients(), "flow.consented.excluded.n", "flow.eligible.reason.4.n")
    assert "Consent refused (n=NE)" in texts(figures.draw(found, "flow_", JNIS))
    found = without(shifted(TWO_GROUPS), "shift.mrs.patent.5.n")
    figure = figures.draw(found, "mrs", JNIS)
    assert "Not drawn: too few to show" in texts(figure) and "too few to show" in figure.alt


def test_segments_are_as_wide_as_their_share_and_a_grade_that_nobody_has_has_none():
    figure = draw("distribution")
    bars = [r for r in rectangles(figure) if r[3] == pytest.approx(figures.BAR)]
    tops = sorted({top for _, top, _, _ in bars})
    for top, (_, counts) in zip(tops, TWO_GROUPS.values(), strict=True):
        widths = [width for _, y, width, _ in sorted(bars) if y == top]
        assert [w / sum(widths) for w in widths] == pytest.approx(
            [n / sum(counts.values()) for n in counts.values() if n], abs=1e-6
        )
    assert len(tops) == 2


def test_the_first_group_is_on_top_with_its_size_and_numbers_are_in_the_segments():
    figure = draw("distribution")
    places = {text: y for text, _, y, _ in placed(figure)}
    assert places["Patent"] < places["(n=51)"] < places["Not patent"] < places["(n=23)"]
    assert {"25.5%", "13", "30.4%", "mRS at 3 months", *SCORES} <= set(texts(figure))
    assert "Patent (n=51): 0 in 9 (17.6%), 1 in 13 (25.5%)" in figure.alt
    assert ("Not patent", "1", "0", "0%") in figure.rows


def test_boundaries_are_joined_between_groups_and_not_where_a_group_cannot_be_drawn():
    joined = rf"stroke: {figures.GREY}"
    assert draw("distribution").svg.decode().count(joined) == 6
    assert draw("distribution with an empty group").svg.decode().count(joined) == 6
    assert draw("distribution of one group").svg.decode().count(joined) == 0


def test_the_common_odds_ratio_stands_beneath_the_bars_or_why_there_is_none():
    assert "Patent v Not patent: 3.21 (95% CI 1.46 to 7.10); p=0.004" in said(draw("distribution"))
    assert "Patent v Not patent: NE (an empty group)" in said(draw("distribution with an empty group"))


@pytest.mark.parametrize("grades_", range(1, 12))
def test_shades_darken_in_greyscale_and_their_numbers_are_legible(grades_):
    shades = figures.shading(grades_)
    greys = [sum(w * int(s[i : i + 2], 16) for w, i in ((0.299, 1), (0.587, 3), (0.114, 5))) for s in shades]
    assert all(light - dark > 9 for light, dark in pairwise(greys))
    for shade, grey in zip(shades, greys, strict=True):
        ink = luminance(figures.on(shade))
        for paper in (luminance(shade), luminance(f"#{round(grey):02x}" + f"{round(grey):02x}" * 2)):
            assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) >= 4.5


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_forest_writes_each_estimate_as_the_table_does():
    figure = draw("forest")
    shown = {"87.6 (4.77 to 1608.9)", "0.003", "31.5 (4.01 to 702.3)", "<0.001", "0.61 (0.33 to 1.09)", "Age, per 10"}
    assert shown <= set(texts(figure))
    assert "Odds ratio (95% CI), log scale" in texts(figure)
    assert "Stent patent at follow-up: 87.6 (4.77 to 1608.9), p=0.003" in figure.alt


def test_levels_stand_indented_beneath_their_variable():
    places = {text: (x, y) for text, x, y, _ in placed(draw("forest"))}
    heading, level = places["Occlusion site (reference: Intracranial ICA)"], places["MCA M1"]
    assert level[0] > heading[0] and level[1] > heading[1]


def test_firths_estimate_stands_only_where_the_ordinary_one_carries_a_warning():
    figure = draw("forest")
    assert [row[0] for row in figure.rows if "Firth" in row[1]] == ["Stent patent at follow-up", "Diabetes mellitus"]
    assert "0.65 (0.36 to 1.10)" not in said(figure)
    assert "Firth" not in said(draw("forest beyond the axis"))


def test_a_term_that_is_not_estimable_has_no_marker_and_its_reason_in_a_note():
    figure = draw("forest of nothing estimable")
    assert "NE" in texts(figure) and "NE, not estimable: the fit did not converge." in texts(figure)
    assert "not estimable (the fit did not converge)" in figure.alt
    assert markers(figure) == []
    assert len(markers(draw("forest"))) == 5, "four ordinary estimates and the key"


def markers(figure):
    return [r for r in rectangles(figure, figures.INK) if r[2] == pytest.approx(3.4, abs=0.01)]


def test_markers_stand_at_the_logarithm_of_their_estimates():
    figure = draw("forest")
    ticks = {text: x + wide / 2 for text, x, _, wide in placed(figure) if text in ("1", "100")}
    per_decade = (ticks["100"] - ticks["1"]) / 2
    centres = [(x + width / 2 - ticks["1"]) / per_decade for x, _, width, _ in markers(figure)[:4]]
    assert [10**c for c in centres] == pytest.approx([87.6, 0.612, 0.874, 1.31], rel=0.03)


def test_an_interval_beyond_the_axis_ends_in_an_arrow_and_the_axis_stays_readable():
    arrow = f'z\n" style="fill: {figures.INK}"'
    assert draw("forest").svg.decode().count(arrow) == 4
    figure = draw("forest beyond the axis")
    assert figure.svg.decode().count(arrow) == 2 and markers(figure) == []
    assert {"0.05", "100"} <= set(texts(figure)) and "1000" not in said(figure)


@pytest.mark.parametrize("kind", figures.KINDS)
def test_an_empty_source_gives_a_picture_that_says_so(kind):
    figure = draw(f"{kind} of nothing")
    assert said(figure).startswith("There ") and " to draw: " in said(figure)
    assert figure.alt == said(figure)


def test_survival_curves_are_stairs_that_end_where_the_last_was_followed_with_numbers_at_risk_under_the_ticks():
    figure = draw("kaplan_meier")
    at = {text: x + width / 2 for text, x, _, width in placed(figure) if text in ("0", "90", "365", "120", "80")}
    assert {"Rescue stent", "Medical treatment alone", "Log-rank p=0.003", "At risk", "Time, days"} <= set(texts(figure))
    assert texts(figure).count("120") == 2 and texts(figure).count("90") == 3, "at risk at 0 and at 90, and the tick itself"
    ticks = [x + width / 2 for text, x, _, width in placed(figure) if text == "365"]
    below = [x + width / 2 for text, x, _, width in placed(figure) if text == "80"]
    assert all(abs(x - ticks[0]) < 1.5 for x in below) and at["365"] > at["90"] > at["0"]
    assert figure.rows[1] == ("Rescue stent", "0", "100%", "120") and figure.rows[2][2:] == ("61.5% (61.5 to 61.5)", "90")
    assert "Log-rank p=0.003." in figure.alt and "120 patients, 60 events" in figure.alt


def test_ticks_that_would_run_into_each_other_are_left_out_but_for_the_last():
    assert "365" in texts(draw("kaplan_meier of four")) and not {"30", "35"} <= set(texts(draw("kaplan_meier of four")))


def test_curves_are_told_apart_in_grey_and_by_their_dashes():
    from tieout.figures.kaplan_meier import LOOKS

    assert all(one[1] != two[1] or abs(luminance(one[0]) - luminance(two[0])) > 0.05 for one, two in pairwise(LOOKS))


def test_a_map_of_missing_data_leaves_out_complete_variables_and_says_how_many_they_are():
    figure = draw("missing")
    assert {"Age", "3 (3.8%)", "Collateral grade (ASITN/SIR)", "12 (15.0%)"} <= set(texts(figure)) and "Sex" not in texts(figure)
    assert "1 of 3 variables lack no value and are not shown; 66 of 80 patients lack none." in said(figure)
    assert figure.rows[-1] == ("Age and Collateral grade (ASITN/SIR)", "1")
    assert [text for text, *_ in placed(figure) if text in ("11", "2", "1")] == ["11", "2", "1"], "the most frequent first"


def test_patterns_beyond_the_twelve_most_frequent_are_summed():
    figure = draw("missing with many patterns")
    assert re.search(r"Not shown: 2\d further patterns of \d\d,\d{3} patients\.", said(figure))


def test_every_kind_that_a_study_may_declare_can_be_drawn():
    from typing import get_args

    from tieout.study import Figure

    assert set(get_args(Figure.model_fields["kind"].annotation)) == set(figures.KINDS)
