"""How far a long computation has come, on standard error."""

import time
from typing import TextIO

__all__ = ["Progress"]


class Progress:
    """Live progress on standard error: a bar on a terminal, a line every tenth of the way elsewhere."""

    def __init__(self, total: int, stream: TextIO, unit: str = "cell") -> None:
        self._total, self._stream, self._done, self._failed = total, stream, 0, 0
        self._start, self._unit = time.perf_counter(), unit
        self._bar = None
        if stream.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=total, file=stream, unit=unit, dynamic_ncols=True, leave=False)

    def step(self, name: str, failed: bool = False) -> None:
        """One more is done: its name, and whether it failed."""
        self._done += 1
        self._failed += failed
        if self._bar is not None:
            self._bar.set_postfix_str(
                f"{self._failed} failing · {name}" if self._failed else name, refresh=False
            )
            self._bar.update(1)
        elif (
            self._done == self._total or self._done * 10 // self._total > (self._done - 1) * 10 // self._total
        ):
            spent = time.perf_counter() - self._start
            failing = f", {self._failed} failing" if self._failed else ""
            print(
                f"{self._done}/{self._total} {self._unit}s, {spent:.0f} s{failing}",
                file=self._stream,
                flush=True,
            )

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
