"""D^c(Q||P) with a proved interval (T1, T2): optimise in float64, repair both witnesses, prove in ball
arithmetic.

Smooth divergences go to the dense interior point, piecewise linear ones (TV, CVaR, transport only) to a
linear program, a user's `f` with kinks or a bounded domain to linear programs by tangents, Rényi to a
sequence of separable programs. Whatever the optimiser says, its plan is rescaled to columns that are exactly
`q`, its prices are closed under the c-transform and shifted by the exact re-weighting step, and the interval
between the two is what counts.
"""

import time
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from flint import ctx
from numpy.typing import NDArray

from theory.errors import InputError
from verification.certificate.build import certify, plan_witness
from verification.certificate.checker import PRECISION, Rejected
from verification.certificate.formulas import formula
from verification.instance import Instance, text
from verification.solution import DivergenceSolution, Plan, Status
from verification.solve.functions import information
from verification.solve.information import Renyi, Separable
from verification.solve.interior_point import interior_point
from verification.solve.linear import by_tangents, recession_ray
from verification.solve.repair import bounded_plan
from verification.solve.reweighting import reweight

__all__ = ["divergence"]

Floats = NDArray[np.float64]
_NEGLIGIBLE = 1e-15  # share of a column below which an entry of an interior plan is dropped


@dataclass(frozen=True)
class _Optimum:
    """Float witnesses on the kept rows and columns."""

    x: Floats
    u: Floats
    g: Floats
    iterations: int


class _Problem:
    """The rows with `p > 0` that reach a column with `q > 0`, and those columns."""

    def __init__(self, instance: Instance) -> None:
        assert instance.q is not None
        self.instance = instance
        self.information = information(instance.divergence)
        self.space = instance.support == "space" and bool(np.isfinite(self.information.recession))
        self.columns = np.flatnonzero(instance.q > 0)
        self.carrying = np.flatnonzero(instance.p > 0)
        reached = np.isfinite(instance.cost[np.ix_(self.carrying, self.columns)]).any(axis=1)
        self.rows = self.carrying[reached]
        self.idle = self.carrying[~reached]
        self.cost = instance.cost[np.ix_(self.rows, self.columns)]
        self.p, self.q = instance.p[self.rows], instance.q[self.columns]

    def optimise(self) -> _Optimum | None:
        """Float witnesses, None when no plan is feasible."""
        if not len(self.rows):  # only reached when singular mass may do everything
            return _Optimum(
                np.zeros((0, len(self.q))), self.q, np.full(len(self.q), self.information.recession), 0
            )
        if isinstance(self.information, Renyi):
            return self._renyi(self.information)
        assert isinstance(self.information, Separable)
        f = self.information
        if f.linear is not None or f.domain != (0.0, np.inf) or not f.taylor:
            found = by_tangents(f, self.cost, self.p, self.q, self.space)
            return None if found is None else _Optimum(found.x, found.u, found.g, found.iterations)
        recession = f.recession - f.slope_at_one if self.space else np.inf
        result = interior_point(
            lambda t: f.slope(t) - f.slope_at_one, f.curvature, recession, self.cost, self.p, self.q
        )
        return _Optimum(result.x, result.u, result.g + f.slope_at_one, result.iterations)

    def _renyi(self, f: Renyi) -> _Optimum:
        """`log S = min or max over tau of S/tau + log tau - 1`: a separable program per tau, a root in `log
        tau`."""
        a = f.alpha
        iterations = 0

        def at(sigma: float) -> tuple[float, Any]:
            tau = float(np.exp(sigma))
            base = 1.0 / (tau * a)
            result = interior_point(
                lambda t: base - base * t**-a,
                lambda t: t ** (-a - 1) / tau,
                base if self.space else np.inf,
                self.cost,
                self.p,
                self.q,
            )
            result = replace(result, g=result.g - base)
            w = result.x.sum(axis=1) / self.p
            idle = float(self.instance.p[self.idle].sum()) if a > 1 else 0.0
            total = float(self.p @ w ** (1 - a)) + (np.inf if idle else 0.0)
            return float(np.log(total)) - sigma, result

        low, value = 0.0, at(0.0)
        high, other = value[0], at(value[0])
        best = min((value, other), key=lambda pair: abs(pair[0]))
        for _ in range(30):
            if abs(best[0]) < 1e-15 or value[0] == other[0]:
                break
            root = high - other[0] * (high - low) / (other[0] - value[0])
            low, value = high, other
            high, other = root, at(root)
            iterations += other[1].iterations
            if abs(other[0]) >= abs(best[0]):
                break
            best = other
        result = best[1]
        return _Optimum(result.x, result.u, result.g, iterations)

    def potential(self, g: Floats) -> list[str]:
        """The dual witness: `g` closed under the c-transform, shifted by the re-weighting step, text per
        column."""
        full = np.full(len(self.carrying), -np.inf)
        if len(self.rows):
            reach = np.max(g - self.cost, axis=1)
            closed = np.min(reach[:, None] + self.cost, axis=0)
            g = np.where(np.isfinite(closed), closed, g)
            if self.space:
                g = np.minimum(g, self.information.recession)
            full[np.isin(self.carrying, self.rows)] = np.max(g - self.cost, axis=1)
        highest = float(full.max()) if len(self.rows) else float(g.max())
        top = max(float(g.max()) - highest, 0.0) if self.space else None
        step = reweight(self.information, self.instance.p[self.carrying], full - highest, top)
        rho = highest + (step.shift if step is not None else 0.0)
        if np.isfinite(self.information.recession):
            # A hair above the bound, so that rounding cannot push g over f'(inf).
            rho += 8e-16 * max(
                float(np.abs(g).max()), abs(rho), float(np.abs(full[np.isfinite(full)]).max(initial=0))
            )
        result = ["-inf"] * self.instance.shape[1]
        for j, value in zip(self.columns.tolist(), (g - rho).tolist(), strict=True):
            result[j] = text(Fraction(repr(value)))
        return result

    def _bounded(self, x: Floats, high: Fraction) -> Plan | None:
        """The exact plan near `x` whose rows stay below `high` times their weight in P."""
        instance = self.instance
        assert instance.q_exact is not None
        caps = [high * instance.p_exact[i] for i in self.rows.tolist()]
        targets = [instance.q_exact[j] for j in self.columns.tolist()]
        rows = bounded_plan(x, self.cost, caps, targets)
        if rows is None:
            return None
        entries = tuple(
            (int(self.rows[i]), int(self.columns[j]), mass)
            for i, row in enumerate(rows)
            for j, mass in sorted(row.items())
            if mass > 0
        )
        return Plan(entries, (), instance.shape)

    def plan(self, x: Floats, u: Floats) -> Plan:
        """The exact plan nearest to `x`, `u` whose columns, with the singular masses, are exactly `q`."""
        instance = self.instance
        assert instance.q_exact is not None
        high = formula(instance.divergence).domain[1]
        if high is not None:
            bounded = self._bounded(x, Fraction(int(high.p), int(high.q)))
            if bounded is not None:
                return bounded
        entries: list[tuple[int, int, Fraction]] = []
        singular = [Fraction(0)] * instance.shape[1]
        for k, j in enumerate(self.columns.tolist()):
            target = instance.q_exact[j]
            column = x[:, k]
            keep = np.flatnonzero(column > _NEGLIGIBLE * self.q[k])
            masses = [Fraction(float(column[i])) for i in keep]
            created = Fraction(float(u[k])) if self.space and u[k] > _NEGLIGIBLE * self.q[k] else Fraction(0)
            total = sum(masses, created)
            if total == 0:
                continue
            # Doubles but for the largest, which takes up the rest: short text and an exact column.
            ratio = target / total
            masses = [Fraction(float(mass * ratio)) for mass in masses]
            created = Fraction(float(created * ratio))
            rest = target - sum(masses, created)
            if masses and max(masses) >= created:
                masses[masses.index(max(masses))] += rest
            else:
                created += rest
            entries += [(int(self.rows[i]), j, mass) for i, mass in zip(keep, masses, strict=True)]
            singular[j] = created
        return Plan(tuple(entries), tuple(singular) if any(singular) else (), instance.shape)


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
        problem = _Problem(instance)
        infinite = _infinite(problem)
        if infinite is None:
            optimum = problem.optimise()
            infinite = _infeasible(problem) if optimum is None else None
        if infinite is not None:
            return _solution(problem, *infinite, None, 0, tolerance, start)
        assert optimum is not None
        plan = problem.plan(optimum.x, optimum.u)
        potential = problem.potential(optimum.g)
        certificate, lower, upper = certify(instance, "divergence", {"g": potential}, plan_witness(plan))
    return _solution(problem, certificate, lower, upper, plan, optimum.iterations, tolerance, start)


def _solution(
    problem: _Problem,
    certificate: dict[str, Any],
    lower: float,
    upper: float,
    plan: Plan | None,
    iterations: int,
    tolerance: float,
    start: float,
) -> DivergenceSolution:
    g = certificate["lower"].get("g")
    narrow = upper == lower or upper - lower <= tolerance * max(1.0, abs(lower))
    return DivergenceSolution(
        instance=problem.instance,
        lower=lower,
        upper=upper,
        rigorous=True,
        plan=plan,
        status=Status.INFINITE if np.isposinf(lower) else Status.SOLVED if narrow else Status.WIDE,
        iterations=iterations,
        seconds=time.perf_counter() - start,
        tolerance=tolerance,
        witness=certificate,
        potential=None
        if g is None
        else np.array([float(Fraction(v)) if v != "-inf" else -np.inf for v in g]),
    )


def _infinite(problem: _Problem) -> tuple[dict[str, Any], float, float] | None:
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
    ray = ["0"] * instance.shape[1]
    for k in stuck.tolist():
        ray[int(problem.columns[k])] = "1"
    return _proved(instance, {"ray": ray})


def _infeasible(problem: _Problem) -> tuple[dict[str, Any], float, float]:
    """The proof of `D^c = inf` where the bounds of a density's domain decide."""
    instance = problem.instance
    cost = instance.cost[np.ix_(problem.carrying, problem.columns)]
    ray = recession_ray(problem.information.domain, cost, instance.p[problem.carrying], problem.q)
    full = ["-inf"] * instance.shape[1]
    for j, value in zip(problem.columns.tolist(), ray.tolist(), strict=True):
        full[j] = text(Fraction(repr(value)))
    return _proved(instance, {"ray": full})


def _proved(instance: Instance, witness: dict[str, Any]) -> tuple[dict[str, Any], float, float]:
    try:
        return certify(instance, "divergence", witness, None)
    except Rejected as error:
        raise AssertionError(f"the proof of an infinite value fails: {error}") from None
