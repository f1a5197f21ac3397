"""Two models on the same images: is one better, or is it chance?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from armor.errors import InputError
from armor.evaluation.evaluate import Evaluation
from armor.evaluation.record import Record

__all__ = ["Paired", "compare", "mcnemar", "paired_with"]

_DRAWS = 20_000


@dataclass(frozen=True)
class Paired:
    """A paired comparison of a first model with a second one.

    Attributes:
        n: images. only_first, only_second: images that only this one gets right.
        difference: accuracy of the first minus that of the second, in [−1, 1].
        low, high: 95 % interval of the difference, bootstrapped over the images.
        p_value: of McNemar's exact test that both are equally good.
    """

    n: int
    only_first: int
    only_second: int
    difference: float
    low: float
    high: float
    p_value: float

    def to_mapping(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "n": self.n,
            "only_first": self.only_first,
            "only_second": self.only_second,
            "difference": self.difference,
            "interval": [self.low, self.high],
            "p_value": self.p_value,
        }


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p-value (Q. McNemar, 1947): under equality each discordant image is a fair coin."""
    total, smaller = only_first + only_second, min(only_first, only_second)
    tail = term = 1
    for k in range(smaller):
        term = term * (total - k) // (k + 1)  # the next binomial coefficient
        tail += term
    # Exact integers: the quotient is correct even when 2^total exceeds every float.
    return min(1.0, (2 * tail) / (1 << total))


def compare(first: NDArray[np.bool_], second: NDArray[np.bool_], *, seed: int = 0) -> Paired:
    """Compare which images (N,) two models get right.

    The bootstrap resamples images; as only the discordant ones matter, it draws their two counts at once from
    a multinomial distribution, which is the same thing.

    Raises:
        InputError: not the same images.
    """
    if first.shape != second.shape or first.ndim != 1 or first.size == 0:
        raise InputError(f"a paired comparison needs the same images: {first.size} against {second.size}")
    n = first.size
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    shares = np.array([only_first, only_second, n - only_first - only_second]) / n
    draws = np.random.Generator(np.random.PCG64(seed)).multinomial(n, shares, size=_DRAWS)
    low, high = np.quantile((draws[:, 0] - draws[:, 1]) / n, (0.025, 0.975))
    return Paired(
        n,
        only_first,
        only_second,
        (only_first - only_second) / n,
        float(low),
        float(high),
        mcnemar(only_first, only_second),
    )


def paired_with(evaluation: Evaluation, other: Record) -> dict[str, Paired]:
    """The evaluation against a recorded one, for natural accuracy and every attack that both ran alike.

    Raises:
        InputError: not the same images, or one attack under two settings.
    """
    if evaluation.n != other.result["n"]:
        raise InputError(
            f"{evaluation.n} images here, {other.result['n']} in the record: compare the same images"
        )
    theirs = {entry["name"]: entry for entry in other.result["attacks"]}
    found = {"natural": compare(evaluation.right.numpy(), other.right["natural"])}
    for result in evaluation.attacks:
        name = result.spec.name
        if name not in theirs:
            continue
        if theirs[name]["radius"] != float(result.spec.radius) or theirs[name]["norm"] != result.spec.norm:
            raise InputError(
                f"{name} has radius {theirs[name]['radius']} in the record, {result.spec.radius} here"
            )
        found[name] = compare(result.right.numpy(), other.right[name])
    return found
