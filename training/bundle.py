"""A model is a bundle: a folder of plain text that says what it is and refuses by name when it is not that.

``model_0.txt`` (and ``model_1.txt`` where NPS is asked as two cumulative binaries) is LightGBM's own text; ``bundle.json`` holds
everything else that an answer needs; ``golden.json`` holds rows with known answers; ``baseline.json`` is what monitoring
compares with; ``SHA256SUMS`` covers those files and its own digest names the bundle. ``release.json`` (version, training time,
commit) lies outside the digest, so that the same data
and settings give the same bundle on any day. Nothing here is pickled, and neither MLflow nor the learner is imported: this
is serving's one door into training.

Missing values (NaN) are answers like any other; a category is its code in the catalogue, unseen ones are NaN.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from configs.errors import BundleError
from features.catalog import Catalog

FORMAT: Final = 1
CONTENT: Final = "bundle.json"
GOLDEN: Final = "golden.json"
SUMS: Final = "SHA256SUMS"
RELEASE: Final = "release.json"
TOLERANCE: Final = 1e-9
PRIOR_SHARE: Final = 0.01
"""Share of the class rates mixed into NPS probabilities: two cumulative models may cross, and no class is impossible."""
_BATCH: Final = 1024

Array = NDArray[np.float64]


def sigmoid(z: Array) -> Array:
    """Logistic function without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * z)), dtype=np.float64)


def ordinal_probabilities(at_least_passive: Array, promoter: Array, class_rates: tuple[float, ...]) -> Array:
    """Detractor, passive, promoter (n, 3) from the two cumulative probabilities (Frank and Hall, 2001).

    Where the two cross, both become their mean (pool adjacent violators), and a hundredth of the class rates is mixed in.
    """
    middle = 0.5 * (at_least_passive + promoter)
    crossed = at_least_passive < promoter
    upper = np.where(crossed, middle, at_least_passive)
    lower = np.where(crossed, middle, promoter)
    shares = np.column_stack([1.0 - upper, upper - lower, lower])
    return (1.0 - PRIOR_SHARE) * shares + PRIOR_SHARE * np.asarray(class_rates, dtype=np.float64)


def survival(margins: Array) -> Array:
    """Chance that it has not happened by the end of each period, (n, periods), from log-odds of the hazards (n, periods)."""
    return np.asarray(np.cumprod(1.0 - sigmoid(margins), axis=1))


@dataclass(frozen=True)
class Bundle:
    """Everything that an answer needs, and what the answer may be compared with.

    Parameters
    ----------
    target, task, spec
        Name of the target, ``binary`` | ``ordinal`` | ``amount`` | ``survival``, and its settings.
    catalog
        The features the model takes, in order.
    models
        LightGBM's text of one model, or of two for ``ordinal`` as two binaries (at least passive; promoter).
    calibration
        Per answer the slopes of all models' raw scores and an intercept. One answer: (slope, intercept), the slope 1 for
        amounts. ``ordinal`` has two, at least passive and promoter: rows of (slope, slope, intercept) for two binaries, or of
        (slope, intercept) with the same slope for one model and two thresholds (a cumulative link). ``survival`` has one row
        (slope, intercept) per period: the log-odds of its hazard.
    base_rate
        Share of churners (binary) in the training rows, else None.
    class_rates
        Shares of detractors, passives, promoters (ordinal), else None.
    bands
        Probabilities from which on a customer's band is ``medium`` and ``high``; empty unless binary.
    quantiles
        101 reference predictions (percentiles 0 to 100): probabilities, for ordinal the promoter minus the detractor
        probability, for amounts money, for survival the probability of churn by the last day.
    reference
        Feature name to its usual value: the median, or the most frequent category.
    data_from, data_until
        First as_of and the end of the last label window (ISO, UTC); None for a flat table.
    dropped
        Features that were there and that the model does without, with the reason: ``constant``, ``same as <other>``
        or ``same for all customers of a date``.
    details
        What else training wants to tell: preset, rounds, row counts.
    version, trained_at, commit
        The release: outside the digest.
    """

    target: str
    task: str
    spec: dict[str, Any]
    catalog: Catalog
    models: tuple[str, ...]
    calibration: tuple[tuple[float, ...], ...]
    quantiles: tuple[float, ...]
    reference: dict[str, float | str | None]
    base_rate: float | None = None
    class_rates: tuple[float, ...] | None = None
    bands: dict[str, float] = field(default_factory=dict)
    data_from: str | None = None
    data_until: str | None = None
    dropped: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    version: str = ""
    trained_at: str = ""
    commit: str | None = None
    sha256: str = ""

    @cached_property
    def boosters(self) -> tuple[lgb.Booster, ...]:
        """The models, read from their text once."""
        return tuple(lgb.Booster(model_str=text) for text in self.models)

    @property
    def days(self) -> tuple[int, ...]:
        """The days from as_of + lead that a survival answers, rising; empty for other tasks."""
        return tuple(int(day) for day in self.spec["days"]) if self.task == "survival" else ()

    @property
    def waits_for_return(self) -> bool:
        """Whether hazards are those of a return, so that churn is its not having come."""
        return self.task == "survival" and self.spec.get("label") == "inactivity"

    def margins(self, X: Array) -> Array:
        """Calibrated scores, (n, answers): log-odds (of survival those of each period's hazard), or log money for amounts."""
        rows = self._rows(X)
        scores = [booster.predict(rows, raw_score=True, num_threads=_threads(rows)) for booster in self.boosters]
        slopes, intercepts = self._calibration
        # Not a matrix product: a BLAS adds up one row in another order than many, and one customer's score is the batch's.
        total = np.tile(intercepts, (len(rows), 1))
        for score, slope in zip(scores, slopes.T, strict=True):
            total += np.asarray(score)[:, None] * slope
        return total

    def raw(self, X: Array) -> Array:
        """One score per row, (n,): calibrated log-odds; for ordinal the mean of the two (higher = happier); log money.

        For survival the mean over the periods of the hazards' log-odds, turned round where they are those of a return: higher
        is more likely to churn.
        """
        return np.asarray(self._turn * self.margins(X).mean(axis=1))

    def predict(self, X: Array) -> Array:
        """Probabilities (n,), class probabilities (n, 3: detractor, passive, promoter), amounts (n,) or curves (n, days).

        A curve is the probability of churn by each of `days`: of having left (it rises), or of not having come back (it falls).
        """
        return self.answers(self.margins(X))

    def answers(self, margins: Array) -> Array:
        """What `margins` mean, in the shape of `predict`."""
        if self.task == "amount":
            return np.asarray(np.exp(margins[:, 0]))
        if self.task == "ordinal":
            chances = sigmoid(margins)
            return ordinal_probabilities(chances[:, 0], chances[:, 1], self.class_rates or (1 / 3, 1 / 3, 1 / 3))
        if self.task == "survival":
            waiting = survival(margins)
            return waiting if self.waits_for_return else 1.0 - waiting
        return sigmoid(margins[:, 0])

    def contributions(self, X: Array) -> Array:
        """SHAP values of `raw` (Lundberg et al., 2020), (n, p + 1); the last column is the bias, rows add up to `raw`."""
        rows = self._rows(X)
        total = np.zeros((len(rows), rows.shape[1] + 1))
        slopes, intercepts = self._calibration
        for booster, slope in zip(self.boosters, slopes.mean(axis=0), strict=True):
            total += slope * np.asarray(booster.predict(rows, pred_contrib=True, num_threads=_threads(rows)))
        total[:, -1] += intercepts.mean()
        return total if self._turn > 0 else -total

    def save(self, folder: Path, golden: Array, beside: Mapping[str, str] | None = None) -> Bundle:
        """Write the folder (which must not exist or be empty) with `golden` rows (k, p), and return the bundle with its digest.

        `beside` are texts by file name that travel with the model under the same digest, and that no answer needs.
        """
        folder.mkdir(parents=True, exist_ok=True)
        files = {f"model_{number}.txt": text for number, text in enumerate(self.models)}
        files |= beside or {}
        files[CONTENT] = _json(self._content())
        answers = self.predict(golden).reshape(len(golden), -1)
        files[GOLDEN] = _json({"rows": _nullable(golden), "answers": _nullable(answers)})
        sums = "".join(f"{_digest(text.encode())}  {name}\n" for name, text in sorted(files.items()))
        files[SUMS] = sums
        for name, text in files.items():
            (folder / name).write_bytes(text.encode())
        saved = Bundle(**{**self._fields(), "sha256": _digest(sums.encode())})
        saved.release(folder)
        return saved

    def release(self, folder: Path) -> None:
        """Write ``release.json`` beside the bundle: what changes with every training, though the model may not."""
        content = {"version": self.version, "trained_at": self.trained_at, "commit": self.commit, "sha256": self.sha256}
        (folder / RELEASE).write_bytes(_json(content).encode())

    @classmethod
    def load(cls, folder: Path | str) -> Bundle:
        """Read a bundle and check every digest, every feature's fingerprint and the golden rows.

        Raises
        ------
        BundleError
            Naming the file, the feature or the golden row that does not fit.
        """
        folder = Path(folder)
        texts, digest = _verified(folder)
        content = _parsed(texts[CONTENT], folder / CONTENT)
        release = (
            _parsed((folder / RELEASE).read_text("utf-8"), folder / RELEASE) if (folder / RELEASE).is_file() else {}
        )
        if content.get("format", 0) > FORMAT:
            raise BundleError(
                f"the bundle has format {content['format']}, this version reads up to {FORMAT}",
                where=str(folder / CONTENT),
                next_move="update this installation, or train again with it",
            )
        catalog = _checked_catalog(content, str(folder / CONTENT))
        try:
            bundle = cls(
                target=content["target"],
                task=content["task"],
                spec=content["spec"],
                catalog=catalog,
                models=tuple(texts[name] for name in content["models"]),
                calibration=tuple(tuple(row) for row in content["calibration"]),
                quantiles=tuple(content["quantiles"]),
                reference=content["reference"],
                base_rate=content["base_rate"],
                class_rates=None if content["class_rates"] is None else tuple(content["class_rates"]),
                bands=content["bands"],
                data_from=content["data_from"],
                data_until=content["data_until"],
                dropped={item["name"]: item["reason"] for item in content.get("dropped", [])},
                details=content["details"],
                version=str(release.get("version", "")),
                trained_at=str(release.get("trained_at", "")),
                commit=release.get("commit"),
                sha256=digest,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(
                f"something is missing or of another kind ({type(error).__name__}: {error})",
                where=str(folder / CONTENT),
                next_move="train again with this version",
            ) from None
        _check_golden(bundle, _parsed(texts[GOLDEN], folder / GOLDEN), folder)
        return bundle

    @property
    def _turn(self) -> float:
        return -1.0 if self.waits_for_return else 1.0

    @cached_property
    def _calibration(self) -> tuple[Array, Array]:
        """Slopes (answers, models) and intercepts (answers,)."""
        table = np.array(self.calibration, dtype=np.float64)
        return table[:, :-1], table[:, -1]

    def _rows(self, X: Array) -> Array:
        rows = np.ascontiguousarray(X, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.catalog.names):
            raise ValueError(
                f"the model takes {len(self.catalog.names)} features in a matrix, found shape {rows.shape}"
            )
        return rows

    def _content(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "target": self.target,
            "task": self.task,
            "spec": self.spec,
            "catalog": self.catalog.to_dict(),
            "models": [f"model_{number}.txt" for number in range(len(self.models))],
            "calibration": [list(row) for row in self.calibration],
            "quantiles": list(self.quantiles),
            "reference": self.reference,
            "base_rate": self.base_rate,
            "class_rates": None if self.class_rates is None else list(self.class_rates),
            "bands": self.bands,
            "data_from": self.data_from,
            "data_until": self.data_until,
            "dropped": [{"name": name, "reason": reason} for name, reason in self.dropped.items()],
            "details": self.details,
        }

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def _threads(rows: Array) -> int:
    # Waking a pool of threads costs more than a few rows, and far more on a busy machine.
    return 1 if len(rows) < _BATCH else 0


def _json(content: Any) -> str:
    return json.dumps(content, sort_keys=True, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _nullable(values: Array) -> list[list[float | None]]:
    return [[None if math.isnan(number) else number for number in row] for row in values.tolist()]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _verified(folder: Path) -> tuple[dict[str, str], str]:
    """The listed files' texts by name, each of the digest it was saved with, and the digest of the whole."""
    listing = folder / SUMS
    if not listing.is_file():
        found = ", ".join(sorted(item.name for item in folder.iterdir())) if folder.is_dir() else ""
        raise BundleError(
            f"this is not a bundle: {SUMS} is missing" if folder.is_dir() else "the folder is not there",
            where=str(folder),
            available=found,
            next_move="train with 'moments train', or give the folder models/<target> that it wrote",
        )
    lines = [re.fullmatch(r"([0-9a-f]{64})  ([\w.-]+)", line) for line in listing.read_text("utf-8").splitlines()]
    expected = {match[2]: match[1] for match in lines if match}
    for name in (CONTENT, GOLDEN, "model_0.txt", *expected):
        if name not in expected:
            raise BundleError(
                f"{name} is not listed", where=str(listing), next_move="train again: this list is damaged"
            )
        if not (folder / name).is_file():
            raise BundleError(
                f"the file {name} is missing", where=str(folder), next_move="copy the whole folder, or train again"
            )
    texts = {}
    for name, digest in expected.items():
        data = (folder / name).read_bytes()
        if _digest(data) != digest:
            raise BundleError(
                f"{name} is not what was saved: its sha256 differs from {SUMS}",
                where=str(folder / name),
                next_move="copy the bundle again or train again; a bundle is never edited by hand",
            )
        texts[name] = data.decode()
    return texts, _digest(listing.read_bytes())


def _parsed(text: str, where: Path) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise BundleError(f"this is not JSON ({error})", where=str(where), next_move="train again") from None
    if not isinstance(content, dict):
        raise BundleError("a mapping was expected", where=str(where), next_move="train again")
    return content


def _checked_catalog(content: Mapping[str, Any], where: str) -> Catalog:
    """The catalogue, if every feature still means what it meant in training."""
    try:
        return Catalog.from_dict(content["catalog"], where=where)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"the catalogue cannot be read by this version ({type(error).__name__}: {error})",
            where=where,
            next_move="train again with this version",
        ) from None


def _check_golden(bundle: Bundle, golden: Mapping[str, Any], folder: Path) -> None:
    try:
        rows = np.array(golden["rows"], dtype=np.float64)
        known = np.array(golden["answers"], dtype=np.float64)
        answers = bundle.predict(rows).reshape(len(rows), -1)
    except (KeyError, ValueError, lgb.basic.LightGBMError) as error:
        raise BundleError(
            f"the golden rows cannot be answered ({error})", where=str(folder / GOLDEN), next_move="train again"
        ) from None
    wrong = np.flatnonzero(~np.isclose(answers, known, rtol=TOLERANCE, atol=TOLERANCE).all(axis=1))
    if len(wrong):
        row = int(wrong[0])
        raise BundleError(
            f"golden row {row} is answered with {answers[row].tolist()}, known is {known[row].tolist()}",
            where=str(folder / GOLDEN),
            next_move="this installation computes something else than the one that trained: install the locked versions or train again",
        )
