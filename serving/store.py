"""The journey store: what is known of each customer, by id, for scoring at request time.

One row per customer holds the journey as msgpack, because a score needs all of it and nothing else; a second table remembers
which data it was loaded from and the company's calendar of the same data. SQLite beside the models by default, any SQLAlchemy URL where several machines share it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
import sqlalchemy as sa

from configs.errors import NotReadyError
from features.company import Calendar
from features.customer import Journey

if TYPE_CHECKING:
    from features.journey import Vocabulary
    from features.tables import Tables

Item = TypeVar("Item")
FILE: Final = "journeys.db"

Progress = Callable[[str, float], None]
Content = dict[str, dict[str, list[Any]]]

_METADATA = sa.MetaData()
_JOURNEYS = sa.Table(
    "journeys",
    _METADATA,
    sa.Column("customer_id", sa.String, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
_META = sa.Table(
    "meta",
    _METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)
_LOADED: Final = "loaded"
_CALENDAR: Final = "calendar:"
"""Prefix of the name a calendar is kept under; the digest of the vocabulary it was read with follows."""

_BATCH: Final = 1000
_FEW: Final = 10


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the store was loaded from: a digest of the data, their last moment (microseconds UTC), how many customers."""

    digest: str
    data_end: int | None
    customers: int


class Store:
    """Journeys by customer id. Safe to share between threads.

    Parameters
    ----------
    url
        An SQLAlchemy URL.
    """

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url)
        # Compiled once: building a statement costs more than looking one row up.
        self._one = sa.select(_JOURNEYS.c.content).where(_JOURNEYS.c.customer_id == sa.bindparam("id"))
        self._decode = msgspec.msgpack.Decoder(Content).decode

    @classmethod
    def at(cls, output: Path, url: str | None) -> Store:
        """The store of a configuration: SQLite in the output folder unless a URL is given."""
        if url is None:
            output.mkdir(parents=True, exist_ok=True)
        return cls(url or f"sqlite:///{output / FILE}")

    def loaded(self) -> Loaded | None:
        """What is in the store; None when nothing is."""
        if not sa.inspect(self._engine).has_table(_META.name):
            return None
        with self._engine.connect() as connection:
            found = connection.execute(sa.select(_META.c.value).where(_META.c.name == _LOADED)).scalar()
        return None if found is None else Loaded(**json.loads(found))

    def need(self) -> Loaded:
        """What is in the store.

        Raises
        ------
        NotReadyError
            When it was never loaded.
        """
        found = self.loaded()
        if found is None:
            raise NotReadyError(
                "the journey store is empty",
                where=self._engine.url.render_as_string(hide_password=True),
                next_move="run 'moments serve CONFIG', which loads it from the tables",
            )
        return found

    def calendars(self) -> dict[str, Calendar]:
        """What the data of the last loading say of the whole company, by the digest of the vocabulary it was read with."""
        if not sa.inspect(self._engine).has_table(_META.name):
            return {}
        query = sa.select(_META.c.name, _META.c.value).where(_META.c.name.startswith(_CALENDAR, autoescape=True))
        with self._engine.connect() as connection:
            return {
                name.removeprefix(_CALENDAR): Calendar.from_dict(json.loads(value))
                for name, value in connection.execute(query)
            }

    def get(self, customer_id: str) -> Journey | None:
        """The journey of a customer; None when there is no such customer."""
        with self._engine.connect() as connection:
            content = connection.execute(self._one, {"id": customer_id}).scalar()
        return None if content is None else Journey(customer_id, self._decode(content))

    def get_many(self, customer_ids: list[str]) -> dict[str, Journey]:
        """The journeys of those customers who are known."""
        found: dict[str, Journey] = {}
        with self._engine.connect() as connection:
            # A list of ids is compiled for each length; for a few, asking one by one is quicker.
            if len(customer_ids) <= _FEW:
                for name in customer_ids:
                    content = connection.execute(self._one, {"id": name}).scalar()
                    if content is not None:
                        found[name] = Journey(name, self._decode(content))
                return found
            for part in _parts(customer_ids, 500):
                query = sa.select(_JOURNEYS).where(_JOURNEYS.c.customer_id.in_(part))
                for name, content in connection.execute(query):
                    found[name] = Journey(name, self._decode(content))
        return found

    def load_from(
        self, tables: Tables, progress: Progress | None = None, vocabularies: Iterable[Vocabulary] = ()
    ) -> Loaded:
        """Replace all journeys by those of the tables, in one transaction: readers see the old ones until it is done.

        Parameters
        ----------
        tables
            The open tables.
        progress
            Told a message and the fraction done.
        vocabularies
            Those of the models that look at the whole company; its calendar is learnt from the same tables.
        """
        from features.journeys import journeys  # Arrow and DuckDB stay out of a process that only answers

        total = max(tables.rows.get("customers", 0), 1)
        done = 0

        def told(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
            nonlocal done
            for row in rows:
                done += 1
                if progress and done % _BATCH == 0:
                    progress(f"{done} journeys", min(done / total, 1.0))
                yield row

        data_end = None if tables.timeless else tables.data_end
        digest = digest_of(tables)
        calendars = _learnt(tables, vocabularies)
        self._replace(told(_encoded(journeys(tables))), lambda: Loaded(digest, data_end, done), calendars)
        if progress:
            progress(f"{done} journeys", 1.0)
        return self.need()

    def learn_calendars(self, tables: Tables, vocabularies: Iterable[Vocabulary]) -> None:
        """Add the calendars that new models need, from the tables that the journeys were loaded from."""
        there = self.calendars()
        missing = [vocabulary for vocabulary in vocabularies if vocabulary.digest not in there]
        if missing:
            with self._engine.begin() as connection:
                connection.execute(sa.insert(_META), _calendar_rows(_learnt(tables, missing)))

    def copy_from(self, other: Store) -> Loaded:
        """Replace all journeys, and the calendars, by those of another store."""
        loaded = other.need()
        with other._engine.connect() as connection:
            rows = connection.execute(sa.select(_JOURNEYS)).mappings()
            self._replace((dict(row) for row in rows), lambda: loaded, other.calendars())
        return loaded

    def _replace(
        self, rows: Iterator[dict[str, Any]], loaded: Callable[[], Loaded], calendars: dict[str, Calendar]
    ) -> None:
        _METADATA.create_all(self._engine)
        with self._engine.begin() as connection:
            # Rows are deleted, not tables dropped: SQLite would commit a DROP at once.
            connection.execute(sa.delete(_JOURNEYS))
            connection.execute(sa.delete(_META))
            for part in _parts(rows, _BATCH):
                connection.execute(sa.insert(_JOURNEYS), part)
            found = loaded()
            content = json.dumps({name: getattr(found, name) for name in Loaded.__slots__})
            connection.execute(sa.insert(_META), [{"name": _LOADED, "value": content}, *_calendar_rows(calendars)])

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()


def digest_of(tables: Tables) -> str:
    """One digest of all canonical tables, whatever the order of their rows."""
    return hashlib.sha256(json.dumps(tables.digests(), sort_keys=True).encode()).hexdigest()


def _learnt(tables: Tables, vocabularies: Iterable[Vocabulary]) -> dict[str, Calendar]:
    from features.company_learn import learn_calendar

    return {vocabulary.digest: learn_calendar(tables, vocabulary) for vocabulary in vocabularies}


def _calendar_rows(calendars: dict[str, Calendar]) -> list[dict[str, str]]:
    return [
        {"name": _CALENDAR + digest, "value": json.dumps(calendar.to_dict())} for digest, calendar in calendars.items()
    ]


def _parts(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    source = iter(items)
    while part := list(islice(source, size)):
        yield part


def _encoded(known: Iterator[Journey]) -> Iterator[dict[str, Any]]:
    encode = msgspec.msgpack.Encoder().encode
    for journey in known:
        yield {"customer_id": journey.customer_id, "content": encode(journey.tables)}
