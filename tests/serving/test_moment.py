from __future__ import annotations

import pytest

from features.schema import MICROSECONDS_PER_DAY as DAY
from serving.moment import ALIVE_DAYS, default_as_of, is_stale, midnight_after


@pytest.mark.parametrize(("end", "midnight"), [(0, DAY), (1, DAY), (DAY - 1, DAY), (DAY, 2 * DAY)])
def test_the_midnight_after_is_strictly_after(end: int, midnight: int) -> None:
    """All data lie strictly before the midnight after them, an event at midnight too."""
    assert midnight_after(end) == midnight


def test_now_while_the_data_are_alive() -> None:
    """The default is now until the data are 45 days old, then the midnight after them."""
    limit = ALIVE_DAYS * DAY
    assert default_as_of(limit, 0) == limit
    assert default_as_of(limit + 1, 0) == DAY
    assert default_as_of(limit + 1, None) == limit + 1
    assert not is_stale(limit, 0)
    assert is_stale(limit + 1, 0)
