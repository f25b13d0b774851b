"""PostgreSQL through Ibis, on a real server: the same rows as from files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from configs.errors import DataError
from configs.settings import load
from features.build import build, learn_catalog
from features.rows import Rows
from features.tables import open_tables
from tests.features import company

psycopg = pytest.importorskip("psycopg", reason="the extra 'postgres' is not installed")

SERVER = os.environ.get("MOMENTS_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
SCHEMA = f"moments_test_{os.getpid()}"
TYPES = {"string": "text", "double": "double precision", "int64": "bigint", "timestamp[us, tz=UTC]": "timestamptz"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Path]:
    """The small company's tables in a schema of their own on a running PostgreSQL; the folder holds the files too."""
    try:
        connection = psycopg.connect(SERVER, connect_timeout=3, autocommit=True)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL answers at 127.0.0.1:5432 ({' '.join(str(error).split())[:80]})")
    tables = company.make(tmp_path)
    with connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        for name, table in tables.items():
            shape = ", ".join(f"{field.name} {TYPES[str(field.type)]}" for field in table.schema)
            connection.execute(f"CREATE TABLE {SCHEMA}.{name} ({shape})")
            with connection.cursor().copy(f"COPY {SCHEMA}.{name} FROM STDIN") as copy:
                for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
                    copy.write_row(row)
        yield tmp_path
        connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def test_a_database_gives_the_same_features_as_files(server: Path) -> None:
    """Tables and queries in PostgreSQL give bit for bit the rows that the same tables in files give."""
    content = yaml.safe_load((server / "small.yaml").read_text(encoding="utf-8"))
    content["data"]["connection"] = SERVER.replace("postgresql://", "postgres://")
    for name, table in content["data"]["tables"].items():
        del table["path"]
        table["table"] = f"{SCHEMA}.{name}"
    del content["data"]["tables"]["surveys"]["table"]
    content["data"]["tables"]["surveys"]["sql"] = f"SELECT * FROM {SCHEMA}.surveys WHERE score IS NOT NULL"
    (server / "pg.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    rows = Rows(
        np.array([f"c{n:03d}" for n in range(40)], dtype=object), np.full(40, company.START + 300 * company.DAY)
    )
    found = []
    for name in ("small.yaml", "pg.yaml"):
        with open_tables(load(server / name)) as tables:
            catalog = learn_catalog(tables, tables.settings, int(rows.as_of[0]))
            found.append((tables.rows, catalog.names, build(tables, rows, catalog).tobytes()))
    assert found[0] == found[1]


def test_a_missing_table_names_the_nearest(server: Path) -> None:
    """A table that is not there is an error with what was available."""
    content = yaml.safe_load((server / "small.yaml").read_text(encoding="utf-8"))
    content["data"]["connection"] = SERVER.replace("postgresql://", "postgres://")
    content["data"]["tables"] = {"customers": {"table": f"{SCHEMA}.custmers"}}
    (server / "pg.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(DataError, match="custmers"), open_tables(load(server / "pg.yaml")):
        pass


def test_the_server_s_own_types_are_read(server: Path) -> None:
    """Zones, dates, exact numbers, flags, uuids and NULLs of PostgreSQL become what they are in files."""
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute(
            f"CREATE TABLE {SCHEMA}.odd (customer_id uuid, occurred_at timestamptz, recorded_at timestamp, amount numeric(12, 2), "
            "margin real, quantity smallint, category boolean, event_id bigint)"
        )
        connection.execute(
            f"INSERT INTO {SCHEMA}.odd VALUES "
            "('00000000-0000-0000-0000-000000000001', '2024-03-01 14:00+02', '2024-03-01 13:00', 12.34, 0.5, 3, true, 1), "
            "('00000000-0000-0000-0000-000000000001', '2024-03-01 14:00+02', '2024-03-01 13:00', 12.34, 0.5, 3, true, 1), "
            "('00000000-0000-0000-0000-000000000002', '2024-03-01', NULL, 'NaN', NULL, NULL, NULL, NULL), "
            "(NULL, '2024-03-01', NULL, 1, NULL, NULL, NULL, NULL)"
        )
    content = yaml.safe_load((server / "small.yaml").read_text(encoding="utf-8"))
    content["data"]["connection"] = SERVER.replace("postgresql://", "postgres://")
    content["data"]["tables"] = {
        "customers": {"sql": f"SELECT DISTINCT customer_id FROM {SCHEMA}.odd WHERE customer_id IS NOT NULL"},
        "transactions": {"table": f"{SCHEMA}.odd"},
    }
    content["targets"] = {"churn": {"kind": "inactivity", "horizon_days": 30}}
    (server / "pg.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with open_tables(load(server / "pg.yaml")) as tables:
        found = tables.con.execute(
            "SELECT right(customer_id, 1), occurred_at, recorded_at, amount, margin, quantity, category, event_id FROM transactions"
        ).fetchall()
        codes = {(item.code, item.column): item.rows for item in tables.findings}
    assert found == [("1", 1_709_294_400_000_000, 1_709_298_000_000_000, 12.34, 0.5, 3.0, "true", "1")]
    assert codes == {
        ("bad_rows", "customer_id"): 1,
        ("bad_rows", "amount"): 1,
        ("duplicate_event", None): 1,
    }
