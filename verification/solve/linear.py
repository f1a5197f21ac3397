"""D^c as a linear program (T1 for TV, CVaR, transport only), and by tangents for an `f` with kinks or a
bounded domain.

HiGHS solves `min sum_i e_i + f'(inf) sum_j u_j + <c, x>` over arcs `x`, singular masses `u` and epigraph
variables `e_i >= a r_i + b p_i` for every line `(a, b)` below `f`, `r_i = (x1)_i` in `p_i` times the domain.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from verification.solve.information import Separable

__all__ = ["LinearOptimum", "by_tangents", "recession_ray"]

Floats = NDArray[np.float64]
_ROUNDS = 60
_TOLERANCES = (1e-10, 1e-7)


@dataclass(frozen=True)
class LinearOptimum:
    """Plan `x` (n, m), singular masses `u` (m,), prices `g` (m,), rounds of tangents."""

    x: Floats
    u: Floats
    g: Floats
    iterations: int


class _Program:
    """The linear program with a growing list of lines per row."""

    def __init__(self, f: Separable, cost: Floats, p: Floats, q: Floats, space: bool) -> None:
        self.f, self.p, self.q = f, p, q
        self.shape = cost.shape
        self.i, self.j = np.nonzero(np.isfinite(cost))
        self.arcs = len(self.i)
        n, m = cost.shape
        self.free = m if space else 0
        columns = np.arange(self.arcs)
        self.rows = sparse.csr_array((np.ones(self.arcs), (self.i, columns)), shape=(n, self.arcs))
        self.sums = sparse.hstack(
            [
                sparse.csr_array((np.ones(self.arcs), (self.j, columns)), shape=(m, self.arcs)),
                sparse.eye_array(m, format="csr") if space else sparse.csr_array((m, 0)),
                sparse.csr_array((m, n)),
            ],
            format="csr",
        )
        singular = np.full(self.free, f.recession if space else 0.0)
        self.objective = np.concatenate([cost[self.i, self.j], singular, np.ones(n)])
        self.lines: list[tuple[Floats, Floats]] = []

    def tangent(self, t: Floats) -> None:
        """Add the tangent of `f` at density `t` (n,) to every row, at 1 where it is too steep to be of
        use."""
        slope = self.f.slope(t)
        t = np.where(np.isfinite(self.f.f(t)) & (np.abs(slope) < 1e12), t, 1.0)
        slope = self.f.slope(t)
        self.lines.append((slope, self.f.f(t) - slope * t))

    def solve(self) -> tuple[Floats, Floats, Floats] | None:
        """Optimal `(x on arcs, u, g)`, None when the program is infeasible."""
        n = self.shape[0]
        blocks, bounds = [], []
        for slope, offset in self.lines:
            scaled = sparse.dia_array((slope[None, :], [0]), shape=(n, n)) @ self.rows
            blocks.append(sparse.hstack([scaled, sparse.csr_array((n, self.free)), -sparse.eye_array(n)]))
            bounds.append(-offset * self.p)
        low, high = self.f.domain
        for sign, limit in ((1.0, high), (-1.0, low)):
            if np.isfinite(limit) and (sign > 0 or limit > 0):
                blocks.append(sparse.hstack([sign * self.rows, sparse.csr_array((n, self.free + n))]))
                bounds.append(sign * limit * self.p)
        free_epigraph = np.full((n, 2), [-np.inf, np.inf])
        nonnegative = np.full((self.arcs + self.free, 2), [0.0, np.inf])
        result = None
        for tolerance in _TOLERANCES:  # weights far apart can look infeasible at the tight one
            result = linprog(
                self.objective,
                A_ub=sparse.vstack(blocks, format="csr"),
                b_ub=np.concatenate(bounds),
                A_eq=self.sums,
                b_eq=self.q,
                bounds=np.vstack([nonnegative, free_epigraph]),
                method="highs",
                options={"primal_feasibility_tolerance": tolerance, "dual_feasibility_tolerance": tolerance},
            )
            if result.x is not None:
                break
        if result is None or result.x is None or result.eqlin is None or result.eqlin.marginals is None:
            return None
        x, u = result.x[: self.arcs], result.x[self.arcs : self.arcs + self.free]
        return x, u, np.asarray(result.eqlin.marginals)


def by_tangents(
    f: Separable, cost: Floats, p: Floats, q: Floats, space: bool, tolerance: float = 1e-12
) -> LinearOptimum | None:
    """Minimise the program of T1 by linear programs; exact at once when `f` is piecewise linear.

    Args:
        f: the divergence; `f.linear` are the kinks of a piecewise linear one.
        cost: (n, m), inf for a forbidden arc; p, q: (n,), (m,) positive.
        space: whether singular mass is allowed (needs a finite recession slope).
        tolerance: largest error of the tangents, relative to the value or absolute below 1.

    Returns None when no plan is feasible.
    """
    program = _Program(f, cost, p, q, space)
    low, high = f.domain
    for point in _starts(f):
        program.tangent(np.full(len(p), point))
    rounds = 0
    while rounds < _ROUNDS:
        rounds += 1
        found = program.solve()
        if found is None:
            return None
        x, u, g = found
        density = np.clip(program.rows @ x / p, low, high)
        below = np.max([slope * density + offset for slope, offset in program.lines], axis=0)
        error = float(p @ (f.f(density) - below))
        value = float(program.objective[: program.arcs] @ x)
        if f.linear is not None or error <= tolerance * max(1.0, abs(value)):
            break
        program.tangent(density)
    plan = np.zeros(program.shape)
    plan[program.i, program.j] = np.maximum(x, 0.0)
    singular = np.maximum(u, 0.0) if space else np.zeros(len(q))
    return LinearOptimum(plan, singular, g, rounds)


def _starts(f: Separable) -> list[float]:
    """Densities at which the first tangents touch: between the kinks when `f` is piecewise linear."""
    low, high = f.domain
    if f.linear is None:
        inner = [t for t in (0.1, 0.5, 0.9, 1.1, 2.0, 10.0) if low < t < high]
        return inner or [0.5 * (low + high)]
    kinks = sorted({low, *f.linear, high})
    points = [0.5 * (a + b) if np.isfinite(b) else a + 1.0 for a, b in pairwise(kinks)]
    return points or [low]


def recession_ray(domain: tuple[float, float], cost: Floats, p: Floats, q: Floats) -> Floats:
    """A direction `d` (m,) in [-1, 1] that maximises `q.d - sum_i p_i sup {t d^c_i : t in dom f}` (T2 along a
    ray).

    A positive maximum shows that no plan is feasible. Entries of `d` are multiples of 1e-6.
    """
    low, high = domain
    i, j = np.nonzero(np.isfinite(cost))
    n, m = cost.shape
    arcs = np.arange(len(i))
    ones = np.ones(len(i))
    # variables d, y = d^c, e = support function of the domain at y; d_j <= y_i on arcs
    reach = sparse.hstack(
        [
            sparse.csr_array((ones, (arcs, j)), shape=(len(i), m)),
            sparse.csr_array((-ones, (arcs, i)), shape=(len(i), n)),
            sparse.csr_array((len(i), n)),
        ]
    )
    blocks = [reach]
    bounded = np.isfinite(high)
    for limit in (low, high) if bounded else (low,):
        blocks.append(
            sparse.hstack([sparse.csr_array((n, m)), limit * sparse.eye_array(n), -sparse.eye_array(n)])
        )
    top = 1.0 if bounded else 0.0
    limits = np.vstack(
        [np.full((m, 2), [-1.0, 1.0]), np.full((n, 2), [-1.0, top]), np.full((n, 2), [-np.inf, np.inf])]
    )
    result = linprog(
        np.concatenate([-q, np.zeros(n), p]),
        A_ub=sparse.vstack(blocks, format="csr"),
        b_ub=np.zeros(sum(b.shape[0] for b in blocks)),
        bounds=limits,
        method="highs",
    )
    return np.asarray(np.round(result.x[:m], 6)) if result.x is not None else np.zeros(m)
