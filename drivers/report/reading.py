"""Reads the files under `output` into `Facts`: drivers.json must be there, metrics.json, check.json and scores.parquet may.

A key that an older analysis did not write is taken as unknown; a number that is NaN or infinite likewise. A file that is not
JSON, or that lacks what a report cannot do without, is a `DataError` that names the file and the key.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow.compute as pc
import pyarrow.parquet as pq

from configs.errors import DataError, NotReadyError
from configs.settings import Settings
from drivers.report import parse
from drivers.report.adjusted_reading import read_adjusted
from drivers.report.answer_reading import read_answers
from drivers.report.audit_reading import read_audit
from drivers.report.facts import (
    Analysis,
    Bin,
    Day,
    Driver,
    Facts,
    Finding,
    Group,
    Kind,
    Knee,
    Metric,
    Period,
    Pilot,
    Quality,
    Scores,
    Timing,
    Validation,
)
from drivers.report.group_reading import read_groups, read_steps
from drivers.report.journey_reading import read_journey
from drivers.report.pilot_reading import read_experiment
from training.left_out import kind_of

DRIVERS: Final = "drivers.json"
METRICS: Final = "metrics.json"
CHECK: Final = "check.json"
SCORES: Final = "scores.parquet"
MODELS: Final = "models"
BUNDLE: Final = "bundle.json"

_KINDS: Final[dict[str, Kind]] = {
    "cancellation": "churn",
    "inactivity": "churn",
    "column": "churn",
    "survey": "nps",
    "spend": "value",
    "time_to_churn": "churn",
}
_STATUSES: Final = ("key_driver", "candidate", "not_distinguishable", "excluded_late")
_LEVELS: Final = ("error", "warning", "note")
_NOT_METRICS: Final = ("baselines", "by_customer", "campaign", "data_size", "inner", "random_split", "uplift")


def gather(settings: Settings, *, generated_at: datetime) -> Facts:
    """The facts of a report.

    Raises
    ------
    NotReadyError
        When drivers.json is not there yet.
    DataError
        When a file is damaged.
    """
    content = parse.read_json(settings.output / DRIVERS)
    if content is None:
        raise NotReadyError(
            "there is no driver analysis yet",
            where=str(settings.output / DRIVERS),
            next_move="run 'moments drivers' on this configuration first",
        )
    kinds = {name: _KINDS[target.kind] if target.trains else "rating" for name, target in settings.targets.items()}
    targets = parse.need(content, "targets", settings.output / DRIVERS)
    metrics = parse.read_json(settings.output / METRICS) or {}
    found = parse.read_json(settings.output / CHECK)
    return Facts(
        company=settings.name,
        generated_at=generated_at,
        analyses=tuple(_analysis(settings, name, item, kinds.get(name)) for name, item in targets.items()),
        qualities=tuple(
            replace(_quality(name, item, kinds[name]), left_out=_left_out(settings.output / MODELS / name / BUNDLE))
            for name, item in metrics.items()
            if name in kinds and _has_metrics(item)
        ),
        findings=None if found is None else _findings(found),
        scores=_scores(settings.output / SCORES),
        untrained=tuple(name for name in settings.trained if not _has_metrics(metrics.get(name))),
        kinds=tuple(kinds.items()),
        late_days_after_answer=settings.drivers.late_days_after_answer,
        late_days_before_end=settings.drivers.late_days_before_end,
    )


def _analysis(settings: Settings, name: str, item: dict[str, Any], kind: Kind | None) -> Analysis:
    path = settings.output / DRIVERS
    better = {
        key: measure.higher_is_better
        for table in settings.data.tables.values()
        for key, measure in table.measures.items()
    }
    drivers = [_driver(driver, better, path) for driver in parse.need(item, "drivers", path)]
    controls = [_unranked(_driver(driver, better, path)) for driver in item.get("controls") or []]
    gate = item.get("gate") if isinstance(item.get("gate"), dict) else {}
    unit = str(item.get("unit") or "")
    passed = gate.get("passed") if gate else None
    return Analysis(
        target=name,
        kind=kind or ("nps" if "nps" in unit.lower() else "churn"),
        unit=unit,
        rows=parse.whole(item.get("n")) or 0,
        customers=parse.whole(item.get("customers")),
        as_of=parse.several(item.get("as_of")),
        claim=str(item.get("claim") or "association"),
        base_rate=parse.number(item.get("base_rate")),
        gate_passed=passed if isinstance(passed, bool) else None,
        validation=_validation(item.get("validation")),
        analysed=parse.whole((item.get("sized_on") or {}).get("rows")),
        short_labels=bool(item.get("found_on")),
        drivers=_ordered(drivers),
        controls=tuple(sorted(controls, key=lambda control: control.name)),
        audit=read_audit(item.get("audit")),
        journey=read_journey(item),
        groups=read_groups(item),
        steps=read_steps(item.get("steps")),
        adjusted=read_adjusted(item.get("adjusted"), better),
        answers=read_answers(item.get("answering")),
        experiment=read_experiment(item),
    )


def _validation(value: Any) -> Validation | None:
    held = value if isinstance(value, dict) else {}
    reached, baseline = parse.number(held.get("value")), parse.number(held.get("baseline"))
    return None if reached is None or baseline is None else Validation(str(held.get("measure")), reached, baseline)


def _driver(item: dict[str, Any], better: dict[str, bool], path: Path) -> Driver:
    status = parse.need(item, "status", path)
    if status not in _STATUSES:
        raise DataError(
            f"the status '{status}' is not known",
            where=str(path),
            available=", ".join(_STATUSES),
            next_move="run 'moments drivers' again",
        )
    confirmed = status == "key_driver"
    refit = item.get("refit_loss_change") or {}
    timing = item.get("timing") or {}
    return Driver(
        name=str(parse.need(item, "touchpoint", path)),
        stage=parse.text(item.get("stage")),
        department=parse.text(item.get("department")),
        status=status,
        strength=parse.interval(item.get("strength")),
        share=parse.number(item.get("share")),
        rank=parse.whole(item.get("rank")) if confirmed else None,
        rank_low=parse.whole(item.get("rank_low")) if confirmed else None,
        rank_high=parse.whole(item.get("rank_high")) if confirmed else None,
        reach=parse.interval(item.get("reach")),
        depth=parse.interval(item.get("depth")),
        slope=parse.number(item.get("slope")),
        p_value=parse.number(item.get("p_value")),
        q_value=parse.number(item.get("q_value")),
        refit=parse.interval(refit),
        refit_p_value=parse.number(refit.get("p_value")) if isinstance(refit, dict) else None,
        asymmetry=parse.interval(item.get("asymmetry")),
        shape=parse.text(item.get("shape")),
        moment=(parse.text(item.get("moment")) or "both") if confirmed and item.get("moment_of_truth") else None,
        knees=_knees(item.get("knee"), better),
        dimensions=tuple(
            (str(part["dimension"]), share)
            for part in item.get("dimensions") or []
            if (share := parse.number(part.get("share"))) is not None
        ),
        timing=Timing(parse.number(timing.get("share")), parse.number(timing.get("usual"))) if timing else None,
        tier=parse.whole(item.get("tier")) if confirmed else None,
    )


def _unranked(control: Driver) -> Driver:
    """A group of controls without what only encounters can have: a rank, a tier, being a moment of truth."""
    return replace(control, rank=None, rank_low=None, rank_high=None, tier=None, moment=None)


def _knees(value: Any, better: dict[str, bool]) -> tuple[Knee, ...]:
    found = []
    for item in value if isinstance(value, list) else [value]:
        at = parse.interval(item) if isinstance(item, dict) else None
        if at is not None:
            measure = str(item.get("measure") or "")
            best = parse.number(item.get("best_fifth"))
            found.append(Knee(measure, str(item.get("unit") or ""), at, best, better.get(measure, False)))
    return tuple(found)


def _ordered(drivers: list[Driver]) -> tuple[Driver, ...]:
    """Key drivers by rank, in the tiers given or else of overlapping rank bands; then everything else by name."""
    confirmed = sorted((item for item in drivers if item.confirmed), key=lambda item: (item.rank or 10**6, item.name))
    tier, reach, placed = 0, 0, []
    for item in confirmed:
        first = item.rank_low or item.rank or 0
        if first > reach:
            tier += 1
        reach = max(reach, item.rank_high or item.rank or 0)
        placed.append(item if item.tier is not None else replace(item, tier=tier))
    rest = sorted((item for item in drivers if not item.confirmed), key=lambda item: item.name)
    return (*placed, *rest)


def _has_metrics(item: Any) -> bool:
    return isinstance(item, dict) and any(isinstance(value, dict) and "value" in value for value in item.values())


def _quality(name: str, item: dict[str, Any], kind: Kind) -> Quality:
    baselines = item.get("baselines") or {}
    metrics = []
    for key, value in item.items():
        interval = parse.interval(value) if isinstance(value, dict) and key not in _NOT_METRICS else None
        if interval is not None:
            beside = ((rival, parse.interval(scores.get(key))) for rival, scores in baselines.items())
            metrics.append(Metric(key, interval, tuple((rival, score.value) for rival, score in beside if score)))
    return Quality(
        target=name,
        kind=kind,
        validation=str(item.get("validation") or ""),
        test_as_of=parse.several(item.get("test_as_of")),
        n_train=parse.whole(item.get("n_train")),
        n_test=parse.whole(item.get("n_test")),
        positives=parse.whole(item.get("positives")),
        metrics=tuple(metrics),
        calibration=_bins(item.get("curve")),
        by_day=_days(item.get("churn_by_day")),
        pilot=_pilot(item.get("uplift")),
        periods=_periods(item.get("periods")),
        groups=_groups(item.get("by_customer")),
        dropped=tuple(
            (str(reason), rows)
            for reason, value in (item.get("dropped_rows") or {}).items()
            if (rows := parse.whole(value))
        ),
    )


def _left_out(path: Path) -> tuple[tuple[str, str], ...]:
    """Features that a model did not learn from, with the kinds of reasons: as one list, or by reason."""
    bundle = parse.read_json(path) or {}
    listed = bundle.get("dropped")
    if isinstance(listed, list):
        return tuple((str(item["name"]), kind_of(str(item["reason"])) or str(item["reason"])) for item in listed)
    by_reason = (bundle.get("details") or {}).get("left_out") or {}
    return tuple((str(name), str(reason)) for reason in sorted(by_reason) for name in sorted(by_reason[reason]))


def _bins(value: Any) -> tuple[Bin, ...]:
    found = []
    for item in value if isinstance(value, list) else []:
        predicted, observed = parse.number(item.get("predicted")), parse.number(item.get("observed"))
        if predicted is not None and observed is not None:
            found.append(Bin(predicted, observed, parse.whole(item.get("rows"))))
    return tuple(found)


def _days(value: Any) -> tuple[Day, ...]:
    found = []
    for item in value if isinstance(value, list) else []:
        day, predicted, observed = (
            parse.whole(item.get("day")),
            *map(parse.number, (item.get("predicted"), item.get("observed"))),
        )
        if day is not None and predicted is not None and observed is not None:
            found.append(Day(day, predicted, observed))
    return tuple(found)


def _pilot(value: Any) -> Pilot | None:
    if not isinstance(value, dict) or "randomised" not in value:
        return None
    effect, qini = (parse.interval(value.get(name)) for name in ("effect", "qini"))
    return Pilot(bool(value.get("randomised")), effect, None if value.get("alike") else qini)


def _periods(value: Any) -> tuple[Period, ...]:
    found = []
    for item in value or []:
        predicted, observed = parse.number(item.get("predicted")), parse.number(item.get("observed"))
        if predicted is not None and observed is not None:
            found.append(Period(str(item.get("period")), predicted, observed, parse.whole(item.get("rows"))))
    return tuple(found)


def _groups(value: Any) -> tuple[Group, ...]:
    found = []
    for name, item in (value or {}).items():
        metrics = ((key, parse.interval(figure)) for key, figure in item.items() if key != "n")
        known = tuple((key, figure.value) for key, figure in metrics if figure is not None)
        found.append(Group(str(name), parse.whole(item.get("n")) or 0, known))
    return tuple(group for group in found if group.metrics)


def _findings(content: dict[str, Any]) -> tuple[Finding, ...]:
    found = [
        Finding(
            level=str(item.get("level") or "note"),
            code=str(item.get("code") or ""),
            table=parse.text(item.get("table")),
            column=parse.text(item.get("column")),
            rows=parse.whole(item.get("rows")),
            message=str(item.get("message") or ""),
            next_move=str(item.get("next") or ""),
        )
        for item in content.get("findings") or []
    ]
    return tuple(sorted(found, key=lambda item: _LEVELS.index(item.level) if item.level in _LEVELS else len(_LEVELS)))


def _scores(path: Path) -> Scores | None:
    if not path.exists():
        return None
    wanted = ("as_of", "churn_probability", "churn_band", "nps_category", "expected_value", "value_at_risk")
    file = pq.ParquetFile(path)
    table = file.read(columns=[name for name in wanted if name in file.schema_arrow.names])

    def counts(name: str) -> tuple[tuple[str, int], ...]:
        if name not in table.column_names:
            return ()
        pairs = pc.value_counts(table[name].drop_null()).to_pylist()
        return tuple(sorted((str(pair["values"]), int(pair["counts"])) for pair in pairs))

    def over(function: Any, name: str) -> Any:
        return function(table[name]).as_py() if name in table.column_names else None

    newest = over(pc.max, "as_of")
    return Scores(
        customers=file.metadata.num_rows,
        as_of=None if newest is None else str(newest),
        bands=counts("churn_band"),
        churn_probability=parse.number(over(pc.mean, "churn_probability")),
        categories=counts("nps_category"),
        expected_value=parse.number(over(pc.sum, "expected_value")),
        value_at_risk=parse.number(over(pc.sum, "value_at_risk")),
    )
