"""Dual solves against the published way of solving them, at equal error of the value; then whole steps."""

__all__ = ["Row", "launch_us", "machine", "run"]

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from armor.bench.baselines import Vector, kl_bisection, kl_bisection_lean, renyi_lbfgs
from armor.objectives import Objective, objective

SIZES = (128, 1024, 65536)


@dataclass(frozen=True)
class Row:
    """One comparison, same threads, alternating runs; milliseconds are medians, `ratio` the median of ratios.

    error: |our value - reference|, baseline_error: |baseline's value - reference|, both relative to the
    losses' range; the reference is our float64 value, whose own certified gap is `gap` (relative too).
    memory: our peak over the baseline's, for the steps of training.
    launch_us: our solve on a CUDA device alone, microseconds, without the host that `ours_ms` waits for.
    """

    name: str
    size: int
    device: str
    baseline: str
    baseline_ms: float
    ours_ms: float
    ratio: float
    error: float | None = None
    baseline_error: float | None = None
    gap: float | None = None
    memory: float | None = None
    launch_us: float | None = None


def run(
    *, repeats: int = 30, sizes: tuple[int, ...] | None = None, device: str = "cpu", seed: int = 0
) -> Iterator[Row]:
    """Measure; yields a row as soon as it is known.  Named sizes leave the steps of training out."""
    for size in sizes or SIZES:
        rng = np.random.default_rng(seed)
        losses = np.exp(rng.normal(size=size))
        count = repeats if size < 10_000 else max(repeats // 3, 3)
        for dtype in (torch.float64, torch.float32):
            for label, bisection in (("scipy.special", kl_bisection), ("numpy, lean", kl_bisection_lean)):
                yield _row(
                    "kl", size, device, losses, count, _value_of(bisection), f"bisection, {label}", dtype
                )
            yield _row("renyi", size, device, losses, count, _renyi, "scipy L-BFGS-B", dtype)
    if sizes is None:
        from armor.bench.steps import measure

        for step in measure(repeats=max(repeats // 5, 3), device=device):
            yield Row(
                name=step.name,
                size=step.batch,
                device=device,
                baseline=step.baseline,
                baseline_ms=step.baseline_ms,
                ours_ms=step.ours_ms,
                ratio=step.ratio,
                memory=step.memory,
            )


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    import platform

    from armor.native.build import enabled
    from armor.objectives.fused.dispatch import active

    found: dict[str, object] = {
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "compiled kernels": "yes" if enabled() else "no C compiler: NumPy",
    }
    if torch.cuda.is_available():
        found["CUDA device"] = torch.cuda.get_device_name()
        found["fused kernels"] = "yes" if active() else "no: eager search"
    return found


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
    dtype: torch.dtype = torch.float64,
) -> Row:
    ours = (
        objective("kl", epsilon=0.02, kappa=0.1)
        if name == "kl"
        else objective({"name": "renyi", "alpha": 1.25}, epsilon=0.1, kappa=0.1)
    )
    tensor = torch.from_numpy(losses).to(device, dtype)
    losses = tensor.double().cpu().numpy()  # both sides solve the same problem
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
        name=f"{name} {str(dtype).removeprefix('torch.')}",
        size=size,
        device=device,
        baseline=label,
        baseline_ms=1e3 * float(np.median(times[:, 0])),
        ours_ms=1e3 * float(np.median(times[:, 1])),
        ratio=float(np.median(times[:, 0] / times[:, 1])),
        error=abs(result - exact) / scale,
        baseline_error=abs(other - exact) / scale,
        gap=float(reference.gap) / scale,
        launch_us=launch_us(ours, tensor, repeats),
    )


def launch_us(ours: Objective, losses: torch.Tensor, repeats: int) -> float | None:
    """Microseconds of one solve on its CUDA device, by events around replays of its graph; else None."""
    if losses.device.type != "cuda":
        return None
    with torch.cuda.device(losses.device):
        ours(losses)  # kernels are compiled and loaded before the capture
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            ours(losses)
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        graph.replay()
        begin.record()
        for _ in range(10 * repeats):
            graph.replay()
        end.record()
        torch.cuda.synchronize()
        return 1e3 * float(begin.elapsed_time(end)) / (10 * repeats)


def _seconds(action: Callable[[], float]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin
