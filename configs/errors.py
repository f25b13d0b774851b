"""The one small tree of errors: what went wrong, where, what was available, and the next move.

Every error a user can cause is one of these. The command line prints the message and exits with 1; the service turns it
into a problem document. Anything else that escapes is a fault of ours and keeps its traceback.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable, Sequence


def nearest(name: str, options: Iterable[str]) -> str | None:
    """The option spelt most like `name`, or None when nothing is close."""
    found = difflib.get_close_matches(name, [str(option) for option in options], n=1, cutoff=0.6)
    return found[0] if found else None


class MomentsError(Exception):
    """Base of the tree.

    Parameters
    ----------
    what
        What is wrong, as a sentence without a full stop.
    where
        The file, key, table or column it was found in.
    available
        What could have stood there; empty when that question has no answer.
    next_move
        What the reader should do now.

    Attributes
    ----------
    column
        The column it is about, where it is about one.
    """

    column: str | None = None

    def __init__(self, what: str, *, where: str, next_move: str, available: str = "") -> None:
        self.what = what
        self.where = where
        self.available = available
        self.next_move = next_move
        parts = [f"{where}: {what}."]
        if available:
            parts.append(f"Available: {available}.")
        parts.append(f"Next: {next_move}.")
        super().__init__(" ".join(parts))


class ConfigError(MomentsError):
    """The configuration is wrong: an unknown key, a bad value, a missing file."""

    @classmethod
    def unknown_key(cls, key: str, options: Iterable[str], *, where: str) -> ConfigError:
        """An unknown key, with the nearest spelling among the allowed ones."""
        allowed = sorted(options)
        close = nearest(key, allowed)
        return cls(
            f"the key '{key}' is not known",
            where=where,
            available=", ".join(allowed),
            next_move=f"did you mean '{close}'?" if close else "remove the key or use one of the available ones",
        )


class DataError(MomentsError):
    """The company's data are wrong: a missing table or column, values of the wrong type, nothing to learn from."""

    @classmethod
    def missing_column(cls, column: str, options: Iterable[str], *, where: str, canonical: bool = False) -> DataError:
        """A column that the table does not have, with the nearest one that it has.

        `canonical` says that it is one of the product's own names, which a company's column can be mapped to.
        """
        have = sorted(options)
        close = nearest(column, have)
        hint = f"did you mean '{close}'? " if close else ""
        move = f"map it under 'columns: {{{column}: <your column>}}' or make it with 'sql'"
        if not canonical:
            move = "" if close else "name one of the available columns"
        error = cls(
            f"the column '{column}' is not there",
            where=where,
            available=", ".join(have),
            next_move=f"{hint}{move}".strip(),
        )
        error.column = column
        return error


class ManyFaultsError(DataError):
    """Several errors that were found in one go, told one below the other."""

    def __init__(self, errors: Sequence[MomentsError]) -> None:
        first = errors[0]
        super().__init__(first.what, where=first.where, available=first.available, next_move=first.next_move)
        self.errors = tuple(errors)
        self.args = ("\n".join(str(error) for error in errors),)

    @classmethod
    def raise_any(cls, errors: Sequence[MomentsError]) -> None:
        """Raise what was found: nothing, the one error as it is, or all of them together."""
        if len(errors) > 1:
            raise cls(errors)
        if errors:
            raise errors[0]


class LeakageError(DataError):
    """A column gives the label away; training stops and names it."""


class BundleError(MomentsError):
    """A model bundle is damaged, foreign or of another version; it refuses by name."""


class NotReadyError(MomentsError):
    """A step needs the files of an earlier step."""


class StorageError(MomentsError):
    """The machine does not let us write or read: the disk is full, a folder is read-only."""

    @classmethod
    def of(cls, error: OSError, *, where: str, next_move: str) -> StorageError:
        """What the system said, in one sentence."""
        return cls(
            _STORAGE.get(error.errno or 0, (error.strerror or str(error)).lower()), where=where, next_move=next_move
        )


_STORAGE = {
    errno.ENOSPC: "there is no space left on the disk",
    errno.EDQUOT: "the quota of this disk is used up",
    errno.EFBIG: "the file would become larger than this system allows",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "we may not write here",
}
