"""The whole analysis on arrays: values, tests, strengths, intervals, ranks, moments, knees. No files, no clock.

`analyse_arrays` takes a `Problem` and gives a `Result`. For churn a second problem with the same blocks and a shorter label
window may *find* (test) while the first one *sizes*: short windows tell apart what happened before leaving from what happened
anyway, the asked horizon says what it amounts to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from scipy import stats

from configs.settings import Drivers
from drivers import dose_response, moments, significance, strength, uncertainty
from drivers.attribution import Attribution, Fitter, Floats, Problem, cross_fit, drop_and_refit, half_samples
from drivers.dose_response import Encounters, Knee
from drivers.ranking import families, standing
from drivers.result import Limits, Result, SlopeTests, Validation

Progress = Callable[[str, float], None]
EncountersOf = Callable[[str], Sequence[Encounters]]

_REFIT_FOLDS: Final = 2  # the comparison is with a whole model of the same folds, so few are enough


def analyse_arrays(
    problem: Problem,
    options: Drivers,
    *,
    seed: int,
    threads: int = 2,
    find: Problem | None = None,
    higher_is_better: bool = True,
    encounters: EncountersOf | None = None,
    progress: Progress | None = None,
) -> Result:
    """Analyse one outcome.

    Parameters
    ----------
    problem
        What is sized; also what is tested when `find` is not given.
    options
        ``settings.drivers``.
    seed, threads
        The result depends on the seed, not on the threads.
    find
        The same blocks with the outcome that drivers are found on (churn: a short label window).
    higher_is_better
        False for churn: turns asymmetry over.
    encounters
        Gives a touchpoint's measured encounters, for its knees; asked for key drivers only.
    progress
        Called with a message and the fraction done.
    """
    tell = progress or (lambda _message, _fraction: None)

    def part(message: str, start: float, length: float) -> Callable[[float], None]:
        return lambda fraction: tell(message, start + length * fraction)

    fitter = Fitter(problem, seed, threads)
    fitter.choose_rounds()
    held = cross_fit(fitter, options.folds, options.repeats, part("values of held-out customers", 0.05, 0.3))
    tests = slope_tests(problem, held, options)
    if find is not None:
        finder = Fitter(find, seed + 1, threads)
        finder.choose_rounds()
        found = cross_fit(finder, options.folds, options.repeats, part("the same on short label windows", 0.35, 0.2))
        tests = either(slope_tests(find, found, options), tests, problem, options)

    repeats = np.array([problem.per_block(groups) for groups in held.values])
    values = repeats.mean(axis=0)
    fit = significance.regress(values, problem.y, problem.customer, problem.kind)
    raw = fit.intercept + values @ fit.slope
    point = strength.effects(problem, values, fit)
    drawn = uncertainty.bootstrap(problem, values, fit, point, options.bootstraps, seed)
    halved = uncertainty.halves(
        half_samples(
            fitter, options.half_samples, lambda v: uncertainty.refit(problem, v), part("refits on halves", 0.55, 0.3)
        )
    )
    refit = _refits(fitter, tests, options, part("models without one driver", 0.85, 0.1))

    tell("moments of truth and knees", 0.96)
    # What cannot be told from chance has no strength; where drivers are found on other labels than they are sized on, those say it.
    alive = (tests.q_any <= options.false_discovery_rate) | (tests.q <= options.false_discovery_rate)
    size = np.where(alive, point.strength, 0.0)
    stand = standing(problem, size, tests, drawn, halved, options)
    key = np.array([status == "key_driver" for status in stand.status], dtype=bool)
    bias = uncertainty.allowance(np.array([block.window_days for block in problem.blocks], dtype=np.int64))
    unit = strength.per_unit(problem)
    depth = np.where(alive, point.depth, 0.0)
    depth_low, depth_high = uncertainty.interval(depth, drawn.depth, halved.depth, bias)
    low, high = uncertainty.interval(size, drawn.strength, halved.strength, bias)
    reach_low, reach_high = uncertainty.percentiles(drawn.reach)
    asymmetry = moments.good_asymmetry(point.gain, point.loss, higher_is_better=higher_is_better)
    asymmetry_low, asymmetry_high = uncertainty.widest(
        asymmetry[None, :],
        moments.good_asymmetry(drawn.gain, drawn.loss, higher_is_better=higher_is_better),
        moments.good_asymmetry(halved.gain, halved.loss, higher_is_better=higher_is_better),
    )
    shapes = tuple(moments.shape_of(float(value)) for value in asymmetry)
    moved = moments.moved(problem, values, raw, point)
    # Depths are compared with each other here, and the allowance for bias holds for all of them alike.
    surely, _ = uncertainty.interval(depth, drawn.depth, halved.depth, np.zeros_like(bias))
    truths = moments.moments_of_truth(
        key & problem.touchpoint, depth, surely, moved, probability=problem.kind == "binary"
    )
    knees: list[Knee | None] = [None] * len(problem.blocks)
    for b in np.flatnonzero(key & problem.touchpoint).tolist() if encounters is not None else ():
        response = dose_response.partial_response(problem, raw, fit.slope[b] * values[:, b])
        measured = encounters(problem.blocks[b].name) if encounters is not None else ()
        knees[b] = dose_response.knee(
            problem, response, measured, options.bootstraps, seed, higher_is_better=higher_is_better
        )
    return Result(
        problem=problem,
        values=values,
        repeats=repeats,
        raw=raw,
        tests=tests,
        validation=_validation(problem, held, fitter.rounds),
        standing=stand,
        strength=Limits(size * unit, low * unit, high * unit),
        depth=Limits(depth * unit, depth_low * unit, depth_high * unit),
        reach=Limits(point.reach, reach_low, reach_high),
        slope=fit.slope,
        refit=refit,
        asymmetry=Limits(asymmetry, asymmetry_low, asymmetry_high),
        shape=shapes,
        moment=tuple(moments.moment_of(s) if truth else None for s, truth in zip(shapes, truths, strict=True)),
        moved=moved,
        knee=tuple(knees),
        dimensions=_dimensions(problem, held.values.mean(axis=0)),
        base_rate=strength.base_rate(problem),
    )


def slope_tests(problem: Problem, held: Attribution, options: Drivers) -> SlopeTests:
    """Gate, slopes and their tests, each repeat on its own; touchpoints and controls are families apart."""
    fits, p, p_any = [], [], []
    for groups in held.values:
        values = problem.per_block(groups)
        fit = significance.regress(values, problem.y, problem.customer, problem.kind)
        size = strength.spread(values, problem.weight)
        fits.append(fit)
        parts = [significance.exceedance(fit, size, family, options.minimum_share) for family in families(problem)]
        p.append(np.minimum(*parts))
        p_any.append(stats.norm.sf(fit.z))
    gate = significance.gate(held.raw, held.prior, problem.y, problem.customer, problem.kind, options.gate_z)
    slope = np.median([fit.slope for fit in fits], axis=0)
    median, median_any = np.median(p, axis=0), np.median(p_any, axis=0)
    q, q_any = np.ones(len(slope)), np.ones(len(slope))
    for family in families(problem):
        q[family] = significance.benjamini_hochberg(median[family])
        q_any[family] = significance.benjamini_hochberg(median_any[family])
    return SlopeTests(gate, slope, median, q, median_any, q_any)


def either(found: SlopeTests, sized: SlopeTests, problem: Problem, options: Drivers) -> SlopeTests:
    """Tests on two label windows as one: what either shows counts, at twice its p (Bonferroni); a mere sign counts on the short one.

    Short windows are closer to what made somebody leave, long ones know of more who left. That a touchpoint has any effect at all
    is left to the short ones: over long windows people meet much that only goes with being about to leave.
    """
    p = np.minimum(1.0, 2 * np.minimum(found.p, sized.p))
    q = np.ones(len(p))
    for family in families(problem):
        q[family] = significance.benjamini_hochberg(p[family])
    best = max((found.gate, sized.gate), key=lambda gate: gate.z)
    doubled = min(1.0, 2 * best.p_value)
    gate = significance.Gate(best.z, doubled, passed=doubled < float(stats.norm.sf(options.gate_z)))
    return SlopeTests(gate, found.slope, p, q, found.p_any, found.q_any)


def _refits(
    fitter: Fitter, tests: SlopeTests, options: Drivers, progress: Callable[[float], None]
) -> dict[int, tuple[float, float]]:
    """Held-out loss without each touchpoint that is at all distinguishable: relative change and its one-sided p."""
    problem = fitter.problem
    blocks = np.flatnonzero(problem.touchpoint & (tests.q_any <= options.false_discovery_rate)).tolist()
    if not blocks or not tests.gate.passed:
        return {}
    whole, others = drop_and_refit(fitter, blocks, _REFIT_FOLDS, progress)
    loss = significance.row_loss(whole, problem.y, problem.kind)
    told = {}
    for block, raw in zip(blocks, others, strict=True):
        worse = significance.row_loss(raw, problem.y, problem.kind) - loss
        z = significance.clustered_z(worse, problem.customer)
        told[block] = (float(worse.mean() / loss.mean()), float(stats.norm.sf(z)))
    return told


def _dimensions(problem: Problem, groups: Floats) -> tuple[dict[str, float], ...]:
    """Share of each block's movement that each dimension carries, the largest first."""
    size = strength.spread(groups, problem.weight)
    told: list[dict[str, float]] = [{} for _ in problem.blocks]
    for (block, dimension), part in zip(problem.groups, size.tolist(), strict=True):
        told[block][dimension] = part
    for b, parts in enumerate(told):
        total = sum(parts.values())
        ordered = sorted(parts.items(), key=lambda item: (-item[1], item[0]))
        told[b] = {name: part / total if total > 0 else 0.0 for name, part in ordered}
    return tuple(told)


def _validation(problem: Problem, held: Attribution, rounds: int) -> Validation:
    loss = float(np.mean([significance.row_loss(raw, problem.y, problem.kind).mean() for raw in held.raw]))
    prior = float(np.mean([significance.row_loss(raw, problem.y, problem.kind).mean() for raw in held.prior]))
    if problem.kind == "linear":
        return Validation("r2", 1 - loss / prior if prior > 0 else 0.0, 0.0, loss, prior, rounds)
    area = float(np.mean([significance.auc(raw, problem.y) for raw in held.raw]))
    return Validation("auc", area, 0.5, loss, prior, rounds)
