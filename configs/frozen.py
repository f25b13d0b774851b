"""What all parts of a configuration share: they are frozen, refuse keys they do not know, and read moments as UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A part of a configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def as_utc(value: Any) -> datetime:
    """A moment; without a zone it is taken as UTC."""
    stamp = datetime.fromisoformat(str(value))
    return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
