"""Dual solves against the published way of solving them, at equal error of the value."""

__all__ = ["Row", "run"]

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from armor.bench.baselines import Vector, kl_bisection, kl_bisection_lean, renyi_lbfgs
from armor.objectives import objective

SIZES = (128, 1024, 65536)


@dataclass(frozen=True)
class Row:
    """One comparison, same threads, alternating runs; milliseconds are medians, `ratio` the median of ratios.

    error: |our value - reference|, baseline_error: |baseline's value - reference|, both relative to the
    losses' range; the reference is our float64 value, whose own certified gap is `gap` (relative too).
    """

    name: str
    size: int
    device: str
    baseline: str
    baseline_ms: float
    ours_ms: float
    ratio: float
    error: float
    baseline_error: float
    gap: float


def run(
    *, repeats: int = 30, sizes: tuple[int, ...] = SIZES, device: str = "cpu", seed: int = 0
) -> Iterator[Row]:
    """Measure; yields a row as soon as it is known."""
    for size in sizes:
        rng = np.random.default_rng(seed)
        losses = np.exp(rng.normal(size=size))
        count = repeats if size < 10_000 else max(repeats // 3, 3)
        for label, bisection in (("scipy.special", kl_bisection), ("numpy, lean", kl_bisection_lean)):
            yield _row("kl", size, device, losses, count, _value_of(bisection), f"bisection, {label}")
        if size < 10_000:
            yield _row("renyi", size, device, losses, count, _renyi, "scipy L-BFGS-B")


def _value_of(bisection: Callable[[Vector, float, float], tuple[float, Vector]]) -> Callable[[Vector], float]:
    return lambda losses: bisection(losses, 0.02, 0.1)[0]


def _renyi(losses: Vector) -> float:
    return renyi_lbfgs(losses, 1.25, 0.1, 0.1)


def _row(
    name: str,
    size: int,
    device: str,
    losses: Vector,
    repeats: int,
    baseline: Callable[[Vector], float],
    label: str,
) -> Row:
    ours = (
        objective("kl", epsilon=0.02, kappa=0.1)
        if name == "kl"
        else objective({"name": "renyi", "alpha": 1.25}, epsilon=0.1, kappa=0.1)
    )
    tensor = torch.from_numpy(losses).to(device)
    reference = objective(ours.spec, epsilon=ours.epsilon, kappa=ours.kappa)(torch.from_numpy(losses))
    exact, scale = float(reference.value), float(losses.max() - losses.min())
    on_device = device != "cpu"

    def solve() -> float:
        value = ours(tensor).value
        if on_device:
            torch.cuda.synchronize()
        return float(value)

    result, other = solve(), baseline(losses)
    times = np.array([(_seconds(lambda: baseline(losses)), _seconds(solve)) for _ in range(repeats)])
    return Row(
        name=name,
        size=size,
        device=device,
        baseline=label,
        baseline_ms=1e3 * float(np.median(times[:, 0])),
        ours_ms=1e3 * float(np.median(times[:, 1])),
        ratio=float(np.median(times[:, 0] / times[:, 1])),
        error=abs(result - exact) / scale,
        baseline_error=abs(other - exact) / scale,
        gap=float(reference.gap) / scale,
    )


def _seconds(action: Callable[[], float]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin
