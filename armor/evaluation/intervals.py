"""Intervals for an accuracy."""

from dataclasses import dataclass
from math import sqrt

from armor.errors import InputError

__all__ = ["Z95", "Accuracy", "wilson"]

Z95 = 1.959963984540054  # the 97.5 % quantile of the standard normal distribution


@dataclass(frozen=True)
class Accuracy:
    """A measured share: `correct` of `n` images, with its 95 % Wilson interval (all in [0, 1])."""

    correct: int
    n: int
    accuracy: float
    low: float
    high: float

    @classmethod
    def of(cls, correct: int, n: int) -> "Accuracy":
        """The accuracy of `correct` right answers out of `n`."""
        low, high = wilson(correct, n)
        return cls(correct, n, correct / n, low, high)

    def to_mapping(self) -> dict[str, object]:
        """The entries that `armor evaluate --json` prints."""
        return {"accuracy": self.accuracy, "interval": [self.low, self.high]}

    def __str__(self) -> str:
        return f"{100 * self.accuracy:.2f} %  [{100 * self.low:.2f}, {100 * self.high:.2f}]"


def wilson(correct: float, n: int, z: float = Z95) -> tuple[float, float]:
    """The score interval of a binomial share (E. B. Wilson, 1927): all p with (p̂ − p)² ≤ z² p (1 − p) / n.

    `correct` may be the mean of several runs on the same `n` images, which does not count as more images.

    Raises:
        InputError: n < 1, or `correct` outside 0 … n.
    """
    if n < 1 or not 0 <= correct <= n:
        raise InputError(f"{correct} correct out of {n} is no accuracy")
    share = correct / n
    centre = share + z * z / (2 * n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # At the ends the interval closes exactly; rounding must not open it.
    low = 0.0 if correct == 0 else (centre - half) / scale
    high = 1.0 if correct == n else (centre + half) / scale
    return low, high
