"""The bundle: what it answers, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from configs.errors import BundleError
from configs.settings import Learner as Options
from tests.training import made
from training.bundle import PRIOR_SHARE, Bundle, ordinal_probabilities, sigmoid
from training.learner import Learner
from training.questions import questions
from training.targets import Task

OPTIONS = Options(
    leaves=(8,),
    learning_rate=0.1,
    max_rounds=80,
    early_stopping_rounds=10,
    max_depth=6,
    rows_per_leaf=20,
    trials=0,
    catboost=False,
    threads=1,
    sample_rows=500_000,
    dask=None,
)


def bundle_of(task: Task, spec: dict[str, Any] | None = None) -> tuple[Bundle, Any]:
    """A small trained bundle, unsaved, and the training set."""
    dataset = made.dataset(task, rows=500, spec=spec)
    asked = questions(dataset)
    learner = Learner(dataset.X, [5], OPTIONS, 7)
    models = tuple(learner.fit(learner.presets[0], question, 15).model_to_string() for question in asked)
    calibration = ((1.2, -0.1),) if len(asked) == 1 else ((0.8, 0.3, 0.1), (0.2, 0.9, -0.2))
    bundle = Bundle(
        target=dataset.target,
        task=task,
        spec=dataset.spec,
        catalog=dataset.catalog,
        models=models,
        calibration={"amount": ((1.0, 0.05),), "survival": ((1.2, -1.5), (0.9, -1.2), (0.7, -2.0))}.get(
            task, calibration
        ),
        quantiles=tuple(np.linspace(0, 1, 101).tolist()),
        reference=dict.fromkeys(dataset.catalog.names, 0.0),
        base_rate=0.3 if task == "binary" else None,
        class_rates=(0.2, 0.3, 0.5) if task == "ordinal" else None,
        trained_at="2026-01-15T00:00:00Z",
        commit="abc",
    )
    return bundle, dataset


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The folder of a saved churn bundle."""
    bundle, dataset = bundle_of("binary")
    bundle.save(tmp_path / "churn", dataset.X[:5])
    return tmp_path / "churn"


def resign(folder: Path) -> None:
    """Write the digests anew, as somebody who tampers would."""
    names = sorted(item.name for item in folder.iterdir() if item.name not in {"SHA256SUMS", "release.json"})
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(lines))


def test_features_left_out_are_told_by_name(tmp_path: Path) -> None:
    """The bundle lists what the model does without, each with its reason; one made before had no such list."""
    bundle, dataset = bundle_of("binary")
    dropped = {"gone": "constant", "copy": "same as n1"}
    replace(bundle, dropped=dropped).save(tmp_path / "churn", dataset.X[:5])
    content = json.loads((tmp_path / "churn" / "bundle.json").read_text("utf-8"))
    assert content["dropped"] == [
        {"name": "gone", "reason": "constant"},
        {"name": "copy", "reason": "same as n1"},
    ]
    assert Bundle.load(tmp_path / "churn").dropped == dropped


@pytest.mark.parametrize("task", ["binary", "ordinal", "amount", "survival"])
def test_what_is_saved_is_what_is_loaded(tmp_path: Path, task: Task) -> None:
    """Every field and every answer survive the folder."""
    bundle, dataset = bundle_of(task)
    saved = bundle.save(tmp_path / "b", dataset.X[:5])
    loaded = Bundle.load(tmp_path / "b")
    assert replace(loaded, models=()) == replace(saved, models=())
    np.testing.assert_array_equal(loaded.predict(dataset.X), bundle.predict(dataset.X))
    assert loaded.sha256 == saved.sha256 != ""
    assert loaded.commit == "abc"


@pytest.mark.parametrize("task", ["binary", "ordinal", "amount", "survival"])
def test_contributions_add_up_to_the_raw_score(task: Task) -> None:
    """Each row's contributions and the bias give `raw`, and `raw` is what the answer is made of."""
    bundle, dataset = bundle_of(task)
    contributions = bundle.contributions(dataset.X[:50])
    raw = bundle.raw(dataset.X[:50])
    assert contributions.shape == (50, len(bundle.catalog.names) + 1)
    np.testing.assert_allclose(contributions.sum(axis=1), raw, atol=1e-10)
    answers = bundle.predict(dataset.X[:50])
    if task == "binary":
        np.testing.assert_allclose(answers, sigmoid(raw))
    if task == "amount":
        np.testing.assert_allclose(answers, np.exp(raw))
    if task == "ordinal":
        np.testing.assert_allclose(bundle.margins(dataset.X[:50]).mean(axis=1), raw)


@pytest.mark.parametrize("task", ["binary", "ordinal", "amount", "survival"])
def test_one_row_and_many_are_answered_alike(task: Task) -> None:
    """A row's answer does not depend on its company, nor on the number of threads that answer."""
    bundle, dataset = bundle_of(task)
    together = bundle.predict(np.tile(dataset.X, (5, 1)))
    np.testing.assert_array_equal(together[: len(dataset)], bundle.predict(dataset.X))
    alone = np.concatenate([bundle.predict(dataset.X[row : row + 1]) for row in range(200)])
    np.testing.assert_array_equal(together[:200], alone)


@pytest.mark.parametrize("label", ["cancellation", "inactivity"])
def test_a_curve_tells_churn_by_day(label: str) -> None:
    """Of leaving it rises, of not having come back it falls; a higher score is more likely churn on either."""
    bundle, dataset = bundle_of("survival", {"label": label})
    assert bundle.days == (30, 60, 90)
    curves = bundle.predict(dataset.X)
    assert curves.shape == (500, 3)
    assert ((curves > 0) & (curves < 1)).all()
    assert (np.diff(curves, axis=1) * (1 if label == "cancellation" else -1) > 0).all()
    order = np.argsort(bundle.raw(dataset.X), kind="stable")
    assert (np.diff(curves[order, 0]) > -1e-9).all()
    hazards = sigmoid(bundle.margins(dataset.X))
    left = 1 - (1 - hazards[:, 0]) * (1 - hazards[:, 1])
    np.testing.assert_allclose(curves[:, 1], left if label == "cancellation" else 1 - left)
    np.testing.assert_allclose(bundle.contributions(dataset.X).sum(axis=1), bundle.raw(dataset.X), atol=1e-10)


def test_a_matrix_of_another_width_is_refused() -> None:
    """LightGBM would take other columns silently."""
    bundle, dataset = bundle_of("binary")
    with pytest.raises(ValueError, match="takes 6 features"):
        bundle.predict(dataset.X[:, :4])


def test_nps_probabilities_are_ordered_and_never_zero() -> None:
    """Crossing cumulative answers meet in their mean; every class keeps a share of its rate; rows add up to one."""
    rates = (0.2, 0.3, 0.5)
    p = ordinal_probabilities(np.array([0.9, 0.4, 0.5]), np.array([0.3, 0.6, 0.5]), rates)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert (p > 0).all()
    np.testing.assert_allclose(p[1], (1 - PRIOR_SHARE) * np.array([0.5, 0.0, 0.5]) + PRIOR_SHARE * np.array(rates))


def test_a_release_is_outside_the_digest(tmp_path: Path) -> None:
    """Another day, version or commit leaves the digest; another calibration does not."""
    bundle, dataset = bundle_of("binary")
    first = bundle.save(tmp_path / "a", dataset.X[:5]).sha256
    later = replace(bundle, version="9", trained_at="2027-01-01T00:00:00Z", commit=None)
    assert later.save(tmp_path / "b", dataset.X[:5]).sha256 == first
    other = replace(bundle, calibration=((1.2, -0.2),))
    assert other.save(tmp_path / "c", dataset.X[:5]).sha256 != first
    assert Bundle.load(tmp_path / "b").version == "9"


@pytest.mark.parametrize("name", ["model_0.txt", "bundle.json", "golden.json"])
def test_one_changed_byte_is_refused_by_name(saved: Path, name: str) -> None:
    """Whichever file is touched, the message names it."""
    data = bytearray((saved / name).read_bytes())
    data[len(data) // 2] ^= 1
    (saved / name).write_bytes(bytes(data))
    with pytest.raises(BundleError, match=rf"{name} is not what was saved"):
        Bundle.load(saved)


@pytest.mark.parametrize("name", ["model_0.txt", "bundle.json", "golden.json"])
def test_a_missing_file_is_refused_by_name(saved: Path, name: str) -> None:
    """A file that did not come along is named."""
    (saved / name).unlink()
    with pytest.raises(BundleError, match=f"the file {name} is missing"):
        Bundle.load(saved)


def test_a_file_that_is_not_listed_is_not_trusted(saved: Path) -> None:
    """A model without a digest is refused."""
    lines = (saved / "SHA256SUMS").read_text().splitlines(keepends=True)
    (saved / "SHA256SUMS").write_text("".join(line for line in lines if "model_0" not in line))
    with pytest.raises(BundleError, match=r"model_0\.txt is not listed"):
        Bundle.load(saved)


def test_no_listing_and_no_folder(tmp_path: Path) -> None:
    """Another folder is not a bundle, and a missing one is not there."""
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(BundleError, match=r"not a bundle: SHA256SUMS is missing\. Available: notes\.txt"):
        Bundle.load(tmp_path)
    with pytest.raises(BundleError, match="the folder is not there"):
        Bundle.load(tmp_path / "gone")


def test_a_path_in_the_listing_cannot_leave_the_folder(saved: Path) -> None:
    """A name with a slash is no name of a bundle's file."""
    with (saved / "SHA256SUMS").open("a") as listing:
        listing.write(f"{'0' * 64}  ../secret.txt\n")
    loaded = Bundle.load(saved)
    assert "secret" not in "".join(loaded.models)


def edited(folder: Path, change: Any) -> None:
    content = json.loads((folder / "bundle.json").read_text())
    change(content)
    (folder / "bundle.json").write_text(json.dumps(content))
    resign(folder)


def test_a_feature_that_means_something_else_is_refused_by_name(saved: Path) -> None:
    """A fingerprint that is not today's names the feature."""
    edited(saved, lambda content: content["catalog"]["features"][2].update(fingerprint="0" * 16))
    with pytest.raises(BundleError, match="'n2'"):
        Bundle.load(saved)


def test_a_feature_of_an_unknown_kind_is_refused(saved: Path) -> None:
    """A feature that this version cannot compute is an error of the bundle, not a fault."""
    edited(saved, lambda content: content["catalog"]["features"][0].update(aggregate="telepathy"))
    with pytest.raises(BundleError):
        Bundle.load(saved)


def test_a_newer_format_is_refused(saved: Path) -> None:
    """A bundle of a later version says so."""
    edited(saved, lambda content: content.update(format=99))
    with pytest.raises(BundleError, match="format 99"):
        Bundle.load(saved)


def test_content_that_lacks_something_is_refused(saved: Path) -> None:
    """A key that is gone, with digests made to fit, is an error that names it."""
    edited(saved, lambda content: content.pop("calibration"))
    with pytest.raises(BundleError, match="calibration"):
        Bundle.load(saved)


def test_golden_rows_catch_what_digests_cannot(saved: Path) -> None:
    """A model exchanged together with its digest answers the golden rows differently."""
    edited(saved, lambda content: content.update(calibration=[[1.2, -0.100001]]))
    with pytest.raises(BundleError, match="golden row 0 is answered with"):
        Bundle.load(saved)


def test_a_model_that_cannot_be_read_is_refused(saved: Path) -> None:
    """A text that LightGBM does not take is an error of the bundle."""
    (saved / "model_0.txt").write_text("tree\nnonsense\n")
    resign(saved)
    with pytest.raises(BundleError):
        Bundle.load(saved)


def test_a_damaged_release_is_refused(saved: Path) -> None:
    """The release note must be JSON."""
    (saved / "release.json").write_text("{")
    with pytest.raises(BundleError, match="not JSON"):
        Bundle.load(saved)


def test_a_bundle_without_a_release_loads(saved: Path) -> None:
    """The note tells of the day; answers do not need it."""
    (saved / "release.json").unlink()
    assert Bundle.load(saved).version == ""


def test_nothing_heavy_is_imported() -> None:
    """The door into training needs neither MLflow nor shap, the learner or plotting."""
    code = (
        "import sys, training.bundle\n"
        "heavy = {'mlflow', 'shap', 'matplotlib', 'optuna', 'training.learner', 'training.registry'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
