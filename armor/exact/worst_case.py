"""The worst case over a D^c ball on a large finite space: T6/T7 as a search in λ over tiled c-transforms.

`V = inf_{λ >= 0} λε + μ Λ^P[φ^c_μ/μ]`, `μ = λ + κ`, is convex in λ with derivative `ε - K(λ)`, `K` the cost
`D(η‖P) + ⟨c, π⟩` of T11's worst-case plan at λ: every λ gives an upper bound, and the mixture of two plans
on either side of
`K = ε` that just fits the budget gives a lower bound. One pass over the costs per λ, none of them stored.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from armor.errors import InputError
from armor.exact.api import read_array, read_count, read_geometry, read_support, read_tolerance, read_weights
from armor.exact.bracket import best_shift, information, worst_conjugate
from armor.exact.costs import PointCost, read_number
from armor.exact.geometry import Geometry
from armor.exact.members import Member, Spec, member
from armor.exact.renyi import renyi_lambda
from armor.exact.solution import Status

__all__ = ["DroSolution", "dro", "read_losses", "read_size"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_U = 2.0**-53
_LARGE = 1e100  # radii, penalties and losses beyond it would overflow in products


@dataclass(frozen=True)
class DroSolution:
    """`sup { E_Q[φ] - κ D^c(Q‖P) : D^c(Q‖P) <= ε }` with its bracket and witnesses.

    Attributes:
        value: the lower bound, attained by `plan`; `lower <= V <= upper`, both widened by a rounding bound.
        lam, rho: the multipliers behind `upper`; `rho` in the units of the losses.
        weights: `(n,)` the masses `η_i`; `singular`: `(m,)` mass created off the support of P.
        worst_case: `(m,)` the masses of `Q*`; `plan`: `(n, m)` sparse.
        budget: `D(η‖P) + ⟨c, plan⟩`, at most ε.
    """

    value: float
    lower: float
    upper: float
    lam: float
    rho: float
    weights: Array
    singular: Array
    worst_case: Array
    plan: sparse.csr_matrix
    budget: float
    iterations: int
    seconds: float
    status: Status
    tolerance: float

    @property
    def gap(self) -> float:
        """`upper - lower`."""
        return 0.0 if self.upper == self.lower else self.upper - self.lower


@dataclass(frozen=True)
class _Point:
    """All that one λ gives: the dual value and T11's plan."""

    lam: float
    rho: float
    dual: float
    target: Index
    eta: Array
    cost: Array
    singular: float
    budget: float
    gain: float


def dro(
    spec: Spec,
    phi: ArrayLike,
    epsilon: float,
    cost: ArrayLike | str | Mapping[str, object] | PointCost | None = None,
    p: ArrayLike | None = None,
    *,
    kappa: float = 0.0,
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    support: str | None = None,
    tolerance: float = 1e-8,
    limit: int = 120,
) -> DroSolution:
    """The distributionally robust value of losses `phi` on the columns' points (arXiv 2309.03791, T6, T7,
    T10).

    Args:
        spec, cost, p, x, y, support: as in `armor.divergence`.
        phi: `(m,)` losses at the columns' points.
        epsilon: radius, at least 0.
        kappa: penalty, at least 0.
        tolerance: gap to reach, relative to the value or, where that is smaller, to the spread of the losses.
        limit: most passes over the costs.

    Raises:
        InputError: bad data, or a space on which the ball is empty.
    """
    started = time.perf_counter()
    which = member(spec)
    space = read_support(which, support) and bool(np.isfinite(which.recession))
    geometry_of, n, m = read_geometry(cost, x, y, None)
    losses = read_losses(phi, m)
    epsilon, kappa = read_size(epsilon, "epsilon"), read_size(kappa, "kappa")
    tolerance, limit = read_tolerance(tolerance), read_count(limit, "limit", least=2)
    weights = read_weights(p, n, "p")
    rows = np.flatnonzero(weights)
    spread = float(losses.max()) - float(losses.min())
    unit = float(np.ldexp(1.0, int(np.frexp(spread or np.abs(losses).max() or 1.0)[1])))  # exact to divide by
    problem = _Problem(
        which, geometry_of(rows, np.arange(m)), weights[rows], losses / unit, epsilon, kappa / unit, space
    )
    with np.errstate(all="ignore"):
        best, low, high, lower, theta, count = problem.search(tolerance, limit)
    budget = problem.budget(low, high, theta)
    size = abs(best.dual) + problem.largest + best.lam * epsilon + problem.kappa * budget
    noise = 64 * _U * (1 + np.log2(max(n, 2))) * size
    upper, lower = float(best.dual + noise), float(lower - noise)
    keep = theta * high.eta, (1 - theta) * low.eta
    places = np.concatenate([rows, rows]), np.concatenate([high.target, low.target])
    plan = sparse.csr_matrix((np.concatenate(keep), places), shape=(n, m))
    plan.eliminate_zeros()
    singular = np.zeros(m)
    singular[int(np.argmax(losses))] = theta * high.singular + (1 - theta) * low.singular
    eta = np.asarray(plan.sum(axis=1)).ravel()
    scale = max(abs(lower), problem.spread)
    return DroSolution(
        value=lower * unit,
        lower=lower * unit,
        upper=max(upper, lower) * unit,
        lam=best.lam * unit,
        rho=best.rho * unit,
        weights=eta,
        singular=singular,
        worst_case=np.asarray(plan.sum(axis=0)).ravel() + singular,
        plan=plan,
        budget=budget,
        iterations=count,
        seconds=time.perf_counter() - started,
        status=Status.CONVERGED if upper - lower <= tolerance * scale else Status.STALLED,
        tolerance=tolerance,
    )


def read_losses(values: ArrayLike, count: int) -> Array:
    """`(count,)` finite losses.

    Raises:
        InputError: they are something else.
    """
    losses = read_array(values, "phi")
    if losses.shape != (count,) or not np.isfinite(losses).all():
        raise InputError(f"phi must hold {count} finite losses")
    return losses


def read_size(value: float, name: str) -> float:
    """A radius or penalty: at least 0, at most `_LARGE`.

    Raises:
        InputError: it is something else.
    """
    number = read_number(value, name)
    if not (np.isfinite(number) and number >= 0):
        raise InputError(f"{name} must be finite and at least 0, not {value!r}")
    if number > _LARGE:
        raise InputError(f"{name} must be at most {_LARGE:g}, not {value!r}")
    return number


class _Problem:
    def __init__(
        self,
        which: Member,
        geometry: Geometry,
        p: Array,
        phi: Array,
        epsilon: float,
        kappa: float,
        space: bool,
    ) -> None:
        self.member, self.geometry, self.p, self.phi = which, geometry, p, phi
        self.epsilon, self.kappa, self.space = float(epsilon), float(kappa), space
        self.top = float(phi.max())
        self.spread = max(self.top - float(phi.min()), 1e-12 * max(1.0, abs(self.top)))
        self.largest = float(np.abs(phi).max())

    @property
    def _capped(self) -> bool:
        return bool(self.member.segments) and np.isinf(self.member.recession)

    def _tail(self, h: Array) -> tuple[float, Array]:
        """CVaR: full density on the largest `h` until the mass is 1, the atom at the quantile split."""
        order = np.argsort(-h, kind="stable")
        cap = self.p[order] * self.member.segments[0][1]
        filled = np.cumsum(cap)
        last = int(np.searchsorted(filled, 1.0 - 1e-15))
        if last >= len(h) or np.isinf(h[order[last]]):
            raise InputError(
                "the ball is empty: the rows that reach anything at finite cost may not carry all mass"
            )
        eta = np.zeros(len(h))
        eta[order[:last]] = cap[:last]
        eta[order[last]] = 1.0 - (filled[last - 1] if last else 0.0)
        return float(h[order[last]]), eta

    def at(self, lam: float) -> _Point:
        """One pass over the costs, then the re-weighting step in one variable."""
        mu = lam + self.kappa
        shifted = (self.phi - self.top) / mu
        rows, columns, values = self.geometry.row_best(shifted, 1)
        h = np.full(len(self.p), -np.inf)
        target = np.zeros(len(self.p), dtype=np.int64)
        h[rows], target[rows] = -values, columns
        cost = np.zeros(len(self.p))
        cost[rows] = self.geometry.arcs(rows, columns)
        reach = float(h.max())
        if not np.isfinite(reach) or (np.isinf(self.member.at_zero) and np.isinf(h).any()):
            raise InputError("the ball is empty: a point that must keep mass reaches nothing at finite cost")
        size = np.where(np.isfinite(h), np.abs(h), 0.0)  # shifted <= 0, so it and the cost are at most that
        raised = h + 2 * self.geometry.rounding(size) + 16 * _U * size
        ceiling = 0.0 if self.space else float(raised.max())
        if self.member.alpha is not None:
            conjugate, rho = renyi_lambda(self.member.alpha, self.p, raised, ceiling)
            gap = np.maximum(rho - h, 1e-300)
            a = self.member.alpha
            eta = self.p * gap ** (-1 / a) / a / float(self.p @ gap ** ((a - 1) / a))
            eta = np.where(np.isfinite(h), eta, 0.0)
        elif self._capped and self.member.name != "none":
            rho, eta = self._tail(h)
            conjugate = rho + worst_conjugate(self.member, self.p, raised, rho)
        else:
            rho = reach if self.member.name == "none" else best_shift(self.member, self.p, raised, ceiling)
            conjugate = rho + worst_conjugate(self.member, self.p, raised, rho)
            eta = self._weights(h, rho)
        total = float(eta.sum())
        singular = 0.0
        if self.space and total < 1:
            singular = 1 - total
        elif total < 1 and not self._capped:
            eta[int(np.argmax(h))] += 1 - total
        else:
            eta = eta / total
        budget = self._spent(eta, *self._moved(eta, cost), singular)
        gain = float(eta @ self.phi[target]) + singular * self.top
        dual = lam * self.epsilon + self.top + mu * conjugate
        return _Point(lam, self.top + mu * rho, dual, target, eta, cost, singular, budget, gain)

    def _moved(self, eta: Array, cost: Array) -> tuple[float, float]:
        """`⟨c, π⟩` and by how much the rounding of its costs can put it off."""
        return float(eta @ cost), float(eta @ self.geometry.rounding(cost))

    def _spent(self, eta: Array, moved: float, loose: float, singular: float) -> float:
        """`D(η‖P) + ⟨c, π⟩`, raised by its rounding: `moved` and `loose` are those of `_moved`.

        Caps and fixed weights hold by construction, up to rounding, and then `D` is 0.
        """
        spent, noise = (0.0, 0.0) if self._capped else information(self.member, self.p, eta)
        if singular:
            spent += self.member.recession * singular
        return spent + moved + noise + loose + 64 * _U * (moved + spent)

    def _weights(self, h: Array, rho: float) -> Array:
        """An element of `p ∂f*(h - ρ)` of mass at most 1: at kinks the one between the two sides that
        fits.
        """
        ratio, finite = self.member.ratio, np.isfinite(h)
        if self.member.name == "none":
            return self.p.copy()
        step = 8 * _U * max(1.0, abs(rho), float(np.abs(h[finite]).max()))
        limit = self.member.recession - step if np.isfinite(self.member.recession) else np.inf
        sides = []
        for shift in (step, -step):
            side = np.where(finite, ratio(np.minimum(np.where(finite, h - rho - shift, -1.0), limit)), 0.0)
            sides.append(self.p * side)
        less, more = sides
        a, b = float(less.sum()), float(more.sum())
        if b <= 1 or b <= a:
            return more
        return less if a >= 1 else less + (more - less) * ((1 - a) / (b - a))

    def search(self, tolerance: float, limit: int) -> tuple[_Point, _Point, _Point, float, float, int]:
        """The best dual point, the plans over and under the budget, their value and mixture, and the
        passes made.

        Plans are mixed as `θ high + (1-θ) low`, `high` within the budget.
        """
        if self.epsilon == 0:
            return self._still(tolerance, limit)
        lam = self.spread / max(self.epsilon, 1e-6)
        point = self.at(lam)
        best, count = point, 1
        over: _Point | None = None
        under: _Point | None = None
        floor = 1e-13 * self.spread / max(1.0, self.epsilon)
        while (over is None or under is None) and count < limit:
            if point.budget > self.epsilon:
                over, lam = point, lam * 8
            else:
                under, lam = point, lam / 8
                if lam < floor:
                    break
            point = self.at(lam)
            count += 1
            best = point if point.dual < best.dual else best
        if under is None:
            raise InputError(f"no distribution lies within epsilon = {self.epsilon!r} of P on this space")
        if over is None:  # the radius does not bind
            return best, under, under, self._worth(under, under, 1.0), 1.0, count
        lower, theta, pair = -np.inf, 1.0, (over, under)
        while count < limit:
            share = self._mixture(over, under)
            worth = self._worth(over, under, share)
            if worth > lower:
                lower, theta, pair = worth, share, (over, under)
            if best.dual - lower <= 0.3 * tolerance * max(abs(lower), self.spread):
                break
            low, high = np.log(over.lam + floor), np.log(under.lam + floor)
            if high - low < 1e-14 * max(1.0, abs(low)):
                break
            middle = 0.5 * (low + high)
            if count % 3:
                weight = (over.budget - self.epsilon) / max(over.budget - under.budget, 1e-300)
                middle = low + (high - low) * float(np.clip(weight, 0.02, 0.98))
            point = self.at(float(np.exp(middle)) - floor)
            count += 1
            best = point if point.dual < best.dual else best
            if point.budget > self.epsilon:
                over = point
            else:
                under = point
        return best, pair[0], pair[1], lower, theta, count

    def _still(self, tolerance: float, limit: int) -> tuple[_Point, _Point, _Point, float, float, int]:
        """`ε = 0`: the plan that pays nothing, against the dual as λ grows, where its infimum lies (T6)."""
        point = self.at(1e140 * self.spread)  # beyond it no loss outweighs any cost
        still = self.geometry.arcs(np.arange(len(self.p)), point.target) == 0
        values = self.phi[point.target]
        if self._capped and self.member.name != "none":
            _, eta = self._tail(np.where(still, values, -np.inf))
        elif still.all():
            eta = self.p.copy()
        else:
            raise InputError("no distribution lies within epsilon = 0 of P on this space")
        gain = float(eta[still] @ values[still])
        point = replace(point, eta=eta, cost=np.zeros_like(eta), singular=0.0, budget=0.0, gain=gain)
        lower = self._worth(point, point, 1.0)
        best, count = point, 1
        lam = self.spread
        while count < min(limit, 40):
            other = self.at(lam)
            best = other if count == 1 or other.dual < best.dual else best
            count, lam = count + 1, lam * 8
            if best.dual - lower <= 0.3 * tolerance * max(abs(lower), self.spread):
                break
        return best, point, point, lower, 1.0, count

    def _mixture(self, over: _Point, under: _Point) -> float:
        """The least share of `under` that keeps the mixture within the budget."""
        if self.budget(over, under, 0.0) <= self.epsilon:
            return 0.0
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            if self.budget(over, under, middle) <= self.epsilon * (1 - 1e-14):
                high = middle
            else:
                low = middle
        return high

    def budget(self, over: _Point, under: _Point, theta: float) -> float:
        """`D + ⟨c, π⟩` of the mixture of two plans, raised by its rounding.

        `D` is convex, so it is at most the mixture of budgets.
        """
        eta = theta * under.eta + (1 - theta) * over.eta
        ends = zip(self._moved(under.eta, under.cost), self._moved(over.eta, over.cost), strict=True)
        moved, loose = (theta * a + (1 - theta) * b for a, b in ends)
        return self._spent(eta, moved, loose, theta * under.singular + (1 - theta) * over.singular)

    def _worth(self, over: _Point, under: _Point, theta: float) -> float:
        gain = theta * under.gain + (1 - theta) * over.gain
        return gain - (self.kappa * self.budget(over, under, theta) if self.kappa else 0.0)
