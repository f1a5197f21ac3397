"""`armor.divergence`: input, reduction to positive weights, choice of method, output."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from math import fsum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from armor.errors import InputError
from armor.exact.clouds import point_geometry
from armor.exact.costs import LARGEST, PointCost, point_cost, read_number
from armor.exact.feasible import unreachable
from armor.exact.geometry import Geometry, MatrixGeometry
from armor.exact.members import Member, Spec, member
from armor.exact.multilevel import Bracket, Level, Progress, solve_level
from armor.exact.rounding import lower_end, upper_end
from armor.exact.solution import Method, Solution, Status

__all__ = [
    "divergence",
    "read_array",
    "read_count",
    "read_geometry",
    "read_support",
    "read_tolerance",
    "read_weights",
]

Array = NDArray[np.float64]

_NEAR_ZERO = 1e-4  # values below count as near 0: the gap is then absolute, against tolerance times this


def divergence(
    spec: Spec,
    cost: ArrayLike | str | Mapping[str, object] | PointCost | None = None,
    p: ArrayLike | None = None,
    q: ArrayLike | None = None,
    *,
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    support: str | None = None,
    tolerance: float = 1e-8,
    rounds: int = 60,
    seed: int = 0,
    device: str | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Solution:
    """`D^c(Q‖P) = inf_η { D(η‖P) + C(η, Q) }` (arXiv 2309.03791, T1), with bounds over all arcs.

    Args:
        spec: the divergence: `"kl"`, `{"name": "alpha", "alpha": 2.5}`, `{"f": "(sqrt(t)-1)**2"}`.
        cost: an `(n, m)` matrix in `[0, inf]`; or, with points, `"sqeuclidean"`, `"euclidean"`,
            `{"norm": 1 | 2 | "inf", "power": q, "scale": L}` and the like (`armor.exact.costs.point_cost`).
        p: `(n,)` weights of the reference, zeros allowed; uniform by default. Sums within 1e-9 of 1 are
            rescaled.
        q: `(m,)` weights of the other distribution, likewise.
        x: `(n, d)` points that carry `p`; with `y`, instead of a matrix.
        y: `(m, d)` points that carry `q`.
        support: `"space"` (η may charge points off the support of P, at slope `f'(∞)`) or `"reference"`
            (`η ≪ P`).
            It may be left out only where it makes no difference, `f'(∞) = ∞`.
        tolerance: the relative gap to reach; where the value is below 1e-4, the absolute gap `1e-4 ·
            tolerance`.
        rounds: rounds of pricing before the solver gives up and returns the bracket it has.
        device: a torch device such as "cuda": the dense method of `armor.exact.dense` where it applies and
            fits its memory, otherwise priced arcs whose tiles of costs it computes. NumPy by default.
        seed: of the random choice of landmarks; the same seed gives the same numbers.
        progress: called after every round; raise `KeyboardInterrupt` in it (or press Ctrl-C) to get the
            bracket so far.

    Returns:
        A `Solution`. `lower <= D^c <= upper` holds whatever the status says.

    Raises:
        InputError: weights, costs, points or options that cannot be used; one sentence that names the value.
    """
    started = time.perf_counter()
    if progress is not None and not callable(progress):
        raise InputError(f"progress must be a function, not {progress!r}")
    which = member(spec)
    space = read_support(which, support)
    tolerance, rounds, seed = (
        read_tolerance(tolerance),
        read_count(rounds, "rounds"),
        read_count(seed, "seed"),
    )
    geometry_of, n, m = read_geometry(cost, x, y, device)
    weights_p, weights_q = read_weights(p, n, "p"), read_weights(q, m, "q")
    rows, columns = np.flatnonzero(weights_p), np.flatnonzero(weights_q)
    geometry = geometry_of(rows, columns)
    active_p, active_q = weights_p[rows], weights_q[columns]
    reason, alive = unreachable(which, active_p, active_q, geometry, space)
    if reason is not None:
        return _infinite(_renamed(reason, rows, columns), n, m, tolerance, time.perf_counter() - started)
    lost = float(active_p[~alive].sum())
    if not alive.any():
        return _apart(which, lost, weights_q, n, tolerance, started)
    if lost:
        rows = rows[alive]
        geometry, active_p = geometry_of(rows, columns), weights_p[rows]
    level = Level(which, active_p, active_q, geometry, space)
    constant = which.at_zero * lost if lost and which.alpha is None else 0.0
    goal = {"relative": 0.8 * tolerance, "absolute": 0.8 * tolerance * _NEAR_ZERO}
    bracket = None
    if device is not None:
        from armor.exact.dense import solve_dense

        bracket = solve_dense(level, **goal, report=progress)
    if bracket is None or (bracket.stalled and not bracket.interrupted):
        rng = np.random.default_rng(seed)
        priced = solve_level(level, **goal, rng=rng, rounds=rounds, report=progress)
        if bracket is None or priced.upper - priced.lower < bracket.upper - bracket.lower:
            bracket = priced
    ends = _Ends(level, bracket, constant, abs(fsum(weights_p) - fsum(weights_q)))
    potentials = _extend(geometry_of, rows, columns, ends.g, ends.h, m, space, which.recession)
    h = np.full(n, -np.inf)
    h[rows] = ends.h
    zero = np.setdiff1d(np.arange(n), rows)
    if len(zero):
        back = geometry_of(zero, columns).row_best(ends.g, 1)
        h[zero[back[0]]] = -back[2]
    primal = bracket.primal
    if primal is None:
        plan, singular, transport = sparse.csr_matrix((n, m)), np.zeros(m), np.inf
    else:
        plan = sparse.csr_matrix((primal.x, (rows[primal.rows], columns[primal.columns])), shape=(n, m))
        singular = np.zeros(m)
        singular[columns] = primal.singular
        transport = float(primal.x @ primal.cost)
    shift = which.slope_shift
    return Solution(
        value=ends.upper,
        lower=ends.lower,
        upper=ends.upper,
        plan=plan,
        potentials=potentials + shift,
        eta=np.asarray(plan.sum(axis=1)).ravel(),
        singular=singular,
        row_potentials=h + shift,
        transport=transport,
        iterations=bracket.iterations,
        rounds=bracket.rounds,
        seconds=time.perf_counter() - started,
        status=_status(ends.lower, ends.upper, tolerance, bracket, rounds),
        tolerance=tolerance,
        method=bracket.method,
    )


class _Ends:
    """The bracket after rounding, and the potentials that attain its lower end."""

    def __init__(self, level: Level, bracket: Bracket, constant: float, imbalance: float) -> None:
        self.lower, self.upper = 0.0, np.inf
        self.g, self.h = np.zeros(level.geometry.m), np.zeros(level.geometry.n)
        if len(bracket.g):
            lower, self.g = lower_end(
                level.member,
                level.p,
                level.q,
                bracket.g,
                bracket.h,
                space=level.space,
                rounding=level.geometry.rounding,
                imbalance=imbalance,
            )
            self.h = bracket.h
            self.lower = max(0.0, lower + constant)
        if bracket.primal is not None:
            self.upper = upper_end(level.member, level.p, bracket.primal, level.geometry.rounding) + constant
        # The rounding bounds keep the ends apart; should one of them be wrong, the other is not lost.
        self.lower, self.upper = min(self.lower, self.upper), max(self.lower, self.upper)


def read_tolerance(value: float) -> float:
    """A tolerance in (0, 1).

    Raises:
        InputError: it is something else.
    """
    number = read_number(value, "the tolerance")
    if not 0 < number < 1:
        raise InputError(f"the tolerance must lie in (0, 1), not {value!r}")
    return number


def read_count(value: int, name: str, least: int = 0) -> int:
    """A whole number of at least `least`.

    Raises:
        InputError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name} must be a whole number of at least {least}, not {value!r}")
    return int(value)


def read_support(which: Member, support: str | None) -> bool:
    if support is None:
        if np.isfinite(which.recession):
            raise InputError(
                f"{which.name} has a finite recession slope, so the support must be said: 'space' (η may "
                "charge points off the support of P) or 'reference' (it may not)"
            )
        return True
    if support not in ("space", "reference"):
        raise InputError(f"support must be 'space' or 'reference', not {support!r}")
    return support == "space"


def read_array(values: ArrayLike, name: str) -> Array:
    """Real numbers as doubles.

    Raises:
        InputError: they are something else.
    """
    try:
        given = np.asarray(values)
        if not np.iscomplexobj(given):
            return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        pass
    raise InputError(f"{name} must be an array of real numbers")


def _array(values: ArrayLike, name: str, dimensions: int) -> Array:
    out = read_array(values, name)
    if out.ndim != dimensions:
        raise InputError(f"{name} must have {dimensions} dimension(s), not {out.ndim}")
    if out.size == 0:
        raise InputError(f"{name} is empty")
    return out


def read_weights(values: ArrayLike | None, count: int, name: str) -> Array:
    if values is None:
        return np.full(count, 1.0 / count)
    out = _array(values, name, 1)
    if len(out) != count:
        raise InputError(f"{name} has {len(out)} weights for {count} points")
    bad = np.flatnonzero(~(np.isfinite(out) & (out >= 0)))
    if len(bad):
        raise InputError(f"{name}[{bad[0]}] = {out[bad[0]]:g} is not a weight")
    total = float(out.sum())
    if abs(total - 1) > 1e-9:
        raise InputError(f"{name} sums to {total!r}, not to 1")
    return out / total


def read_geometry(
    cost: ArrayLike | str | Mapping[str, object] | PointCost | None,
    x: ArrayLike | None,
    y: ArrayLike | None,
    device: str | None,
) -> tuple[Callable[[NDArray[np.int64], NDArray[np.int64]], Geometry], int, int]:
    """A function from chosen rows and columns to their geometry, and the full sizes."""
    if x is not None and y is not None:
        if cost is not None and not isinstance(cost, str | Mapping | PointCost):
            raise InputError("give either a cost matrix or points with a named cost, not both")
        rule = point_cost("sqeuclidean" if cost is None else cost)
        px, py = _array(x, "x", 2), _array(y, "y", 2)
        if px.shape[1] != py.shape[1]:
            raise InputError(f"x has {px.shape[1]} coordinates and y has {py.shape[1]}")
        for name, points in (("x", px), ("y", py)):
            if not np.isfinite(points).all():
                raise InputError(f"{name} holds a coordinate that is not finite")
        with np.errstate(over="ignore"):
            reach = np.maximum(px.max(axis=0), py.max(axis=0)) - np.minimum(px.min(axis=0), py.min(axis=0))
            largest = float(rule([reach[k : k + 1] for k in range(len(reach))])[0])
        if 0 < reach.max() < 1e-140:
            raise InputError(f"all points lie within {reach.max():.3g}, where squares vanish: rescale them")
        if not (largest <= LARGEST or rule.may_be_infinite):
            raise InputError(f"points {float(reach.max()):.3g} apart have costs beyond {LARGEST:g}")
        if device is not None:
            from armor.exact.device import DeviceGeometry, torch_device

            place = torch_device(device)
            return lambda i, j: DeviceGeometry(place, x=px[i], y=py[j], cost=rule), len(px), len(py)
        return lambda i, j: point_geometry(px[i], py[j], rule), len(px), len(py)
    if x is not None or y is not None:
        raise InputError("points need both x and y")
    if cost is None or isinstance(cost, str | Mapping | PointCost):
        raise InputError("give a cost matrix, or points x and y with a named cost")
    matrix = _array(cost, "cost", 2)
    bad = np.argwhere(~(matrix >= 0))
    if len(bad):
        i, j = bad[0]
        raise InputError(f"cost[{i}, {j}] = {matrix[i, j]:g} is not in [0, inf]")
    bad = np.argwhere((matrix > LARGEST) & (matrix < np.inf))
    if len(bad):
        i, j = bad[0]
        raise InputError(f"cost[{i}, {j}] = {matrix[i, j]:g} is beyond {LARGEST:g}, yet not infinite")
    n, m = matrix.shape
    if device is not None:
        return _on_device(matrix, device), n, m

    def part(i: NDArray[np.int64], j: NDArray[np.int64]) -> Geometry:
        whole = len(i) == n and len(j) == m
        return MatrixGeometry(matrix if whole else np.ascontiguousarray(matrix[np.ix_(i, j)]))

    return part, n, m


def _on_device(matrix: Array, device: str) -> Callable[[NDArray[np.int64], NDArray[np.int64]], Geometry]:
    from armor.exact.device import DeviceGeometry, torch_device

    place = torch_device(device)

    def part(i: NDArray[np.int64], j: NDArray[np.int64]) -> Geometry:
        import torch

        chosen = np.ascontiguousarray(matrix[np.ix_(i, j)])
        return DeviceGeometry(place, matrix=torch.as_tensor(chosen, device=place))

    return part


def _extend(
    geometry_of: Callable[[NDArray[np.int64], NDArray[np.int64]], Geometry],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    g: Array,
    h: Array,
    m: int,
    space: bool,
    recession: float,
) -> Array:
    """Potentials of the columns without weight: the largest that keep `h`, so that `∇_q` is right there
    too (T29).
    """
    out = np.empty(m)
    out[columns] = g
    empty = np.setdiff1d(np.arange(m), columns)
    if len(empty):
        reached, _, best = geometry_of(rows, empty).transpose().row_best(-h, 1)
        most = np.full(len(empty), np.inf)
        most[reached] = best
        if space:
            most = np.minimum(most, recession)
        # Just below the bound, so that rounding in g - c cannot lift h.
        out[empty] = most - 1e-12 * np.maximum(1.0, np.abs(np.where(np.isfinite(most), most, 1.0)))
    return out


def _renamed(reason: tuple[str, int], rows: NDArray[np.int64], columns: NDArray[np.int64]) -> str:
    text, index = reason
    if "{column}" in text:
        return text.format(column=int(columns[index]))
    return text.format(row=int(rows[index]) if "{row}" in text else 0)


def _apart(
    which: Member, lost: float, weights_q: Array, n: int, tolerance: float, started: float
) -> Solution:
    """No arc at all: `η` is wholly singular, at the price `f(0) + f'(∞)`."""
    value = which.at_zero * lost + which.recession * float(weights_q.sum())
    return Solution(
        value=value,
        lower=value * (1 - 1e-14),
        upper=value * (1 + 1e-14),
        plan=sparse.csr_matrix((n, len(weights_q))),
        potentials=np.full(len(weights_q), which.recession + which.slope_shift),
        eta=np.zeros(n),
        singular=weights_q,
        row_potentials=np.full(n, -np.inf),
        transport=0.0,
        iterations=0,
        rounds=0,
        seconds=time.perf_counter() - started,
        status=Status.CONVERGED,
        tolerance=tolerance,
        method=Method.CLOSED,
    )


def _infinite(explanation: str, n: int, m: int, tolerance: float, seconds: float) -> Solution:
    return Solution(
        value=np.inf,
        lower=np.inf,
        upper=np.inf,
        plan=sparse.csr_matrix((n, m)),
        potentials=np.zeros(m),
        eta=np.zeros(n),
        singular=np.zeros(m),
        row_potentials=np.zeros(n),
        transport=np.inf,
        iterations=0,
        rounds=0,
        seconds=seconds,
        status=Status.INFEASIBLE,
        tolerance=tolerance,
        method=Method.CLOSED,
        explanation=explanation,
    )


def _status(lower: float, upper: float, tolerance: float, bracket: Bracket, rounds: int) -> Status:
    gap = upper - lower
    if np.isfinite(upper) and gap <= tolerance * upper:
        return Status.CONVERGED
    if gap <= tolerance * _NEAR_ZERO:
        return Status.CONVERGED_ABSOLUTE
    if bracket.interrupted:
        return Status.INTERRUPTED
    return Status.ROUND_LIMIT if bracket.rounds >= rounds and not bracket.stalled else Status.STALLED
