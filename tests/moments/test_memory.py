"""Peak memory of a stretch of work."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from moments.memory import peak_mb, reset_peak


def test_peak_is_plausible() -> None:
    """A process with numpy in it has tens of megabytes."""
    reset_peak()
    assert 10 < peak_mb() < 100_000


@pytest.mark.skipif(sys.platform != "linux", reason="the mark can be put back on Linux only")
def test_peak_sees_what_was_given_back() -> None:
    """An array that is gone again is in the peak of its stretch and not in the next one's."""
    reset_peak()
    before = peak_mb()
    big = np.ones(30_000_000)
    del big
    assert peak_mb() > before + 150
    reset_peak()
    assert peak_mb() < before + 150
