from __future__ import annotations

from dataclasses import replace

import pytest

from configs.settings import Settings
from drivers.report import charts
from drivers.report.facts import Analysis, Bin
from drivers.report.reading import gather
from tests.drivers.report.samples import NOW, Make, flat_target, nps_target, null_target


def analysis(settings: Settings) -> Analysis:
    return gather(settings, generated_at=NOW).analyses[0]


def test_axes_are_round_and_hold_everything() -> None:
    """Ticks lie at round numbers, from zero to past the largest value."""
    axis = charts.scale([0.4, 10.63])
    assert axis.ticks == (0.0, 2.5, 5.0, 7.5, 10.0, 12.5)
    assert axis.fraction(12.5) == 1.0
    below = charts.scale([-3.0, 4.0])
    assert below.low <= -3.0
    assert 0.0 in below.ticks


@pytest.mark.parametrize("values", [[], [0.0], [1e-9], [1e9]])
def test_axes_exist_for_odd_values(values: list[float]) -> None:
    """Nothing at all, zeros, tiny and huge values still give an axis with two ends."""
    axis = charts.scale(values)
    assert axis.low < axis.high
    assert len(axis.ticks) >= 2


def test_points_lie_within_their_limits(make: Make) -> None:
    """On every row the estimate stands between its limits, at the place of its value."""
    forest = charts.forest(analysis(make({"nps": nps_target()})))
    assert forest is not None
    for bar in (*forest.confirmed, *forest.others):
        low, at, high = (float(edge.rstrip("%")) for edge in (bar.low, bar.x, bar.high))
        assert 0 <= low <= at <= high <= 100
        assert bar.driver.strength is not None
        assert at == pytest.approx(100 * bar.driver.strength.value / forest.axis.high, abs=0.01)


def test_confirmed_rows_come_first_and_late_ones_not_at_all(make: Make) -> None:
    """Key drivers stand above, by rank; what is left out is not drawn."""
    forest = charts.forest(analysis(make({"nps": nps_target()})))
    assert forest is not None
    assert [bar.driver.rank for bar in forest.confirmed] == [1, 2, 3, 4, 5]
    assert [bar.driver.name for bar in forest.others] == ["app_login", "newsletter", "shop_visit"]


def test_nothing_to_draw_is_no_chart(make: Make) -> None:
    """A flat table has circumstances, but no touchpoints to draw; a null world has no shapes."""
    flat = analysis(make({"churn": flat_target()}))
    assert charts.forest(flat) is None
    assert charts.reach_and_depth(flat, {}, charts.WIDE) is None
    assert charts.forest_of_controls(flat) is not None
    assert charts.shapes(analysis(make({"nps": null_target()}))) is None
    assert charts.calibration(()) is None


@pytest.mark.parametrize("frame", [charts.WIDE, charts.NARROW])
def test_labels_do_not_cover_each_other(make: Make, frame: charts.Frame) -> None:
    """On a crowded map a label that fits nowhere is left to the table; the others lie apart and inside the frame."""
    crowded = analysis(make({"nps": nps_target()}))
    many = tuple(replace(driver, name=f"{driver.name}_{copy}") for driver in crowded.drivers for copy in range(6))
    shown = replace(crowded, drivers=many)
    chart = charts.reach_and_depth(shown, {driver.name: "A label of some length" for driver in many}, frame)
    assert chart is not None
    boxes = []
    for point in chart.points:
        if point.label:
            size = frame.size if point.driver.confirmed else frame.size - 2
            width = charts.text_width(point.label, size)
            start = point.label_x - {"start": 0.0, "middle": 0.5, "end": 1.0}[point.anchor] * width
            boxes.append((start, point.label_y - size, start + width, point.label_y))
            assert start >= 0
            assert start + width <= frame.width
    assert 0 < len(boxes) < len(chart.points)
    for place, (left, top, right, bottom) in enumerate(boxes):
        for other_left, other_top, other_right, other_bottom in boxes[:place]:
            assert right <= other_left or other_right <= left or bottom <= other_top or other_bottom <= top


def test_reach_never_exceeds_everyone(make: Make) -> None:
    """The axis of reach ends at all customers."""
    target = nps_target()
    target["drivers"][0]["reach"] = {"value": 1.0, "low": 1.0, "high": 1.0}
    shown = analysis(make({"nps": target}))
    chart = charts.reach_and_depth(shown, {driver.name: driver.name for driver in shown.drivers}, charts.WIDE)
    assert chart is not None
    assert max(tick.value for tick in chart.x_ticks) == 1.0


def test_a_calibrated_model_lies_on_the_diagonal() -> None:
    """Where predicted equals observed, the curve's points have equal places on both axes."""
    curve = charts.calibration([Bin(0.1, 0.1, 10), Bin(0.6, 0.6, 10)])
    assert curve is not None
    frame = curve.frame
    for x, y in curve.points:
        across = (x - frame.left) / (frame.inner_right - frame.left)
        up = (frame.inner_bottom - y) / (frame.inner_bottom - frame.top)
        assert across == pytest.approx(up, abs=0.002)
