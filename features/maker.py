"""What the kernel needs to tell the turns of events: codes, columns, frequent sequences and usual prices, as flat arrays."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features import schema
from features.journey import CHANGE, PAYMENT, REPEAT, START, TURNS, UNKNOWN_TOUCHPOINT, VERSION, sequence_kind
from features.layout import MEASURE_PREFIX, MONEY_SCALE, QUALITY, Layout

Ints = NDArray[np.int64]
TurnMaker = tuple[
    NDArray[np.bool_],
    int,
    int,
    int,
    Ints,
    Ints,
    int,
    Ints,
    Ints,
    Ints,
    Ints,
    Ints,
    int,
    NDArray[np.float64],
    Ints,
    Ints,
    int,
]
"""Per source whether it makes turns or values; number of categories; then the parts that `features.turns` takes apart."""

_NONE: Final = -1


def turn_maker(layout: Layout, touched: Collection[int], valued: Collection[str]) -> TurnMaker:
    """For a layout.

    Parameters
    ----------
    layout
        Where kinds and values lie.
    touched
        Codes that a state follows: turns that nothing follows are not made.
    valued
        Sources of which a value that is made is read.
    """
    first_turn = len(layout.kinds)
    followed = {source for (source, _), code in layout.turns.items() if code in touched} | set(valued)

    def turn(source: str, name: str) -> int:
        code = layout.turns.get((source, name), _NONE)
        return code if code in touched else _NONE

    def turns(source: str) -> Ints:
        return np.array([turn(source, name) for name in TURNS[source]], dtype=np.int64)

    touchpoints, sales, contracts = schema.TOUCHPOINTS, schema.TRANSACTIONS, schema.SUBSCRIPTIONS
    kinds = layout.vocabulary.touchpoints
    own = {kind: place for place, kind in enumerate(kinds)}
    pairs = np.full((len(kinds) + 1, len(kinds) + 1), _NONE, dtype=np.int64)
    triples = []
    for sequence in layout.vocabulary.sequences:
        code = turn(touchpoints, sequence_kind(sequence))
        places = [own[kind] for kind in sequence]
        if len(places) == 2:
            pairs[places[0], places[1]] = code
        elif code >= first_turn:
            triples.append((*places, code))
    flags = [
        name for name, info in layout.vocabulary.measures.items() if info.unit == "flag" and info.better == "higher"
    ]
    resolved = (
        layout.place(touchpoints, MEASURE_PREFIX + flags[0]) if flags and touchpoints in layout.sources else _NONE
    )
    categories = layout.vocabulary.categories.get(f"{sales}.{schema.CATEGORY}", ())
    prices = [layout.vocabulary.prices.get(name, (0.0, 0.0)) for name in (*categories, "")]
    there = touchpoints in layout.sources
    return (
        np.array([source in followed for source in schema.TABLES]),
        len(prices),
        layout.kinds.get((schema.CUSTOMERS, VERSION), _NONE),
        turn(schema.CUSTOMERS, CHANGE),
        np.array(
            [
                *(
                    layout.place(touchpoints, name) if there else _NONE
                    for name in (schema.CHANNEL, schema.DEPARTMENT, schema.STAGE, QUALITY)
                ),
                resolved,
            ],
            dtype=np.int64,
        ),
        turns(touchpoints),
        layout.kinds[touchpoints, UNKNOWN_TOUCHPOINT] - len(kinds) if there else 0,
        np.array([*(turn(touchpoints, REPEAT + kind) for kind in kinds), _NONE], dtype=np.int64),
        pairs,
        np.array(triples, dtype=np.int64).reshape(len(triples), 4),
        np.array(
            [layout.place(sales, name) for name in (schema.AMOUNT, schema.QUANTITY, schema.CATEGORY)], dtype=np.int64
        ),
        turns(sales),
        layout.kinds.get((sales, PAYMENT), _NONE),
        # Rounded: a price of 0.0012 is twelve ten-thousandths, not a hair less.
        np.round(np.array(prices, dtype=np.float64).reshape(len(prices), 2) * MONEY_SCALE, 6),
        np.array([layout.place(contracts, name) for name in (schema.MONTHLY_FEE, schema.PLAN)], dtype=np.int64),
        turns(contracts),
        layout.kinds.get((contracts, START), _NONE),
    )
