from __future__ import annotations

from configs.settings import TouchpointInfo
from drivers.report.labels import CONTROLS, DIMENSIONS, FAMILIES, METRICS, Labels, humanised
from drivers.report.words import Words
from features.catalog import Catalog
from features.families import FAMILIES as REGISTRY
from features.journey import MeasureInfo, Vocabulary
from features.schema import TABLES

JOURNEY = {"support_call": TouchpointInfo(label={"en": "Support call", "he": "שיחת שירות"})}


def labels(language: str, **kinds: str) -> Labels:
    return Labels(Words(language), JOURNEY, kinds or {"nps": "nps", "churn": "churn"})  # type: ignore[arg-type]


def test_touchpoints_are_called_as_the_company_calls_them() -> None:
    """The configuration's label in the reader's language, else a readable form of the name."""
    assert labels("he").plain_touchpoint("support_call") == "שיחת שירות"
    assert labels("ru").plain_touchpoint("support_call") == "Support call"
    assert labels("en").plain_touchpoint("app__login") == "App login"


def test_names_keep_to_themselves() -> None:
    """A name from the data is escaped and isolated from the direction around it."""
    assert labels("he").touchpoint("a<b") == "<bdi>A&lt;b</bdi>"


def test_targets_are_named_by_kind() -> None:
    """Two targets of one kind add their own names; one alone does not need it."""
    assert labels("en").target("nps") == "NPS (recommendation)"
    two = labels("en", soon="churn", later="churn")
    assert two.target("soon") == "Churn · <bdi>Soon</bdi>"
    assert labels("en").target("stranger") == "<bdi>Stranger</bdi>"


def test_unknown_names_are_shown_readably() -> None:
    """A name that no table of labels knows is not lost."""
    assert labels("en").known({}, "house_metric") == "<bdi>House metric</bdi>"
    assert humanised(" wait_min ") == "Wait min"


def test_every_metric_of_the_evaluation_has_a_name_and_a_meaning() -> None:
    """What training measures is explained in the report."""
    import numpy as np

    from training import evaluate

    y, p = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.1, 0.8, 0.3, 0.6])
    three = np.full((4, 3), 1 / 3)
    measured = {
        **evaluate.values([evaluate.binary(y, p, p)], 4),
        **evaluate.values([evaluate.ordinal(np.array([0, 1, 2, 1]), three)], 4),
        **evaluate.values([evaluate.amount(y, p)], 4),
    }
    assert set(measured) <= set(METRICS)


def test_every_family_has_a_name() -> None:
    """A new family of features is told in the report's words, in the registry's order."""
    assert list(FAMILIES) == list(REGISTRY)


def test_every_block_and_side_of_a_touchpoint_has_a_name() -> None:
    """What the driver analysis can name and no company named itself is known: groups of controls, sides of an encounter."""
    vocabulary = Vocabulary(
        tables=tuple(TABLES),
        touchpoints=("visit",),
        measures={"seen": MeasureInfo("flag", "higher"), "mood": MeasureInfo("score", "higher", "emotion")},
        measured={"visit": ("seen", "mood")},
        columns={"subscriptions": ("monthly_fee", "plan"), "customers": ("created_at",)},
        usual={"visit|mood": (0.0, 1.0)},
    )
    used = [item for item in Catalog.of(vocabulary, (30, 90)).features if item.role in {"touchpoint", "control"}]
    assert {item.driver for item in used if item.role == "control"} <= set(CONTROLS)
    assert {item.dimension for item in used if item.role == "touchpoint"} - {"seen", "mood"} <= set(DIMENSIONS)
