"""Progress of a run on standard error: a bar with the time left on a terminal, else lines that tell it."""

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

from tqdm import tqdm

from armor.training.trainer import Hooks

__all__ = ["Progress"]


class Progress:
    """Draws the bar; use as a context manager."""

    def __init__(self, epochs: int, *, quiet: bool = False) -> None:
        self.epochs, self.quiet = epochs, quiet
        self.bar: Any = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.close()

    def hooks(self, stop: Callable[[], bool]) -> Hooks:
        """Hooks that draw; `stop` ends the run between two steps."""
        if self.quiet:
            return Hooks(stop=stop)
        return Hooks(self._begin, self._tick, self._line, self._epoch, stop)

    def _begin(self, step: int, total: int) -> None:
        # Without a terminal the bar would fill a log file with its own redrawings.
        quiet = not sys.stderr.isatty()
        self.bar = tqdm(
            total=total, initial=step, unit="step", file=sys.stderr, dynamic_ncols=True, disable=quiet
        )

    def _tick(self, loss: float | None) -> None:
        if self.bar is not None:
            self.bar.update(1)
            if loss is not None:
                self.bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)

    def _epoch(self, text: str, left: float) -> None:
        if self.bar is not None and self.bar.disable and left > 0:
            text += f"  | {left / 60:.0f} min left" if left >= 60 else f"  | {left:.0f} s left"
        self._line(text)

    def _line(self, text: str) -> None:
        if self.bar is not None:
            self.bar.clear()
        print(text, file=sys.stderr, flush=True)
        if self.bar is not None:
            self.bar.refresh()
