"""Which of the configured windows a family looks through."""

from __future__ import annotations


def middle(windows: tuple[int, ...]) -> int:
    """The window whose change against the one before is looked at: the quarter, among the defaults."""
    return windows[(len(windows) - 1) // 2]


def ends(windows: tuple[int, ...]) -> tuple[int, ...]:
    """The middle and the longest window, each once: how it went lately and over the whole memory."""
    return tuple(dict.fromkeys((middle(windows), windows[-1])))


def edges(windows: tuple[int, ...]) -> tuple[int, ...]:
    """The shortest and the longest window, each once."""
    return tuple(dict.fromkeys((windows[0], windows[-1])))
