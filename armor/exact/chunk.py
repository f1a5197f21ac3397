"""The interior point of `armor.exact.interior` on all arcs of many small problems in lockstep.

Rows are eliminated, so each problem leaves an `m × m` symmetric positive definite system.
"""

__all__ = ["Chunk"]

import numpy as np
from numpy.typing import NDArray

from armor.exact.members import Member
from armor.exact.stacks import column_sums, inverses, least, limit, matvec, row_sums, vecmat

Array = NDArray[np.float64]

_FLOOR = 1e-13  # of the mean cost: complementarity below which the Schur complement is mostly rounding
_STEP = 0.995
_U = 2.0**-53


class Chunk:
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
        first = np.minimum(least(a), self.top)
        a -= first[:, None, :]
        delta = 4 * mu / self.q
        for _ in range(5):
            np.add(a, delta[:, None, :], out=inverse)
            np.divide(1.0, inverse, out=inverse)
            total = column_sums(inverse)
            inverse *= inverse
            slope = column_sums(inverse)
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
            total = row_sums(inverse)
            inverse *= inverse
            slope = row_sums(inverse)
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
        wr, xc = row_sums(w), column_sums(x)
        diagonal = wr + 1 / h
        scaled = np.multiply(w, (1 / diagonal)[:, :, None])
        schur = np.matmul(w.transpose(0, 2, 1), scaled)
        np.negative(schur, out=schur)
        place = np.arange(self.m)
        schur[:, place, place] += column_sums(w) + (self.u / self.v if self.singular else 0.0)
        try:
            inverse = inverses(schur)
        except np.linalg.LinAlgError:
            schur[:, place, place] *= 1 + 1e-10
            inverse = inverses(schur)
        np.multiply(x, s, out=xs)
        total = xs.sum(axis=(1, 2)) + np.einsum("bi,bi->b", r, z) + np.einsum("bj,bj->b", self.u, self.v)
        mu = total[:, None] / self.pairs

        def solve(rows: Array, load: Array, columns: Array) -> tuple[Array, Array, Array]:
            base = (rows - load / h) / diagonal
            right = columns + vecmat(base, w)
            dg = matvec(inverse, right)
            dg += matvec(inverse, right - matvec(schur, dg))  # one refinement: near the end it decides
            dy = base + matvec(scaled, dg)
            return dy, dg, rows - wr * dy + matvec(w, dg)

        # predictor: the right-hand side of the arcs is -x, so `ξ = -1 - σ` and its sums are known
        dy, dg, dr = solve(-r, -error - z, self.q)
        dz = -z - z * dr / r
        np.subtract(dy[:, :, None], dg[:, None, :], out=sigma)
        sigma /= s
        a = np.minimum(1.0, limit(-1 - sigma.max(axis=(1, 2))))
        c = np.minimum(1.0, limit(np.minimum(sigma.min(axis=(1, 2)), (dz / z).min(axis=1))))
        if self.singular:
            ratio = dg / self.v
            a = np.minimum(a, limit(-1 + ratio.min(axis=1)))
            c = np.minimum(c, limit(-ratio.max(axis=1)))
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
        columns = self.q - xc - column_sums(b)
        if self.singular:
            tau_u = target - self.u * self.v + self.u * (ratio - 1) * dg
            columns = columns - self.u - tau_u / self.v
        dy, dg, dr = solve(row_sums(b), tau_z / r - error - curve, columns)
        dz = (tau_z - z * dr) / r
        np.subtract(dy[:, :, None], dg[:, None, :], out=sigma)
        sigma /= s
        beta -= sigma
        a = limit(beta.min(axis=(1, 2)))
        c = limit(np.minimum(sigma.min(axis=(1, 2)), (dz / z).min(axis=1)))
        if self.singular:
            du = (tau_u + self.u * dg) / self.v
            a = np.minimum(a, limit((du / self.u).min(axis=1)))
            c = np.minimum(c, limit((-dg / self.v).min(axis=1)))
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
        self.r = row_sums(x)
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
