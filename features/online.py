"""The online host: one customer's journey to one row of features, through the same kernel as the batch."""

from __future__ import annotations

from collections import Counter
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from features import schema
from features.arrays import arrange
from features.catalog import Catalog
from features.comments import language
from features.company import add_company
from features.customer import Journey
from features.encode import NULL, Columns, encode
from features.journey import Vocabulary, survey_metric
from features.kernel import Sources, run
from features.layout import COMMENT_LANGUAGE, COMMENT_LENGTH, MEASURE_PREFIX, text_columns

_ONE_ROW = np.array([0, 1], dtype=np.int64)
_FIRST = np.zeros(1, dtype=np.int64)


class Online:
    """Computes the rows of a catalogue for single customers. Safe to share between threads.

    Parameters
    ----------
    catalog
        The features of a bundle, in its order.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._layout = catalog.layout
        vocabulary = catalog.vocabulary
        self._texts = {source: text_columns(source, vocabulary) for source in schema.TABLES}
        self._text = {
            (source, column): self._layout.text_codes(source, column)
            for source, column in (
                (schema.TOUCHPOINTS, schema.TOUCHPOINT),
                (schema.SURVEYS, schema.METRIC),
                (schema.SUBSCRIPTIONS, schema.PLAN),
                (schema.TOUCHPOINTS, COMMENT_LANGUAGE),
                *((source, name) for source, names in self._texts.items() for name in names),
                *((schema.CUSTOMERS, name) for name, kind in vocabulary.attributes.items() if kind == "category"),
            )
        }

    def row(self, journey: Journey, as_of: int) -> NDArray[np.float64]:
        """Features of one customer at one moment.

        Parameters
        ----------
        journey
            What is known of the customer; only what happened, and was known, before `as_of` counts.
        as_of
            Microseconds UTC.

        Returns
        -------
        Shape (features,), float64: codes for categories, NaN for what is missing.
        """
        return self.at(self.prepare(journey), as_of)

    def prepare(self, journey: Journey) -> Sources:
        """The journey encoded and in order: what can be kept of a customer between two questions.

        Reading lists of Python objects takes several times as long as the kernel does; who asks again has that behind them.
        """
        events = {}
        for source in self._layout.sources:
            table = journey.tables.get(source)
            length = len(next(iter(table.values()))) if table else 0
            if table and length:
                columns = self._columns(source, table, length)
                events[source] = encode(source, columns, np.zeros(length, dtype=np.int64), self._layout)
        return arrange(events, 1, self._layout)

    def at(self, prepared: Sources, as_of: int) -> NDArray[np.float64]:
        """Features of a prepared journey at one moment, as `row`."""
        out = np.empty((len(self.catalog.features), 1), dtype=np.float64)
        moment = np.array([as_of], dtype=np.int64)
        run(self.catalog.plan, prepared, _ONE_ROW, moment, _FIRST, out)
        add_company(self.catalog, out, moment)
        row: NDArray[np.float64] = out[:, 0]
        return row

    def unknown(self, journey: Journey) -> dict[str, int]:
        """Touchpoint kinds that training did not see, with how often they stand in the journey."""
        known = self._text[schema.TOUCHPOINTS, schema.TOUCHPOINT]
        kinds = journey.tables.get(schema.TOUCHPOINTS, {}).get(schema.TOUCHPOINT, [])
        return dict(Counter(kind for kind in kinds if kind is not None and kind not in known))

    def _columns(self, source: str, table: dict[str, list[Any]], length: int) -> Columns:
        columns: Columns = {}
        for column in schema.TABLES[source].columns:
            values = table.get(column.name)
            if column.type == "time":
                columns[column.name] = _times(values, length)
            elif column.type == "number":
                columns[column.name] = _numbers(values, length)
        if source == schema.TOUCHPOINTS:
            columns[schema.TOUCHPOINT] = self._codes(source, schema.TOUCHPOINT, table.get(schema.TOUCHPOINT), length)
            for name in self.catalog.vocabulary.measures:
                columns[MEASURE_PREFIX + name] = _numbers(table.get(MEASURE_PREFIX + name), length)
        elif source == schema.SURVEYS:
            about = table.get(schema.TOUCHPOINT) or [None] * length
            metrics = [survey_metric(m, t) for m, t in zip(table[schema.METRIC], about, strict=True)]
            columns[schema.METRIC] = self._codes(source, schema.METRIC, metrics, length)
        elif source == schema.SUBSCRIPTIONS:
            columns[schema.PLAN] = self._codes(source, schema.PLAN, table.get(schema.PLAN), length)
        elif source == schema.CUSTOMERS:
            for name, kind in self.catalog.vocabulary.attributes.items():
                values = table.get(name)
                columns[name] = (
                    _numbers(values, length) if kind == "number" else self._codes(source, name, values, length)
                )
        for name in self._texts[source]:
            if name == COMMENT_LANGUAGE:
                self._comments(columns, table.get(schema.COMMENT), length)
            else:
                columns[name] = self._codes(source, name, table.get(name), length)
        return columns

    def _comments(self, columns: Columns, comments: list[Any] | None, length: int) -> None:
        """Length and language of the comments, as the database tells them of canonical ones."""
        # The database trims spaces alone, and holds an empty comment for none.
        said = [None] * length if comments is None else [text.strip(" ") or None if text else None for text in comments]
        columns[COMMENT_LENGTH] = _numbers([None if text is None else len(text) for text in said], length)
        codes = self._text[schema.TOUCHPOINTS, COMMENT_LANGUAGE]
        columns[COMMENT_LANGUAGE] = np.array(
            [-1 if text is None else codes[language(text)] for text in said], dtype=np.int64
        )

    def _codes(self, source: str, column: str, values: list[Any] | None, length: int) -> NDArray[np.int64]:
        if values is None:
            return np.full(length, -1, dtype=np.int64)
        codes = self._text[source, column]
        return np.fromiter(map(codes.get, values, repeat(-1)), dtype=np.int64, count=length)


def warm() -> None:
    """Compile the kernel into its cache, ahead of the first row: half a minute that an installation can spend, not a call."""
    Online(Catalog.of(Vocabulary(tables=tuple(schema.TABLES)), (1,))).row(
        Journey("nobody"), schema.MICROSECONDS_PER_DAY
    )


def _times(values: list[Any] | None, length: int) -> NDArray[np.int64]:
    if values is None:
        return np.full(length, NULL, dtype=np.int64)
    if None in values:
        values = [NULL if value is None else value for value in values]
    return np.fromiter(values, dtype=np.int64, count=length)


def _numbers(values: list[Any] | None, length: int) -> NDArray[np.float64]:
    if values is None:
        return np.full(length, np.nan)
    try:
        return np.array(values, dtype=np.float64)  # numpy turns None into NaN
    except (TypeError, ValueError) as error:
        raise DataError(
            f"a number was expected ({error})", where="journey", next_move="send numbers, or null where there is none"
        ) from None
