"""The feature families: each module turns a vocabulary and the windows into feature values, and holds nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from features.definition import Feature
from features.families import attributes, contract, effort, frequency, measures, money, voice
from features.journey import Vocabulary

Family = Callable[[Vocabulary, tuple[int, ...]], Iterator[Feature]]

FAMILIES: Final[dict[str, Family]] = {
    "frequency": frequency.features,
    "measures": measures.features,
    "effort": effort.features,
    "voice": voice.features,
    "money": money.features,
    "contract": contract.features,
    "attributes": attributes.features,
}
"""Every family, in catalogue order: the only list of what can be computed."""
