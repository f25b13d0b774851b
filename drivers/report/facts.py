"""The facts of a report: frozen values that every rendering is made from, and what follows from them.

Nothing here knows a language or a picture. Shares, reaches and probabilities are fractions of one; strength and depth are in
the unit of the target (NPS points, percentage points of churn, or the currency).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from drivers.interval import Interval
from drivers.report.answer_facts import Answers
from drivers.report.claim_facts import Adjusted
from drivers.report.pilot_facts import Experiment

Kind = Literal["churn", "nps", "value", "rating"]
Status = Literal["key_driver", "candidate", "not_distinguishable", "excluded_late"]

_FINE_BELOW: Final = 3.0  # points: below it, one decimal would show small strengths as zero


@dataclass(frozen=True, slots=True)
class Knee:
    """The value of a measure at which the outcome turns; `higher_is_better` is the measure's good side."""

    measure: str
    unit: str
    at: Interval
    best_fifth: float | None
    higher_is_better: bool


@dataclass(frozen=True, slots=True)
class Timing:
    """Why a touchpoint counts as late: the share of its encounters close to an outcome, beside all encounters' share."""

    share: float | None
    usual: float | None


@dataclass(frozen=True, slots=True)
class Driver:
    """One touchpoint, or one group of controls, as the driver analysis left it."""

    name: str
    stage: str | None
    department: str | None
    status: Status
    strength: Interval | None
    share: float | None
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    reach: Interval | None
    depth: Interval | None
    slope: float | None
    p_value: float | None
    q_value: float | None
    refit: Interval | None
    refit_p_value: float | None
    asymmetry: Interval | None
    shape: str | None
    moment: str | None
    knees: tuple[Knee, ...]
    dimensions: tuple[tuple[str, float], ...]
    timing: Timing | None
    tier: int | None = None

    @property
    def confirmed(self) -> bool:
        """Whether it is a key driver."""
        return self.status == "key_driver"


@dataclass(frozen=True, slots=True)
class Validation:
    """The whole driver model on customers it has not seen, beside the average, in its own measure (r2 or auc)."""

    measure: str
    value: float
    baseline: float


@dataclass(frozen=True, slots=True)
class Twins:
    """Two touchpoints that go together, with the strength of both as one."""

    names: tuple[str, str]
    met_together: float
    values_together: float
    joint_strength: float


@dataclass(frozen=True, slots=True)
class Audit:
    """What a sceptic asks of a driver analysis; shares are fractions of one.

    `rules` holds counts and limits by name, `left_out` numbers of columns by reason, `dropped` numbers of rows by reason.
    """

    rules: dict[str, float]
    rows: int | None
    analysed: int | None
    customers: int | None
    explained: tuple[float, float, float] | None
    slope: Interval | None
    rank_agreement: float | None
    twins: tuple[Twins, ...]
    left_out: tuple[tuple[str, int], ...]
    dropped: tuple[tuple[str, int], ...]
    hardly_met: tuple[str, ...]
    not_measured: tuple[str, ...]
    met_nowhere: float | None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two touchpoints that do together what neither does alone.

    `alone` and `together` are what the first one goes with where the second did not happen and where it did; `badly` names those of the two
    that count as having happened only where they went worse than for most.
    """

    first: str
    second: str
    alone: Interval | None
    together: Interval | None
    badly: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Journey:
    """What is asked of the journey as a whole: pairs that act together of so many considered, and verdicts by question."""

    pairs: tuple[Pair, ...]
    considered: int | None
    peak_end: str | None
    weakest_link: str | None
    consistency: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A driver whose effect differs between the values of a variable: each value's effect in multiples of the common one."""

    touchpoint: str
    variable: str
    times: tuple[tuple[str, Interval], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A driver that changed from the first period to the last: strength, reach and depth, last less first."""

    touchpoint: str
    strength: Interval | None
    reach: Interval | None
    depth: Interval | None


@dataclass(frozen=True, slots=True)
class Groups:
    """What differs between segments, of so many pairs of driver and variable tested, and what changed over so many periods."""

    variables: tuple[str, ...]
    tested: int
    differences: tuple[Difference, ...]
    start: str | None
    stop: str | None
    periods: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Analysis:
    """The driver analysis of one target.

    `drivers` holds the key drivers first, by rank; the rest follows by name, because what is not confirmed has no order.
    `gate_passed` is ``None`` where there was no gate to pass, because there was too little to analyse. `analysed` counts the
    rows that were sampled from all `rows`; `short_labels` says that drivers were found on a shorter label window. `steps` names the key
    drivers of each step between categories.
    """

    target: str
    kind: Kind
    unit: str
    rows: int
    customers: int | None
    as_of: tuple[str, ...]
    claim: str
    base_rate: float | None
    gate_passed: bool | None
    validation: Validation | None
    analysed: int | None
    short_labels: bool
    drivers: tuple[Driver, ...]
    controls: tuple[Driver, ...]
    audit: Audit | None = None
    journey: Journey | None = None
    groups: Groups | None = None
    steps: tuple[tuple[str, tuple[str, ...]], ...] = ()
    adjusted: Adjusted | None = None
    answers: Answers | None = None
    experiment: Experiment | None = None

    def having(self, status: Status) -> tuple[Driver, ...]:
        """The touchpoints of one status, in the order of `drivers`."""
        return tuple(driver for driver in self.drivers if driver.status == status)

    @property
    def confirmed(self) -> tuple[Driver, ...]:
        """The key drivers by rank."""
        return self.having("key_driver")

    @property
    def tested(self) -> tuple[Driver, ...]:
        """The touchpoints that were compared: all but the late ones."""
        return tuple(driver for driver in self.drivers if driver.status != "excluded_late")

    @property
    def points(self) -> str:
        """Format of strength and depth: one decimal, or two where all strengths are small."""
        strengths = [item.strength.value for item in (*self.tested, *self.controls) if item.strength is not None]
        return "points" if max(strengths, default=0.0) >= _FINE_BELOW else "hundredths"

    @property
    def measured(self) -> bool:
        """Whether any touchpoint that was compared got a strength."""
        return any(driver.strength is not None for driver in self.tested)

    @property
    def moments(self) -> tuple[Driver, ...]:
        """The key drivers that are moments of truth."""
        return tuple(driver for driver in self.confirmed if driver.moment is not None)

    @property
    def tiers(self) -> tuple[tuple[Driver, ...], ...]:
        """Key drivers of about the same strength together, the strongest first."""
        numbers = sorted({driver.tier for driver in self.confirmed if driver.tier is not None})
        return tuple(tuple(item for item in self.confirmed if item.tier == number) for number in numbers)


@dataclass(frozen=True, slots=True)
class Metric:
    """One measure of a model's quality, beside the same measure of its baselines."""

    name: str
    value: Interval
    baselines: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows with about the same prediction: the mean prediction and what was observed."""

    predicted: float
    observed: float
    rows: int | None


@dataclass(frozen=True, slots=True)
class Period:
    """One judged period: mean prediction and mean outcome (churn rate, NPS in points, or money)."""

    name: str
    predicted: float
    observed: float
    rows: int | None


@dataclass(frozen=True, slots=True)
class Day:
    """Share of customers lost by a day: by the mean curve, and observed."""

    day: int
    predicted: float
    observed: float


@dataclass(frozen=True, slots=True)
class Group:
    """Metrics on part of the judged rows, e.g. those of customers that the model had not learnt from."""

    name: str
    rows: int
    metrics: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Pilot:
    """A campaign that reached some customers: by how much that lowered churn, and what ranking by it is worth (Qini coefficient).

    Both are ``None`` where chance did not decide who was reached.
    """

    randomised: bool
    effect: Interval | None
    qini: Interval | None


@dataclass(frozen=True, slots=True)
class Quality:
    """How well the model of one target predicts rows it has not seen.

    `left_out` names the features that the model did not learn from, each with the reason (``constant``, ``duplicate`` or
    ``date``). `by_day` is the curve of a time to churn. `pilot` is ``None`` where no campaign was tried on some customers only.
    """

    target: str
    kind: Kind
    validation: str
    test_as_of: tuple[str, ...]
    n_train: int | None
    n_test: int | None
    positives: int | None
    metrics: tuple[Metric, ...]
    calibration: tuple[Bin, ...]
    periods: tuple[Period, ...]
    groups: tuple[Group, ...]
    dropped: tuple[tuple[str, int], ...]
    left_out: tuple[tuple[str, str], ...] = ()
    by_day: tuple[Day, ...] = ()
    pilot: Pilot | None = None

    def metric(self, name: str) -> Metric | None:
        """The metric of this name, if it was computed."""
        return next((metric for metric in self.metrics if metric.name == name), None)


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark of `check` about the data; its texts are English, as `check` wrote them."""

    level: str
    code: str
    table: str | None
    column: str | None
    rows: int | None
    message: str
    next_move: str


@dataclass(frozen=True, slots=True)
class Scores:
    """What the scores of today add up to; ``None`` where a model is missing."""

    customers: int
    as_of: str | None
    bands: tuple[tuple[str, int], ...]
    churn_probability: float | None
    categories: tuple[tuple[str, int], ...]
    expected_value: float | None
    value_at_risk: float | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a report says. `findings` is ``None`` when the data were not checked, `scores` when nobody was scored."""

    company: str
    generated_at: datetime
    analyses: tuple[Analysis, ...]
    qualities: tuple[Quality, ...]
    findings: tuple[Finding, ...] | None
    scores: Scores | None
    untrained: tuple[str, ...]
    kinds: tuple[tuple[str, Kind], ...]
    late_days_after_answer: int
    late_days_before_end: int

    def quality(self, target: str) -> Quality | None:
        """The quality of the model of a target, if one was trained."""
        return next((quality for quality in self.qualities if quality.target == target), None)
