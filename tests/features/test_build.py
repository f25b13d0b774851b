"""Both hosts of the kernel: right by a plain reference, equal in every bit, blind to the future, deaf to the order of rows."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.errors import DataError
from features.build import build, build_several, learn_catalog
from features.catalog import Catalog
from features.company_learn import with_calendar
from features.definition import AGGREGATES
from features.families import FAMILIES
from features.journey import TURN_EVENTS
from features.journeys import journeys
from features.online import Online
from features.rows import Rows
from features.tables import open_tables
from tests.features import company, full, reference
from tests.features.reference_company import Company

AT = full.AT


def _rows(ids: list[str], times: list[int]) -> Rows:
    return Rows(np.array([*ids] * len(times), dtype=object), np.repeat(np.array(times, dtype=np.int64), len(ids)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("company")
    full.make(place)
    return place


def test_kernel_agrees_with_a_plain_reference(folder: Path) -> None:
    """Every feature of every family, every aggregate and every turn, is what a loop over the customer's events says."""
    with open_tables(company.settings(folder)) as tables:
        catalog = learn_catalog(tables, tables.settings, AT[-1])
        people = list(journeys(tables))
        rows = _rows([person.customer_id for person in people], AT)
        matrix = build(tables, rows, catalog)
    vocabulary = catalog.vocabulary
    everybody = Company(people, vocabulary)
    assert {feature.family for feature in catalog.features} == set(FAMILIES)
    assert {feature.aggregate for feature in catalog.features} == set(AGGREGATES)
    assert {feature.kind for feature in catalog.features} >= set(TURN_EVENTS)
    expected = np.array(
        [reference.row(catalog.features, person, moment, vocabulary, everybody) for moment in AT for person in people]
    )
    for column, feature in enumerate(catalog.features):
        np.testing.assert_allclose(
            matrix[:, column], expected[:, column], rtol=1e-6, atol=1e-5, err_msg=f"{feature.name}: {feature.meaning}"
        )
        assert len(np.unique(expected[:, column])) > 1, f"nothing is tested of {feature.name}"


def test_batch_and_online_agree_in_every_bit(folder: Path) -> None:
    """A row is the same, to the last bit, from the batch host and from the online host."""
    with open_tables(company.settings(folder)) as tables:
        catalog = learn_catalog(tables, tables.settings, AT[-1])
        people = list(journeys(tables))
        matrix = build(tables, _rows([person.customer_id for person in people], AT), catalog)
        online = Online(with_calendar(catalog, tables))
    single = np.array([online.row(person, moment) for moment in AT for person in people])
    assert matrix.tobytes() == single.tobytes()


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(-50, 24 * 450), min_size=1, max_size=4))
def test_any_company_is_the_same_from_both_hosts(seed: int, hours: list[int]) -> None:
    """Any company at any hours, before its first event too: batch and online agree in every bit, once and asked again."""
    times = [company.START + hour * (company.DAY // 24) for hour in hours]
    with TemporaryDirectory() as place:
        full.make(Path(place), customers=6, seed=seed)
        with open_tables(company.settings(Path(place), partitions=2)) as tables:
            catalog = learn_catalog(tables, tables.settings, AT[-1])
            people = list(journeys(tables))
            matrix = build(tables, _rows([person.customer_id for person in people], times), catalog)
            online = Online(with_calendar(catalog, tables))
    prepared = [online.prepare(person) for person in people]
    single = np.array([online.at(person, moment) for moment in times for person in prepared])
    assert matrix.tobytes() == single.tobytes()


def test_each_feature_alone_is_what_it_is_among_all(folder: Path) -> None:
    """A model may use any single feature: it reads what it needs by itself, and gives the same bits."""
    with open_tables(company.settings(folder)) as tables:
        catalog = with_calendar(learn_catalog(tables, tables.settings, AT[-1]), tables)
        people = list(journeys(tables, ["c000", "c001", "c017"]))
    whole = [Online(catalog).row(person, AT[2]) for person in people]
    for place, name in enumerate(catalog.names):
        alone = Online(catalog.select([name]))
        for person, row in zip(people, whole, strict=True):
            assert alone.row(person, AT[2]).tobytes() == row[[place]].tobytes(), name


def test_order_of_rows_and_columns_does_not_matter(tmp_path: Path) -> None:
    """The same tables with rows and columns shuffled give the same bits, and the same digests."""
    found = []
    for order in (None, 1, 2):
        place = tmp_path / str(order)
        full.make(place, order=order)
        with open_tables(company.settings(place)) as tables:
            catalog = learn_catalog(tables, tables.settings, AT[-1])
            rows = _rows([f"c{n:03d}" for n in range(40)], AT)
            found.append((build(tables, rows, catalog).tobytes(), catalog.to_dict(), tables.digests()))
    assert found[0] == found[1] == found[2]


def test_parts_do_not_matter(folder: Path) -> None:
    """One part or many: the same matrix, whatever the order of the rows."""
    rng = np.random.default_rng(3)
    matrices = []
    for parts in (1, 7):
        with open_tables(company.settings(folder, partitions=parts)) as tables:
            catalog = learn_catalog(tables, tables.settings, AT[-1])
            rows = _rows([f"c{n:03d}" for n in range(40)], AT)
            shuffled = rng.permutation(len(rows))
            some = Rows(rows.customer_id[shuffled], rows.as_of[shuffled])
            matrix = np.empty((len(rows), len(catalog.features)))
            matrix[shuffled] = build(tables, some, catalog)
            matrices.append(matrix.tobytes())
    assert matrices[0] == matrices[1]


def test_blind_to_the_future(tmp_path: Path) -> None:
    """Whatever happens, or becomes known, at or after as_of changes nothing: neither features nor what is learnt."""
    tables = full.make(tmp_path / "a")
    moment = AT[1]
    more = {}
    for name, time in (
        ("touchpoints", "occurred_at"),
        ("surveys", "answered_at"),
        ("transactions", "occurred_at"),
        ("subscriptions", "started_at"),
    ):
        happens, known = tables[name].slice(20, 30), tables[name].slice(50, 30)
        happens = _with(happens, time, company.micros(moment + np.arange(30) * company.DAY))
        before = company.micros(moment - np.arange(1, 31) * company.DAY)
        known = _with(_with(known, time, before), "recorded_at", company.micros(moment + np.arange(30)))
        later = pa.concat_tables([happens, known])
        if "event_id" in later.column_names:
            later = _with(later, "event_id", pa.array([f"later {k}" for k in range(60)]))
        more[name] = pa.concat_tables([tables[name], later])
    versions = tables["customers"].slice(0, 30)
    versions = _with(versions, "valid_from", company.micros(moment + np.arange(30) * 1000))
    more["customers"] = pa.concat_tables([tables["customers"], versions])
    company.write(tmp_path / "b", more, config=full.CONFIG)
    found = []
    for place in ("a", "b"):
        with open_tables(company.settings(tmp_path / place)) as opened:
            catalog = learn_catalog(opened, opened.settings, moment)
            rows = _rows([f"c{n:03d}" for n in range(40)], [moment])
            found.append((catalog.to_dict(), build(opened, rows, catalog).tobytes()))
    assert found[0] == found[1]


def _with(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """The table with other values in a column."""
    return table.set_column(table.column_names.index(name), name, values)


def test_window_edges_are_closed_at_the_far_end_and_open_at_as_of(tmp_path: Path) -> None:
    """A window is [as_of - w, as_of): an event w days old counts, one at as_of does not."""
    tables = full.make(tmp_path)
    moment = AT[1]
    times = np.array([moment - 30 * company.DAY, moment - 30 * company.DAY - 1, moment, moment - 1])
    some = tables["touchpoints"].slice(0, 4)
    for name, values in (
        ("customer_id", pa.array(["c000"] * 4)),
        ("occurred_at", company.micros(times)),
        ("recorded_at", company.micros(times)),
        ("touchpoint", pa.array(["call"] * 4)),
    ):
        some = _with(some, name, values)
    company.write(tmp_path, {**tables, "touchpoints": some}, config=full.CONFIG)
    with open_tables(company.settings(tmp_path)) as opened:
        catalog = learn_catalog(opened, opened.settings, AT[-1])
        row = build(opened, _rows(["c000"], [moment]), catalog)[0]
    assert row[catalog.index("call__count_30d")] == 2
    assert row[catalog.index("call__count_90d")] == 3
    assert row[catalog.index("call__recency")] == pytest.approx(1 / company.DAY)


def test_an_empty_window_is_zero_for_counts_and_missing_for_the_rest(folder: Path) -> None:
    """A customer without any event gets what each feature's empty-policy says; what it says of the company is the company's."""
    with open_tables(company.settings(folder)) as tables:
        catalog = learn_catalog(tables, tables.settings, AT[-1])
        row = build(tables, _rows(["nobody"], [AT[0]]), catalog)[0]
    for feature, value in zip(catalog.features, row, strict=True):
        if feature.source != "company":
            assert (value == 0) if feature.empty == "zero" else np.isnan(value), feature.name


def test_an_unknown_touchpoint_counts_in_totals_and_is_named(folder: Path) -> None:
    """A kind that training did not see is counted in the totals and reported, never dropped."""
    with open_tables(company.settings(folder)) as tables:
        catalog = learn_catalog(tables, tables.settings, AT[-1])
        person = next(iter(journeys(tables, ["c005"])))
    online = Online(catalog)
    before = online.row(person, AT[-1])
    table = person.tables["touchpoints"]
    for name, values in table.items():
        fresh = {"touchpoint": "hologram", "occurred_at": AT[-1] - company.DAY, "customer_id": "c005"}
        values.append(fresh.get(name))
    after = online.row(person, AT[-1])
    place = catalog.index("touchpoints__count_30d")
    assert after[place] == before[place] + 1
    assert online.unknown(person) == {"hologram": 1}


def test_a_stored_catalogue_computes_the_same(folder: Path) -> None:
    """A catalogue that went through JSON gives the same rows, and a changed definition is refused by name."""
    with open_tables(company.settings(folder)) as tables:
        catalog = learn_catalog(tables, tables.settings, AT[-1])
        rows = _rows(["c001", "c002"], AT)
        again = Catalog.from_dict(catalog.to_dict())
        assert build(tables, rows, again).tobytes() == build(tables, rows, catalog).tobytes()
    content = catalog.to_dict()
    content["features"][3]["fingerprint"] = "0" * 16
    with pytest.raises(Exception, match=catalog.names[3]):
        Catalog.from_dict(content)


def test_tables_without_what_the_model_reads_are_refused(folder: Path) -> None:
    """An attribute that the catalogue reads and the tables lack is named, with what is there."""
    with open_tables(company.settings(folder)) as tables:
        catalog = learn_catalog(tables, tables.settings, AT[-1])
        lost = next(iter(catalog.vocabulary.attributes))
        tables.attributes = {name: kind for name, kind in tables.attributes.items() if name != lost}
        with pytest.raises(DataError, match=f"'{lost}' of customers"):
            build(tables, _rows(["c001"], AT), catalog)


def test_several_sets_of_rows_in_one_reading(folder: Path) -> None:
    """Other rows, other customers, some of the features: the same bits as each asked for alone."""
    with open_tables(company.settings(folder)) as tables:
        catalog = learn_catalog(tables, tables.settings, AT[-1])
        ids = [person.customer_id for person in journeys(tables)]
        some = catalog.select([feature.name for feature in catalog.features if not feature.category][::3])
        asked = [(some, _rows(ids[::2], [AT[0], AT[1]])), (catalog, _rows(ids[1:], [AT[-1]]))]
        alone = [build(tables, rows, mine) for mine, rows in asked]
        together = [np.full_like(matrix, np.inf) for matrix in alone]
        for place, lines, matrix in build_several(tables, asked):
            together[place][lines] = matrix
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.view(np.int64), other.view(np.int64))


def test_catalogues_of_several_vocabularies_are_not_read_together(folder: Path) -> None:
    """Their events are other integers."""
    with open_tables(company.settings(folder)) as tables:
        catalogs = [learn_catalog(tables, tables.settings, moment) for moment in (AT[0], AT[-1])]
        rows = _rows(["c1"], [AT[-1]])
        with pytest.raises(ValueError, match="several vocabularies"):
            list(build_several(tables, [(catalog, rows) for catalog in catalogs]))
