"""Arrow's types in Spark's words."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

_PLAIN: Final = {
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.string(): "string",
    pa.binary(): "binary",
}


def ddl(schema: pa.Schema) -> str:
    """A schema as Spark takes it."""
    return ", ".join(f"`{field.name}` {_type(field.type)}" for field in schema)


def plain(kind: pa.DataType) -> pa.DataType:
    """What a canonical column is handed over as: a 64-bit integer, a float64 or a text."""
    if pa.types.is_integer(kind):
        return pa.int64()
    return pa.float64() if pa.types.is_floating(kind) or pa.types.is_decimal(kind) else pa.string()


def _type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"array<{_type(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'`{field.name}`: {_type(field.type)}' for field in kind)}>"
    return _PLAIN[kind]
