"""One call of each verb, for its help and for the reference page."""

from __future__ import annotations

from typing import Final

EXAMPLES: Final = {
    "world": "moments world --out out/demo-world --customers 3000 --seed 7",
    "check": "moments check configs/demo.yaml",
    "features": "moments features configs/demo.yaml",
    "train": "moments train configs/demo.yaml --target churn",
    "drivers": "moments drivers configs/demo.yaml",
    "score": "moments score configs/demo.yaml --json",
    "monitor": "moments monitor configs/demo.yaml",
    "run": "moments run configs/demo.yaml",
    "serve": "moments serve configs/demo.yaml --port 3000",
    "audit": "moments audit configs/demo.yaml --since 2026-01-01",
    "models": "moments models configs/demo.yaml rollback --target churn --reason 'too many calls last week'",
    "pilot": "moments pilot configs/demo.yaml --target nps --touchpoint support_call",
}


def example(verb: str) -> str:
    """The call of a verb as its help ends with it."""
    return f"Example: {EXAMPLES[verb]}"
