"""Whether a plan of finite cost exists at all, and why not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from armor.exact.geometry import Geometry
from armor.exact.members import Member

__all__ = ["unreachable"]

Array = NDArray[np.float64]


def unreachable(
    member: Member, p: Array, q: Array, geometry: Geometry, space: bool
) -> tuple[tuple[str, int] | None, NDArray[np.bool_]]:
    """A reason for `+inf` with the index it names, or None; and which rows have an arc of finite cost.

    For `dom f = [0, inf)` (or `(0, inf)`) it is enough that every column, and with `f(0) = inf` every row,
    has an arc:
    mass spread over all finite arcs is feasible. Caps (CVaR) and fixed rows (pure transport) need a
    maximum flow.
    """
    rows, _, _ = geometry.row_best(np.zeros(geometry.m), 1)
    alive = np.zeros(geometry.n, dtype=bool)
    alive[rows] = True
    served, _, _ = geometry.transpose().row_best(np.zeros(geometry.n), 1)
    reached = np.zeros(geometry.m, dtype=bool)
    reached[served] = True
    singular = space and np.isfinite(member.recession)
    if not singular and not reached.all():
        j = int(np.flatnonzero(~reached)[0])
        why = (
            "its recession slope is infinite" if np.isinf(member.recession) else "η must stay on that support"
        )
        text = "column {column} carries mass of Q, which no point of P reaches at finite cost, and " + why
        return (text, j), alive
    if not np.isfinite(member.at_zero) and not alive.all():
        i = int(np.flatnonzero(~alive)[0])
        return ("row {row} carries mass of P, reaches nothing at finite cost, and f(0) is infinite", i), alive
    if not alive.any() and (not singular or member.alpha is not None):
        return ("no arc has a finite cost and η would not touch the support of P", 0), alive
    if member.segments and not np.isfinite(member.recession) and _some_infinite(geometry):
        missing = _shortage(member, p, q, geometry)
        if missing > 1e-9:
            return (
                f"the rows' capacity leaves a mass of {missing:.3g} of Q unserved at any finite cost",
                0,
            ), alive
    return None, alive


def _some_infinite(geometry: Geometry) -> bool:
    arcs = geometry.finite_arcs(geometry.n * geometry.m)
    return arcs is not None and len(arcs[0]) < geometry.n * geometry.m


def _shortage(member: Member, p: Array, q: Array, geometry: Geometry) -> float:
    """The mass of Q that capacities leave unserved: a maximum flow as a linear program on the finite arcs."""
    arcs = geometry.finite_arcs(geometry.n * geometry.m)
    assert arcs is not None
    rows, columns = arcs
    n, m, count = geometry.n, geometry.m, len(rows)
    ones = np.ones(count)
    inequality = sparse.vstack(
        [
            sparse.csr_matrix((ones, (rows, np.arange(count))), shape=(n, count)),
            sparse.csr_matrix((ones, (columns, np.arange(count))), shape=(m, count)),
        ]
    )
    limit = np.concatenate([p * member.segments[0][1], q])
    solved = linprog(-ones, A_ub=inequality, b_ub=limit, method="highs")
    return float(q.sum() + solved.fun) if solved.status == 0 else 0.0
