"""Dense interior point on a torch device, float64: all arcs at once, one `m × m` Cholesky factor a step.

The Newton system of `armor.exact.interior` on the complete graph reduces to one symmetric positive definite
system on the smaller side, `[diag(Σ_i w_ij + u_j/v_j) - wᵀ diag(1/(W_i + 1/H_i)) w] Δg = …` with `w = x/s`.
Its cost is matrix products and one factorisation, which is what an accelerator is for; on a CPU it pays for
small problems only. `f'` and `f''` act on vectors of length `n` and stay in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from armor.exact.bracket import divergence_value, dual_value
from armor.exact.device import DeviceGeometry
from armor.exact.interior import ArcResult
from armor.exact.linear import ArcGraph
from armor.exact.members import Member
from armor.exact.multilevel import Bracket, Level, Progress
from armor.exact.primal import best_primal
from armor.exact.solution import Method

__all__ = ["DenseSolver", "solve_dense"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Tensor = torch.Tensor

_STEP = 0.995
_LIMIT = 80
_KEEP = 1e-10  # least share of a column that an arc of the returned plan carries
_ARRAYS = 11  # arrays of n × m doubles that the solver may hold at once
_ON_CPU = 250_000  # arcs up to which a CPU device takes this method


class DenseSolver:
    """`D^c` for a smooth member (not Rényi), positive weights and a finite cost matrix.

    Args:
        cost: `(n, m)` float64 tensor on the device that does the work; about ten arrays of its size are held.
    """

    def __init__(self, member: Member, p: Array, q: Array, cost: Tensor, *, space: bool) -> None:
        assert member.slope is not None
        assert member.curvature is not None
        self.member, self.p, self.q, self.cost, self.space = member, p, q, cost, space
        self.slope, self.curvature = member.slope, member.curvature
        self.n, self.m = cost.shape
        self.singular = space and bool(np.isfinite(member.recession))
        self.top = member.recession if self.singular else np.inf
        self.pairs = self.n * self.m + self.n + (self.m if self.singular else 0)
        self.tp, self.tq = self._on(p), self._on(q)
        self.lower, self.upper, self.iterations = -np.inf, np.inf, 0
        self.g_best: Array = np.zeros(self.m)
        self._x_best: tuple[Tensor, Tensor] | None = None

    def _on(self, a: Array) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(a), dtype=torch.float64, device=self.cost.device)

    # -- the start ----------------------------------------------------------------------------------------

    def _centre(self, factor: float) -> None:
        mean = float((self.cost @ self.tq).mean())
        mu = factor * min(max(mean, 1e-5), 10.0) / self.pairs
        y = torch.zeros_like(self.tp)
        for _ in range(6):
            g = self._centre_columns(y, mu)
            y = self._centre_rows(g, mu)
        self.y, self.g = y, self._centre_columns(y, mu)
        self.s = self.cost + self.y[:, None] - self.g
        self.x = mu / self.s
        self.r = self.x.sum(dim=1)
        self.z = mu / self.r
        self.v = self.top - self.g if self.singular else torch.ones_like(self.g)
        self.u = mu / self.v if self.singular else torch.zeros_like(self.g)

    def _centre_columns(self, y: Tensor, mu: float) -> Tensor:
        excess = self.cost + y[:, None]
        first = excess.amin(dim=0).clamp(max=self.top)
        excess -= first
        delta = 4 * mu / self.tq
        for _ in range(12):
            inverse = (excess + delta).reciprocal_()
            total, slope = inverse.sum(dim=0), (inverse * inverse).sum(dim=0)
            if self.singular:
                extra = 1 / (self.top - first + delta)
                total, slope = total + extra, slope + extra * extra
            step = (torch.log(mu * total / self.tq) * total / (slope * delta)).clamp(-4, 4)
            delta = delta * torch.exp(step)
            if float(step.abs().max()) < 1e-3:
                break
        return first - delta

    def _centre_rows(self, g: Tensor, mu: float) -> Tensor:
        excess = g - self.cost
        first = excess.amax(dim=1)
        excess = first[:, None] - excess
        delta = (4 * mu / self.tp).clamp(min=1e-12)
        room = (self.member.recession - first).clamp(min=1e-300)
        delta = torch.minimum(delta, 0.5 * room)
        r = self.p.copy()
        for _ in range(14):
            inverse = (excess + delta[:, None]).reciprocal_()
            total, slope = inverse.sum(dim=1), (inverse * inverse).sum(dim=1)
            r, response = self._supply((first + delta).cpu().numpy(), mu, r)
            supply, answer = self._on(r), self._on(response)
            step = torch.log(mu * total / supply) / (delta * (slope / total + answer / supply))
            step = step.clamp(-4, 4)
            delta = torch.minimum(delta * torch.exp(step), 0.5 * (delta + room))
            if float(step.abs().max()) < 1e-3:
                break
        return first + delta

    def _supply(self, y: Array, mu: float, r: Array) -> tuple[Array, Array]:
        """`r` solving `f'(r/p) - μ/r = y`, and `dr/dy`."""
        for _ in range(40):
            t = r / self.p
            growth = self.curvature(t) * t + mu / r
            step = np.clip((y + mu / r - self.slope(t)) / growth, -3.0, 3.0)
            r = np.clip(r * np.exp(step), 1e-200 * self.p, 1e12)
            if float(np.max(np.abs(step))) < 1e-6:
                break
        t = r / self.p
        return r, r / (self.curvature(t) * t + mu / r)

    # -- one iteration ------------------------------------------------------------------------------------

    def _factorise(self) -> bool:
        left = self.m <= self.n
        scale = self.row_diagonal if left else self.column_diagonal
        other = self.column_diagonal if left else self.row_diagonal
        scaled = self.w / torch.sqrt(scale)[:, None] if left else self.w / torch.sqrt(scale)
        schur = scaled.T @ scaled if left else scaled @ scaled.T
        schur.neg_()
        diagonal = torch.diagonal(schur)
        diagonal += other
        for shift in (0.0, 1e-14, 1e-11, 1e-8):
            diagonal += shift * other
            self.factor, info = torch.linalg.cholesky_ex(schur)
            if int(info) == 0:
                return True
        return False

    def _once(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        if self.m <= self.n:
            base = a / self.row_diagonal
            dg = torch.cholesky_solve((b + self.w.T @ base)[:, None], self.factor)[:, 0]
            return base + (self.w @ dg) / self.row_diagonal, dg
        base = b / self.column_diagonal
        dy = torch.cholesky_solve((a + self.w @ base)[:, None], self.factor)[:, 0]
        return dy, base + (self.w.T @ dy) / self.column_diagonal

    def _solve(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        dy, dg = self._once(a, b)
        ra = a - self.row_diagonal * dy + self.w @ dg
        rb = b - self.column_diagonal * dg + self.w.T @ dy
        ey, eg = self._once(ra, rb)
        return dy + ey, dg + eg

    def _complementarity(self) -> float:
        total = torch.sum(self.x * self.s) + self.r @ self.z
        return float(total + self.u @ self.v) if self.singular else float(total)

    def _iterate(self) -> bool:
        r = self.r.cpu().numpy()
        t = r / self.p
        slope, bend = self.slope(t), self.curvature(t) / self.p
        h = self._on(bend) + self.z / self.r
        error = self._on(slope) - self.z - self.y
        ra = self.y[:, None] + self.cost - self.g - self.s
        self.w = self.x / self.s
        extra = self.u / self.v
        self.row_diagonal = self.w.sum(dim=1) + 1 / h
        self.column_diagonal = self.w.sum(dim=0) + extra
        if not self._factorise():
            return False
        rc = self.tq - self.x.sum(dim=0) - self.u
        mu = self._complementarity() / self.pairs

        def direction(target: float, px: Tensor | float, pz: Tensor, pu: Tensor, curve: Tensor) -> None:
            b = (target - px) / self.s - self.x - self.w * ra
            tau = target - self.r * self.z - pz
            above = b.sum(dim=1) - (tau / self.r - error - curve) / h
            below = rc - b.sum(dim=0)
            tau_u = target - self.u * self.v - pu
            if self.singular:
                below = below - tau_u / self.v
            self.dy, self.dg = self._solve(above, below)
            self.ds = self.dy[:, None] - self.dg
            self.dx = b - self.w * self.ds
            self.ds += ra
            self.dr = self.dx.sum(dim=1)
            self.dz = (tau - self.z * self.dr) / self.r
            self.dv = -self.dg
            self.du = (tau_u + self.u * self.dg) / self.v if self.singular else torch.zeros_like(self.u)

        nothing_n, nothing_m = torch.zeros_like(self.r), torch.zeros_like(self.u)
        direction(0.0, 0.0, nothing_n, nothing_m, nothing_n)
        a, c = (min(1.0, k) for k in self._limits())
        after = torch.sum((self.x + a * self.dx) * (self.s + c * self.ds))
        after = after + (self.r + a * self.dr) @ (self.z + c * self.dz)
        if self.singular:
            after = after + (self.u + a * self.du) @ (self.v + c * self.dv)
        target = mu * float(np.clip((float(after) / (mu * self.pairs)) ** 3, 1e-6, 1.0))
        least = min(a, c)
        dr = self.dr.cpu().numpy()
        linear = bend * (least * dr)
        curve = self.slope(np.maximum(r + least * dr, 1e-300) / self.p) - slope - linear
        curve = np.where(np.isfinite(curve), np.clip(curve, -np.abs(linear), np.abs(linear)), 0.0)
        direction(target, self.dx * self.ds, self.dr * self.dz, self.du * self.dv, self._on(curve))
        a, c = (min(1.0, _STEP * k) for k in self._limits())
        a, c = self._safe(a, c, r, float(np.sum(r * np.abs(error.cpu().numpy()))), mu)
        self.x += a * self.dx
        self.s += c * self.ds
        self.y, self.g, self.z = self.y + c * self.dy, self.g + c * self.dg, self.z + c * self.dz
        self.r = self.x.sum(dim=1)
        if self.singular:
            self.u, self.v = self.u + a * self.du, self.v + c * self.dv
        return max(a, c) > 1e-8

    def _limits(self) -> tuple[float, float]:
        primal = min(_limit(self.x, self.dx), _limit(self.r, self.dr))
        dual = min(_limit(self.s, self.ds), _limit(self.z, self.dz))
        if self.singular:
            primal, dual = min(primal, _limit(self.u, self.du)), min(dual, _limit(self.v, self.dv))
        return primal, dual

    def _safe(self, a: float, c: float, r: Array, before: float, mu: float) -> tuple[float, float]:
        """Shorter steps where `f'` bends more than the gap allows."""
        z, y, dz, dy, dr = (k.cpu().numpy() for k in (self.z, self.y, self.dz, self.dy, self.dr))
        allowed = 0.9 * before + 2 * mu * self.pairs
        for _ in range(6):
            moved = np.maximum(r + a * dr, 1e-300)
            bent = float(np.sum(moved * np.abs(self.slope(moved / self.p) - z - c * dz - y - c * dy)))
            if bent <= allowed:
                break
            a = c = 0.6 * min(a, c)
        return a, c

    # -- bounds -------------------------------------------------------------------------------------------

    def _bounds(self) -> None:
        g = self.g.cpu().numpy()
        h = (self.g - self.cost).amax(dim=1).cpu().numpy()
        lower, _ = dual_value(self.member, self.p, self.q, g, h, space=self.space)
        scale = self.tq / (self.x.sum(dim=0) + self.u)
        eta = (self.x @ scale).cpu().numpy()
        upper = float(torch.einsum("ij,ij,j->", self.x, self.cost, scale))
        if self.singular:
            upper += self.top * float(self.u @ scale)
        upper += divergence_value(self.member, self.p, eta)
        if lower >= self.lower:
            self.lower, self.g_best = lower, g
        if upper <= self.upper:
            self.upper, self._x_best = upper, (self.x.clone(), self.u.clone())

    def run(
        self, relative: float, absolute: float, report: Callable[[int, float, float], None] | None = None
    ) -> None:
        """Iterate to the gap, or as far as float64 goes; a start that fails is repeated.

        An interrupt leaves the best witnesses so far in place.
        """
        with np.errstate(all="ignore"):
            for factor in (1.0, 100.0, 1e-2):
                self._centre(factor)
                stale, last = 0, np.inf
                for _ in range(_LIMIT):
                    going = self._iterate()
                    if not bool(torch.isfinite(self.y).all()) or not bool(torch.isfinite(self.x).all()):
                        break
                    self.iterations += 1
                    self._bounds()
                    if report is not None:
                        report(self.iterations, self.lower, self.upper)
                    gap = self.upper - self.lower
                    if gap <= max(relative * abs(self.upper), absolute):
                        return
                    stale = 0 if gap < 0.9 * last or not np.isfinite(gap) else stale + 1
                    last = min(last, gap)
                    if not going or stale >= 8:
                        break

    def plan(self) -> tuple[Index, Index, Array, Array]:
        """Rows, columns and masses of the best plan's arcs, and the singular mass; columns not rescaled."""
        if self._x_best is None:
            empty = np.empty(0, dtype=np.int64)
            return empty, empty, np.empty(0), np.zeros(self.m)
        x, u = self._x_best
        large = x > _KEEP * self.tq
        i, j = torch.nonzero(large, as_tuple=True)
        return i.cpu().numpy(), j.cpu().numpy(), x[i, j].cpu().numpy(), u.cpu().numpy()


def _limit(value: Tensor, change: Tensor) -> float:
    """The largest step that keeps `value + step · change >= 0`."""
    worst = float((change / value).min())
    return np.inf if worst >= 0 else -1.0 / worst


def solve_dense(
    level: Level,
    *,
    relative: float,
    absolute: float,
    report: Callable[[Progress], None] | None = None,
) -> Bracket | None:
    """The level by the dense method where it applies: a smooth divergence, finite costs, memory for them.

    Returns:
        None where it does not apply; priced arcs then take over.
    """
    geometry, member = level.geometry, level.member
    if not isinstance(geometry, DeviceGeometry) or not member.smooth or member.alpha is not None:
        return None
    n, m = geometry.n, geometry.m
    if geometry.device.type == "cuda":
        if 8 * _ARRAYS * n * m > 0.9 * torch.cuda.mem_get_info(geometry.device)[0]:
            return None
    elif n * m > _ON_CPU:
        return None
    cost = geometry.whole()
    if not bool(torch.isfinite(cost).all()):
        return None
    solver = DenseSolver(member, level.p, level.q, cost, space=level.space)
    bracket = Bracket(method=Method.DENSE)

    def progress(iteration: int, lower: float, upper: float) -> None:
        if report is not None:
            report(Progress(n, m, iteration, n * m, lower, upper))

    try:
        solver.run(0.5 * relative, 0.5 * absolute, progress)
    except KeyboardInterrupt:
        bracket.interrupted = True
    bracket.rounds, bracket.iterations = 1, solver.iterations
    g = solver.g_best
    h = np.full(n, -np.inf)
    rows, _, best = geometry.row_best(g, 1)
    h[rows] = -best
    lower, rho = dual_value(member, level.p, level.q, g, h, space=level.space)
    bracket.lower, bracket.g, bracket.h = lower, g - rho, h - rho
    i, j, x, u = solver.plan()
    if len(x):
        graph, costs = ArcGraph(n, m, i, j), geometry.arcs(i, j)
        result = ArcResult(x, u, -h, g, x, lower, solver.upper, solver.iterations, True)
        bracket.primal = best_primal(member, level.p, level.q, geometry, graph, costs, result, level.space)
        bracket.upper = bracket.primal.value
    bracket.stalled = not bracket.within(relative, absolute)
    return bracket
