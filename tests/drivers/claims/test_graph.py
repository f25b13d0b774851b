"""The adjustment sets of graphs whose answer is known from the textbooks."""

from __future__ import annotations

import pytest

from configs.errors import ConfigError
from configs.models import Graph
from drivers.claims.graph import adjustment, drawn

KNOWN = {"call", "repair", "delivery", "tenure", "price", "nps", "churn"}
SEEN = KNOWN - {"nps", "churn"}


def graph(*edges: str, hidden: tuple[str, ...] = ()) -> Graph:
    return Graph(edges=edges, hidden=hidden)


def test_without_a_graph_all_else_is_held_fixed() -> None:
    """Every other touchpoint and circumstance counts as a common cause."""
    assert adjustment(None, "call", "nps", SEEN).names == ("delivery", "price", "repair", "tenure")


def test_what_the_driver_causes_is_not_held_fixed() -> None:
    """A call that leads to a repair has the repair's harm in its effect; the common cause stays."""
    found = adjustment(
        drawn(graph("tenure -> call", "tenure -> nps", "call -> repair", "repair -> nps"), KNOWN, "c"),
        "call",
        "nps",
        SEEN,
    )
    assert found.names == ("delivery", "price", "tenure")
    assert found.caused == ("repair",)
    assert found.refused is None


def test_a_hidden_common_cause_is_refused_by_name() -> None:
    """Where nothing measured stands between a hidden cause and both ends, there is no effect to tell."""
    found = adjustment(drawn(graph("mood -> call", "mood -> nps", hidden=("mood",)), KNOWN, "c"), "call", "nps", SEEN)
    assert found.refused == "not measured, and a cause of both: mood"
    assert found.names == ()


def test_a_hidden_cause_behind_a_measured_one_is_no_obstacle() -> None:
    """Tenure stands between the mood and the call: holding tenure fixed is enough."""
    written = graph("mood -> tenure", "tenure -> call", "mood -> nps", hidden=("mood",))
    found = adjustment(drawn(written, KNOWN, "c"), "call", "nps", SEEN)
    assert found.refused is None
    assert "tenure" in found.names


def test_a_common_effect_is_left_alone() -> None:
    """Holding a common effect of two hidden causes fixed would tie them: it is not done (M-bias)."""
    written = graph("a -> call", "a -> price", "b -> price", "b -> nps", hidden=("a", "b"))
    found = adjustment(drawn(written, KNOWN, "c"), "call", "nps", SEEN)
    assert found.refused is None
    assert "price" not in found.names


@pytest.mark.parametrize(
    ("edges", "hidden", "said"),
    [
        (("tenur -> call",), (), "did you mean 'tenure'"),
        (("call -> repair", "repair -> call"), (), "circle"),
        (("tenure -> call",), ("mood",), "no arrow"),
    ],
)
def test_faults_are_named(edges: tuple[str, ...], hidden: tuple[str, ...], said: str) -> None:
    """Unknown names, circles and hidden names without an arrow are errors that say what to do."""
    with pytest.raises(ConfigError, match=said):
        drawn(graph(*edges, hidden=hidden), KNOWN, "c")
