"""Optimal transport on small spaces by linear programming: the yardstick of the statements that compare
with it.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

__all__ = ["transport_cost", "transport_dro"]

Array = NDArray[np.float64]


def transport_cost(cost: Array, p: Array, q: Array) -> float:
    """`C(P, Q) = min_π ⟨c, π⟩` over couplings of `p (n,)` and `q (m,)`; `inf` when no coupling has finite
    cost.
    """
    n, m = cost.shape
    finite = np.isfinite(cost)
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    keep = finite.ravel()
    solution = linprog(
        cost.ravel()[keep],
        A_eq=np.vstack([rows, columns])[:, keep],
        b_eq=np.concatenate([p, q]),
        method="highs",
    )
    return float(solution.fun) if solution.status == 0 else float("inf")


def transport_dro(phi: Array, cost: Array, p: Array, epsilon: float, kappa: float) -> float:
    """`sup { E_Q[φ] − κ C(P, Q) : C(P, Q) ≤ ε }`, transport alone."""
    n, m = cost.shape
    keep = np.isfinite(cost).ravel()
    price = np.where(np.isfinite(cost), cost, 0.0).ravel()[keep]
    reward = np.tile(phi, n)[keep] - kappa * price
    rows = np.kron(np.eye(n), np.ones(m))[:, keep]
    solution = linprog(-reward, A_ub=price[None, :], b_ub=[epsilon], A_eq=rows, b_eq=p, method="highs")
    return float(-solution.fun)
