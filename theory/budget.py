"""A limit on processor time, so that a symbolic computation that leads nowhere ends with an answer."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["OutOfTime", "cpu_limit"]


_AGAIN = 0.01  # seconds until the next attempt, where a finaliser swallowed the exception


class OutOfTime(BaseException):
    """The limit is reached; no `Exception`, so that no library on the way takes it for its own failure."""


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` in the body after that much processor time; limits nest, the nearest one ends first.

    It needs the main thread and interval timers (Unix); elsewhere there is no limit.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    running = True

    def expired(_number: int, _frame: object) -> None:
        if running:
            raise OutOfTime

    handler = signal.signal(signal.SIGPROF, expired)
    start = time.process_time()
    outer = signal.setitimer(signal.ITIMER_PROF, 0)[0]
    signal.setitimer(signal.ITIMER_PROF, min(seconds, outer) if outer else seconds, _AGAIN)
    try:
        yield
    finally:
        running = False
        left = max(outer - (time.process_time() - start), 1e-3) if outer else 0
        signal.signal(signal.SIGPROF, handler)
        signal.setitimer(signal.ITIMER_PROF, left, _AGAIN if outer else 0)
