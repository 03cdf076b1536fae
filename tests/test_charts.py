"""Charts of reports to sites: what funnel plots, run charts and recruitment show, and that only the own site is named."""

from __future__ import annotations

import csv
import dataclasses
import importlib
import io
import re
import subprocess
import sys
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from lxml import etree

from tieout import figures
from tieout.display import Profile
from tieout.figures import moments
from tieout.figures.axis import apart, around, inside
from tieout.figures.sheet import measure, saved, stamped, style
from tieout.results import Results
from tieout.spreadsheet import as_csv

JNIS = Profile()
HERE = Path(__file__).parent
LONG = (
    "Patients treated within ninety minutes of arrival at the door of a hospital that receives transfers from afar " * 2
)

SITES = [[1, 100.0], [2, 100.0], [3, 66.7], [4, 50.0], [5, 100.0], [6, 66.7], [7, 100.0], [11, 90.9], [17, 88.2]]


def funnel(points=SITES, own=(8, 50.0), centre=79.6, limits=None, unit="%", label="3-month mRS obtained", hidden=0):
    limits = around_centre(centre, max([17, *(size for size, _ in points)])) if limits is None else limits
    return {
        "kind": "funnel", "label": label, "unit": unit, "size_label": "Patients", "points": points,
        "own": list(own) if own else None, "centre": centre, "limits": limits, "hidden": hidden,
    }  # fmt: skip


def around_centre(centre, largest, top=100.0, begins=1):
    """Return limits that narrow with the root of the size; their values are the analysis's to judge."""
    sizes = sorted({begins, *(round(largest * share / 60) or 1 for share in range(1, 61))})
    return [
        [size, *(min(top, max(0.0, centre + sign * width * top / size**0.5)) for width, sign in WIDTHS)]
        for size in sizes
        if size >= begins
    ]


WIDTHS = ((0.8, -1), (0.8, 1), (1.2, -1), (1.2, 1))


def many(n=500):
    """Return sites most of which are small; the larger they are the nearer to 74%."""
    sizes = [20 + 3000 * i**3 // n**3 for i in range(n)]
    return [[size, 74.0 + ((i * 37) % 29 - 14) * 6 / size**0.5] for i, size in enumerate(sizes)]


def run(points, median=75.0, target=90, step="quarter", signal="", unit="min", label="Door to puncture"):
    return {
        "kind": "run", "label": label, "unit": unit, "points": points, "median": median, "target": target,
        "step": step, "signal": signal,
    }  # fmt: skip


def quarters(n, first=2019):
    return [f"{first + i // 4}-Q{i % 4 + 1}" for i in range(n)]


def times(whens):
    return [[when, 60.0 + (i * 17) % 43] for i, when in enumerate(whens)]


def days(n):
    return [f"{2019 + i // 336}-{i // 28 % 12 + 1:02}-{i % 28 + 1:02}" for i in range(n)]


def recruitment(counts, target=None, whens=None, label="Patients enrolled"):
    whens = whens or quarters(len(counts))
    steps = [
        [when, n, sum(counts[: i + 1]), None if target is None else target * (i + 1)]
        for i, (when, n) in enumerate(zip(whens, counts, strict=True))
    ]
    return {"kind": "recruitment", "label": label, "steps": steps}


NO_SMALL = [[row[0], *([None] * 4 if row[0] < 6 else row[1:])] for row in around_centre(79.6, 17)]
CHARTS = {
    "funnel": funnel(hidden=1),
    "funnel of 500 sites": funnel(many(), own=(400, 75.0), centre=74.0, hidden=12),
    "funnel with the own site outside": funnel(many(), own=(1500, 41.0), centre=74.0),
    "funnel without the own site": funnel(own=None),
    "funnel without limits for small sites": funnel(own=(3, 100.0), limits=NO_SMALL),
    "funnel without limits": funnel(limits=[]),
    "funnel of ratios": funnel(
        [[0.8, 0.0], [4.3, 1.86], [9.75, 0.62], [31.2, 1.1]], own=(12.5, 2.4), centre=1.0, unit="",
        label="Haemorrhage, observed to expected", limits=around_centre(1.0, 32, top=9.0),
    ),
    "funnel of equal values": funnel([[3, 100.0], [9, 100.0]], own=(9, 100.0), centre=100.0),
    "funnel of the own site alone": funnel([], own=(12, 75.0), centre=75.0, limits=[[12, 50.0, 91.7, 33.3, 100.0]]),
    "funnel with a long label": funnel(label=LONG),
    "funnel of nothing": funnel([], own=None, limits=[], hidden=12),
    "run": run(times(quarters(14)), signal="shift: 9 points in a row on one side"),
    "run of 300 patients": run(times(days(300)), step="patient"),
    "run of months with gaps": run(
        [[f"{2019 + i // 12}-{i % 12 + 1:02}", 60.0 + i % 31] for i in range(40) if i % 9], step="month", target=None,
        unit="%",
    ),
    "run of few patients": run(times(days(5)), step="patient"),
    "run of one point": run([["2021-Q3", 77.0]], median=77.0, target=None),
    "run of equal values": run([[f"{year}", 100.0] for year in range(2010, 2022)], 100.0, 95, "year", unit="%"),
    "run with its target at its median": run(times(quarters(12)), median=75.0, target=75.5),
    "run with a long label": run(times(quarters(14)), label=LONG, signal=LONG),
    "run of nothing": run([], median=None, target=None),
    "recruitment": recruitment([4, 0, 7, 14, 9, 3, 5, 8], target=7.5),
    "recruitment of 60 quarters": recruitment([(i * 7) % 40 for i in range(60)], target=18),
    "recruitment of one month": recruitment([3], target=4, whens=["2021-07"]),
    "recruitment of years": recruitment([310, 290, 411], whens=["2019", "2020", "2021"]),
    "recruitment of nobody": recruitment([0, 0, 0], target=2),
    "recruitment with a long label": recruitment([4, 5, 6], label=LONG),
    "recruitment of nothing": recruitment([]),
}  # fmt: skip
each_chart = pytest.mark.parametrize("name", CHARTS)


def results(chart, synthetic="SYNTHETIC"):
    layout = {"figures": {"chart": {"kind": chart["kind"], "of": "it"}}}
    return Results.of((), {"synthetic": synthetic, "layout": layout, "charts": {"it": chart}})


def drawn_now(chart, profile=JNIS, **how):
    return figures.draw(results(chart), "chart", profile, **how)


@cache
def draw(name):
    return drawn_now(CHARTS[name])


SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
MOVED = re.compile(r"translate\(([\d.-]+) ([\d.-]+)\)(?: scale\(([\d.]+))?")


def walked(node, x=0.0, y=0.0):
    """Yield each node of an SVG with the place of its origin in the picture, and the scale of its text."""
    moved = MOVED.match(node.get("transform", "")) if isinstance(node.tag, str) else None
    if moved:
        x, y = x + float(moved[1]), y + float(moved[2])
    yield node, x, y, float(moved[3]) if moved and moved[3] else None
    if node.tag != f"{SVG}defs":
        for child in node:
            yield from walked(child, x, y)


def placed(figure):
    """Return (text, left, baseline, width, size) of each line of text of a picture, in points."""
    found = []
    words = ""
    for node, x, y, scale in walked(etree.fromstring(figure.svg)):
        if node.tag is etree.Comment:
            words = node.text.strip()
        elif scale and words:
            found.append((words, x, y, measure(words, scale * 100), round(scale * 100, 6)))
            words = ""
    return found


def texts(figure):
    return [text for text, *_ in placed(figure)]


def said(figure):
    return " ".join(texts(figure))


def size(figure):
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', figure.svg.decode())
    return float(found[1]), float(found[2])


def circles(figure):
    """Return the places of the other sites of a funnel plot."""
    uses = etree.fromstring(figure.svg).iter(f"{SVG}use")
    return [(float(use.get("x")), float(use.get("y"))) for use in uses if use.get(HREF) == "#site"]


def own(figure):
    """Return the place of the own site of a funnel plot, or None."""
    found = [(x, y) for node, x, y, _ in walked(etree.fromstring(figure.svg)) if node.get("id") == "own"]
    return (found[0][0] + 150, found[0][1] + 150) if found else None


def paths(figure, color=r"#[0-9a-f]{6}", dashed=False):
    """Return the lines of a picture as lists of places."""
    found = re.findall(rf'<path d="([^"]*)"[^>]* style="fill: none;([^"]*)stroke: {color}', figure.svg.decode())
    return [
        [tuple(map(float, place)) for place in re.findall(r"[ML] ([\d.-]+) ([\d.-]+)", d)]
        for d, how in found
        if ("dasharray" in how) == dashed
    ]


def bars(figure, fill="#b9b9b9"):
    """Return (left, top, width, height) of the filled rectangles."""
    corner = r"([\d.-]+) ([\d.-]+) \n"
    path = rf'd="M {corner}L ([\d.-]+) [\d.-]+ \nL [\d.-]+ ([\d.-]+) \nL [^"]*" style="fill: {fill}; stroke: '
    found = [[float(side) for side in m] for m in re.findall(path, figure.svg.decode())]
    return [(min(a, c), min(b, d), abs(c - a), abs(d - b)) for a, b, c, d in found]


def scale_of(figure, *, across=False):
    """Return what turns a place of a picture into the value at which its first axis has it, from its tick labels."""
    numbers = [(x, y, wide, float(t.replace(",", ""))) for t, x, y, wide, _ in placed(figure) if re.fullmatch(TICK, t)]
    if across:
        row = max(y for _, y, _, _ in numbers)
        ticks = [(x + wide / 2, value) for x, y, wide, value in numbers if y == row]
    else:
        edge = min(x + wide for x, _, wide, _ in numbers)
        ticks = [(y - 0.36 * figures.SIZE, value) for x, y, wide, value in numbers if abs(x + wide - edge) < 0.1]
    (a, low), (b, high) = min(ticks, key=lambda t: t[1]), max(ticks, key=lambda t: t[1])
    return lambda place: low + (place - a) / (b - a) * (high - low)


TICK = r"[\d,]+(\.\d+)?"


@each_chart
def test_no_text_leaves_its_picture(name):
    width, height = size(draw(name))
    assert placed(draw(name))
    for text, x, y, wide, points in placed(draw(name)):
        assert x >= -0.5 and x + wide <= width + 0.5, text
        assert y - points * 0.75 >= 0 and y + points * 0.2 <= height, text


@each_chart
def test_no_two_lines_of_text_overlap(name):
    for (a, x, y, wide, points), (b, x2, y2, wide2, _) in combinations(placed(draw(name)), 2):
        apart_ = x + wide <= x2 + 0.3 or x2 + wide2 <= x + 0.3 or abs(y - y2) >= points * 0.95
        assert apart_, (a, b)


@each_chart
def test_a_chart_is_the_same_bytes_each_time(name):
    assert drawn_now(CHARTS[name]) == draw(name)


@each_chart
def test_the_alternative_text_is_that_of_the_chart_and_one_line(name):
    text = figures.alt(results(CHARTS[name]), "chart", JNIS)
    assert text == draw(name).alt
    assert "\n" not in text and "  " not in text and text.endswith(". Synthetic data.")


@each_chart
def test_rows_are_a_table_that_csv_gives_back(name):
    rows = draw(name).rows
    assert len(rows) > 1 and len({len(row) for row in rows}) == 1
    assert tuple(tuple(row) for row in csv.reader(io.StringIO(as_csv(rows)))) == rows


@each_chart
def test_funnel_plots_are_86_mm_wide_and_charts_of_time_178(name):
    from PIL import Image

    width, height = size(draw(name))
    wide = CHARTS[name]["kind"] != "funnel" and "nothing" not in name
    assert round(width / 72 * 25.4, 3) == (178 if wide else 86)
    if wide and "long" not in name:
        assert 48 <= height / 72 * 25.4 <= 62
    with Image.open(io.BytesIO(draw(name).png)) as image:
        assert image.size == pytest.approx((width / 72 * 300, height / 72 * 300), abs=1)


@each_chart
def test_text_of_wide_charts_is_larger_so_that_a_phone_can_show_it(name):
    wide = size(draw(name))[0] > 400
    assert {points for *_, points in placed(draw(name))} == {9.0 if wide else 7.0}


@each_chart
def test_synthetic_data_are_stamped_and_real_ones_are_not(name):
    assert texts(draw(name)).count("SYNTHETIC DATA") == 1
    real = figures.draw(results(CHARTS[name], synthetic=""), "chart", JNIS)
    assert "SYNTHETIC" not in said(real) and "ynthetic" not in real.alt


@each_chart
def test_every_decimal_is_written_by_the_journal_profile(name):
    figure = drawn_now(CHARTS[name], dataclasses.replace(JNIS, decimal_point="·"))
    limits = re.compile(r"99\.8%")
    for text in (*texts(figure), figure.alt, as_csv(figure.rows)):
        assert not re.search(r"\d\.\d", limits.sub("", text)), text


@each_chart
def test_a_chart_is_sound_xml_in_which_no_name_is_given_twice(name):
    ids = [node.get("id") for node in etree.fromstring(draw(name).svg).iter() if node.get("id")]
    assert len(ids) == len(set(ids))
    uses = {use.get(HREF).removeprefix("#") for use in etree.fromstring(draw(name).svg).iter(f"{SVG}use")}
    assert uses <= set(ids)


@pytest.mark.parametrize("kind", figures.CHARTS)
def test_a_chart_of_nothing_says_so(kind):
    figure = draw(f"{kind} of nothing")
    assert said(figure).startswith("SYNTHETIC DATA There is no ") or said(figure).startswith("There is no ")
    assert " to draw: " in figure.alt


def test_only_the_formats_asked_for_are_made_and_they_are_the_same():
    both = draw("run")
    only = drawn_now(CHARTS["run"], formats=("svg",))
    assert (only.svg, only.png) == (both.svg, b"")
    only = drawn_now(CHARTS["run"], formats=("png",))
    assert (only.svg, only.png) == (b"", both.png)


def test_alternative_texts_and_rows_load_no_matplotlib():
    code = """
import sys
from test_charts import CHARTS, JNIS, figures, results
loaded = [name for name in sys.modules if name.startswith("matplotlib")]
assert not loaded, loaded
for chart in CHARTS.values():
    figures.alt(results(chart), "chart", JNIS)
assert "matplotlib" not in sys.modules and "numpy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=HERE, check=True)


# Funnel plots


@pytest.mark.parametrize("name", ["funnel", "funnel of ratios", "funnel of 500 sites"])
def test_sites_stand_at_their_size_and_value(name):
    figure, chart = draw(name), CHARTS[name]
    value, patients = scale_of(figure), scale_of(figure, across=True)
    spread = max(v for _, v in chart["points"]), max(n for n, _ in chart["points"])
    shown = sorted((patients(x), value(y)) for x, y in circles(figure))
    for (n, v), (shown_n, shown_v) in zip(sorted(map(tuple, chart["points"])), shown, strict=True):
        assert shown_n == pytest.approx(n, abs=0.01 * spread[1]) and shown_v == pytest.approx(v, abs=0.01 * spread[0])
    x, y = own(figure)
    assert patients(x) == pytest.approx(chart["own"][0], abs=0.01 * spread[1])
    assert value(y) == pytest.approx(chart["own"][1], abs=0.01 * spread[0])


@pytest.mark.parametrize("name", [name for name, chart in CHARTS.items() if chart["kind"] == "funnel" and chart["own"]])
def test_the_words_of_the_own_site_cover_no_other_site(name):
    figure = draw(name)
    ((x, y, wide),) = [(x, y, wide) for text, x, y, wide, _ in placed(figure) if text == "This site"]
    for cx, cy in circles(figure):
        assert not (x - 1 < cx < x + wide + 1 and y - 7 < cy < y + 2), (cx, cy)


def test_only_the_own_site_is_named_and_a_report_without_one_names_none():
    assert texts(draw("funnel")).count("This site") == 1
    figure = draw("funnel without the own site")
    assert own(figure) is None and "This site" not in said(figure) + figure.alt + as_csv(figure.rows)
    assert len(circles(figure)) == len(SITES)


def test_the_order_in_which_sites_are_handed_over_shows_in_nothing():
    assert drawn_now(funnel(SITES[::-1])) == drawn_now(funnel(SITES))


@pytest.mark.parametrize(
    "hidden, note",
    [
        (0, ""),
        (1, "1 site with small numbers is not drawn."),
        (12, "12 sites with small numbers are not drawn."),
    ],
)
def test_sites_that_are_hidden_are_counted_beneath(hidden, note):
    figure = drawn_now(funnel(hidden=hidden))
    assert (note in texts(figure)) == bool(note) and note in figure.alt
    assert ("small numbers" in said(figure) + figure.alt) == bool(note)


@pytest.mark.parametrize(
    "value, where",
    [
        (80.0, "within the 95% limits"),
        (70.0, "within the 95% limits"),
        (90.0, "within the 95% limits"),
        (69.9, "below the 95% limits and within the 99.8% limits"),
        (60.0, "below the 95% limits and within the 99.8% limits"),
        (90.1, "above the 95% limits and within the 99.8% limits"),
        (59.9, "below the 99.8% limits"),
        (95.1, "above the 99.8% limits"),
    ],
)
def test_the_alternative_text_says_where_the_own_site_lies(value, where):
    limits = [[10, 70.0, 90.0, 60.0, 95.0], [20, 75.0, 85.0, 70.0, 90.0]]
    assert figures.alt(results(funnel(own=(10, value), limits=limits)), "chart", JNIS).count(f", {where}.") == 1


def test_between_two_sizes_the_limits_are_those_of_the_line_that_is_drawn():
    limits = [[10, 70.0, 90.0, 60.0, 95.0], [20, 80.0, 85.0, 70.0, 90.0]]
    inner, outer = (
        figures.alt(results(funnel(own=(15, v), limits=limits)), "chart", JNIS) for v in (75.0, 74.9)
    )  # fmt: skip
    assert "within the 95% limits" in inner and "below the 95% limits" in outer


def test_where_the_analysis_gives_the_own_sites_limits_the_text_goes_by_them():
    chart = funnel(own=(10, 70.0), limits=[[10, 60.0, 90.0, 50.0, 95.0]])
    assert "within the 95% limits" in figures.alt(results(chart), "chart", JNIS)
    exact = {**chart, "own_limits": [75.0, 90.0, 65.0, 95.0]}
    assert "below the 95% limits" in figures.alt(results(exact), "chart", JNIS)
    none = {**chart, "own_limits": [None] * 4}
    assert "where no limits are drawn" in figures.alt(results(none), "chart", JNIS)


def test_where_there_are_no_limits_none_are_drawn_and_the_text_says_so():
    name = "funnel without limits for small sites"
    patients = scale_of(draw(name), across=True)
    runs = [line for line in paths(draw(name), dashed=True) if len(line) > 2]
    assert runs and all(patients(x) >= 5.99 for line in runs for x, _ in line)
    assert "where no limits are drawn" in draw(name).alt
    assert "limits" not in said(draw("funnel without limits"))


def test_limits_that_leave_the_axis_are_cut_at_its_end():
    figure = draw("funnel of 500 sites")
    value = scale_of(figure)
    low, high = min(v for v in axis(figure)), max(v for v in axis(figure))
    ends = [value(y) for line in paths(figure, dashed=True) for _, y in line]
    assert ends and all(low - 0.01 <= end <= high + 0.01 for end in ends)


def axis(figure):
    edge = min(x + wide for t, x, _, wide, _ in placed(figure) if re.fullmatch(TICK, t))
    return [float(t) for t, x, _, wide, _ in placed(figure) if re.fullmatch(TICK, t) and abs(x + wide - edge) < 0.1]


def test_the_registry_and_the_limits_are_named_where_their_lines_end():
    figure = draw("funnel")
    places = {text: (x, y) for text, x, y, *_ in placed(figure)}
    named = [places[name] for name in ("Registry 79.6%", "95% limits", "99.8% limits")]
    right = max(x for line in paths(figure) for x, _ in line)
    assert len({x for x, _ in named}) == 1 and named[0][0] > right - 10
    assert scale_of(figure)(named[0][1] - 0.36 * figures.SIZE) == pytest.approx(79.6, abs=1)


def test_percentages_stay_within_0_and_100_and_ratios_begin_at_0():
    assert (min(axis(draw("funnel"))), max(axis(draw("funnel")))) == (50, 100)
    for name in ("funnel of equal values", "funnel of 500 sites", "funnel with the own site outside"):
        assert 0 <= min(axis(draw(name))) < max(axis(draw(name))) <= 100
    assert min(axis(draw("funnel of ratios"))) == 0


def test_rows_of_a_funnel_plot_hold_all_that_is_drawn():
    rows = draw("funnel").rows
    assert ("Registry", "", "79.6%", "", "", "", "") in rows and ("This site", "8", "50.0%", "", "", "", "") in rows
    assert sum(row[0] == "Other site" for row in rows) == len(SITES)
    assert sum(row[0] == "Limits" for row in rows) == len(CHARTS["funnel"]["limits"])


def rasterised(svg, folder):
    import numpy as np
    import typst
    from PIL import Image

    (folder / "it.svg").write_bytes(svg)
    (folder / "it.typ").write_text('#set page(width: auto, height: auto, margin: 0pt)\n#image("it.svg")')
    png = typst.compile(str(folder / "it.typ"), format="png", ppi=200)
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=int)


@pytest.mark.parametrize("name", ["funnel", "funnel of 500 sites", "funnel with the own site outside"])
def test_sites_that_are_set_into_a_ready_picture_look_as_if_painted_there(name, tmp_path):
    drawing = figures.funnel(results(CHARTS[name]), "it", JNIS)
    with style():
        set_in, painted = drawing.svg(True), saved(stamped(drawing.paint(), True), "svg")
    one, other = rasterised(set_in, tmp_path), rasterised(painted, tmp_path)
    assert one.shape == other.shape
    assert abs(one - other).max() <= 64 and abs(one - other).mean() < 0.1
    without_own = rasterised(set_in[: set_in.rindex(b"<g transform")] + b"</g></svg>", tmp_path)
    assert abs(one - without_own).max() > 150, "the comparison sees a site that is missing"


def test_the_picture_of_a_funnel_plot_is_painted_once_for_all_sites():
    module = importlib.import_module("tieout.figures.funnel")
    module.ground.cache_clear()
    sites, limits = many(40), around_centre(74.0, 3000)
    for index, site in enumerate(sites):
        others = sites[:index] + sites[index + 1 :]
        drawn_now(funnel(others, own=site, centre=74.0, limits=limits), formats=("svg",))
    assert module.ground.cache_info().misses == 1


# Run charts


@pytest.mark.parametrize(
    "n, signal, words",
    [
        (9, "", "Too few points to judge."),
        (10, "", "No sign of a change."),
        (30, "shift: 9 points in a row on one side", "Sign of a change (shift: 9 points in a row on one side)."),
    ],
)
def test_a_run_chart_says_whether_there_is_a_sign_of_a_change(n, signal, words):
    figure = drawn_now(run(times(quarters(n)), signal=signal))
    assert words in texts(figure) and words in figure.alt


def test_median_and_target_are_named_with_their_values_and_the_target_is_dashed():
    figure = draw("run")
    assert {"Median 75 min", "Target 90 min"} <= set(texts(figure))
    assert "median 75 min; target 90 min" in figure.alt
    assert len(paths(figure, dashed=True)) == 1
    assert paths(draw("run of one point"), dashed=True) == []
    assert "Target" not in said(draw("run of one point")) + draw("run of one point").alt


def points(figure, n):
    """Return the line of a run chart, which joins all its points."""
    (line,) = [line for line in paths(figure) if len(line) == n]
    return line


def test_points_of_a_run_chart_stand_at_their_values():
    value = scale_of(draw("run"))
    shown = [value(y) for _, y in points(draw("run"), 14)]
    step = (value(0) - value(1)) * 2
    assert shown == pytest.approx([v for _, v in CHARTS["run"]["points"]], abs=abs(step))


def test_patients_stand_one_after_the_other_and_periods_where_the_calendar_has_them():
    xs = [x for x, _ in points(draw("run of 300 patients"), 300)]
    gaps = [b - a for a, b in pairwise(xs)]
    assert max(gaps) - min(gaps) < 0.01
    chart = CHARTS["run of months with gaps"]
    xs = [x for x, _ in points(draw("run of months with gaps"), len(chart["points"]))]
    gaps = [b - a for a, b in pairwise(xs)]
    assert {round(gap / min(gaps)) for gap in gaps} == {1, 2}


def test_rows_of_a_run_chart_hold_its_points_and_its_lines():
    rows = draw("run").rows
    assert rows[0] == ("When", "Door to puncture (min)")
    assert rows[1] == ("Q1 2019", "60 min") and rows[-2:] == (("Median", "75 min"), ("Target", "90 min"))


@pytest.mark.parametrize(
    "moment, words",
    [("2021-03-05", "5 Mar 2021"), ("2021-03", "Mar 2021"), ("2021-Q1", "Q1 2021"), ("2021", "2021")],
)
def test_days_and_periods_are_written_as_readers_write_them(moment, words):
    assert moments.words(moment) == words


@pytest.mark.parametrize("n", [1, 2, 7, 60, 400])
def test_few_periods_are_named_and_long_series_at_the_beginning_of_years(n):
    named = moments.few(quarters(n), "quarter", 440 / n, 9.0)
    assert 1 <= len(named) <= 8
    assert n < 60 or all(name.startswith("Q1 ") for name in named.values())


# Recruitment


def test_bars_are_as_high_as_their_numbers_and_a_period_without_patients_has_none():
    counts = [n for _, n, _, _ in CHARTS["recruitment"]["steps"]]
    heights = [height for _, _, _, height in sorted(bars(draw("recruitment")))]
    assert [h / max(heights) for h in heights] == pytest.approx([n / max(counts) for n in counts if n], abs=1e-4)


def test_the_two_panels_share_the_axis_of_time_and_each_has_one_axis_of_numbers():
    figure = draw("recruitment")
    middles = [x + width / 2 for x, _, width, _ in sorted(bars(figure))]
    (line,) = [line for line in paths(figure) if len(line) == 8]
    kept = [x for (x, _), (_, n, _, _) in zip(line, CHARTS["recruitment"]["steps"], strict=True) if n]
    assert middles == pytest.approx(kept, abs=0.01)
    rights = {round(x + wide, 1) for text, x, _, wide, _ in placed(figure) if re.fullmatch(TICK, text)}
    assert len(rights) == 1, "all numbers stand at the left"
    assert max(top + height for _, top, _, height in bars(figure)) < min(y for _, y in line)


def test_the_sum_stands_against_the_target_where_there_is_one():
    assert {"So far 50", "Target 60"} <= set(texts(draw("recruitment")))
    assert "50 so far against a target of 60" in draw("recruitment").alt
    figure = draw("recruitment of years")
    assert "Target" not in said(figure) and "target" not in figure.alt and paths(figure, dashed=True) == []


def test_a_target_that_begins_late_is_drawn_from_there():
    chart = recruitment([3, 4, 5, 6], target=5)
    chart["steps"][0][3] = chart["steps"][1][3] = None
    (line,) = paths(drawn_now(chart), dashed=True)
    assert len(line) == 2


def test_rows_of_recruitment_are_its_steps():
    assert draw("recruitment").rows[:2] == (
        ("Quarter", "Patients enrolled", "So far", "Target"),
        ("Q1 2019", "4", "4", "8"),
    )


# Axes


@pytest.mark.parametrize(
    "values, unit, low, high",
    [
        ([100.0, 100.0], "%", 0, 100),
        ([0.0, 0.0], "%", 0, 1),
        ([71.0, 99.5], "%", 70, 100),
        ([1.1, 1.9], "", 0, 2),
        ([61.0, 148.0], "min", 0, 150),
        ([0.0], "", 0, 1),
    ],
)
def test_an_axis_holds_its_values_between_round_numbers(values, unit, low, high):
    ticks = around(values, unit, 5)
    assert (ticks[0], ticks[-1]) == (low, high) and 2 <= len(ticks) <= 7


@pytest.mark.parametrize("places", [[50], [50, 50], [10, 11, 12], [95, 96, 97, 20], [0, 100], [5, 5, 5, 5, 5]])
def test_names_of_lines_are_moved_apart_within_the_axis_and_keep_their_order(places):
    moved = apart(places, 9, 0, 100)
    assert all(0 <= y <= 100 for y in moved)
    ordered = [y for _, y in sorted(zip(places, moved, strict=True))]
    assert all(b - a >= 9 - 1e-9 for a, b in pairwise(ordered))


def test_a_line_that_leaves_the_axis_and_comes_back_is_two_lines():
    line = [(0, 5), (1, 15), (2, 5), (3, 5)]
    assert inside(line, 0, 10) == [[(0, 5), (0.5, 10)], [(1.5, 10), (2, 5), (3, 5)]]
    assert inside([(0, 20), (1, 30)], 0, 10) == []
    assert inside([(0, -10), (1, 20)], 0, 10) == [[(pytest.approx(1 / 3), 0), (pytest.approx(2 / 3), 10)]]
