"""What must be held fixed so that an association of a driver with an outcome is its effect, given what causes what.

A graph of the company's own (``drivers.graph``) has touchpoints, groups of circumstances (as `controls` in drivers.json names them), a
target, and things that are not measured. In goes the graph, a driver and an outcome; out comes the set of names to adjust for, by the
backdoor criterion (Pearl, 2009, ch. 3), or the reason why there is none. What the driver causes itself is never adjusted for.
Names that the graph does not mention are taken as common causes of all, which is what is assumed without a graph.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import networkx as nx

from configs.errors import ConfigError, nearest
from configs.models import Graph

_KEY = "drivers.graph"


@dataclass(frozen=True)
class Adjustment:
    """What to hold fixed: names, those left out since the driver causes them, and why nothing would do (None: it does)."""

    names: tuple[str, ...]
    caused: tuple[str, ...] = ()
    refused: str | None = None


def arrows(edges: Sequence[str]) -> list[tuple[str, str]]:
    """`cause -> effect` as pairs of names."""
    return [(cause.strip(), effect.strip()) for cause, _, effect in (edge.partition("->") for edge in edges)]


def drawn(written: Graph, known: Collection[str], where: str) -> nx.DiGraph:
    """The graph as it was written.

    Parameters
    ----------
    written
        Arrows, and names of what is not measured.
    known
        Touchpoints, groups of circumstances and targets that there are.
    where
        The configuration's name, for errors.

    Raises
    ------
    ConfigError
        When a name is unknown, or causes go round in a circle.
    """
    graph = nx.DiGraph(arrows(written.edges))
    for name in graph.nodes:
        if name not in known and name not in written.hidden:
            close = nearest(name, known)
            raise ConfigError(
                f"'{name}' is no touchpoint, no group of circumstances and no target",
                where=f"{where}: {_KEY}.edges",
                available=", ".join(sorted(known)),
                next_move=f"did you mean '{close}'?" if close else f"name what is not measured in {_KEY}.hidden",
            )
    for name in written.hidden:
        if name not in graph:
            raise ConfigError(
                f"'{name}' is hidden, and no arrow begins or ends there",
                where=f"{where}: {_KEY}.hidden",
                available=", ".join(sorted(graph.nodes)),
                next_move=f"draw what it causes: '{name} -> ...'",
            )
    if not nx.is_directed_acyclic_graph(graph):
        circle = [cause for cause, _ in nx.find_cycle(graph)]
        raise ConfigError(
            "causes go round in a circle",
            where=f"{where}: {_KEY}.edges",
            available=" -> ".join([*circle, circle[0]]),
            next_move="take out the arrow that does not hold within one window of the analysis",
        )
    return graph


def adjustment(graph: nx.DiGraph | None, driver: str, outcome: str, observed: Collection[str]) -> Adjustment:
    """What to hold fixed for the effect of a driver on an outcome.

    Parameters
    ----------
    graph
        As drawn; None: everything else is a common cause.
    driver, outcome
        A touchpoint and a target.
    observed
        Touchpoints and groups of circumstances that the analysis has columns of.
    """
    others = sorted(name for name in observed if name not in {driver, outcome})
    if graph is None:
        return Adjustment(tuple(others))
    free = [name for name in others if name not in graph]
    if driver not in graph:
        graph = nx.compose(graph, nx.DiGraph([(driver, outcome)]))
    if outcome not in graph:
        graph = nx.compose(graph, nx.DiGraph([(driver, outcome)]))
    after = nx.descendants(graph, driver)
    caused = tuple(name for name in others if name in after)
    allowed = [name for name in others if name in graph and name not in after]
    cut = graph.copy()
    cut.remove_edges_from(list(graph.out_edges(driver)))
    # All that comes before either of the two: it blocks whatever can be blocked, and each cause of the outcome narrows the interval.
    before = (nx.ancestors(cut, driver) | nx.ancestors(cut, outcome)) & set(allowed)
    if not nx.is_d_separator(cut, {driver}, {outcome}, before):
        found = nx.find_minimal_d_separator(cut, {driver}, {outcome}, restricted=set(allowed))
        if found is None:
            hidden = sorted(
                (nx.ancestors(graph, driver) & nx.ancestors(graph, outcome)) - set(others) - {driver, outcome}
            )
            return Adjustment(
                (),
                caused,
                f"not measured, and a cause of both: {', '.join(hidden)}" if hidden else "no set blocks every path",
            )
        before = found
    return Adjustment(tuple(sorted([*free, *before])), caused)
