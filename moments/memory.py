"""Peak memory of a stretch of work: the high-water mark of this process's resident memory.

Linux lets a process put its mark back to the present (``/proc/self/clear_refs``), so each step gets its own; elsewhere the
mark of the whole process is given, which can only be too high.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def reset_peak() -> None:
    """Start a new stretch; does nothing where the system has no such thing."""
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return


def peak_mb() -> float:
    """The high-water mark since `reset_peak`, in 2**20 bytes."""
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(largest / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)
