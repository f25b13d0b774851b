"""`python -m benchmarks.second_world OUT --answers 5000 --seed 1`: write a world and say what is true in it."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.second_world import Spec, make

SWITCHES = ("hidden_confounder", "interactions", "mediation", "non_response", "consequences")


def main(given: list[str] | None = None) -> int:
    """Write one world."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.second_world", description=__doc__)
    parser.add_argument("out", type=Path, help="a new or empty folder, or an earlier world")
    parser.add_argument("--answers", type=int, default=5000, help="expected answers to the relationship survey")
    parser.add_argument("--churners", type=int, default=None, help="expected customers who leave")
    parser.add_argument("--null", action="store_true", help="nothing that is met moves loyalty")
    parser.add_argument("--without", choices=SWITCHES, action="append", default=[], help="leave a difficulty out")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(given)
    off = dict.fromkeys(asked.without, False)
    spec = Spec(answers=asked.answers, churners=asked.churners, null=asked.null, **off)
    truth = make(asked.out, spec, asked.seed)
    survey = truth.facts["survey"]
    print(
        f"{truth.facts['customers']:,} customers, {survey['answered']:,} of {survey['asked']:,} answers, "
        f"{truth.facts['churners']:,} left, NPS {survey['nps_answered']:.1f} ({survey['nps_asked']:.1f} of all asked)"
    )
    for target in ("nps", "churn"):
        shares = [f"{item['touchpoint']} {item['share']:.0%} ({item['role']})" for item in truth.of(target)["drivers"]]
        print(f"{target}: {', '.join(shares) or 'no driver'}")
    print(truth.config)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
