"""Many small problems of one shape at once: chunks that fit the cache run on all cores.

What does not fit the array code (zero weights, infinite costs, total variation, CVaR, Rényi, a problem that
did not converge) goes through `armor.divergence` one by one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from armor.errors import InputError
from armor.exact.api import divergence, read_array, read_tolerance
from armor.exact.chunk import Chunk
from armor.exact.costs import LARGEST
from armor.exact.geometry import parallel
from armor.exact.members import Spec, member

__all__ = ["BatchSolution", "divergences"]

Array = NDArray[np.float64]

_CHUNK = 1 << 18  # arcs of a chunk: enough work for every call, few enough to share among the cores


@dataclass(frozen=True)
class BatchSolution:
    """`B` values with their brackets.

    Attributes:
        value, lower, upper: `(B,)`; `lower <= D^c <= upper`, widened by a rounding bound.
        potentials: `(B, m)`, `g` in the catalogue's own normalisation.
        row_potentials: `(B, n)`, `g^c`.
        eta: `(B, n)` the re-weighted reference.
        converged: `(B,)` whether the relative gap (absolute below values of 1e-4) is within `tolerance`.
        one_by_one: how many problems left the array code.
    """

    value: Array
    lower: Array
    upper: Array
    potentials: Array
    row_potentials: Array
    eta: Array
    converged: NDArray[np.bool_]
    one_by_one: int
    iterations: int
    seconds: float
    tolerance: float


def divergences(
    spec: Spec,
    cost: ArrayLike,
    p: ArrayLike | None = None,
    q: ArrayLike | None = None,
    *,
    support: str | None = None,
    tolerance: float = 1e-8,
) -> BatchSolution:
    """`D^c(Q_b‖P_b)` for `b = 0 … B-1`.

    Args:
        spec, support, tolerance: as in `armor.divergence`.
        cost: `(B, n, m)` in `[0, inf]`.
        p, q: `(B, n)` and `(B, m)` weights, uniform by default.

    Raises:
        InputError: as `armor.divergence`; the message names the problem by its index.
    """
    started = time.perf_counter()
    which = member(spec)
    tolerance = read_tolerance(tolerance)
    costs = read_array(cost, "cost")
    if costs.ndim != 3 or costs.size == 0:
        raise InputError(f"cost must be a (problems, n, m) array, not of shape {costs.shape}")
    count, n, m = costs.shape
    weights_p = _weights(p, count, n, "p")
    weights_q = _weights(q, count, m, "q")
    if not np.all(costs >= 0):
        bad = np.argwhere(~(costs >= 0))[0]
        raise InputError(f"cost[{bad[0]}, {bad[1]}, {bad[2]}] = {costs[tuple(bad)]:g} is not in [0, inf]")
    if np.any((costs > LARGEST) & (costs < np.inf)):
        bad = np.argwhere((costs > LARGEST) & (costs < np.inf))[0]
        place = ", ".join(map(str, bad))
        raise InputError(f"cost[{place}] = {costs[tuple(bad)]:g} is beyond {LARGEST:g}, yet not infinite")
    if support is None and np.isfinite(which.recession):
        raise InputError(f"{which.name} has a finite recession slope, so say support='space' or 'reference'")
    if support not in (None, "space", "reference"):
        raise InputError(f"support must be 'space' or 'reference', not {support!r}")
    out = BatchSolution(
        value=np.full(count, np.inf),
        lower=np.zeros(count),
        upper=np.full(count, np.inf),
        potentials=np.zeros((count, m)),
        row_potentials=np.zeros((count, n)),
        eta=np.zeros((count, n)),
        converged=np.zeros(count, dtype=bool),
        one_by_one=0,
        iterations=0,
        seconds=0.0,
        tolerance=tolerance,
    )
    plain = np.isfinite(costs).all(axis=(1, 2)) & (weights_p > 0).all(axis=1) & (weights_q > 0).all(axis=1)
    fits = np.flatnonzero(plain) if which.smooth and which.alpha is None else np.empty(0, dtype=np.int64)
    step = max(1, _CHUNK // (n * m))
    space = support != "reference"

    def one(t: int) -> int:
        index = fits[t * step : (t + 1) * step]
        solver = Chunk(which, costs[index], weights_p[index], weights_q[index], space)
        with np.errstate(all="ignore"):
            iterations = solver.run(0.5 * tolerance)
            _store(solver, out, index, tolerance)
        return iterations

    iterations = max(parallel(one, -(-len(fits) // step)), default=0) if len(fits) else 0
    rest = np.flatnonzero(~out.converged)
    for b in rest:
        single = divergence(spec, costs[b], weights_p[b], weights_q[b], support=support, tolerance=tolerance)
        out.value[b], out.lower[b], out.upper[b] = single.value, single.lower, single.upper
        out.potentials[b], out.row_potentials[b] = single.potentials, single.row_potentials
        out.eta[b], out.converged[b] = single.eta, single.status.converged
    seconds = time.perf_counter() - started
    return replace(out, one_by_one=len(rest), iterations=iterations, seconds=seconds)


def _weights(values: ArrayLike | None, count: int, size: int, name: str) -> Array:
    if values is None:
        return np.full((count, size), 1.0 / size)
    out = read_array(values, name)
    if out.shape != (count, size):
        raise InputError(f"{name} must have shape {(count, size)}, not {out.shape}")
    total = out.sum(axis=1)
    bad = np.flatnonzero(~((out >= 0).all(axis=1) & (np.abs(total - 1) <= 1e-9)))
    if len(bad):
        raise InputError(
            f"{name}[{bad[0]}] is no distribution: it sums to {total[bad[0]]:g} or has a bad entry"
        )
    return np.asarray(out / total[:, None])


def _store(chunk: Chunk, out: BatchSolution, index: NDArray[np.int64], tolerance: float) -> None:
    """Write a chunk's problems into the batch."""
    shift = chunk.member.slope_shift
    out.lower[index] = np.maximum(chunk.best_lower, 0.0)
    out.value[index] = out.upper[index] = np.maximum(chunk.best_upper, out.lower[index])
    out.potentials[index] = chunk.g_kept + shift
    out.row_potentials[index] = (chunk.g_kept[:, None, :] - chunk.whole).max(axis=2) + shift
    out.eta[index] = chunk.eta_kept
    out.converged[index] = chunk.done(tolerance)
