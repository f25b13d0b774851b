"""The feature families: each module turns a vocabulary and the windows into feature values, and holds nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from features.definition import Feature
from features.families import (
    attributes,
    consistency,
    contract,
    cost,
    effort,
    frequency,
    measures,
    money,
    peak_end,
    response,
    sequence,
    shocks,
    voice,
)
from features.journey import Vocabulary

Family = Callable[[Vocabulary, tuple[int, ...]], Iterator[Feature]]

FAMILIES: Final[dict[str, Family]] = {
    "frequency": frequency.features,
    "measures": measures.features,
    "effort": effort.features,
    "response": response.features,
    "consistency": consistency.features,
    "peak_end": peak_end.features,
    "sequence": sequence.features,
    "voice": voice.features,
    "money": money.features,
    "contract": contract.features,
    "cost": cost.features,
    "shocks": shocks.features,
    "attributes": attributes.features,
}
"""Every family, in catalogue order: the only list of what can be computed."""
