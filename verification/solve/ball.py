"""The DRO value over the ball `{Q : D^c(Q||P) <= epsilon}` (T6, T7, T10, T11), solved to the last bits.

For `mu = lambda + kappa` the inner problem `max_Q { E_Q[phi] - mu D^c(Q||P) }` is solved by the c-transform
and the re-weighting step. The cost `K(mu)` of its plan is nonincreasing and the dual has the derivative
`epsilon - K(mu)`, so `mu*` is where `K` crosses `epsilon`; a bisection over the doubles leaves two
neighbours. The plans of the two are the
cheap and the dear end of the optimal face: their mixture spends `epsilon` exactly, which is T11's mixing at
    ties, in the
transport and in the re-weighting alike, without a tolerance that would decide what a tie is.
"""

import math
import time
from fractions import Fraction

import numpy as np
from flint import arb, ctx

from theory.errors import InputError
from verification.certificate.build import certify, exact, plan_witness, stated
from verification.certificate.checker import PRECISION, Rejected
from verification.certificate.formulas import formula
from verification.instance import Instance, text
from verification.solution import DroSolution, Status
from verification.solve.inner import Ball, Point, exact_rho
from verification.solve.masses import ExactCost, as_fmpq, as_plan, feasible, mix
from verification.solve.reweighting import sign_change

__all__ = ["dro"]


def _bracket(ball: Ball, epsilon: float) -> tuple[Point, Point] | None:
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
    low, high = sign_change(over, *_near(ball, epsilon, low, high))
    dear, cheap = ball.at(low), ball.at(high)
    assert dear is not None
    assert cheap is not None
    return dear, cheap


def _near(ball: Ball, epsilon: float, low: float, high: float) -> tuple[float, float]:
    """A short interval within `[low, high]` around the `mu` where the cost falls to `epsilon`.

    Steps of a factor 64 down to its scale, then the secant rule in logarithms (Illinois), which takes a few
    evaluations where bisection over the doubles takes fifty. Both ends are tested before they are used; steps
    of the cost (piecewise linear divergences, ties) end the secant early and are left to bisection.
    """

    def excess(x: float) -> float:
        point = ball.at(math.exp(x))
        if point is None or point.cost <= 0:
            return -math.inf
        return math.inf if not np.isfinite(point.cost) else math.log(point.cost / epsilon)

    if epsilon == 0:
        return low, high
    a, b = math.log(low), math.log(high)
    fa, fb = math.inf, excess(b)
    while b - a > 4.2:
        f = excess(b - 4.2)
        if f > 0:
            a, fa = b - 4.2, f
            break
        b, fb = b - 4.2, f
    x, side = b, 0
    for _ in range(16):
        plain = np.isfinite(fa) and np.isfinite(fb) and fa > fb
        x = b - fb * (b - a) / (fb - fa) if plain else 0.5 * (a + b)
        if not a < x < b:
            break
        f = excess(x)
        if f > 0:
            fb, a, fa, side = (fb / 2 if side > 0 else fb), x, f, 1
        else:
            fa, b, fb, side = (fa / 2 if side < 0 else fa), x, f, -1
        if abs(f) < 1e-13:
            break
    for width in (1e-14, 1e-11, 1e-7):
        if a < x - width and excess(x - width) > 0:
            a = x - width
            break
    for width in (1e-14, 1e-11, 1e-7):
        if x + width < b and excess(x + width) <= 0:
            b = x + width
            break
    # The exponentials round: a hair outwards, and never outside what was known before.
    return max(low, math.exp(a) * (1 - 1e-15)), min(high, math.exp(b) * (1 + 1e-15))


def _least(ball: Ball) -> float:
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
    ball = Ball(instance)
    reachable = len(ball.reach) > 0 or ball.space
    cheap = ball.cheapest() if reachable else None
    cost = ExactCost(instance)
    if cheap is None:
        return _no_plan(instance, tolerance, start)
    cheapest = ball.plan(cheap)
    if cheap.cost > instance.epsilon and cost(cheapest) > arb(as_fmpq(instance.epsilon_exact)):
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
        masses = mix(masses, ball.plan(dear), Fraction(min(max(share, 0.0), 1.0)))
    witness = feasible(cost, masses, cheapest, instance.epsilon_exact)
    lam, rho = _multipliers(ball, frugal, free)
    plan = None if witness is None else as_plan(witness, instance.shape)
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


def _multipliers(ball: Ball, point: Point, free: bool) -> tuple[Fraction, Fraction]:
    """Exact `(lambda, rho)`; at `lambda* = 0` without penalty `rho` is the reachable maximum (T7 at mu =
    0)."""
    instance = ball.instance
    assert instance.phi_exact is not None
    if not free:
        lam = max(Fraction(point.mu) - instance.kappa_exact, Fraction(0))
        return lam, exact_rho(ball, point, lam)
    if instance.kappa_exact > 0:
        return Fraction(0), exact_rho(ball, point, Fraction(0))
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


def _empty(ball: Ball, cheap: Point, tolerance: float, start: float) -> DroSolution | None:
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
