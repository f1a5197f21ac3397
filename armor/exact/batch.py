"""Many small problems of one shape at once: the interior point of `armor.exact.interior` on all arcs, as
array code.

Rows are eliminated, so each problem leaves an `m × m` symmetric positive definite system; chunks of
problems that fit
the cache run on all cores. What does not fit the array code (zero weights, infinite costs, total
variation, CVaR,
Rényi, a problem that did not converge) goes through `armor.divergence` one by one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from armor.errors import InputError
from armor.exact.api import divergence, read_array, read_tolerance
from armor.exact.costs import LARGEST
from armor.exact.geometry import parallel
from armor.exact.members import Member, Spec, member

__all__ = ["BatchSolution", "divergences"]

Array = NDArray[np.float64]

_CHUNK = 1 << 18  # arcs of a chunk: enough work for every call, few enough to share among the cores
_FLOOR = 1e-13  # of the mean cost: complementarity below which the Schur complement is mostly rounding
_STEP = 0.995
_U = 2.0**-53


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
        solver = _Chunk(which, costs[index], weights_p[index], weights_q[index], space)
        with np.errstate(all="ignore"):
            iterations = solver.run(0.5 * tolerance)
            solver.store(out, index, tolerance)
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


class _Chunk:
    """One chunk in lockstep; arrays `(b, n, m)`, `(b, n)`, `(b, m)`, scalars `(b, 1)`."""

    def __init__(self, which: Member, cost: Array, p: Array, q: Array, space: bool) -> None:
        assert which.slope is not None
        assert which.curvature is not None
        self.member, self.cost, self.p, self.q = which, cost, p, q
        self.whole = cost
        self.slope, self.curvature = which.slope, which.curvature
        self.space = space
        self.singular = space and bool(np.isfinite(which.recession))
        self.top = which.recession if self.singular else np.inf
        self.b, self.n, self.m = cost.shape
        self.pairs = self.n * self.m + self.n + (self.m if self.singular else 0)
        self.best_lower = np.full(self.b, -np.inf)
        self.best_upper = np.full(self.b, np.inf)
        self.g_kept, self.eta_kept = np.zeros_like(q), p.copy()
        self.scratch = tuple(np.empty_like(cost) for _ in range(3))
        self.alive = np.arange(self.b)  # the problems that the arrays below still hold

    def _centre(self) -> None:
        mean = np.einsum("bij,bj->b", self.cost, self.q)[:, None] / self.n
        mu = np.clip(mean, 1e-4, 10.0) / self.pairs
        self.floor = _FLOOR / self.pairs * np.clip(mean, 1e-4, 1.0)
        y = np.zeros_like(self.p)
        for _ in range(2):
            g = self._columns(y, mu)
            y = self._rows(g, mu)
        g = self._columns(y, mu)
        self.y, self.g = y, g
        self.s = y[:, :, None] + self.cost - g[:, None, :]
        self.x = mu[:, :, None] / self.s
        self.r = self.x.sum(axis=2)
        self.z = mu / self.r
        self.v = self.top - g if self.singular else np.ones((self.b, 0))
        self.u = mu / self.v

    def _columns(self, y: Array, mu: Array) -> Array:
        a, inverse, _ = (k[: self.b] for k in self.scratch)
        np.add(y[:, :, None], self.cost, out=a)
        first = np.minimum(_least(a), self.top)
        a -= first[:, None, :]
        delta = 4 * mu / self.q
        for _ in range(5):
            np.add(a, delta[:, None, :], out=inverse)
            np.divide(1.0, inverse, out=inverse)
            total = _column_sums(inverse)
            inverse *= inverse
            slope = _column_sums(inverse)
            if self.singular:
                extra = 1 / (self.top - first + delta)
                total, slope = total + extra, slope + extra * extra
            delta = delta * np.exp(np.clip(np.log(mu * total / self.q) * total / (slope * delta), -4, 4))
        return np.asarray(first - delta)

    def _rows(self, g: Array, mu: Array) -> Array:
        d, inverse, _ = (k[: self.b] for k in self.scratch)
        np.subtract(self.cost, g[:, None, :], out=d)
        first = -d.min(axis=2)
        d += first[:, :, None]
        delta = np.maximum(4 * mu / self.p, 1e-12)
        room = 0.5 * np.maximum(self.member.recession - first, 1e-300)
        delta = np.minimum(delta, room)
        r = self.p.copy()
        for step in range(6):
            np.add(d, delta[:, :, None], out=inverse)
            np.divide(1.0, inverse, out=inverse)
            total = _row_sums(inverse)
            inverse *= inverse
            slope = _row_sums(inverse)
            y = first + delta
            for _ in range(3 if step == 0 else 2):
                t = r / self.p
                growth = self.curvature(t) * t + mu / r
                r = np.clip(r * np.exp(np.clip((y - self.slope(t) + mu / r) / growth, -3, 3)), 1e-200, 1e12)
            t = r / self.p
            response = 1 / (self.curvature(t) * t + mu / r)
            change = np.log(mu * total / r) / (delta * (slope / total + response))
            delta = np.minimum(delta * np.exp(np.clip(change, -4, 4)), 0.5 * delta + room)
        return np.asarray(first + delta)

    def _iterate(self) -> None:
        """One predictor and corrector; on arcs the steps are relative, `dx = x ξ` and `ds = s σ`."""
        x, s, r, z = self.x, self.s, self.r, self.z
        sigma, second, xs = (a[: self.b] for a in self.scratch)
        w = x / s
        t = r / self.p
        slope = self.slope(t)
        h = self.curvature(t) / self.p + z / r
        error = slope - z - self.y
        wr, xc = _row_sums(w), _column_sums(x)
        diagonal = wr + 1 / h
        scaled = np.multiply(w, (1 / diagonal)[:, :, None])
        schur = np.matmul(w.transpose(0, 2, 1), scaled)
        np.negative(schur, out=schur)
        place = np.arange(self.m)
        schur[:, place, place] += _column_sums(w) + (self.u / self.v if self.singular else 0.0)
        try:
            inverse = _inverse(schur)
        except np.linalg.LinAlgError:
            schur[:, place, place] *= 1 + 1e-10
            inverse = _inverse(schur)
        np.multiply(x, s, out=xs)
        total = xs.sum(axis=(1, 2)) + np.einsum("bi,bi->b", r, z) + np.einsum("bj,bj->b", self.u, self.v)
        mu = total[:, None] / self.pairs

        def solve(rows: Array, load: Array, columns: Array) -> tuple[Array, Array, Array]:
            base = (rows - load / h) / diagonal
            right = columns + _vecmat(base, w)
            dg = _matvec(inverse, right)
            dg += _matvec(inverse, right - _matvec(schur, dg))  # one refinement: near the end it decides
            dy = base + _matvec(scaled, dg)
            return dy, dg, rows - wr * dy + _matvec(w, dg)

        # predictor: the right-hand side of the arcs is -x, so `ξ = -1 - σ` and its sums are known
        dy, dg, dr = solve(-r, -error - z, self.q)
        dz = -z - z * dr / r
        np.subtract(dy[:, :, None], dg[:, None, :], out=sigma)
        sigma /= s
        a = np.minimum(1.0, _limit(-1 - sigma.max(axis=(1, 2))))
        c = np.minimum(1.0, _limit(np.minimum(sigma.min(axis=(1, 2)), (dz / z).min(axis=1))))
        if self.singular:
            ratio = dg / self.v
            a = np.minimum(a, _limit(-1 + ratio.min(axis=1)))
            c = np.minimum(c, _limit(-ratio.max(axis=1)))
        np.add(sigma, 1, out=second)
        second *= sigma
        arcs = xs.sum(axis=(1, 2))
        along = np.einsum("bi,bi->b", r, dy) - np.einsum("bj,bj->b", xc, dg)
        after = (1 - a) * arcs + (c - a) * along - a * c * np.einsum("bij,bij->b", xs, second)
        a, c = a[:, None], c[:, None]
        after = after + np.einsum("bi,bi->b", r + a * dr, z + c * dz)
        if self.singular:
            after = after + np.einsum("bj,bj->b", self.u * (1 - a + a * ratio), self.v - c * dg)
        target = mu * np.clip((after[:, None] / (mu * self.pairs)) ** 3, 1e-6, 1.0)
        target = np.maximum(target, np.minimum(mu, self.floor))
        least = np.minimum(a, c)
        linear = self.curvature(t) / self.p * (least * dr)
        curve = self.slope(np.maximum(r + least * dr, 1e-300) / self.p) - slope - linear
        curve = np.where(np.isfinite(curve), np.clip(curve, -np.abs(linear), np.abs(linear)), 0.0)

        # corrector: the right-hand side of the arcs is x β with β = target / (x s) + σ (1 + σ) - 1
        second -= 1
        beta = np.divide(target[:, :, None], xs, out=xs)
        beta += second
        b = np.multiply(x, beta, out=second)
        tau_z = target - r * z - dr * dz
        columns = self.q - xc - _column_sums(b)
        if self.singular:
            tau_u = target - self.u * self.v + self.u * (ratio - 1) * dg
            columns = columns - self.u - tau_u / self.v
        dy, dg, dr = solve(_row_sums(b), tau_z / r - error - curve, columns)
        dz = (tau_z - z * dr) / r
        np.subtract(dy[:, :, None], dg[:, None, :], out=sigma)
        sigma /= s
        beta -= sigma
        a = _limit(beta.min(axis=(1, 2)))
        c = _limit(np.minimum(sigma.min(axis=(1, 2)), (dz / z).min(axis=1)))
        if self.singular:
            du = (tau_u + self.u * dg) / self.v
            a = np.minimum(a, _limit((du / self.u).min(axis=1)))
            c = np.minimum(c, _limit((-dg / self.v).min(axis=1)))
        a, c = (np.minimum(1.0, _STEP * k)[:, None] for k in (a, c))
        # where f' bends more than the gap allows, take both steps alike and short
        before = np.einsum("bi,bi->b", r, np.abs(error))[:, None]
        allowed = 0.9 * before + 2 * mu * self.pairs
        for _ in range(4):
            tried = r + a * dr
            bent = self.slope(np.maximum(tried, 1e-300) / self.p) - z - c * dz - self.y - c * dy
            worse = ~(np.sum(np.abs(tried * bent), axis=1, keepdims=True) <= allowed)
            if not worse.any():
                break
            both = 0.6 * np.minimum(a, c)
            a, c = np.where(worse, both, a), np.where(worse, both, c)
        beta *= a[:, :, None]
        beta += 1
        x *= beta
        sigma *= c[:, :, None]
        sigma += 1
        s *= sigma
        self.y, self.g, self.z = self.y + c * dy, self.g + c * dg, z + c * dz
        self.r = _row_sums(x)
        if self.singular:
            self.u, self.v = self.u + a * du, self.v - c * dg

    def _ends(self) -> tuple[Array, Array, Array, Array]:
        """Lower and upper ends with their rounding (as in `armor.exact.rounding`), `h` and `η`."""
        h = (self.g[:, None, :] - self.cost).max(axis=2)
        raised = h + 32 * _U * (
            np.abs(self.g).max(axis=1, keepdims=True) + np.abs(h).max(axis=1, keepdims=True)
        )
        conjugate = self.member.conjugate(raised)
        lower = np.sum(self.q * self.g, axis=1) - np.sum(self.p * conjugate, axis=1)
        noise = self.p * (np.abs(conjugate) + self.member.ratio(raised) * (1 + np.abs(raised)))
        size = np.sum(np.abs(self.q * self.g), axis=1) + noise.sum(axis=1)
        lower = lower - (32 + self.n + self.m) * _U * size
        scale = self.q / (self.x.sum(axis=1) + (self.u if self.singular else 0.0))
        plan = self.x * scale[:, None, :]
        eta = plan.sum(axis=2)
        moved = np.einsum("bij,bij->b", plan, self.cost)
        if self.singular:
            moved = moved + self.top * np.sum(self.u * scale, axis=1)
        terms = self.p * self.member.value(eta / self.p)
        upper = moved + terms.sum(axis=1)
        size = moved + np.abs(terms).sum(axis=1) + np.abs(eta * self.slope(eta / self.p)).sum(axis=1)
        upper = upper + (32 + 2 * (self.n + self.m)) * _U * size
        return (
            np.where(np.isfinite(lower), lower, -np.inf),
            np.where(np.isfinite(upper), upper, np.inf),
            h,
            eta,
        )

    def run(self, relative: float) -> int:
        self._centre()
        for iteration in range(1, 31):
            try:
                self._iterate()
            except np.linalg.LinAlgError:  # of one problem of the chunk: all that are open go one by one
                return iteration
            if iteration < 8:  # no problem closes its gap earlier: bounds would be wasted work
                continue
            lower, upper, _, eta = self._ends()
            alive = self.alive
            better = lower > self.best_lower[alive]
            self.best_lower[alive[better]] = lower[better]
            self.g_kept[alive[better]] = self.g[better]
            better = upper < self.best_upper[alive]
            self.best_upper[alive[better]] = upper[better]
            self.eta_kept[alive[better]] = eta[better]
            open_ = ~self.done(relative)[alive]
            if not open_.any():
                return iteration
            if open_.mean() < 0.9:
                self._keep(open_)
        return 30

    def _keep(self, which: NDArray[np.bool_]) -> None:
        """Go on with the problems that are still open."""
        self.alive = self.alive[which]
        self.b = len(self.alive)
        for name in ("cost", "p", "q", "y", "g", "s", "x", "r", "z", "u", "v", "floor"):
            setattr(self, name, np.ascontiguousarray(getattr(self, name)[which]))

    def done(self, relative: float) -> NDArray[np.bool_]:
        """Problems within the tolerance."""
        gap = self.best_upper - self.best_lower
        small = gap <= relative * np.maximum(np.abs(self.best_upper), 1e-4)
        return np.asarray(np.isfinite(self.best_upper) & small)

    def store(self, out: BatchSolution, index: NDArray[np.int64], tolerance: float) -> None:
        """Write this chunk's problems into the batch."""
        shift = self.member.slope_shift
        out.lower[index] = np.maximum(self.best_lower, 0.0)
        out.value[index] = out.upper[index] = np.maximum(self.best_upper, out.lower[index])
        out.potentials[index] = self.g_kept + shift
        out.row_potentials[index] = (self.g_kept[:, None, :] - self.whole).max(axis=2) + shift
        out.eta[index] = self.eta_kept
        out.converged[index] = self.done(tolerance)


def _limit(worst: Array) -> Array:
    return np.where(worst >= 0, np.inf, -1.0 / np.minimum(worst, -1e-300))


def _matvec(a: Array, v: Array) -> Array:
    return np.asarray(np.matmul(a, v[:, :, None])[:, :, 0])


def _vecmat(v: Array, a: Array) -> Array:
    return np.asarray(np.matmul(v[:, None, :], a)[:, 0, :])


def _row_sums(a: Array) -> Array:
    """Sums over columns; BLAS, since NumPy's sum along short axes costs four times as much."""
    return np.asarray(np.matmul(a, np.ones(a.shape[2])))


def _column_sums(a: Array) -> Array:
    return np.asarray(np.matmul(np.ones(a.shape[1]), a))


def _inverse(a: Array) -> Array:
    """Inverses of positive definite `(b, m, m)` matrices, by halves where that is faster than LAPACK."""
    m = a.shape[1]
    if not 16 < m <= 48:
        return np.asarray(np.linalg.inv(a))
    k = m // 2
    first = _inverse(np.ascontiguousarray(a[:, :k, :k]))
    off = np.ascontiguousarray(a[:, :k, k:])
    w = np.matmul(first, off)
    last = _inverse(a[:, k:, k:] - np.matmul(off.transpose(0, 2, 1), w))
    out = np.empty_like(a)
    out[:, k:, k:] = last
    corner = np.matmul(w, last)
    out[:, :k, k:] = -corner
    out[:, k:, :k] = -corner.transpose(0, 2, 1)
    out[:, :k, :k] = first + np.matmul(corner, w.transpose(0, 2, 1))
    return out


def _least(a: Array) -> Array:
    """`a.min(axis=1)` by halves: NumPy's own reduction along a middle axis costs four times as much."""
    while a.shape[1] > 1:
        half = -(-a.shape[1] // 2)
        a = np.minimum(a[:, :half], a[:, -half:])
    return a[:, 0]
