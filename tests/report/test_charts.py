"""Charts as markup: where things are drawn, and what is said to those who cannot see them."""

from __future__ import annotations

import math
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from finesent.report.charts.intervals import IntervalRow, interval_chart
from finesent.report.charts.lines import Frame, Series, line_chart
from finesent.report.charts.marks import Mark, marks_of, swatch
from finesent.report.charts.scale import Scale, around, tick_text, ticks
from finesent.report.charts.simplify import simplified
from finesent.report.charts.svg import shortened, tag
from finesent.report.content import Curve

MARK = Mark(colour=1, dash=1, marker=1)


def elements(chart: Markup, css: str) -> list[ElementTree.Element]:
    """Elements of a chart that carry a class; the chart must be well-formed XML."""
    root = ElementTree.fromstring(str(chart))
    return [found for found in root.iter() if css in found.get("class", "").split()]


def row(low: float, value: float, high: float, **rest: object) -> IntervalRow:
    return IntervalRow("after-n", "text", value, low, high, MARK, **rest)  # type: ignore[arg-type]


def test_markup_is_escaped_in_text_and_in_attributes() -> None:
    made = tag("text", "<b>&", aria_label='"><script>')
    assert made == '<text aria-label="&#34;&gt;&lt;script&gt;">&lt;b&gt;&amp;</text>'


@given(
    st.floats(-1e6, 1e6).flatmap(lambda low: st.tuples(st.just(low), st.floats(low + 1e-3, low + 1e6))),
    st.integers(2, 8),
)
def test_ticks_are_round_inside_and_few(ends: tuple[float, float], most: int) -> None:
    low, high = ends
    found = ticks(low, high, most)
    assert len(found) <= most + 1
    slack = 1e-6 * (high - low)
    assert all(low - slack <= value <= high + slack for value in found)
    if len(found) > 1:
        step = found[1] - found[0]
        lead = step / 10 ** math.floor(math.log10(step) + 1e-9)
        assert min(abs(lead - whole) for whole in (1, 2, 5, 10)) < 1e-3


def test_tick_text_is_short_and_has_a_true_minus() -> None:
    assert [tick_text(value) for value in (-0.5, 0.30000000000000004, -0.0, 20.0)] == [
        "−0.5",
        "0.3",
        "0",
        "20",
    ]


@pytest.mark.parametrize("values", [[], [3.0], [3.0, 3.0], [math.nan, 3.0], [1.0, math.inf]])
def test_a_range_is_never_empty(values: list[float]) -> None:
    low, high = around(values)
    assert math.isfinite(low) and math.isfinite(high) and low < high


def test_an_interval_lies_where_its_numbers_are() -> None:
    chart = interval_chart("x", "title", "points", [row(-1, 2, 5)], band=1)
    (bar,), (zero,), (band,) = (elements(chart, css) for css in ("interval", "zero", "band"))
    left, right, origin = float(bar.get("x1", "")), float(bar.get("x2", "")), float(zero.get("x1", ""))
    # Six units from end to end, one of them left of zero.
    assert (origin - left) / (right - left) == pytest.approx(1 / 6, abs=0.002)
    assert float(band.get("width", "")) == pytest.approx((right - left) / 3, abs=0.2)
    assert float(band.get("x", "")) == pytest.approx(left, abs=0.11)


def test_a_published_value_widens_the_axis_and_is_drawn() -> None:
    without = interval_chart("x", "title", "points", [row(1, 2, 3)])
    with_it = interval_chart("x", "title", "points", [row(1, 2, 3, published=9.0)])
    assert not elements(without, "published-mark")
    assert len(elements(with_it, "published-mark")) == 1
    widths = [
        float(bar.get("x2", "")) - float(bar.get("x1", ""))
        for chart in (without, with_it)
        for bar in elements(chart, "interval")
    ]
    assert widths[1] < widths[0] / 2


def test_a_chart_is_one_named_picture() -> None:
    root = ElementTree.fromstring(str(interval_chart("gain", "Gain <over>", "points", [row(1, 2, 3)])))
    assert root.get("role") == "img"
    by_id = {found.get("id"): found.text for found in root.iter() if found.get("id")}
    assert by_id[root.get("aria-labelledby")] == "Gain <over>"
    assert by_id[root.get("aria-describedby")] == "after-n: text."


def test_marks_differ_for_many_ablations_and_the_baseline_is_first() -> None:
    names = [f"a{n}" for n in range(60)]
    marks = marks_of(names, baseline="a7")
    assert list(marks) == names
    assert len(set(marks.values())) == len(names)
    assert marks["a7"] == Mark(0, 0, 0)


def test_neighbouring_ablations_differ_in_more_than_colour() -> None:
    marks = list(marks_of([f"a{n}" for n in range(10)], baseline="a0").values())
    assert len({(mark.dash, mark.marker) for mark in marks}) == len(marks)
    assert len({swatch(mark) for mark in marks}) == len(marks)


def test_a_line_breaks_where_a_number_is_missing() -> None:
    curve = Curve([1, 2, 3, 4, 5], [1, 2, math.nan, 4, math.inf])
    chart = line_chart("x", "title", "all", Frame("epoch", "loss"), [Series("a", MARK, curve)])
    (line,) = elements(chart, "line")
    assert line.get("d", "").count("M") == 2
    assert "nan" not in chart and "inf" not in chart
    assert len(elements(chart, "dot")) == 3


def test_curves_of_no_points_draw_axes_alone() -> None:
    nothing = Series("a", MARK, Curve([], []), [Curve([math.nan], [math.nan])])
    chart = line_chart("x", "title", "none", Frame("epoch", "loss"), [nothing])
    assert not elements(chart, "line") and not elements(chart, "thin")
    assert elements(chart, "axis")


def test_every_seed_has_a_thin_line() -> None:
    seeds = [Curve([1, 2], [1, 2 + n]) for n in range(3)]
    chart = line_chart(
        "x", "t", "d", Frame("epoch", "loss"), [Series("a", MARK, Curve([1, 2], [1, 3]), seeds)]
    )
    assert len(elements(chart, "thin")) == 3


def test_the_diagonal_runs_through_equal_values() -> None:
    frame = Frame("a", "b", unit_square=True, diagonal=True)
    chart = line_chart("x", "t", "d", frame, [Series("a", MARK, Curve([0, 0.5, 1], [0, 0.5, 1]))])
    (diagonal,), (line,) = elements(chart, "diagonal"), elements(chart, "line")
    assert line.get("d") == diagonal.get("d")


@settings(max_examples=60)
@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), max_size=60), st.floats(0.01, 5))
def test_no_point_that_is_left_out_is_seen_missing(
    points: list[tuple[float, float]], tolerance: float
) -> None:
    kept = simplified(points, tolerance)
    assert kept[:1] == points[:1] and kept[-1:] == points[-1:]
    rest = iter(points)
    assert all(point in rest for point in kept)
    pieces = list(pairwise(kept)) or [(point, point) for point in kept]
    for point in points:
        assert min(_away(point, *piece) for piece in pieces) <= tolerance + 1e-6


def _away(point: tuple[float, float], start: tuple[float, float], end: tuple[float, float]) -> float:
    (x, y), (ax, ay), (bx, by) = point, start, end
    length = (bx - ax) ** 2 + (by - ay) ** 2
    share = 0.0 if length == 0 else min(1.0, max(0.0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length))
    return math.hypot(x - ax - share * (bx - ax), y - ay - share * (by - ay))


def test_a_straight_line_needs_two_points() -> None:
    assert simplified([(float(n), 2.0 * n) for n in range(1000)], 0.1) == [(0.0, 0.0), (999.0, 1998.0)]


def test_a_long_curve_is_cut_down() -> None:
    steps = np.linspace(0, 1, 5000)
    curve = Curve(steps.tolist(), np.sqrt(steps).tolist())
    chart = line_chart("x", "t", "d", Frame("a", "b", unit_square=True), [Series("a", MARK, curve)])
    assert len(chart) < 8000


def test_scales_map_ends_to_ends() -> None:
    scale = Scale(-2, 6, 40, 348)
    assert (scale(-2), scale(6), scale(2)) == (40, 348, 194)


def test_long_labels_are_cut() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcde…"
