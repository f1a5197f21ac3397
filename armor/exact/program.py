"""The restriction to a list of arcs as a linear program (total variation, CVaR, pure transport), by HiGHS's
simplex method.

Rows made of segments have no curvature to lean on: where many columns compete for few rows, or weights range
over many orders of magnitude, the interior point's start is far from feasible and its steps are short. A
vertex method does not mind.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from armor.exact.interior import ArcResult
from armor.exact.linear import ArcGraph
from armor.exact.members import Member

__all__ = ["solve_program"]

Array = NDArray[np.float64]


def solve_program(
    member: Member, p: Array, q: Array, graph: ArcGraph, cost: Array, elastic: float
) -> ArcResult | None:
    """An optimal vertex and its prices, or None if HiGHS finds none.

    Args:
        elastic: a price at which columns may be served without any row; `inf` for none.
    """
    n, m, count = graph.n, graph.m, graph.count
    served = np.isfinite(elastic)
    # beyond its first segment a row pays the slope of the second; served columns pay no more than that
    beyond = member.segments[1][0] if len(member.segments) > 1 and not served else np.inf
    extra = n if np.isfinite(beyond) else 0
    total = count + (m if served else 0)
    # Weights are scaled to mean 1, since HiGHS's tolerances are absolute.
    unit = float(m)
    price = float(np.max(cost)) or min(elastic, beyond)
    price = price if np.isfinite(price) else 1.0
    objective = np.concatenate([cost, np.full(m, elastic)])[:total]
    objective = np.concatenate([objective, np.full(extra, beyond)]) / price
    ones = np.ones(count)
    rows = sparse.csr_matrix((ones, (graph.rows, np.arange(count))), shape=(n, total))
    places = np.concatenate([np.arange(count), np.arange(count, total)])
    columns = sparse.csr_matrix(
        (np.ones(total), (np.concatenate([graph.columns, np.arange(m)])[:total], places)), shape=(m, total)
    )
    if extra:
        rows = sparse.hstack([rows, -sparse.identity(n)]).tocsr()
        columns = sparse.hstack([columns, sparse.csr_matrix((m, n))]).tocsr()
    cap = unit * p * member.segments[0][1]
    fixed = member.name == "none"
    options = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    if fixed:
        equalities = sparse.vstack([rows, columns]).tocsr()
        bounds = np.concatenate([cap, unit * q])
        solved = linprog(objective, A_eq=equalities, b_eq=bounds, method="highs-ds", options=options)
    else:
        solved = linprog(
            objective, A_ub=rows, b_ub=cap, A_eq=columns, b_eq=unit * q, method="highs-ds", options=options
        )
    if solved.status != 0:
        return None
    x = np.maximum(solved.x, 0.0) / unit
    marginals = np.asarray(solved.eqlin.marginals) * price
    g = marginals[n:] if fixed else marginals
    y = -marginals[:n] if fixed else -np.asarray(solved.ineqlin.marginals) * price
    value = float(solved.fun) * price / unit
    s = np.maximum(y[graph.rows] + cost - g[graph.columns], 0.0)
    return ArcResult(x[:count], x[count:total], y, g, s, value, value, int(solved.nit), True)
