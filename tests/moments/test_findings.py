"""The table of findings."""

from __future__ import annotations

from rich.console import Console

from moments.findings import counts, table

FOUND = [
    {"level": "note", "code": "a", "table": "surveys", "column": None, "rows": 0, "message": "few answers", "next": ""},
    {
        "level": "error",
        "code": "b",
        "table": "customers",
        "column": "id",
        "rows": 12345,
        "message": "id [x] twice",
        "next": "mend it",
    },
]


def test_the_gravest_comes_first() -> None:
    """Errors stand above notes, with place, number of rows, message and next move; brackets survive."""
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as shown:
        console.print(table(FOUND))
    text = shown.get()
    assert text.index("error") < text.index("note")
    assert all(part in text for part in ("customers.id", "12,345", "id [x] twice", "mend it"))


def test_counts_name_every_level() -> None:
    """Levels without findings count zero."""
    assert counts(FOUND) == {"error": 1, "warning": 0, "note": 1}
    assert counts([]) == {"error": 0, "warning": 0, "note": 0}


def test_notes_are_counted_in_a_run() -> None:
    """In a whole run notes do not stand between the reader and the result; errors do."""
    console = Console(width=120)
    with console.capture() as shown:
        console.print(table(FOUND, notes=False))
        console.print(table(FOUND[:1], notes=False))
    assert "few answers" not in shown.get()
    assert "12,345" in shown.get()
    assert "1 notes in check.json" in shown.get()
