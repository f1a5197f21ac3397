"""Dense primal-dual interior point for D^c (T1, T2): Mehrotra's predictor-corrector on plans and prices.

Minimise `sum_i p_i f((x1)_i/p_i) + f'(inf) sum_j u_j + <c, x>` over `x, u >= 0` with `x^T 1 + u = q`. With
prices `g`, slacks `s_ij = f'(r_i/p_i) + c_ij - g_j` and `v_j = f'(inf) - g_j`, `r = x1`, `h = f''(r/p)/p`,
`w = x/s`, `W = w1`, a Newton step reduces to the symmetric positive definite system of order m
`[diag(w^T 1 + u/v) - w^T diag(h/(1 + h W)) w] dg = rhs`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

__all__ = ["Prices", "interior_point"]

Floats = NDArray[np.float64]
Elementwise = Callable[[Floats], Floats]
_MOST = 200


@dataclass(frozen=True)
class Prices:
    """Plan `x` (n, m), singular masses `u` (m,), prices `g` (m,), complementarity `gap` and iterations
    spent."""

    x: Floats
    u: Floats
    g: Floats
    gap: float
    iterations: int


def _step(values: Floats, changes: Floats) -> float:
    """Largest step in [0, 1] that keeps `values + step * changes` nonnegative."""
    falling = changes < 0
    if not falling.any():
        return 1.0
    return float(min(1.0, np.min(-values[falling] / changes[falling])))


def _bisect(larger: Callable[[Floats], NDArray[np.bool_]], low: Floats, high: Floats) -> Floats:
    """Where the elementwise decreasing predicate turns from True to False, to about 1e-15."""
    for _ in range(60):
        middle = 0.5 * (low + high)
        up = larger(middle)
        low, high = np.where(up, middle, low), np.where(up, high, middle)
    return high


class _State:
    """Iterate and the parts of the Newton system that depend on it."""

    def __init__(
        self, slope: Elementwise, curvature: Elementwise, recession: float, cost: Floats, p: Floats, q: Floats
    ) -> None:
        self.slope, self.curvature, self.recession = slope, curvature, recession
        self.p, self.q = p, q
        self.arcs = np.isfinite(cost)
        self.cost = np.where(self.arcs, cost, 0.0)
        self.singular = bool(np.isfinite(recession))
        share = self.arcs * p[:, None]
        reach = share.sum(axis=0)
        portion = np.where(reach > 0, 0.5 if self.singular else 1.0, 0.0)
        self.x = share * (portion * q / np.where(reach > 0, reach, 1.0))
        self.u = q - self.x.sum(axis=0) if self.singular else np.zeros_like(q)
        start = self.gradient()
        spread = float((self.x * self.cost).sum()) + 0.1
        height = np.where(self.arcs, start[:, None] + self.cost, np.inf).min(axis=0)
        if self.singular:
            height = np.minimum(height, recession)
        self.g = height - spread
        self.s = np.where(self.arcs, start[:, None] + self.cost - self.g, 1.0)
        self.v = recession - self.g if self.singular else np.ones_like(q)
        self.count = int(self.arcs.sum()) + (len(q) if self.singular else 0)

    def centre(self, inverse: Elementwise) -> None:
        """Move to a point where all products `x s` and `u v` are (nearly) one number, whatever the weights.

        Eight alternations of one-dimensional solves, by bisection in the logarithm of a distance: for each
        column `sum_i mu/(y_i + c_ij - g_j) + mu/(f'(inf) - g_j) = q_j`, for each row `sum_j mu/(y + c_ij -
        g_j) = p w(y)` with `w` the inverse of `f'`.
        """
        mu = max(float((self.x * self.cost).sum()), 1e-2) / self.count
        y = np.zeros(len(self.p))
        for _ in range(8):
            base = np.where(self.arcs, y[:, None] + self.cost, np.inf)
            height = np.minimum(base.min(axis=0), self.recession)
            above = base - height
            top = self.recession - height

            def crowded(log_gap: Floats, above: Floats = above, top: Floats = top) -> NDArray[np.bool_]:
                gap = np.exp(log_gap)
                return np.asarray((mu / (gap + above)).sum(axis=0) + mu / (gap + top) > self.q)

            start = np.log(mu / self.q)
            gap = np.exp(_bisect(crowded, start, start + np.log(len(self.p) + 2.0)))
            self.g = height - gap
            base = np.where(self.arcs, self.g - self.cost, -np.inf)
            floor = base.max(axis=1)
            below = floor[:, None] - base

            def scarce(log_gap: Floats, below: Floats = below, floor: Floats = floor) -> NDArray[np.bool_]:
                gap = np.exp(log_gap)
                carried = (mu / (gap[:, None] + below)).sum(axis=1)
                return np.asarray(carried > self.p * inverse(floor + gap))

            y = floor + np.exp(_bisect(scarce, np.full(len(y), -200.0), np.full(len(y), 200.0)))
        self.x = np.where(self.arcs, mu / (y[:, None] + self.cost - self.g), 0.0)
        self.s = np.where(self.arcs, self.gradient()[:, None] + self.cost - self.g, 1.0)
        if self.singular:
            self.v = self.recession - self.g
            self.u = mu / self.v

    def gradient(self) -> Floats:
        return self.slope(self.x.sum(axis=1) / self.p)

    def gap(self) -> float:
        return float((self.x * self.s).sum() + (self.u @ self.v if self.singular else 0.0))

    def factor(self) -> None:
        self.w = np.where(self.arcs, self.x / self.s, 0.0)
        self.weight = self.w.sum(axis=1)
        curvature = self.curvature(self.x.sum(axis=1) / self.p) / self.p
        self.h = np.minimum(np.nan_to_num(curvature, nan=0.0, posinf=1e300), 1e300)
        self.damp = 1.0 / (1.0 + self.h * self.weight)
        self.ratio = self.u / self.v if self.singular else np.zeros_like(self.q)
        diagonal = self.w.sum(axis=0) + self.ratio
        matrix = -(self.w.T * (self.h * self.damp)) @ self.w
        matrix[np.diag_indices_from(matrix)] += diagonal
        scale = 1.0 / np.sqrt(np.maximum(diagonal, 1e-300))
        matrix *= scale[:, None] * scale[None, :]
        self.scale, self.matrix = scale, matrix
        ridge = 1e-15
        while True:
            try:
                self.cholesky = cho_factor(matrix + ridge * np.eye(len(matrix)), check_finite=True)
                return
            except LinAlgError:
                ridge *= 100

    def solve(self, rhs: Floats) -> Floats:
        scaled = self.scale * rhs
        y = cho_solve(self.cholesky, scaled)
        for _ in range(2):
            y = y + cho_solve(self.cholesky, scaled - self.matrix @ y)
        return np.asarray(self.scale * y)

    def direction(self, target: Floats, target_u: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Newton step towards `x s = target`, `u v = target_u` and zero residuals: dx, ds, du, dv, dg."""
        dual = np.where(self.arcs, self.gradient()[:, None] + self.cost - self.g - self.s, 0.0)
        free = np.where(self.arcs, target / self.s - self.x, 0.0) - self.w * dual
        a = free.sum(axis=1)
        dual_u = self.recession - self.g - self.v if self.singular else np.zeros_like(self.q)
        free_u = target_u / self.v - self.u - self.ratio * dual_u if self.singular else np.zeros_like(self.q)
        primal = self.q - self.x.sum(axis=0) - self.u
        rhs = primal - free.sum(axis=0) - free_u + self.w.T @ (self.h * self.damp * a)
        dg = self.solve(rhs)
        dr = self.damp * (a + self.w @ dg)
        ds = np.where(self.arcs, (self.h * dr)[:, None] - dg + dual, 0.0)
        dx = np.where(self.arcs, (target - self.x * ds) / self.s - self.x, 0.0)
        if not self.singular:
            return dx, ds, free_u, free_u, dg
        dv = dual_u - dg
        return dx, ds, (target_u - self.u * dv) / self.v - self.u, dv, dg

    def lengths(self, dx: Floats, ds: Floats, du: Floats, dv: Floats) -> tuple[float, float]:
        arcs = self.arcs
        primal, dual = _step(self.x[arcs], dx[arcs]), _step(self.s[arcs], ds[arcs])
        if self.singular:
            primal, dual = min(primal, _step(self.u, du)), min(dual, _step(self.v, dv))
        return primal, dual


def interior_point(
    slope: Elementwise,
    curvature: Elementwise,
    recession: float,
    cost: Floats,
    p: Floats,
    q: Floats,
    tolerance: float = 1e-13,
    inverse: Elementwise | None = None,
) -> Prices:
    """Minimise the program of T1 for a smooth `f`; the caller judges the result by its recomputed gap.

    Args:
        slope, curvature: `f'` and `f''`, elementwise on `t > 0`, in a gauge with `f'(1) = 0`.
        recession: `f'(inf)` in that gauge where singular mass is allowed, inf otherwise.
        cost: (n, m), inf for a forbidden arc; every row, and without singular mass every column, has an arc.
        p, q: (n,), (m,) positive weights.
        inverse: the inverse of `f'`, elementwise; given, the start is centred, which weights of very
            different magnitudes need.
        tolerance: complementarity, relative to the cost of the plan or absolute below 1, at which to stop.
    """
    state = _State(slope, curvature, recession, cost, p, q)
    if inverse is not None:
        with np.errstate(all="ignore"):
            state.centre(inverse)
        if not ((state.s > 0).all() and (state.v > 0).all() and np.isfinite(state.x).all()):
            state = _State(slope, curvature, recession, cost, p, q)
    best = Prices(state.x, state.u, state.g, state.gap(), 0)
    stalled = 0
    for iteration in range(1, _MOST + 1):
        gap = state.gap()
        mu = gap / state.count
        with np.errstate(all="ignore"):
            try:
                state.factor()
                zero, zero_u = np.zeros_like(state.x), np.zeros_like(state.u)
                dx, ds, du, dv, _ = state.direction(zero, zero_u)
                step = min(state.lengths(dx, ds, du, dv))
                after = float(((state.x + step * dx) * (state.s + step * ds))[state.arcs].sum())
                if state.singular:
                    after += float((state.u + step * du) @ (state.v + step * dv))
                sigma = (max(after, 0.0) / gap) ** 3 if gap > 0 else 0.0
                # The second-order term is cut so that one bad product cannot dominate the step.
                bound = 10 * max(sigma * mu, 1e-3 * mu)
                dx, ds, du, dv, dg = state.direction(
                    np.maximum(sigma * mu - np.clip(dx * ds, -bound, bound), 0.0),
                    np.maximum(sigma * mu - np.clip(du * dv, -bound, bound), 0.0),
                )
                step = 0.995 * min(state.lengths(dx, ds, du, dv))
            except (ValueError, LinAlgError):  # a slope that overflows
                return best
        if not np.isfinite(step) or step < 1e-10 or not np.isfinite(dg).all():
            return best
        state.x, state.s, state.g = state.x + step * dx, state.s + step * ds, state.g + step * dg
        if state.singular:
            state.u, state.v = state.u + step * du, state.v + step * dv
        now = state.gap()
        stalled = 0 if now < 0.9 * best.gap else stalled + 1
        if now < best.gap:
            best = Prices(state.x, state.u, state.g, now, iteration)
        if now <= tolerance * max(1.0, float((state.x * state.cost).sum())) or stalled > 15:
            return best
    return best
