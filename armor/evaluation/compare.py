"""Two models on the same images: is one better, or is it chance?"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from armor.errors import InputError
from armor.evaluation.evaluate import Evaluation
from armor.evaluation.record import Conditions, Record

__all__ = ["Paired", "compare", "mcnemar", "paired_with", "shown_p"]

_DRAWS = 20_000


@dataclass(frozen=True)
class Paired:
    """A paired comparison of a first model with a second one, or of runs of each with equal seeds.

    Attributes:
        n: images. only_first, only_second: answers (over all seeds) that only this one gets right.
        difference: accuracy of the first minus that of the second, mean over the seeds, in [−1, 1].
        low, high: 95 % interval of the difference, bootstrapped over the images; the seeds are held fixed.
        p_value: of McNemar's exact test that both are equally good; None for several seeds, whose answers to
        one image are not independent.
        by_seed: the difference of each seed. seeds_low, seeds_high: 95 % interval of Student's t over the
        seeds (how other seeds would come out), None for one seed and for seeds that all say the same: whole
        images agree by chance, and show no spread to go by.
    """

    n: int
    only_first: int
    only_second: int
    difference: float
    low: float
    high: float
    p_value: float | None
    by_seed: tuple[float, ...]
    seeds_low: float | None = None
    seeds_high: float | None = None

    def to_mapping(self) -> dict[str, object]:
        """Plain values for JSON."""
        seeds = None if self.seeds_low is None else [self.seeds_low, self.seeds_high]
        return {
            "n": self.n,
            "only_first": self.only_first,
            "only_second": self.only_second,
            "difference": self.difference,
            "interval": [self.low, self.high],
            "p_value": self.p_value,
            "by_seed": list(self.by_seed),
            "seed_interval": seeds,
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


def shown_p(value: float) -> str:
    """A p-value for people; one below every float is not zero."""
    return f"p = {value:.2g}" if value > 0 else "p < 1e-300"


def compare(first: NDArray[np.bool_], second: NDArray[np.bool_], *, seed: int = 0) -> Paired:
    """Compare which images, (N,) or (seeds, N), two models get right.

    The bootstrap resamples images, each with its answers of all seeds; as an image counts by the sum of its
    differences alone, it draws how often each sum occurs from a multinomial distribution, which is the same.

    Raises:
        InputError: not the same images or seeds.
    """
    if first.shape != second.shape or first.ndim not in (1, 2) or first.size == 0:
        raise InputError(f"a paired comparison needs the same images: {first.shape} against {second.shape}")
    first, second = np.atleast_2d(first), np.atleast_2d(second)
    seeds, n = first.shape
    apart = first.astype(np.int64) - second
    values, counts = np.unique(apart.sum(0), return_counts=True)
    draws = np.random.Generator(np.random.PCG64(seed)).multinomial(n, counts / n, size=_DRAWS)
    low, high = np.quantile(draws @ values / (n * seeds), (0.025, 0.975))
    by_seed = apart.mean(1)
    only_first, only_second = int((apart > 0).sum()), int((apart < 0).sum())
    around: tuple[float | None, float | None] = (None, None)
    if np.ptp(by_seed) > 0:
        half = float(stats.t.ppf(0.975, seeds - 1) * by_seed.std(ddof=1) / sqrt(seeds))
        around = (float(by_seed.mean()) - half, float(by_seed.mean()) + half)
    return Paired(
        n,
        only_first,
        only_second,
        float(by_seed.mean()),
        float(low),
        float(high),
        mcnemar(only_first, only_second) if seeds == 1 else None,
        tuple(float(d) for d in by_seed),
        *around,
    )


def paired_with(
    evaluation: Evaluation, other: Record, conditions: Conditions | None = None
) -> dict[str, Paired]:
    """The evaluation, made under `conditions`, against a recorded one: natural and every attack of both.

    Conditions that one of them does not tell are taken to be the same.

    Raises:
        InputError: not the same images, or one attack under two settings.
    """
    told = other.result.get("conditions") or {}
    if conditions is not None and told.get("dataset", conditions.dataset) != conditions.dataset:
        raise InputError(
            f"images of {conditions.dataset} here, of {told['dataset']} in the record: "
            "compare the same images"
        )
    if evaluation.n != other.result["n"]:
        raise InputError(
            f"{evaluation.n} images here, {other.result['n']} in the record: compare the same images"
        )
    if conditions is not None and told.get("images", conditions.images) != conditions.images:
        raise InputError(
            f"the {evaluation.n} images of {conditions.dataset} here are others than those of the record "
            f"(SHA-256 {conditions.images[:12]} against {told['images'][:12]}): compare the same images"
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
