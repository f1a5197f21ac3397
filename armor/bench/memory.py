"""How much memory something takes, from the kernel's account of this process."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["peak"]

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak(action: Callable[[], object]) -> float | None:
    """MB that the process holds at most during `action` beyond what it holds before; None where nobody knows.

    To be called in a process of its own: what earlier work has given back may stay resident.
    """
    if not _STATUS.is_file():
        return None
    with suppress(OSError):  # the peak so far is forgotten, where that is allowed
        _CLEAR.write_text("5")
    held = _kilobytes("VmRSS")
    action()
    return (_kilobytes("VmHWM") - held) / 1e3


def _kilobytes(name: str) -> int:
    lines = _STATUS.read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])
