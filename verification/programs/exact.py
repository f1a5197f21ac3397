"""T1, T2, T6 and T7 as convex programs in CVXPY: an independent way to the numbers that the solvers find.

Each function solves one program and returns its witness, never a solver's word: the callers repair the
witness to exact feasibility and recompute the bound in ball arithmetic.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import cvxpy as cp
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from theory.errors import InputError
from verification.instance import Instance
from verification.programs.epigraph import Epigraphs, RenyiEpigraph

__all__ = [
    "Multipliers",
    "PlanWitness",
    "PriceWitness",
    "dro_dual",
    "dro_primal",
    "dual",
    "primal",
]

Floats = NDArray[np.float64]
_ROUNDS = 12
_TOLERANCES = (1e-11, 1e-9, 1e-8, 1e-6)


@dataclass(frozen=True)
class PlanWitness:
    """A plan `x` (n, m) and singular masses `u` (m,), as the solver left them; `objective` is its own
    claim."""

    x: Floats
    u: Floats
    objective: float


@dataclass(frozen=True)
class PriceWitness:
    """Prices `g` (m,), -inf where `q_j = 0`; `objective` is the solver's own claim."""

    g: Floats
    objective: float


@dataclass(frozen=True)
class Multipliers:
    """`lambda` and `rho` of T7; `objective` is the solver's own claim."""

    lam: float
    rho: float
    objective: float


def _undominated(cost: Floats, losses: Floats) -> NDArray[np.bool_]:
    """(n, m): the finite arcs of each row to which no arc that is no dearer offers at least as large a loss.

    Whatever the multiplier, a best arc is among them: T6 and T7 need no other.
    """
    keep = np.zeros(cost.shape, dtype=bool)
    for i, row in enumerate(cost):
        order = np.lexsort((-losses, row))
        order = order[np.isfinite(row[order])]
        best = np.maximum.accumulate(np.append(-np.inf, losses[order]))[:-1]
        keep[i, order] = losses[order] > best
    return keep


class _Arcs:
    """The finite arcs of the rows that carry P, as sparse row and column sums of one long variable; with
    `losses` only those that an adversary may want.
    """

    def __init__(self, instance: Instance, columns: NDArray[np.intp], losses: Floats | None = None) -> None:
        self.instance = instance
        self.rows = np.flatnonzero(instance.p > 0)
        self.columns = columns
        self.p = instance.p[self.rows]
        cost = instance.cost[np.ix_(self.rows, columns)]
        self.i, self.j = np.nonzero(np.isfinite(cost) if losses is None else _undominated(cost, losses))
        self.cost = cost[self.i, self.j]
        self.count = len(self.i)
        index, ones = np.arange(self.count), np.ones(self.count)
        self.row_sum = sparse.csr_array((ones, (self.i, index)), shape=(len(self.rows), self.count))
        self.column_sum = sparse.csr_array((ones, (self.j, index)), shape=(len(columns), self.count))
        self.density = sparse.csr_array((1.0 / self.p[self.i], (self.i, index)), shape=self.row_sum.shape)
        spec = dict(instance.divergence)
        renyi = spec.get("name") == "renyi"
        self.epigraphs: Any = RenyiEpigraph(float(Fraction(spec["alpha"]))) if renyi else Epigraphs(spec)
        self.space = instance.support == "space" and bool(np.isfinite(self.epigraphs.recession))

    def cost_of(self, x: Any, u: Any) -> tuple[Any, list[Any]]:
        """`D(eta||P) + <c, x>` and its constraints."""
        information, constraints = self.epigraphs.f(self.row_sum @ x, self.p)
        total = cp.sum(information) + self.cost @ x
        if self.space:
            total = total + self.epigraphs.recession * cp.sum(u)
        return total, constraints

    def witness(self, x: Any, u: Any, objective: float) -> PlanWitness:
        plan = np.zeros(self.instance.shape)
        plan[self.rows[self.i], self.columns[self.j]] = np.maximum(x.value, 0.0)
        singular = np.zeros(self.instance.shape[1])
        if self.space:
            singular[self.columns] = np.maximum(u.value, 0.0)
        return PlanWitness(plan, singular, objective)


def _solve(problem: Any, solver: str | None) -> float:
    """Solve and return the objective; the status is only consulted for whether there is a point at all."""
    chosen = solver or ("HIGHS" if problem.is_lp() else "CLARABEL")
    # Where Clarabel stalls before the tight tolerance it returns nothing: ask for less.
    attempts: list[dict[str, Any]] = [{}]
    if chosen == "CLARABEL":
        attempts = [{"tol_gap_abs": tol, "tol_gap_rel": tol, "tol_feas": tol} for tol in _TOLERANCES]
    failure: Exception | None = None
    for options in attempts:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "may be inaccurate": the recomputed bound decides
                problem.solve(solver=chosen, **options)
            failure = None
            break
        except cp.error.SolverError as error:
            failure = error
    if failure is not None:
        raise InputError(f"the solver {chosen} gave no point: {failure}")
    if problem.value is None or not np.isfinite(problem.value):
        raise InputError(f"the solver {chosen} found no point: it reports {problem.status!r}.")
    return float(problem.value)


def _separable_only(instance: Instance) -> None:
    if instance.divergence.get("name") == "renyi":
        raise InputError(
            "the dual programs are written for f-divergences; 'renyi' is none: solve its primal."
        )


def _until_settled(solve: Callable[[], tuple[float, Floats]], epigraphs: Epigraphs, exact: str) -> None:
    """Repeat with refined tangents until the objective settles; once where no tangent stands in."""
    last = np.inf
    for _ in range(_ROUNDS):
        value, densities = solve()
        if getattr(epigraphs, exact) or abs(value - last) <= 1e-12 * max(1.0, abs(value)):
            return
        last = value
        epigraphs.refine(densities)


def primal(instance: Instance, *, solver: str | None = None) -> PlanWitness:
    """T1: the plan of least `D(eta||P) + <c, pi>` with columns `q`.

    Args:
        instance: needs `q`; any f-divergence, or Rényi.
        solver: name of an installed CVXPY solver; by default HiGHS for linear programs, Clarabel else.

    Raises:
        InputError: no q, or the solver found no point (for instance because `D^c` is infinite).
    """
    if instance.q is None:
        raise InputError("the field 'q' is missing: T1 needs it.")
    columns = np.flatnonzero(instance.q > 0)
    arcs = _Arcs(instance, columns)
    found: list[PlanWitness] = []

    def once() -> tuple[float, Floats]:
        assert instance.q is not None
        x, u = cp.Variable(arcs.count, nonneg=True), cp.Variable(len(columns), nonneg=True)
        total, constraints = arcs.cost_of(x, u)
        constraints.append(arcs.column_sum @ x + (u if arcs.space else 0) == instance.q[columns])
        value = _solve(cp.Problem(cp.Minimize(total), constraints), solver)
        found.append(arcs.witness(x, u, value))
        return value, np.asarray(arcs.density @ x.value)

    _until_settled(once, arcs.epigraphs, "exact_primal")
    return found[-1]


def dual(instance: Instance, *, solver: str | None = None) -> PriceWitness:
    """T2: the prices of largest `q.g - E_P[f*(g^c)]`.

    Args, raises: as `primal`.
    """
    _separable_only(instance)
    if instance.q is None:
        raise InputError("the field 'q' is missing: T2 needs it.")
    columns = np.flatnonzero(instance.q > 0)
    arcs = _Arcs(instance, columns)
    found: list[PriceWitness] = []

    def once() -> tuple[float, Floats]:
        assert instance.q is not None
        g, h = cp.Variable(len(columns)), cp.Variable(len(arcs.rows))
        value_of, constraints = arcs.epigraphs.conjugate(h)
        constraints.append(arcs.row_sum.T @ h >= arcs.column_sum.T @ g - arcs.cost)
        if arcs.space:
            constraints.append(g <= arcs.epigraphs.recession)
        objective = instance.q[columns] @ g - arcs.p @ value_of
        value = _solve(cp.Problem(cp.Maximize(objective), constraints), solver)
        prices = np.full(instance.shape[1], -np.inf)
        prices[columns] = g.value
        found.append(PriceWitness(prices, value))
        return value, arcs.epigraphs.numeric.density(np.asarray(h.value), arcs.p)

    _until_settled(once, arcs.epigraphs, "exact_dual")
    return found[-1]


def _losses(instance: Instance) -> tuple[Floats, float]:
    if instance.phi is None or instance.epsilon is None:
        missing = "phi" if instance.phi is None else "epsilon"
        raise InputError(f"the field {missing!r} is missing: T6 needs it.")
    return instance.phi, instance.epsilon


def dro_primal(instance: Instance, *, solver: str | None = None) -> PlanWitness:
    """T6: the plan of largest `E_Q[phi] - kappa K` whose cost `K = D(eta||P) + <c, pi>` is at most `epsilon`.

    Args:
        instance: needs `phi` and `epsilon`; any f-divergence, or Rényi.
        solver: as in `primal`.

    Raises:
        InputError: a field is missing, or the solver found no point.
    """
    phi, epsilon = _losses(instance)
    arcs = _Arcs(instance, np.arange(instance.shape[1]), phi)
    found: list[PlanWitness] = []

    def once() -> tuple[float, Floats]:
        x, u = cp.Variable(arcs.count, nonneg=True), cp.Variable(len(phi), nonneg=True)
        total, constraints = arcs.cost_of(x, u)
        mass = cp.sum(x) + (cp.sum(u) if arcs.space else 0)
        gain = phi[arcs.j] @ x + (phi @ u if arcs.space else 0)
        constraints += [mass == 1, total <= epsilon]
        objective = gain - instance.kappa * total if instance.kappa > 0 else gain
        value = _solve(cp.Problem(cp.Maximize(objective), constraints), solver)
        found.append(arcs.witness(x, u, value))
        return value, np.asarray(arcs.density @ x.value)

    _until_settled(once, arcs.epigraphs, "exact_primal")
    return found[-1]


def dro_dual(instance: Instance, *, solver: str | None = None) -> Multipliers:
    """T7: the multipliers of least `lambda eps + rho + (lambda+kappa) E_P f*((phi^c - rho)/(lambda+kappa))`.

    The c-transform enters as `h_i >= phi_j - (lambda+kappa) c_ij`, the scaled conjugate as its perspective.

    Args, raises: as `dro_primal`.
    """
    _separable_only(instance)
    phi, epsilon = _losses(instance)
    arcs = _Arcs(instance, np.arange(instance.shape[1]), phi)
    found: list[Multipliers] = []

    def once() -> tuple[float, Floats]:
        lam, rho, h = cp.Variable(nonneg=True), cp.Variable(), cp.Variable(len(arcs.rows))
        mu = lam + instance.kappa
        scale = cp.Variable(len(arcs.rows))
        value_of, constraints = arcs.epigraphs.conjugate(h - rho, scale)
        constraints += [scale == mu, arcs.row_sum.T @ h >= phi[arcs.j] - cp.multiply(arcs.cost, mu)]
        if arcs.space:
            constraints.append(rho >= float(phi.max()) - mu * arcs.epigraphs.recession)
        objective = lam * epsilon + rho + arcs.p @ value_of
        value = _solve(cp.Problem(cp.Minimize(objective), constraints), solver)
        found.append(Multipliers(max(float(lam.value), 0.0), float(rho.value), value))
        at = max(float(lam.value) + instance.kappa, 1e-12)
        return value, arcs.epigraphs.numeric.density((np.asarray(h.value) - float(rho.value)) / at, arcs.p)

    _until_settled(once, arcs.epigraphs, "exact_dual")
    return found[-1]
