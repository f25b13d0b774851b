"""The lock on an output folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.errors import NotReadyError
from moments.lock import alone


def test_a_second_writer_is_refused_while_the_first_one_writes(tmp_path: Path) -> None:
    """Whoever comes second is told so, and may come when the first has left."""
    with alone(tmp_path), pytest.raises(NotReadyError, match="another 'moments' is writing"), alone(tmp_path):
        pass
    with alone(tmp_path):
        assert (tmp_path / ".lock").exists()
