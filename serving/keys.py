"""Keys: who may do what. Keys are held as sha256 digests and compared in constant time; they are random, so that is enough.

``MOMENTS_KEY`` is one key for everything. ``MOMENTS_KEYS_FILE`` names a JSON file of hashed keys with scopes::

    {"keys": [{"name": "crm", "sha256": "<64 hex digits>", "scopes": ["score"]}]}

(``printf %s "$KEY" | sha256sum`` makes the digest.) With neither, the service makes a key for its run.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from configs.errors import ConfigError
from configs.settings import environment

KEY: Final = "MOMENTS_KEY"
KEYS_FILE: Final = "MOMENTS_KEYS_FILE"

Scope = Literal["score", "ingest", "read"]
SCOPES: Final[tuple[Scope, ...]] = ("score", "ingest", "read")


class Entry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One key of a file: its holder, its digest, what it may do."""

    name: str
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    scopes: list[Scope]


class File(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A file of keys."""

    keys: list[Entry]


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys in force: digest and scopes of each."""

    entries: tuple[tuple[bytes, frozenset[Scope]], ...]

    @classmethod
    def of(cls, *keys: str) -> Keys:
        """Keys for everything."""
        return cls(tuple((_digest(key), frozenset(SCOPES)) for key in keys))

    @classmethod
    def read(cls, lookup: Callable[[str], str | None] = environment) -> Keys | None:
        """The keys of the environment; None when it has none.

        Raises
        ------
        ConfigError
            When the keys' file is missing or wrong.
        """
        key, file = lookup(KEY), lookup(KEYS_FILE)
        if not key and not file:
            return None
        entries = list(cls.of(key).entries) if key else []
        if file:
            entries += [(bytes.fromhex(entry.sha256), frozenset(entry.scopes)) for entry in _read_file(Path(file)).keys]
        return cls(tuple(entries))

    def scopes(self, presented: str) -> frozenset[Scope] | None:
        """What the holder of a key may do; None for a key that is not known. Every entry is compared, always."""
        digest = _digest(presented)
        found: frozenset[Scope] | None = None
        for known, scopes in self.entries:
            if hmac.compare_digest(known, digest):
                found = scopes if found is None else found | scopes
        return found


def new_key() -> str:
    """A key of 256 random bits."""
    return secrets.token_urlsafe(32)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _read_file(path: Path) -> File:
    try:
        return msgspec.json.decode(path.read_bytes(), type=File)
    except OSError as error:
        raise ConfigError(
            f"the file of keys cannot be read ({error.strerror})",
            where=f"{KEYS_FILE}={path}",
            next_move="check the path",
        ) from None
    except msgspec.DecodeError as error:
        raise ConfigError(
            f"the file of keys is wrong: {error}",
            where=f"{KEYS_FILE}={path}",
            available='{"keys": [{"name": "crm", "sha256": "<64 hex digits>", "scopes": ["score", "ingest", "read"]}]}',
            next_move='mend the file; printf %s "$KEY" | sha256sum makes a digest',
        ) from None
