"""The DRO value over the ball `{Q : D^c(Q||P) <= epsilon}` (T6, T7, T10, T11), solved to the last bits.

For `mu = lambda + kappa` the inner problem `max_Q { E_Q[phi] - mu D^c(Q||P) }` is solved by the c-transform
and the re-weighting step. The cost `K(mu)` of its plan is nonincreasing and the dual has the derivative
`epsilon - K(mu)`, so `mu*` is where `K` crosses `epsilon`; a bisection over the doubles leaves two
neighbours. The plans of the two are the
cheap and the dear end of the optimal face: their mixture spends `epsilon` exactly, which is T11's mixing at
    ties, in the
transport and in the re-weighting alike, without a tolerance that would decide what a tie is.
"""

import time
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import arb, ctx, fmpq
from numpy.typing import NDArray

from theory.errors import InputError
from verification.certificate.build import certify, exact, plan_witness, stated
from verification.certificate.checker import PRECISION, Rejected
from verification.certificate.formulas import Formula, formula
from verification.instance import Instance, text
from verification.solution import DroSolution, Plan, Status
from verification.solve.functions import information
from verification.solve.information import Information
from verification.solve.reweighting import Reweighting, reweight, sign_change
from verification.solve.transform import Rows, hulls

__all__ = ["dro"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class _Point:
    """The optimum of `E_Q[phi] - mu D^c(Q||P)` at one mu."""

    mu: float
    vertex: Ints
    step: Reweighting
    cost: float
    gain: float


class _Ball:
    """The problem reduced to the rows that carry P and to the hulls of their transport options."""

    def __init__(self, instance: Instance) -> None:
        assert instance.phi is not None
        self.instance = instance
        self.kept = np.flatnonzero(instance.p > 0)
        self.p = instance.p[self.kept]
        self.phi = instance.phi
        self.information: Information = information(instance.divergence)
        # Rows that reach no column carry no mass: their scaled loss is -inf.
        self.reach = np.flatnonzero(np.isfinite(instance.cost[self.kept]).any(axis=1))
        self.rows: Rows = hulls(instance.cost[self.kept[self.reach]], self.phi)
        self.best = int(np.argmax(self.phi))
        self.space = instance.support == "space" and np.isfinite(self.information.recession)
        high = formula(stated(instance.divergence)).domain[1]
        self.cap = None if high is None else Fraction(int(high.p), int(high.q))
        self.evaluations = 0

    def _point(self, mu: float, vertex: Ints, u: Floats, height: float | None) -> _Point | None:
        full = np.full(len(self.p), -np.inf)
        full[self.reach] = u
        step = reweight(self.information, self.p, full, height)
        return None if step is None else self._at_step(mu, vertex, step)

    def _at_step(self, mu: float, vertex: Ints, step: Reweighting) -> _Point:
        index = np.arange(len(vertex))
        eta = (self.p * step.density)[self.reach]
        gain = float(eta @ self.rows.phi[index, vertex]) + step.singular * float(self.phi[self.best])
        cost = step.information + float(eta @ self.rows.cost[index, vertex])
        return _Point(mu, vertex, step, cost, gain)

    def at(self, mu: float) -> _Point | None:
        """The optimum at `mu > 0`; None when no Q has a finite D^c."""
        self.evaluations += 1
        vertex, u, top = self.rows.scaled(mu)
        height = 0.0 if self.space else None
        if self.space and top is not None:
            gain = (self.phi[self.best] - self.rows.phi[top, vertex[top]]) / mu
            height = max(float(gain + self.rows.cost[top, vertex[top]]), 0.0)
        return self._point(mu, vertex, u, height)

    def cheapest(self) -> _Point | None:
        """The plan of least cost `D + <c, pi>`, the best losses among the cheapest arcs."""
        vertex = np.zeros(len(self.reach), dtype=np.intp)
        cost = self.rows.cost[:, 0]
        everywhere = len(self.reach) == len(self.p)
        if everywhere and np.ptp(cost) == 0 and (cost[0] == 0 or not self.space):
            # Re-weighting gains nothing: eta = P exactly, so that D = 0 exactly.
            step = Reweighting(self.information.start, np.ones(len(cost)), 0.0, 0.0, False)
            return self._at_step(np.inf, vertex, step)
        floor = float(cost.min()) if len(cost) else 0.0
        return self._point(np.inf, vertex, floor - cost, floor if self.space else None)

    def plan(self, point: _Point) -> dict[tuple[int, int], Fraction]:
        """The exact masses of a point's plan; row -1 stands for the singular mass. They sum to 1 exactly."""
        masses: dict[tuple[int, int], Fraction] = {}
        density = point.step.density
        for k, row in enumerate(self.reach.tolist()):
            i = int(self.kept[row])
            # The exact weight times the density: where the density is 1, D is exactly 0.
            mass = Fraction(float(density[row])) * self.instance.p_exact[i]
            if self.cap is not None:
                mass = min(mass, self.cap * self.instance.p_exact[i])
            if mass > 0:
                masses[i, int(self.rows.column[k, point.vertex[k]])] = mass
        if point.step.singular > 0:
            masses[-1, self.best] = Fraction(point.step.singular)
        total = sum(masses.values(), Fraction(0))
        if total != 1:
            masses[max(masses, key=lambda key: self._slack(key, masses[key]))] += 1 - total
        return masses

    def _slack(self, key: tuple[int, int], mass: Fraction) -> Fraction:
        """How far the mass of an entry may move either way without leaving the domain of `f`."""
        if self.cap is None or key[0] < 0:
            return mass
        return min(mass, self.cap * self.instance.p_exact[key[0]] - mass)


def _mix(
    a: dict[tuple[int, int], Fraction], b: dict[tuple[int, int], Fraction], share: Fraction
) -> dict[tuple[int, int], Fraction]:
    """`(1 - share) a + share b`, entries that vanish left out."""
    keys = sorted({*a, *b})
    zero = Fraction(0)
    mixed = {k: (1 - share) * a.get(k, zero) + share * b.get(k, zero) for k in keys}
    return {k: v for k, v in mixed.items() if v > 0}


class _ExactCost:
    """Ball arithmetic cost `D(eta||P) + <c, pi>` of exact plans."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.formula: Formula = formula(stated(instance.divergence))
        self.rows = [i for i, p in enumerate(instance.p_exact) if p > 0]
        self.p = [_fmpq(instance.p_exact[i]) for i in self.rows]

    def __call__(self, masses: dict[tuple[int, int], Fraction]) -> arb:
        eta = dict.fromkeys(self.rows, Fraction(0))
        transport = singular = Fraction(0)
        for (i, j), mass in masses.items():
            if i < 0:
                singular += mass
                continue
            cost = self.instance.cost_exact[i][j]
            assert cost is not None
            eta[i] += mass
            transport += mass * cost
        values = [_fmpq(eta[i]) for i in self.rows]
        return self.formula.information(self.p, values, _fmpq(singular)) + arb(_fmpq(transport))


def _fmpq(x: Fraction) -> fmpq:
    return fmpq(x.numerator, x.denominator)


def _short(x: Fraction) -> Fraction:
    """A double near `x`: exact witnesses need not carry more digits than that."""
    return Fraction(float(x))


def _as_plan(masses: dict[tuple[int, int], Fraction], shape: tuple[int, int]) -> Plan:
    singular = [Fraction(0)] * shape[1]
    entries = []
    for (i, j), mass in masses.items():
        if i < 0:
            singular[j] += mass
        else:
            entries.append((i, j, mass))
    return Plan(tuple(entries), tuple(singular) if any(singular) else (), shape)


def _feasible(
    cost: _ExactCost,
    masses: dict[tuple[int, int], Fraction],
    cheap: dict[tuple[int, int], Fraction],
    epsilon: Fraction,
) -> dict[tuple[int, int], Fraction] | None:
    """`masses` moved towards `cheap` by the least power of two that makes it provably feasible."""
    radius = arb(_fmpq(epsilon))
    if cost(masses) <= radius:
        return masses
    for k in range(60, -1, -1):
        mixed = _mix(masses, cheap, Fraction(1, 2**k))
        if cost(mixed) <= radius:
            return mixed
    return None


def _rho(ball: _Ball, point: _Point, lam: Fraction) -> Fraction:
    """`rho = max phi^c + mu r` in exact arithmetic, never below its bound `S - mu f'(inf)`."""
    instance = ball.instance
    assert instance.phi_exact is not None
    mu = lam + instance.kappa_exact
    heights = [max(instance.phi_exact)] if not len(ball.reach) else []
    for k, i in enumerate(ball.kept[ball.reach].tolist()):
        for j in dict.fromkeys(ball.rows.column[k].tolist()):
            c = instance.cost_exact[i][j]
            assert c is not None
            heights.append(instance.phi_exact[j] - mu * c)
    highest = max(heights)
    rho = highest + mu * Fraction(point.step.shift)
    if np.isfinite(ball.information.recession):
        recession = exact(formula(stated(instance.divergence)).recession, up=False)
        assert recession is not None
        supremum = max(instance.phi_exact) if ball.space else highest
        rho = max(rho, supremum - mu * recession)
    return rho


def _bracket(ball: _Ball, epsilon: float) -> tuple[_Point, _Point] | None:
    """Points at two neighbouring `mu` whose costs enclose `epsilon`, the dear one first; None when `lambda*
    = 0`.

    The two are one and the same where only `mu -> inf` brings the cost down to `epsilon`.
    """
    spread = float(np.ptp(ball.phi)) or 1.0
    low = _least(ball)

    def over(mu: float) -> bool:
        point = ball.at(mu)
        return point is not None and not point.cost <= epsilon

    if not over(low):
        return None
    high, limit = max(4 * low, spread), 1e18 * max(spread, ball.instance.kappa)
    while over(high) and high <= limit:
        high *= 64
    if high > limit:
        last = ball.at(high)
        assert last is not None
        return last, last
    low, high = sign_change(over, low, high)
    dear, cheap = ball.at(low), ball.at(high)
    assert dear is not None
    assert cheap is not None
    return dear, cheap


def _least(ball: _Ball) -> float:
    """The smallest `mu` to look at: just above `kappa`, or so small that only the largest losses count."""
    kappa = ball.instance.kappa
    return float(np.nextafter(kappa, np.inf)) if kappa > 0 else 1e-30 * (float(np.ptp(ball.phi)) or 1.0)


def dro(instance: Instance, *, tolerance: float = 1e-9) -> DroSolution:
    """The DRO value of an instance with a rigorous interval, its multipliers and a worst-case distribution.

    Args:
        instance: needs `phi` and `epsilon`.
        tolerance: width asked for, relative, or absolute where `|value| < 1`.

    Raises:
        InputError: `phi` or `epsilon` is missing.
    """
    start = time.perf_counter()
    for name, given in (("phi", instance.phi_exact), ("epsilon", instance.epsilon_exact)):
        if given is None:
            raise InputError(f"the field {name!r} is missing: a DRO value needs it.")
    with np.errstate(under="ignore"), ctx.workprec(PRECISION):
        return _solve(instance, tolerance, start)


def _solve(instance: Instance, tolerance: float, start: float) -> DroSolution:
    assert instance.epsilon_exact is not None
    assert instance.epsilon is not None
    ball = _Ball(instance)
    cheap = ball.cheapest()
    cost = _ExactCost(instance)
    if cheap is None:
        return _no_plan(instance, tolerance, start)
    cheapest = ball.plan(cheap)
    if cheap.cost > instance.epsilon and cost(cheapest) > arb(_fmpq(instance.epsilon_exact)):
        empty = _empty(ball, cheap, tolerance, start)
        if empty is not None:
            return empty
    pair = _bracket(ball, instance.epsilon)
    free = pair is None
    lowest = ball.at(_least(ball)) if free else None
    dear, frugal = pair or (lowest or cheap, lowest or cheap)
    masses = ball.plan(frugal)
    if dear is not frugal and np.isfinite(dear.cost) and dear.cost > frugal.cost:
        share = (instance.epsilon - frugal.cost) / (dear.cost - frugal.cost)
        masses = _mix(masses, ball.plan(dear), Fraction(min(max(share, 0.0), 1.0)))
    witness = _feasible(cost, masses, cheapest, instance.epsilon_exact)
    lam, rho = _multipliers(ball, frugal, free)
    plan = None if witness is None else _as_plan(witness, instance.shape)
    certificate, lower, upper = certify(
        instance,
        "dro",
        None if plan is None else plan_witness(plan),
        {"lambda": text(lam), "rho": text(rho)},
    )
    narrow = upper - lower <= tolerance * max(1.0, abs(lower))
    return DroSolution(
        instance=instance,
        lower=lower,
        upper=upper,
        rigorous=True,
        plan=plan,
        status=Status.SOLVED if narrow else Status.WIDE,
        iterations=ball.evaluations,
        seconds=time.perf_counter() - start,
        tolerance=tolerance,
        witness=certificate,
        lam=float(lam),
        rho=float(rho),
    )


def _multipliers(ball: _Ball, point: _Point, free: bool) -> tuple[Fraction, Fraction]:
    """Exact `(lambda, rho)`; at `lambda* = 0` without penalty `rho` is the reachable maximum (T7 at mu =
    0)."""
    instance = ball.instance
    assert instance.phi_exact is not None
    if not free:
        lam = max(Fraction(point.mu) - instance.kappa_exact, Fraction(0))
        return lam, _rho(ball, point, lam)
    if instance.kappa_exact > 0:
        return Fraction(0), _rho(ball, point, Fraction(0))
    reached = [(instance.phi_exact[int(j)], k) for k, j in enumerate(ball.rows.column[:, -1])]
    domain = formula(stated(instance.divergence)).domain
    if domain[1] is None:
        return Fraction(0), max(instance.phi_exact) if ball.space else max(height for height, _ in reached)
    # A bounded domain of f (CVaR, transport only): rho is the quantile where the capped masses reach 1.
    high = Fraction(int(domain[1].p), int(domain[1].q))
    low = Fraction(int(domain[0].p), int(domain[0].q))
    mass = low
    for height, k in sorted(reached, key=lambda pair: -pair[0]):
        mass += (high - low) * instance.p_exact[int(ball.kept[ball.reach[k]])]
        if mass >= 1:
            return Fraction(0), height
    return Fraction(0), min(height for height, _ in reached)


def _empty(ball: _Ball, cheap: _Point, tolerance: float, start: float) -> DroSolution | None:
    """The solution that says that the ball is empty, when the constant potential proves it."""
    instance = ball.instance
    finite = [c for i in ball.kept.tolist() for c in instance.cost_exact[i] if c is not None]
    floor = min(finite, default=Fraction(0))
    rho = -floor + Fraction(cheap.step.shift)
    if np.isfinite(ball.information.recession):
        recession = exact(formula(stated(instance.divergence)).recession, up=False)
        assert recession is not None
        rho = max(rho, (Fraction(0) if ball.space else -floor) - recession)
    try:
        certificate, _, _ = certify(instance, "dro", None, {"constant": text(-rho)})
    except Rejected:  # the least cost is epsilon up to rounding
        return None
    return _without_plan(instance, certificate, tolerance, start)


def _no_plan(instance: Instance, tolerance: float, start: float) -> DroSolution:
    """No Q has a finite D^c: a constant potential shows it, below `f'(inf)` or large enough."""
    for constant in (-1, *(2**k - 1 for k in range(0, 2000, 8))):
        try:
            certificate, _, _ = certify(instance, "dro", None, {"constant": str(constant)})
        except Rejected:
            continue
        return _without_plan(instance, certificate, tolerance, start)
    raise AssertionError("no multiplier proves that the ball is empty")


def _without_plan(
    instance: Instance, certificate: dict[str, object], tolerance: float, start: float
) -> DroSolution:
    return DroSolution(
        instance=instance,
        lower=-np.inf,
        upper=-np.inf,
        rigorous=True,
        plan=None,
        status=Status.EMPTY,
        iterations=0,
        seconds=time.perf_counter() - start,
        tolerance=tolerance,
        witness=certificate,
    )
