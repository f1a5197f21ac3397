"""A naive twin of the solver for tests: T1 written out in CVXPY, nothing exploited, and instances with
known optimum.
"""

from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from armor.exact.members import Member, member

SMOOTH = [
    "kl",
    "reverse_kl",
    "pearson",
    "neyman",
    "hellinger",
    "js",
    "triangular",
    "jeffreys",
    {"name": "alpha", "alpha": 2.5},
    {"name": "alpha", "alpha": 6.0},
    {"name": "alpha", "alpha": 0.5},
    {"name": "alpha", "alpha": -1.5},
]
LINEAR = ["tv", {"name": "cvar", "beta": 0.3}, {"name": "cvar", "beta": 0.9}, "none"]
RENYI = [{"name": "renyi", "alpha": 0.4}, {"name": "renyi", "alpha": 2.5}]


def label(spec):
    """A test id."""
    return spec if isinstance(spec, str) else "-".join(str(v) for v in spec.values())


def _information(spec, p, eta):
    """D(eta || P) on the support of P, and f'(∞), in the catalogue's own normalisation."""
    name = spec if isinstance(spec, str) else spec["name"]
    t = cp.multiply(1 / p, eta)
    if name == "kl":
        return cp.sum(cp.kl_div(eta, p)) + cp.sum(eta) - 1, np.inf
    if name == "reverse_kl":
        return -p @ cp.log(t), 0.0
    if name == "pearson":
        return p @ cp.square(t - 1), np.inf
    if name == "neyman":
        return p @ (t - 2 + cp.inv_pos(t)), 1.0
    if name == "hellinger":
        return p @ (t + 1 - 2 * cp.sqrt(t)), 1.0
    if name == "js":
        half = (eta + p) / 2
        left, right = cp.kl_div(eta, half) + eta - half, cp.kl_div(p, half) + p - half
        return 0.5 * cp.sum(left + right), 0.5 * np.log(2)
    if name == "triangular":
        return p @ (t - 3 + 4 * cp.inv_pos(t + 1)), 1.0
    if name == "jeffreys":
        return cp.sum(cp.kl_div(eta, p) + cp.kl_div(p, eta)), np.inf
    if name == "tv":
        return 0.5 * cp.sum(cp.abs(eta - p)), 0.5
    if name == "alpha":
        a = spec["alpha"]
        return p @ (cp.power(t, a) - 1) / (a * (a - 1)), (np.inf if a > 1 else 0.0)
    if name == "renyi":
        a = spec["alpha"]
        if a > 1:
            logs = a * np.log(p) + (1 - a) * cp.log(eta)
            return cp.log_sum_exp(logs) / (a * (a - 1)), 0.0
        return cp.log(p**a @ cp.power(eta, 1 - a)) / (a * (a - 1)), 0.0
    raise AssertionError(name)


def primal(spec, cost, p, q, support):
    """T1 by CVXPY and Clarabel; `inf` if infeasible. Weights may hold zeros, costs may be infinite."""
    keep, used = np.flatnonzero(p > 0), np.flatnonzero(q > 0)
    p, q, cost = p[keep], q[used], cost[np.ix_(keep, used)]
    finite = np.isfinite(cost)
    plan = cp.Variable(cost.shape, nonneg=True)
    eta = cp.sum(plan, axis=1)
    constraints = [plan[~finite] == 0] if not finite.all() else []
    objective = cp.sum(cp.multiply(np.where(finite, cost, 0.0), plan))
    name = spec if isinstance(spec, str) else spec["name"]
    recession = np.inf
    if name == "cvar":
        constraints.append(eta <= p / spec["beta"])
    elif name == "none":
        constraints.append(eta == p)
    else:
        information, recession = _information(spec, p, eta)
        objective = objective + information
    arrived = cp.sum(plan, axis=0)
    if support == "space" and np.isfinite(recession):
        singular = cp.Variable(len(q), nonneg=True)
        objective = objective + recession * cp.sum(singular)
        arrived = arrived + singular
    problem = cp.Problem(cp.Minimize(objective), [*constraints, arrived == q])
    problem.solve(solver=cp.CLARABEL)
    return problem.value


@dataclass(frozen=True)
class Planted:
    """An instance whose optimal plan and potentials were chosen first."""

    cost: np.ndarray
    p: np.ndarray
    q: np.ndarray
    value: float


def planted(spec, n, m, rng, scale=1.0) -> Planted:
    """Choose a sparse plan and row prices; costs are tight on its arcs and larger elsewhere, p follows
    from f'.
    """
    which: Member = member(spec)
    rows = np.concatenate([np.arange(n), rng.integers(n, size=m)])
    columns = np.concatenate([rng.integers(m, size=n), np.arange(m)])
    mass = rng.dirichlet(np.ones(len(rows)))
    plan = np.zeros((n, m))
    np.add.at(plan, (rows, columns), mass)
    eta, q = plan.sum(axis=1), plan.sum(axis=0)
    y = rng.uniform(-0.15, 0.15, size=n)
    low, high = -float(y.max()), -float(y.min())  # a common shift makes p sum to 1
    for _ in range(200):
        shift = 0.5 * (low + high)
        if float(np.sum(eta / which.ratio(y + shift))) > 1:
            low = shift
        else:
            high = shift
    y = y + high
    p = eta / which.ratio(y)
    assert abs(p.sum() - 1) < 1e-12
    g = y.max() + scale * rng.uniform(0.0, 0.3, size=m)
    cost = np.maximum(g[None, :] - y[:, None] + scale * rng.exponential(0.5, size=(n, m)), 0.0)
    tight = plan > 0
    cost[tight] = (g[None, :] - y[:, None])[tight]
    assert (cost >= 0).all()
    t = eta / p
    return Planted(cost, p, q, float(p @ which.value(t) + np.sum(plan * cost)))
