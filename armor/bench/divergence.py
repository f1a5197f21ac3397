"""D^c: the structured solver against CVXPY with Clarabel, and against POT's exact plain transport."""

__all__ = ["Row", "ceilings", "machine", "run"]

import os
import platform
import resource
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from armor.errors import require
from armor.exact import Solution, divergence, divergences
from armor.exact.members import Spec

SIZES = (200, 500, 2000, 5000)
_BATCH = 1000, 32, 20  # problems, points of each, problems that CVXPY solves

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One case; both sides ran in this process, one after the other, on the same points.

    seconds, baseline_seconds: medians of wall time, input in memory (POT's cost matrix is timed apart, in
        `matrix_seconds`); ratio: baseline / ours.
    gap: our certified gap relative to the value (absolute where the value is near 0).
    error: |baseline's value - ours| relative to ours, where both solve the same problem.
    peak_gib: the process's peak memory so far.
    """

    case: str
    size: int
    seconds: float
    baseline: str
    baseline_seconds: float | None
    ratio: float | None
    gap: float
    error: float | None
    matrix_seconds: float | None
    peak_gib: float
    status: str


def run(
    *, sizes: Sequence[int] = SIZES, repeats: int = 1, device: str = "cpu", seed: int = 0
) -> Iterator[Row]:
    """Measure; yields a row as soon as it is known.

    Args:
        sizes: `n = m`; CVXPY is the baseline up to 500, POT's `emd2` beyond; at 2000 the hard cases
            follow, with the
            plain case as their baseline; the batch comes first.
        device: "cpu", or a torch device for pricing.
    """
    place = None if device == "cpu" else device
    yield _batch(seed)
    times: dict[int, float] = {}
    for size in sorted(sizes):
        data = _plane(size, seed)
        seconds, solution = _timed(partial(_solve, "kl", "sqeuclidean", data, place), repeats)
        times[size] = seconds
        if size <= 500:
            yield _against_cvxpy(data, size, seconds, solution, repeats)
        else:
            yield _against_pot(data, size, seconds, solution)
        if size == 2000:
            yield from _hard(size, seed, seconds, repeats)
    large = sorted(size for size in times if size >= 2000)
    if len(large) > 1:
        exponent = np.log(times[large[-1]] / times[large[0]]) / np.log(large[-1] / large[0])
        case = f"exponent of growth from {large[0]}"
        yield Row(case, large[-1], float(exponent), "", None, None, 0.0, None, None, _peak(), "")


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    packages = ("numpy", "scipy", "qdldl", "cvxpy", "clarabel", "POT")
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "ceilings": ceilings(),
        "versions": {name: version(name) for name in packages},
    }


def ceilings(size: int = 1500, repeats: int = 3) -> dict[str, float]:
    """What the machine gives one process: GFLOP/s of matrix products, GB/s of a streamed sum `a + b`."""
    rng = np.random.default_rng(0)
    out = {}
    for bits in (64, 32):
        a: NDArray[Any] = rng.random((size, size)).astype(f"float{bits}")
        seconds = min(_timed(partial(np.matmul, a, a), 1)[0] for _ in range(repeats))
        out[f"gemm_float{bits}_gflops"] = 2e-9 * size**3 / seconds
    b, c = np.ones(1 << 24), np.empty(1 << 24)
    out["memory_gb_per_s"] = (
        2 * b.nbytes * 1e-9 / min(_timed(lambda: np.add(b, b, out=c), 1)[0] for _ in range(repeats))
    )
    return {name: round(value, 1) for name, value in out.items()}


def _plane(size: int, seed: int) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    x, y = rng.random((size, 2)), rng.random((size, 2)) * 0.8 + 0.3
    return {"x": x, "y": y, "p": rng.dirichlet(np.full(size, 3.0)), "q": rng.dirichlet(np.full(size, 3.0))}


def _timed(function: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - started)
    return float(np.median(times)), result


def _solve(spec: Spec, cost: Any, data: dict[str, Array], device: str | None) -> Solution:
    return divergence(
        spec, cost, data["p"], data["q"], x=data["x"], y=data["y"], support="space", device=device
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _gap(solution: Solution) -> float:
    return solution.relative_gap if solution.value >= 1e-4 else solution.gap


def _cvxpy_kl(cost: Array, p: Array, q: Array, **settings: Any) -> tuple[float, str]:
    """T1 for KL as a user would write it, and the solver's own word; NaN where it gives up."""
    cp = require("cvxpy")
    plan = cp.Variable(cost.shape, nonneg=True)
    eta = cp.sum(plan, axis=1)
    objective = cp.sum(cp.kl_div(eta, p)) + cp.sum(cp.multiply(cost, plan))
    problem = cp.Problem(cp.Minimize(objective), [cp.sum(plan, axis=0) == q])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "may be inaccurate": the row says so, with the error
            problem.solve(solver=cp.CLARABEL, **settings)
    except cp.error.SolverError:
        return float("nan"), "gave up"
    return float(problem.value), str(problem.status)


def _square(x: Array, y: Array) -> Array:
    return np.asarray(((x[:, None] - y[None]) ** 2).sum(axis=2))


def _against_cvxpy(data: dict[str, Array], size: int, seconds: float, ours: Solution, repeats: int) -> Row:
    cost = _square(data["x"], data["y"])
    p, q = data["p"], data["q"]
    theirs, (value, word) = _timed(lambda: _cvxpy_kl(cost, p, q), min(repeats, 3))
    if np.isnan(value):
        # Shorter steps let it go on to the end; only this attempt counts.
        theirs, (value, word) = _timed(lambda: _cvxpy_kl(cost, p, q, max_step_fraction=0.9), 1)
        word += ", max_step_fraction 0.9"
    error = None if np.isnan(value) else abs(value - ours.value) / ours.value
    name = f"cvxpy {version('cvxpy')} + clarabel {version('clarabel')} ({word})"
    ratio = theirs / seconds
    return Row("kl", size, seconds, name, theirs, ratio, _gap(ours), error, None, _peak(), ours.status.name)


def _against_pot(data: dict[str, Array], size: int, seconds: float, ours: Solution) -> Row:
    ot = require("ot")
    peak = _peak()
    if size > 20_000:  # its cost matrix alone would need 20 GB
        return Row("kl", size, seconds, "", None, None, _gap(ours), None, None, peak, ours.status.name)
    matrix, cost = _timed(lambda: ot.dist(data["x"], data["y"]), 1)
    theirs, result = _timed(
        lambda: ot.emd2(data["p"], data["q"], cost, numItermax=10**8, log=True, return_matrix=False), 1
    )
    note = "" if result[1]["warning"] is None else f" ({result[1]['warning']})"
    name = f"emd2, plain transport, POT {version('POT')}{note}"
    ratio = theirs / seconds
    return Row("kl", size, seconds, name, theirs, ratio, _gap(ours), None, matrix, peak, ours.status.name)


def _hard(size: int, seed: int, plain: float, repeats: int) -> Iterator[Row]:
    """The data that break naive solvers; the ratio is plain time / this time."""
    rng = np.random.default_rng(seed + 1)
    data = _plane(size, seed)
    far = {k: data[k] + 30.0 * rng.integers(5, size=size)[:, None] for k in ("x", "y")}
    tiny = {k: (w := 10.0 ** rng.uniform(-12, 0, size)) / w.sum() for k in ("p", "q")}
    twice = {k: data[k][rng.integers(size // 4, size=size)] for k in ("x", "y")}
    centres = rng.standard_normal((10, 3072))
    wide = {
        k: centres[rng.integers(10, size=size)] + 0.3 * rng.standard_normal((size, 3072)) for k in ("x", "y")
    }
    cases: list[tuple[str, Any, Any, dict[str, Array]]] = [
        ("hellinger", "hellinger", "sqeuclidean", {}),
        ("cost x 1e-3", "kl", {"norm": 2, "power": 2, "scale": 1e-3}, {}),
        ("cost x 1e3", "kl", {"norm": 2, "power": 2, "scale": 1e3}, {}),
        ("distance", "kl", "euclidean", {}),
        ("weights to 1e-12", "kl", "sqeuclidean", tiny),
        ("duplicates", "kl", "sqeuclidean", twice),
        ("far clusters", "kl", "sqeuclidean", far),
        ("P = Q", "kl", "sqeuclidean", {"y": data["x"], "q": data["p"]}),
        ("3072 dimensions", "kl", {"norm": 2, "power": 1, "scale": 0.05}, wide),
        ("hard ball", "hellinger", {"norm": 2, "radius": 0.3}, {}),
        ("barrier", "hellinger", {"norm": 2, "barrier": 0.5}, {}),
        ("tv", "tv", "sqeuclidean", {}),
        ("cvar", {"name": "cvar", "beta": 0.3}, "sqeuclidean", {}),
        ("renyi", {"name": "renyi", "alpha": 2.5}, "sqeuclidean", {}),
    ]
    for name, spec, cost, changed in cases:
        given = {**data, **changed}
        seconds, ours = _timed(partial(_solve, spec, cost, given, None), repeats)
        status = ours.status.name
        yield Row(
            name, size, seconds, "plain case", plain, plain / seconds, _gap(ours), None, None, _peak(), status
        )


def _batch(seed: int) -> Row:
    """Many small problems; CVXPY solves `timed` of them and its time is multiplied."""
    count, n, timed = _BATCH
    rng = np.random.default_rng(seed)
    x, y = rng.random((count, n, 2)), rng.random((count, n, 2)) * 0.9 + 0.2
    cost = ((x[:, :, None] - y[:, None]) ** 2).sum(axis=3)
    p, q = rng.dirichlet(np.full(n, 3.0), count), rng.dirichlet(np.full(n, 3.0), count)
    seconds, ours = _timed(lambda: divergences("kl", cost, p, q), 3)
    theirs, values = _timed(lambda: [_cvxpy_kl(cost[b], p[b], q[b])[0] for b in range(timed)], 1)
    theirs *= count / timed
    error = float(np.max(np.abs(np.array(values) - ours.value[:timed]) / ours.value[:timed]))
    gap = float(np.max((ours.upper - ours.lower) / ours.value))
    name = f"cvxpy + clarabel one by one ({timed} timed)"
    status = "CONVERGED" if ours.converged.all() else "STALLED"
    return Row(
        f"{count} problems", n, seconds, name, theirs, theirs / seconds, gap, error, None, _peak(), status
    )
