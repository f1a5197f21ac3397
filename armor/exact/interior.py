"""Primal-dual interior point for `D^c` restricted to a list of arcs (Mehrotra, Gondzio, exactly centred
cold start).

Variables: arcs `x, s`; row multipliers `y`; the row model's own; column potentials `g`; `u, v = f'(∞) - g`
for the
singular mass. Conditions at barrier `μ`: `y_i + c_ij - g_j = s_ij`, `x s = μ`, `u v = μ`, `q = xᵀ1 + u`,
and the
row model's `r = x1`, `f'(r/p) - z = y`, `r z = μ`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from armor.exact.bracket import divergence_value, dual_value
from armor.exact.inner import inner
from armor.exact.linear import ArcGraph, linear_solver
from armor.exact.members import Member
from armor.exact.rows import RowModel, row_model

__all__ = ["ArcResult", "solve_arcs"]

Array = NDArray[np.float64]

_STEP = 0.995
_CORRECTORS = 4


@dataclass
class ArcResult:
    """The best primal and dual iterates on the arcs: plan `x`, singular mass `u`, prices `y`, `g`; bounds
    on these arcs.
    """

    x: Array
    u: Array
    y: Array
    g: Array
    s: Array
    lower: float
    upper: float
    iterations: int
    reached: bool


def solve_arcs(
    member: Member,
    p: Array,
    q: Array,
    graph: ArcGraph,
    cost: Array,
    *,
    space: bool,
    relative: float,
    absolute: float = 1e-13,
    elastic: float = np.inf,
    limit: int = 120,
) -> ArcResult:
    """Solve the restriction to `graph`'s arcs to a relative gap of `relative` (or `absolute`), or as far
    as it goes.

    Args:
        elastic: a price at which columns may be served without any row, where the arcs alone may be
            infeasible.
    """
    return _Solver(member, p, q, graph, cost, space, elastic).run(relative, absolute, limit)


class _Solver:
    def __init__(
        self, member: Member, p: Array, q: Array, graph: ArcGraph, cost: Array, space: bool, elastic: float
    ) -> None:
        self.member, self.p, self.q, self.graph, self.cost = member, p, q, graph, cost
        self.space = space
        self.top = member.recession if space and np.isfinite(member.recession) else elastic
        self.singular = bool(np.isfinite(self.top))
        self.rows: RowModel = row_model(member, p)
        self.linear = linear_solver(graph)
        self.px = self.pu = np.empty(0)  # second-order terms of the corrector
        self.pairs = graph.count + self.rows.pairs + (graph.m if self.singular else 0)

    # -- the start ----------------------------------------------------------------------------------------

    def _centre(self, factor: float) -> None:
        graph, q, cost = self.graph, self.q, self.cost
        mean = float(q @ (graph.column_sum(cost) / np.maximum(graph.column_sum(np.ones_like(cost)), 1.0)))
        # Capped rows cannot follow a price, so their start needs a barrier as large as the costs.
        capped = bool(self.member.segments) and not np.isfinite(self.member.recession)
        if capped:
            mean = max(2 * float(np.max(cost)), mean)
        mu = factor * max(mean if capped else min(mean, 10.0), 1e-5) / max(self.pairs, 1)
        y = np.zeros(graph.n)
        for _ in range(6):
            g = self._centre_columns(y, mu)
            if capped:
                y, g = self._centre_level(y, g, mu)
            y = self._centre_rows(g, mu)
        g = self._centre_columns(y, mu)
        self.y, self.g, self.mu = y, g, mu
        self.s = y[graph.rows] + cost - g[graph.columns]
        self.x = mu / self.s
        self.v = self.top - g if self.singular else np.empty(0)
        self.u = mu / self.v if self.singular else np.empty(0)
        self.rows.start(y, graph.row_sum(self.x), mu)

    def _centre_columns(self, y: Array, mu: float) -> Array:
        graph = self.graph
        a = y[graph.rows] + self.cost
        first = np.minimum(graph.column_min(a), self.top)
        excess = a - first[graph.columns]
        extra = self.top - first if self.singular else None
        delta = 4 * mu / self.q
        for _ in range(12):
            inverse = 1 / (excess + delta[graph.columns])
            total, slope = graph.column_sum(inverse), graph.column_sum(inverse * inverse)
            if extra is not None:
                total, slope = total + 1 / (extra + delta), slope + (extra + delta) ** -2.0
            step = np.clip(np.log(mu * total / self.q) * total / (slope * delta), -4, 4)
            delta = delta * np.exp(step)
            if np.max(np.abs(step)) < 1e-3:
                break
        return first - delta

    def _centre_level(self, y: Array, g: Array, mu: float) -> tuple[Array, Array]:
        """Move all prices together until the rows supply the total demand, which the alternation reaches
        slowly.
        """
        if not self.rows.pairs:
            return y, g
        width = 1e-3 * mu / float(self.p.max())
        sign = 1.0 if float(self.rows.supply(y, mu)[0].sum()) < 1 else -1.0
        while sign * (float(self.rows.supply(y + sign * width, mu)[0].sum()) - 1) < 0:
            width *= 2
        low, high = 0.0, width
        for _ in range(30):
            middle = 0.5 * (low + high)
            if sign * (float(self.rows.supply(y + sign * middle, mu)[0].sum()) - 1) < 0:
                low = middle
            else:
                high = middle
        return y + sign * high, g + sign * high

    def _centre_rows(self, g: Array, mu: float) -> Array:
        graph = self.graph
        d = g[graph.columns] - self.cost
        first = graph.row_max(d)
        excess = first[graph.rows] - d
        delta = np.clip(4 * mu / self.p, 1e-12, 2.0)  # a price 2 higher multiplies a supply by e² or so
        top = self.member.recession
        room = np.maximum(top - first, 1e-300)
        if np.isfinite(top):
            delta = np.minimum(delta, 0.5 * room)
        for _ in range(14):
            inverse = 1 / (excess + delta[graph.rows])
            total, slope = graph.row_sum(inverse), graph.row_sum(inverse * inverse)
            supply, response = self.rows.supply(first + delta, mu)
            step = np.log(mu * total / supply) / (delta * (slope / total + response / supply))
            step = np.clip(step, -4, 4)
            new = delta * np.exp(step)
            if np.isfinite(top):
                new = np.minimum(new, 0.5 * (delta + room))
            delta = new
            if np.max(np.abs(step)) < 1e-3:
                break
        return first + delta

    # -- one iteration ------------------------------------------------------------------------------------

    def _factorise(self) -> bool:
        graph = self.graph
        self.w = self.x / self.s
        self.extra = self.u / self.v if self.singular else np.zeros(graph.m)
        self.soft = self.rows.compliance()
        row_w, column_w = graph.row_sum(self.w), graph.column_sum(self.w)
        if not self.linear.factorise(self.w, row_w + self.soft, column_w + self.extra):
            return False
        rank = self.rows.rank_one()
        self.rank: tuple[float, Array, Array, Array] | None = None
        if rank is not None:
            kappa, v = rank
            sy, sg = self._solve_plain(v, np.zeros(graph.m))
            self.rank = (kappa / (1 - kappa * inner(v, sy)), v, sy, sg)
        return True

    def _apply(self, y: Array, g: Array) -> tuple[Array, Array]:
        flow = self.w * (y[self.graph.rows] - g[self.graph.columns])
        return self.graph.row_sum(flow) + self.soft * y, self.extra * g - self.graph.column_sum(flow)

    def _solve_plain(self, a: Array, b: Array) -> tuple[Array, Array]:
        y, g = self.linear.solve(a, b)
        for _ in range(2):
            ay, bg = self._apply(y, g)
            ry, rg = a - ay, b - bg
            size = max(float(np.max(np.abs(a))), float(np.max(np.abs(b))), 1e-300)
            if max(float(np.max(np.abs(ry))), float(np.max(np.abs(rg)))) < 1e-13 * size:
                break
            dy, dg = self.linear.solve(ry, rg)
            y, g = y + dy, g + dg
        return y, g

    def _direction(self, target: float, corrected: bool) -> None:
        graph = self.graph
        tau = target - self.x * self.s
        if corrected:
            tau = tau - self.px
        b = tau / self.s - self.w * self.ra
        a_rows = graph.row_sum(b) - self.rows.offset(target, corrected) - self.residual
        a_columns = self.rc - graph.column_sum(b)
        if self.singular:
            tau_u = target - self.u * self.v - (self.pu if corrected else 0.0)
            a_columns = a_columns - tau_u / self.v + self.extra * self.rv
        dy, dg = self._solve_plain(a_rows, a_columns)
        if self.rank is not None:
            kappa, v, sy, sg = self.rank
            along = kappa * inner(v, dy)
            dy, dg = dy + along * sy, dg + along * sg
        self.dy, self.dg = dy, dg
        ds = dy[graph.rows] - dg[graph.columns]
        self.dx = b - self.w * ds
        self.ds = ds + self.ra
        if self.singular:
            self.dv = self.rv - dg
            self.du = (tau_u - self.u * self.dv) / self.v
        self.rows.direction(dy, graph.row_sum(self.dx), target, corrected)

    def _steps(self) -> tuple[float, float]:
        primal = min(_limit(self.x, self.dx), self.rows.primal_limit())
        dual = min(_limit(self.s, self.ds), self.rows.dual_limit())
        if self.singular:
            primal, dual = min(primal, _limit(self.u, self.du)), min(dual, _limit(self.v, self.dv))
        return primal, dual

    def _complementarity(self, primal: float = 0.0, dual: float = 0.0) -> float:
        if primal == 0.0 and dual == 0.0:
            total = inner(self.x, self.s) + self.rows.complementarity()
            return total + (inner(self.u, self.v) if self.singular else 0.0)
        total = inner(self.x + primal * self.dx, self.s + dual * self.ds) + self.rows.predicted(primal, dual)
        if self.singular:
            total += inner(self.u + primal * self.du, self.v + dual * self.dv)
        return total

    def _iterate(self) -> bool:
        graph = self.graph
        supply = graph.row_sum(self.x)
        self.rows.linearise(self.y, supply)
        self.residual = self.rows.residual(supply)
        self.ra = self.y[graph.rows] + self.cost - self.g[graph.columns] - self.s
        self.rc = self.q - graph.column_sum(self.x) - (self.u if self.singular else 0.0)
        self.rv = self.top - self.g - self.v if self.singular else np.empty(0)
        if not self._factorise():
            return False
        mu = self._complementarity() / self.pairs
        self._direction(0.0, corrected=False)
        primal, dual = (min(1.0, a) for a in self._steps())
        sigma = (self._complementarity(primal, dual) / (mu * self.pairs)) ** 3
        target = mu * float(np.clip(sigma, 1e-6, 1.0))
        self.px = self.dx * self.ds
        if self.singular:
            self.pu = self.du * self.dv
        self.rows.correct(min(primal, dual), dual, -1.0, -1.0)
        self._direction(target, corrected=True)
        primal, dual = self._steps()
        for _ in range(_CORRECTORS):
            if min(primal, dual) > 0.95:
                break
            kept = self._save()
            wish_p, wish_d = min(1.0, 1.2 * primal + 0.1), min(1.0, 1.2 * dual + 0.1)
            low, high = 0.1 * target, 10 * target
            product = (self.x + wish_p * self.dx) * (self.s + wish_d * self.ds)
            self.px = self.px - np.maximum(np.clip(product, low, high) - product, -high)
            if self.singular:
                product = (self.u + wish_p * self.du) * (self.v + wish_d * self.dv)
                self.pu = self.pu - np.maximum(np.clip(product, low, high) - product, -high)
            self.rows.correct(wish_p, wish_d, low, high)
            self._direction(target, corrected=True)
            new_primal, new_dual = self._steps()
            if min(new_primal, 1.0) + min(new_dual, 1.0) < min(primal, 1.0) + min(dual, 1.0) + 0.02:
                self._restore(kept)
                break
            primal, dual = new_primal, new_dual
        primal, dual = self._safe(min(1.0, _STEP * primal), min(1.0, _STEP * dual), target)
        self._advance(primal, dual)
        return max(primal, dual) > 1e-8

    def _safe(self, primal: float, dual: float, target: float) -> tuple[float, float]:
        """Shorten the step where f' bends so much that its error would outweigh the complementarity."""
        before = self.rows.defect(0.0, 0.0, self.y, self.dy)
        allowed = 0.9 * before + 2 * self._complementarity()
        for attempt in range(6):
            if self.rows.defect(primal, dual, self.y, self.dy) <= allowed:
                break
            if attempt == 0 and self.rows.straighten():
                self._direction(target, corrected=True)
                primal, dual = (min(1.0, _STEP * a) for a in self._steps())
                continue
            common = min(primal, dual)
            primal = dual = common if attempt <= 1 and primal != dual else 0.6 * common
        return primal, dual

    def _save(self) -> dict[str, Array]:
        names = ("dx", "ds", "dy", "dg") + (("du", "dv") if self.singular else ())
        kept = {name: getattr(self, name) for name in names}
        self._kept_rows = {k: v for k, v in vars(self.rows).items() if k.startswith("_d")}
        return kept

    def _restore(self, kept: dict[str, Array]) -> None:
        for name, value in kept.items():
            setattr(self, name, value)
        vars(self.rows).update(self._kept_rows)

    def _advance(self, primal: float, dual: float) -> None:
        self.x = self.x + primal * self.dx
        self.y, self.g, self.s = self.y + dual * self.dy, self.g + dual * self.dg, self.s + dual * self.ds
        if self.singular:
            self.u, self.v = self.u + primal * self.du, self.v + dual * self.dv
        self.rows.advance(primal, dual)

    def merit(self) -> float:
        """Complementarity and infeasibility in units of the value: what shrinks while no bound is useful
        yet.
        """
        missing = float(np.abs(self.rc).sum() + np.abs(self.residual).sum())
        return self._complementarity() + missing * float(np.max(np.abs(self.cost)))

    # -- bounds on the arcs -------------------------------------------------------------------------------

    def bounds(self) -> tuple[float, float]:
        """Lower and upper bound of the restriction at the current iterate."""
        graph = self.graph
        h = graph.row_max(self.g[graph.columns] - self.cost)
        lower, _ = dual_value(self.member, self.p, self.q, self.g, h, space=self.space, shift=False)
        total = graph.column_sum(self.x) + (self.u if self.singular else 0.0)
        scale = self.q / total
        x = self.x * scale[graph.columns]
        eta = graph.row_sum(x)
        upper = inner(x, self.cost)
        if self.singular:
            upper += self.top * inner(self.u, scale)
        if self.member.segments and self.member.name != "tv":
            # Caps are repaired by the caller; here their violation is charged at the price of the dearest
            # arc.
            cap = self.p * self.member.segments[0][1]
            over = float(
                np.sum(np.abs(eta - cap) if self.member.name == "none" else np.maximum(eta - cap, 0.0))
            )
            return lower, upper + over * float(np.max(np.abs(self.y)) + np.max(self.cost))
        return lower, upper + divergence_value(self.member, self.p, eta)

    def run(self, relative: float, absolute: float, limit: int) -> ArcResult:
        """Iterate; where progress ends too early, start again from a larger barrier, keeping the best
        witnesses.
        """
        best = _Best(self)
        with np.errstate(all="ignore"):
            for factor in (1.0, 100.0, 3e3, 1e-2):
                self._centre(factor)
                best.mark()
                for _ in range(limit):
                    going = self._iterate()
                    if not (np.all(np.isfinite(self.x)) and np.all(np.isfinite(self.y))):
                        break
                    if not best.update(self) or not going or best.within(relative, absolute):
                        break
                if best.within(relative, absolute):
                    break
        return best.result(relative, absolute)


class _Best:
    """The best primal and the best dual iterate so far."""

    def __init__(self, solver: _Solver) -> None:
        self.lower, self.upper, self.iterations = -np.inf, np.inf, 0
        n, m, count = solver.graph.n, solver.graph.m, solver.graph.count
        # Valid whatever happens: every price 0, the plan spread over the arcs.
        self.x = (
            solver.q[solver.graph.columns]
            / np.maximum(np.bincount(solver.graph.columns), 1)[solver.graph.columns]
        )
        self.u = np.full(m, 1e-3) * solver.q if solver.singular else np.empty(0)
        self.y, self.g, self.s = np.zeros(n), np.zeros(m), np.ones(count)
        self.mark()

    def mark(self) -> None:
        """A new start: progress is measured from here."""
        self._stale, self._since = 0, 0
        self._last = self._merit = np.inf

    def update(self, solver: _Solver) -> bool:
        """Keep what improves; whether the gap of this start still closes."""
        self.iterations += 1
        self._since += 1
        lower, upper = solver.bounds()
        if upper <= self.upper:
            self.upper, self.x, self.u = upper, solver.x, solver.u
        if lower >= self.lower:
            self.lower, self.y, self.g, self.s = lower, solver.y, solver.g, solver.s
        gap = upper - lower
        merit = solver.merit()
        progress = gap < 0.9 * self._last or (merit < 0.8 * self._merit and self._since < 60)
        self._merit = min(self._merit, merit)
        self._stale = 0 if progress else self._stale + 1
        self._last = min(self._last, gap)
        return self._stale < 6

    def within(self, relative: float, absolute: float) -> bool:
        """Whether the best gap is small."""
        return self.upper - self.lower <= max(relative * abs(self.upper), absolute)

    def result(self, relative: float, absolute: float) -> ArcResult:
        """The witnesses."""
        return ArcResult(
            self.x,
            self.u,
            self.y,
            self.g,
            self.s,
            self.lower,
            self.upper,
            self.iterations,
            self.within(relative, absolute),
        )


def _limit(v: Array, dv: Array) -> float:
    worst = float(np.min(dv / v)) if v.size else 0.0
    return np.inf if worst >= 0 else -1.0 / worst
