"""From an iterate to a feasible plan: columns rescaled to `q`, caps of CVaR and fixed rows of pure
transport repaired.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from armor.exact.bracket import divergence_value
from armor.exact.geometry import Geometry
from armor.exact.inner import inner
from armor.exact.interior import ArcResult
from armor.exact.linear import ArcGraph, linear_solver
from armor.exact.members import Member

__all__ = ["Primal", "best_primal"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Primal:
    """A feasible point of T1: arcs with their mass and cost, the singular mass, and the value they attain."""

    rows: Index
    columns: Index
    x: Array
    cost: Array
    singular: Array
    value: float


def best_primal(
    member: Member,
    p: Array,
    q: Array,
    geometry: Geometry,
    graph: ArcGraph,
    cost: Array,
    result: ArcResult,
    space: bool,
) -> Primal:
    """The feasible plan nearest to the iterate. Its value is `inf` where the repair met an infinite cost."""
    rows, columns = graph.rows, graph.columns
    has_singular = space and np.isfinite(member.recession)
    u = result.u if has_singular else np.zeros(graph.m)
    start = result.x
    empty = np.flatnonzero(graph.column_sum(start) + u < 1e-6 * q)
    if len(empty) and has_singular:  # a vertex may leave tiny columns unserved
        u = u.copy()
        u[empty] = q[empty]
    elif len(empty):
        start = start.copy()
        order = np.lexsort((cost, columns))
        first = order[np.searchsorted(columns[order], empty)]  # the cheapest arc of each
        start[first] = q[empty]
    scale = q / np.maximum(graph.column_sum(start) + u, 1e-300)
    x, u = start * scale[columns], u * scale
    if member.segments and not np.isfinite(member.recession):
        cap = p * member.segments[0][1]
        x = _project(graph, x, cap, fixed=member.name == "none")
        supply = graph.row_sum(x)
        short = np.maximum(q - graph.column_sum(x), 0.0)
        excess = np.abs(supply - cap) if member.name == "none" else np.maximum(supply - cap, 0.0)
        if float(excess.sum() + short.sum()) > 1e-13:
            x = x * np.minimum(1.0, cap / np.maximum(supply, 1e-300))[rows]
            extra = _fill(cap - graph.row_sum(x), q - graph.column_sum(x), exact=member.name == "none")
            rows, columns = np.concatenate([rows, extra[0]]), np.concatenate([columns, extra[1]])
            x, cost = np.concatenate([x, extra[2]]), np.concatenate([cost, geometry.arcs(*extra[:2])])
        # Both marginals now hold up to rounding, so f is 0 by construction.
        return Primal(rows, columns, x, cost, u, inner(x, cost))
    eta = graph.row_sum(x)
    with np.errstate(all="ignore"):
        value = inner(x, cost) + divergence_value(member, p, eta)
    if has_singular:
        value += member.recession * float(u.sum())
    return Primal(rows, columns, x, cost, u, value)


def _project(graph: ArcGraph, x: Array, cap: Array, *, fixed: bool) -> Array:
    """Move the plan along its own arcs, in proportion to their mass, until no row exceeds its cap (or all
    meet it).
    """
    linear = linear_solver(graph)
    for _ in range(3):
        supply = graph.row_sum(x)
        spare = np.zeros_like(cap) if fixed else np.maximum(cap - supply, 1e-15 * cap)
        wanted = cap - supply - spare
        size = float(np.max(np.abs(wanted) / cap))
        if size < 1e-15:
            break
        if not linear.factorise(x, supply + spare + 1e-15 * cap, graph.column_sum(x) * (1 + 1e-15)):
            break
        a, b = linear.solve(wanted, np.zeros(graph.m))
        factor = 1 + a[graph.rows] - b[graph.columns]
        if not np.all(np.isfinite(factor)) or float(np.min(factor)) <= 0.5 or float(np.max(factor)) > 2:
            break
        x = x * factor
    return x


def _fill(spare: Array, missing: Array, *, exact: bool) -> tuple[Index, Index, Array]:
    """A north-west-corner plan that gives the columns what they miss out of the rows' spare capacity."""
    spare, missing = np.maximum(spare, 0.0), np.maximum(missing, 0.0)
    total = float(missing.sum())
    if total == 0 or float(spare.sum()) == 0:
        empty = np.empty(0, dtype=np.int64)
        return empty, empty, np.empty(0)
    if exact or float(spare.sum()) > total:
        spare = spare * (total / float(spare.sum()))
    ends = np.unique(np.concatenate([np.cumsum(spare), np.cumsum(missing)]))
    ends = ends[ends > 0]
    starts = np.concatenate([[0.0], ends[:-1]])
    middle = 0.5 * (starts + ends)
    rows = np.minimum(np.searchsorted(np.cumsum(spare), middle), len(spare) - 1)
    columns = np.minimum(np.searchsorted(np.cumsum(missing), middle), len(missing) - 1)
    return rows, columns, ends - starts
