"""D^c(Q||P) with a proved interval (T1, T2): optimise in float64, repair both witnesses, prove in ball
arithmetic.

Smooth divergences go to the dense interior point, piecewise linear ones (TV, CVaR, transport only) to a
linear program, a user's `f` with kinks or a bounded domain to linear programs by tangents, Rényi to a
sequence of separable programs. Whatever the optimiser says, its plan is rescaled to columns that are exactly
`q`, its prices are closed under the c-transform and shifted by the exact re-weighting step, and the interval
between the two is what counts. Where it is wider than asked, the next optimiser has its turn, and the best
witness of either side is kept.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import ctx
from numpy.typing import NDArray

from theory.errors import InputError
from verification.certificate.build import certify, plan_witness
from verification.certificate.checker import PRECISION, Rejected
from verification.instance import Instance, text
from verification.solution import DivergenceSolution, Plan, Status
from verification.solve.information import Renyi, Separable
from verification.solve.interior_point import Prices, interior_point
from verification.solve.linear import by_tangents, recession_ray
from verification.solve.reduced import Optimum, Reduced
from verification.solve.repair import Overfull

__all__ = ["divergence"]

Floats = NDArray[np.float64]


def _optima(problem: Reduced) -> Iterator[Optimum | None]:
    """Float witnesses from one optimiser after the other; None when one finds that no plan is feasible."""
    f = problem.information
    if not len(problem.rows):  # only reached when singular mass may do everything
        yield Optimum(np.zeros((0, len(problem.q))), problem.q, np.full(len(problem.q), f.recession), 0)
        return
    cost, p, q = problem.seen()
    if isinstance(f, Renyi):
        for centred in (False, True):
            yield problem.lift(*_renyi(f, problem.space, cost, p, q, centred))
        return
    assert isinstance(f, Separable)
    if f.linear is None and f.domain == (0.0, np.inf) and f.taylor:
        recession = f.recession - f.slope_at_one if problem.space else np.inf
        for inverse in (None, lambda y: f.density(y + f.slope_at_one, p)):
            found = interior_point(
                lambda t: f.slope(t) - f.slope_at_one, f.curvature, recession, cost, p, q, inverse=inverse
            )
            yield problem.lift(found.x, found.u, found.g + f.slope_at_one, found.iterations)
    tangents = by_tangents(f, cost, p, q, problem.space)
    yield None if tangents is None else problem.lift(tangents.x, tangents.u, tangents.g, tangents.iterations)


def _renyi(
    f: Renyi, space: bool, cost: Floats, p: Floats, q: Floats, centred: bool
) -> tuple[Floats, Floats, Floats, int]:
    """Rényi by `log S = min or max over tau of S/tau + log tau - 1`: separable for fixed tau, a root in `log
    tau`.

    `S = sum p_i w_i^(1-alpha)` at the optimum for tau, less tau, decreases through the root.
    """
    a = f.alpha
    iterations = 0

    def at(sigma: float) -> tuple[float, Prices, float]:
        nonlocal iterations
        tau = float(np.exp(sigma))
        base = 1.0 / (tau * a)
        result = interior_point(
            lambda t: base - base * t**-a,
            lambda t: t ** (-a - 1) / tau,
            base if space else np.inf,
            cost,
            p,
            q,
            inverse=(lambda y: np.maximum(1 - y / base, 0.0) ** (-1 / a)) if centred else None,
        )
        iterations += result.iterations
        w = result.x.sum(axis=1) / p
        return float(np.log(p @ w ** (1 - a))) - sigma, result, base

    points = {0.0: at(0.0)}
    sigma = points[0.0][0]
    for _ in range(40):
        points[sigma] = at(sigma)
        best = min(points.values(), key=lambda found: abs(found[0]))
        if abs(points[sigma][0]) < 2e-16 * max(1.0, abs(sigma)):
            break
        above = [s for s, found in points.items() if found[0] > 0]
        below = [s for s, found in points.items() if found[0] <= 0]
        if not above or not below:
            sigma += 2 * points[sigma][0]
            continue
        low, high = max(above), min(below)
        recent = sorted(points, key=lambda s: abs(points[s][0]))[:2]
        rise = points[recent[0]][0] - points[recent[1]][0]
        secant = recent[0] - points[recent[0]][0] * (recent[0] - recent[1]) / rise if rise else low
        sigma = secant if low < secant < high else 0.5 * (low + high)
        if sigma in points:
            break
    _, result, base = best
    return result.x, result.u, result.g - base, iterations


def divergence(instance: Instance, *, tolerance: float = 1e-9) -> DivergenceSolution:
    """`D^c(Q||P)` of an instance with a rigorous interval, an optimal plan and prices.

    Args:
        instance: needs `q`.
        tolerance: width asked for, relative, or absolute where the value is below 1.

    Raises:
        InputError: `q` is missing.
    """
    start = time.perf_counter()
    if instance.q_exact is None:
        raise InputError("the field 'q' is missing: a divergence from P to Q needs it.")
    with np.errstate(all="ignore"), ctx.workprec(PRECISION):
        problem = Reduced(instance)
        infinite = _infinite(problem)
        if infinite is not None:
            return _solution(instance, infinite, None, 0, tolerance, start)
        best: _Bracket | None = None
        iterations = 0
        for optimum in _optima(problem):
            if optimum is None:
                if best is None:
                    return _solution(instance, _infeasible(problem), None, iterations, tolerance, start)
                continue
            iterations += optimum.iterations
            try:
                plan = problem.plan(optimum.x, optimum.u)
            except Overfull as error:
                ends = _along(problem, dict.fromkeys(error.columns, "1"))
                return _solution(instance, ends, None, iterations, tolerance, start)
            found = _Bracket.of(instance, {"g": problem.potential(optimum.g)}, plan)
            best = found if best is None else best.joined(found)
            if best.narrow(tolerance):
                break
        assert best is not None
    return _solution(instance, best.ends, best.plan, iterations, tolerance, start)


@dataclass(frozen=True)
class _Bracket:
    """A certificate with its ends, and the exact plan in it."""

    instance: Instance
    ends: tuple[dict[str, Any], float, float]
    plan: Plan

    @classmethod
    def of(cls, instance: Instance, lower: dict[str, Any], plan: Plan) -> "_Bracket":
        return cls(instance, certify(instance, "divergence", lower, plan_witness(plan)), plan)

    def narrow(self, tolerance: float) -> bool:
        _, lower, upper = self.ends
        return np.isfinite(upper - lower) and upper - lower <= tolerance * max(1.0, abs(lower))

    def joined(self, other: "_Bracket") -> "_Bracket":
        """The better lower witness with the better plan."""
        lower = self if self.ends[1] >= other.ends[1] else other
        upper = self if self.ends[2] <= other.ends[2] else other
        return lower if lower is upper else _Bracket.of(self.instance, lower.ends[0]["lower"], upper.plan)


def _solution(
    instance: Instance,
    ends: tuple[dict[str, Any], float, float],
    plan: Plan | None,
    iterations: int,
    tolerance: float,
    start: float,
) -> DivergenceSolution:
    certificate, lower, upper = ends
    g = certificate["lower"].get("g")
    narrow = np.isfinite(upper) and upper - lower <= tolerance * max(1.0, abs(lower))
    prices = None if g is None else np.array([-np.inf if v == "-inf" else float(Fraction(v)) for v in g])
    return DivergenceSolution(
        instance=instance,
        lower=lower,
        upper=upper,
        rigorous=True,
        plan=plan,
        status=Status.INFINITE if np.isposinf(lower) else Status.SOLVED if narrow else Status.WIDE,
        iterations=iterations,
        seconds=time.perf_counter() - start,
        tolerance=tolerance,
        witness=certificate,
        potential=prices,
    )


def _infinite(problem: Reduced) -> tuple[dict[str, Any], float, float] | None:
    """The proof of `D^c = inf` where the pattern of infinite costs alone decides."""
    instance = problem.instance
    forced = np.isposinf(problem.information.at_zero) or problem.information.domain[0] > 0
    if len(problem.idle) and np.isposinf(problem.information.at_zero):
        potential = ["-inf"] * instance.shape[1]
        for j in problem.columns.tolist():
            potential[j] = "-1"
        return _proved(instance, {"g": potential})
    stuck = np.flatnonzero(~np.isfinite(problem.cost).any(axis=0))
    if problem.space or not (len(stuck) or (forced and len(problem.idle))):
        return None
    return _along(problem, dict.fromkeys(stuck.tolist(), "1"))


def _infeasible(problem: Reduced) -> tuple[dict[str, Any], float, float]:
    """The proof of `D^c = inf` where the bounds of a density's domain decide."""
    instance = problem.instance
    try:
        problem.plan(np.zeros(problem.cost.shape), np.zeros(len(problem.q)))
    except Overfull as error:
        return _along(problem, dict.fromkeys(error.columns, "1"))
    cost = instance.cost[np.ix_(problem.carrying, problem.columns)]
    ray = recession_ray(problem.information.domain, cost, instance.p[problem.carrying], problem.q)
    return _along(problem, {k: text(Fraction(repr(value))) for k, value in enumerate(ray.tolist())})


def _along(problem: Reduced, ray: dict[int, str]) -> tuple[dict[str, Any], float, float]:
    """The proof by a ray, given by its entries on the kept columns (0 where none is given)."""
    full = ["0"] * problem.instance.shape[1]
    for k, value in ray.items():
        full[int(problem.columns[k])] = value
    return _proved(problem.instance, {"ray": full})


def _proved(instance: Instance, witness: dict[str, Any]) -> tuple[dict[str, Any], float, float]:
    try:
        return certify(instance, "divergence", witness, None)
    except Rejected as error:
        raise AssertionError(f"the proof of an infinite value fails: {error}") from None
