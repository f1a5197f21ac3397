"""Small finite spaces in floats: the witnesses with which derivations bracket the theorems that they cite.

Not a solver for users (that is `verification`): a handful of points, plain bisection, and every value comes
with a feasible primal and a feasible dual point.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import inf, isfinite, nextafter

from theory.fdivergence import FDivergence
from theory.numeric import Callables, callables
from theory.renyi import Renyi

__all__ = ["Divergence", "Dro", "Finite", "Reweighting"]

Divergence = FDivergence | Renyi

_STEPS = 200
_EXACT = 2e-16  # a residual of masses or budgets that counts as 0
_LARGE = 1e4  # size of f around 1 from which its rounding counts
_ROUNDING = 32 * 2.2e-16
_REACHABLE = 1e60  # multipliers searched by `dro`: of the order of the losses over the radius
_REACH = 60.0  # potentials searched by `nearest`


@dataclass(frozen=True)
class Reweighting:
    """A solution of T3: masses of eta, singular mass, multiplier, and the values of both witnesses."""

    masses: tuple[float, ...]
    singular: float
    rho: float
    primal: float
    dual: float


@dataclass(frozen=True)
class Dro:
    """A solution of T6: multipliers, the worst case as (row, column, mass) arcs, and the values of both
    witnesses.
    """

    lam: float
    rho: float
    arcs: tuple[tuple[int, int, float], ...]
    singular: float
    distance: float
    lower: float
    upper: float


def _bisect(increasing: Callable[[float], float], lo: float, hi: float, zero: float = _EXACT) -> float:
    """Where an increasing function changes sign; `lo` (`hi`) when it does not on the interval. A value of
    size `zero` counts as 0.

    Bisection and secant steps take turns, so that jumps and smooth crossings are both found quickly.
    """
    at_lo, at_hi = -inf, inf
    for step in range(_STEPS):
        middle = (lo + hi) / 2
        if middle in (lo, hi):
            break
        if step % 3 and isfinite(at_lo) and isfinite(at_hi):
            secant = lo - at_lo * (hi - lo) / (at_hi - at_lo)
            middle = secant if lo < secant < hi else middle
        value = increasing(middle)
        if abs(value) <= zero:
            return middle
        if value < 0:
            lo, at_lo = middle, value
        else:
            hi, at_hi = middle, value
    return hi


@dataclass(frozen=True)
class Finite:
    """A divergence and a reference distribution with masses `p > 0` on finitely many points."""

    divergence: Divergence
    p: tuple[float, ...]

    @cached_property
    def fn(self) -> Callables:
        """The scalar functions of the f-divergence."""
        assert isinstance(self.divergence, FDivergence)
        return callables(self.divergence, "float")

    @cached_property
    def rounding(self) -> float:
        """What doubles may lose in the sums of T3, whose terms are of the order of f'(1) and of f near 1."""
        if isinstance(self.divergence, Renyi):
            return 0.0
        slope = self._slope_at_one()
        lo, hi = (float(end) for end in self.divergence.domain)
        around = [abs(float(self.fn.f(x))) for x in (0.5, 2.0) if lo < x < hi]
        largest = max([abs(slope), abs(self.fn.conjugate(slope)), *filter(isfinite, around)])
        return _ROUNDING * largest if slope or largest > _LARGE else 0.0

    @cached_property
    def recession(self) -> float:
        """f'(oo) as a float."""
        return float(self.divergence.recession)

    def divergence_from(self, masses: Sequence[float], singular: float = 0.0) -> float:
        """D(eta||P) of T1."""
        if isinstance(self.divergence, Renyi):
            return self.divergence.value(self.p, masses)
        inside = sum(a * self.fn.f(self._snapped(m / a)) for a, m in zip(self.p, masses, strict=True))
        return float(inside + (self.recession * singular if singular else 0.0))

    def _snapped(self, density: float) -> float:
        """A density that rounding carried over an end of the domain of f, back at that end."""
        assert isinstance(self.divergence, FDivergence)
        lo, hi = (float(end) for end in self.divergence.domain)
        inside = min(max(density, lo), hi)
        return inside if abs(inside - density) <= 1e-12 * max(1.0, inside) else density

    def _density_range(self, value: float) -> tuple[float, float]:
        """The subdifferential of f* at a value, within rounding of it."""
        nudge = 1e-12 * max(1.0, abs(value))
        left, right = self.fn.conjugate_prime(value - nudge), self.fn.conjugate_prime(value + nudge)
        at = self.fn.conjugate_prime(value)
        jump = right - left > 1e-6 * max(1.0, abs(at)) if isfinite(right) else True
        return (left, right) if jump and self.kinked else (at, at)

    @cached_property
    def kinked(self) -> bool:
        """Whether f* has kinks (f affine somewhere) or f'(oo) is reached with finite slope."""
        if isinstance(self.divergence, Renyi):
            return False
        return any(piece.affine for piece in self.divergence.pieces)

    def reweight(self, h: Sequence[float], top: float | None = None) -> Reweighting:
        """sup_eta E_eta[h] - D(eta||P); `top` is the supremum of h over the space in mode "space" (None:
        "reference").
        """
        if isinstance(self.divergence, Renyi):
            r = self.divergence.reweight(self.p, h, ceiling=None if top is None else max(top, *h))
            return Reweighting(r.masses, r.singular, r.rho, r.primal, r.dual)
        reach = max(h)
        space = top is not None and isfinite(self.recession)
        ceiling = max(reach, top) if space and top is not None else reach
        bound = ceiling - self.recession if isfinite(self.recession) else -inf

        def missing(rho: float) -> float:
            return float(
                1 - sum(a * self.fn.conjugate_prime(v - rho) for a, v in zip(self.p, h, strict=True))
            )

        low = bound if isfinite(bound) else min(h) - float(self._slope_at_one()) - 1
        while not isfinite(bound) and missing(low) > 0:
            low -= 2 * (abs(low) + 1)
        high = max(reach, low) + 1
        while missing(high) < 0:
            high += 2 * (abs(high) + 1)
        at_bound = isfinite(bound) and missing(bound) >= 0
        rho = bound if at_bound else self._balance(missing, h, low, high)
        masses = self._mixed(h, rho) or self._fill(h, rho, free=not (space and at_bound))
        singular = max(0.0, 1 - sum(masses)) if space and at_bound else 0.0
        primal = sum(m * v for m, v in zip(masses, h, strict=True)) - self.divergence_from(masses, singular)
        primal += singular * ceiling if singular else 0.0
        dual = rho + sum(a * self.fn.conjugate(v - rho) for a, v in zip(self.p, h, strict=True))
        return Reweighting(tuple(masses), singular, rho, primal, dual)

    def _mixed(self, h: Sequence[float], rho: float) -> list[float] | None:
        """Where (f*)' is so steep that two neighbouring doubles rho leave mass 1 between them: their "
        "mixture."""
        if self.kinked:
            return None
        sides = [
            [a * self.fn.conjugate_prime(v - r) for a, v in zip(self.p, h, strict=True)]
            for r in (nextafter(rho, -inf), rho)
        ]
        more, less = (sum(side) for side in sides)
        if abs(less - 1) < 1e-12 or not isfinite(more) or not more > 1 > less:
            return None
        share = (1 - less) / (more - less)
        return [share * a + (1 - share) * b for a, b in zip(*sides, strict=True)]

    def _balance(
        self, missing: Callable[[float], float], h: Sequence[float], low: float, high: float
    ) -> float:
        """rho where the masses sum to 1; for piecewise affine f among the finitely many points where they
        jump.
        """
        d = self.divergence
        assert isinstance(d, FDivergence)
        if not all(piece.affine for piece in d.pieces) or d.regions[0].hi == inf:
            return _bisect(missing, low, high)
        borders = [float(r.hi) for r in d.regions if r.hi.is_finite]
        jumps = sorted({v - b for v in h for b in borders if low <= v - b <= high})
        for rho, following in pairwise([*jumps, high + 1]):
            if missing((rho + following) / 2) >= 0:  # between jumps: at one, rounding decides the side
                return rho
        return high

    def _slope_at_one(self) -> float:
        value = self.fn.f_prime(1.0)
        return float(value) if isfinite(value) else 0.0

    def _fill(self, h: Sequence[float], rho: float, *, free: bool) -> list[float]:
        """Masses in p times the subdifferential of f*(h - rho), of total 1 where the subdifferential
        allows.
        """
        ranges = [self._density_range(v - rho) for v in h]
        masses = [a * lo for a, (lo, _) in zip(self.p, ranges, strict=True)]
        rest = 1 - sum(masses)
        order = sorted(range(len(h)), key=lambda i: -h[i])
        for i in order:
            room = self.p[i] * (ranges[i][1] - ranges[i][0])
            take = min(max(rest, 0.0), room)
            masses[i] += take
            rest -= take
        if (
            free and rest > 0 and isfinite(self.recession)
        ):  # mode "reference": the top atom takes what is left
            masses[order[0]] += rest
        elif free:
            total = sum(masses)
            masses = [m / total for m in masses]
        return masses

    def transform(
        self, phi: Sequence[float], cost: Sequence[Sequence[float]], mu: float
    ) -> tuple[list[float], list[int]]:
        """The c-transform of phi scaled by mu, and the column each row moves to; `0 * oo = oo`."""
        columns = []
        for row in cost:
            gains = [v - (mu * c if isfinite(c) else inf) for v, c in zip(phi, row, strict=True)]
            columns.append(max(range(len(phi)), key=gains.__getitem__))
        values = [phi[j] - mu * cost[i][j] for i, j in enumerate(columns)]
        return values, columns

    def dro(
        self,
        phi: Sequence[float],
        cost: Sequence[Sequence[float]],
        eps: float,
        kappa: float,
        support: str = "reference",
    ) -> Dro:
        """Both sides of T6 at the optimal multiplier; the lower one by the worst case of T11."""
        top = max(phi) if support == "space" else None

        def at(lam: float) -> tuple[Reweighting, list[float], list[int]]:
            mu = lam + kappa
            values, columns = self.transform(phi, cost, mu)
            return self.reweight([v / mu for v in values], None if top is None else top / mu), values, columns

        def spent(found: Reweighting, columns: list[int]) -> float:
            moved = sum(m * cost[i][columns[i]] for i, m in enumerate(found.masses) if m)
            return self.divergence_from(found.masses, found.singular) + moved

        def slope(lam: float) -> float:
            found, _, columns = at(lam)
            return eps - spent(found, columns)

        high = 1.0
        while slope(high) < 0 and high < _REACHABLE:
            high *= 4
        lam = _bisect(slope, 1e-9 if kappa == 0 else 0.0, high, _EXACT * min(1.0, eps))
        found, _, _ = at(lam)
        mu = lam + kappa
        upper = lam * eps + mu * found.dual
        # at a tie of transport (or at a kink of f*) the two sides of lambda are mixed so that the budget is
        # met
        nudge = 1e-13 * max(1.0, lam)
        sides = [at(max(lam - nudge, 1e-12 if kappa == 0 else 0.0)), at(lam + nudge)]
        costs = [spent(side, columns) for side, _, columns in sides]
        weight = min(1.0, max(0.0, (eps - costs[1]) / (costs[0] - costs[1]))) if costs[0] > costs[1] else 1.0
        arcs = [
            (i, columns[i], share * m)
            for share, (side, _, columns) in zip((weight, 1 - weight), sides, strict=True)
            for i, m in enumerate(side.masses)
            if share * m > 0
        ]
        singular = weight * sides[0][0].singular + (1 - weight) * sides[1][0].singular
        rows = [sum(m for k, _, m in arcs if k == i) for i in range(len(self.p))]
        distance = self.divergence_from(rows, singular) + sum(m * cost[i][j] for i, j, m in arcs)
        gain = sum(m * phi[j] for _, j, m in arcs) + singular * (top or 0.0)
        return Dro(lam, mu * found.rho, tuple(arcs), singular, distance, gain - kappa * distance, upper)

    def moved(
        self, cost: Sequence[Sequence[float]], s: float, bounded: bool
    ) -> tuple[Reweighting, list[int]]:
        """T3 at the c-transform of the potential g = (0, s)."""
        values, columns = self.transform((0.0, s), cost, 1.0)
        return self.reweight(values, max(0.0, s) if bounded else None), columns

    def potential(
        self, cost: Sequence[Sequence[float]], q: Sequence[float], support: str = "reference"
    ) -> float:
        """s of the optimal potential g = (0, s) of T2 for Q on two points."""
        bounded = support == "space" and isfinite(self.recession)

        def surplus(s: float) -> float:
            found, columns = self.moved(cost, s, bounded)
            over = found.singular if s > 0 else 0.0
            return sum(m for m, j in zip(found.masses, columns, strict=True) if j == 1) + over - q[1]

        return _bisect(surplus, -_REACH, _REACH)

    def nearest(
        self, cost: Sequence[Sequence[float]], q: Sequence[float], support: str = "reference"
    ) -> tuple[float, float]:
        """(lower, upper) of D^c(Q||P) for Q on two points: T2's dual is one-dimensional, g = (0, s)."""
        s = self.potential(cost, q, support)
        found, columns = self.moved(cost, s, support == "space" and isfinite(self.recession))
        lower = q[1] * s - found.dual
        return lower, self._upper(cost, q, found, columns, s)

    def _upper(
        self,
        cost: Sequence[Sequence[float]],
        q: Sequence[float],
        found: Reweighting,
        columns: list[int],
        s: float,
    ) -> float:
        """The primal value of a plan that the potentials allow: only best columns, only optimal densities."""
        values, _ = self.transform((0.0, s), cost, 1.0)
        need = [q[0], q[1]]
        need[int(s > 0)] -= found.singular
        plan = [[0.0, 0.0] for _ in cost]
        gap = [row[0] - row[1] + s if isfinite(row[0]) and isfinite(row[1]) else inf for row in cost]
        tied = [i for i, g in enumerate(gap) if abs(g) <= 1e-9]
        if self.kinked:
            ranges = [self._density_range(v - found.rho) for v in values]
        else:  # the densities are single-valued: take the balanced masses
            ranges = [(m / a, m / a) for m, a in zip(found.masses, self.p, strict=True)]
        rows = sorted(range(len(cost)), key=lambda i: i in tied)
        for part in (0, 1):  # what every optimal plan holds, then what it may add
            for i in rows:
                low, high = (self.p[i] * end for end in ranges[i])
                room = low if part == 0 else high - low
                for j in (0, 1) if i in tied else (columns[i],):
                    take = max(min(room, need[j] if part or i in tied else room), 0.0)
                    plan[i][j] += take
                    need[j] -= take
                    room -= take
        if max(abs(n) for n in need) > 1e-9:
            return inf
        masses = [sum(parts) for parts in plan]
        moved = sum(m * cost[i][j] for i, parts in enumerate(plan) for j, m in enumerate(parts) if m > 0)
        return self.divergence_from(masses, found.singular) + moved
