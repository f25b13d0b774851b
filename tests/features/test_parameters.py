"""What a feature reads of the vocabulary: its signature changes if, and only if, its values may."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from features.catalog import Catalog
from features.journey import MeasureInfo, Vocabulary
from features.online import Online
from features.schema import MICROSECONDS_PER_DAY as DAY
from tests.features.strategies import CATALOG, TIME, VOCABULARY, Row, journey, tables


def categories(**changed: tuple[str, ...]) -> Vocabulary:
    """The vocabulary with other categories; two underscores stand for the dot."""
    return replace(
        VOCABULARY,
        categories={**VOCABULARY.categories, **{k.replace("__", "."): v for k, v in changed.items()}},
    )


def measure(name: str, **changed: Any) -> Vocabulary:
    """The vocabulary with another description of a measure."""
    measures: dict[str, MeasureInfo] = {
        **VOCABULARY.measures,
        name: replace(VOCABULARY.measures[name], **changed),
    }
    return replace(VOCABULARY, measures=measures)


CHANGES: dict[str, Vocabulary] = {
    "another usual wait": replace(VOCABULARY, usual={**VOCABULARY.usual, "call|wait": (4.0, 2.0)}),
    "no usual fee": replace(VOCABULARY, usual={k: v for k, v in VOCABULARY.usual.items() if k != "bill|fee"}),
    "other prices": replace(VOCABULARY, prices={"": (3.0, 5.0), "bread": (2.1, 2.5)}),
    "one more product": categories(transactions__category=("bread", "caviar", "milk")),
    "one more channel": categories(touchpoints__channel=("fax", "phone", "web")),
    "one more department": categories(touchpoints__department=("bureau", "service", "shop")),
    "stages in another order": categories(touchpoints__stage=("use", "join", "limbo", "leave")),
    "one more plan": categories(subscriptions__plan=("basic", "gold", "plus")),
    "one more reason": categories(subscriptions__end_reason=("moved", "other", "price")),
    "one more region": categories(customers__region=("north", "south", "west")),
    "one more touchpoint": replace(VOCABULARY, touchpoints=("bill", "call", "hologram", "visit")),
    "one more metric": replace(VOCABULARY, metrics=(" nps_encounter", "ces", "mood", "nps")),
    "other costs": replace(VOCABULARY, costs={"call": 5.0}),
    "other places": replace(VOCABULARY, places={"call": ("leave", "shop")}),
    "another promise": measure("wait", within=5.0),
    "another middle": measure("tone", median=0.25),
    "another unit": measure("wait", unit="hours"),
    "other sequences": replace(VOCABULARY, sequences=(("call", "bill"), ("bill", "bill"))),
}
CATALOGS = {name: Catalog.of(vocabulary, (2, 5, 10)) for name, vocabulary in CHANGES.items()}
BEFORE = Online(CATALOG)
HOSTS = {name: Online(catalog) for name, catalog in CATALOGS.items()}
SIGNED = {name: CATALOG.signature(name) for name in CATALOG.names}
KEPT = {
    change: [name for name in catalog.names if SIGNED.get(name) == catalog.signature(name)]
    for change, catalog in CATALOGS.items()
}
"""Change to the features that say that they do not read what changed."""
PLACES = {
    change: ([CATALOG.index(name) for name in names], [CATALOGS[change].index(name) for name in names])
    for change, names in KEPT.items()
}


def untied(rows: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """No two events of a table at one time: the order of those is the vocabulary's, in every feature."""
    return {
        name: [{**row, TIME[name]: row[TIME[name]] + place} if name in TIME else row for place, row in enumerate(some)]
        for name, some in rows.items()
    }


@settings(max_examples=25, deadline=None)
@given(tables)
def test_equal_signatures_give_equal_values(rows: dict[str, list[Row]]) -> None:
    """Whatever a company learns anew: a feature that keeps its signature keeps every bit."""
    person, moment = journey({**untied(rows), "customers": rows["customers"][:1]}), 30 * DAY
    before = BEFORE.row(person, moment)
    for change, host in HOSTS.items():
        mine, theirs = PLACES[change]
        same = np.isclose(host.row(person, moment)[theirs], before[mine], rtol=0, atol=0, equal_nan=True)
        assert same.all(), (change, [name for name, equal in zip(KEPT[change], same, strict=True) if not equal])


@pytest.mark.parametrize(
    ("change", "kept", "lost"),
    [
        ("another usual wait", "call__wait__mean_10d", "call__wait__worse_share_10d"),
        ("another usual wait", "visit__tone__worse_share_10d", "touchpoints__encounter_quality__min_10d"),
        ("other prices", "transactions__payment__amount__sum_10d", "transactions__premium__share_10d"),
        ("one more product", "transactions__occasion__count_10d", "transactions__new_category__count_10d"),
        ("one more product", "transactions__payment__count_10d", "transactions__discounted__share_10d"),
        ("one more channel", "touchpoints__hand_over__count_10d", "touchpoints__channel_switch__count_10d"),
        ("one more plan", "subscriptions__start__count_10d", "subscriptions__plan_change__count_10d"),
        ("one more plan", "subscriptions__end__recency", "subscriptions__fee_rise__count_10d"),
        ("one more region", "income", "change__count_10d"),
        ("one more touchpoint", "call__count_10d", "touchpoints__touchpoint__last_category"),
        ("one more metric", "surveys__nps__score__last", None),
        ("other costs", "bill__fee__mean_10d", "touchpoints__cost_to_serve__sum_10d"),
        ("another promise", "call__count_10d", "call__wait__within_share_10d"),
        ("another middle", "call__tone__mean_10d", "touchpoints__effort_emotion__sum_10d"),
        ("another unit", "call__tone__mean_10d", "touchpoints__effort_time__sum_10d"),
    ],
)
def test_what_was_learnt_anew_reaches_those_that_read_it(change: str, kept: str, lost: str | None) -> None:
    """A month of new data changes the signatures of the features that read what changed, and of no others."""
    assert {kept, lost} - {None} <= set(CATALOG.names)
    assert kept in KEPT[change]
    assert lost not in KEPT[change]


def test_the_same_vocabulary_has_the_same_signatures() -> None:
    """A vocabulary that went through JSON names the same values."""
    again = Catalog.from_dict(CATALOG.to_dict())
    assert [again.signature(name) for name in again.names] == [CATALOG.signature(name) for name in CATALOG.names]
