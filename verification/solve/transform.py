"""The adversary's transport step: `φ^c_μ(x_i) = max_j { φ_j - μ c_ij }` as a function of μ, exactly.

For one row the candidates are the vertices of the upper concave hull of the points `(c_ij, φ_j)`; which of
them wins depends on μ through the slopes between neighbours only. So the argmax is found by a search in the
slopes, never by comparing rounded values, and `μ -> 0` needs no special case.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rows", "hulls"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Rows:
    """The hulls of all rows, padded to a common number `K` of vertices, cheapest first.

    Attributes:
        column: (n, K) column of each vertex.
        cost: (n, K) its cost; phi: (n, K) its loss; both increase along a row.
        slope: (n, K - 1) gain in loss per unit of cost between neighbours, decreasing; -inf pads.
    """

    column: Ints
    cost: Floats
    phi: Floats
    slope: Floats

    def at(self, mu: float) -> Ints:
        """(n,) vertex that wins at `mu` (the cheaper one when two tie)."""
        return np.asarray((self.slope > mu).sum(axis=1))

    def scaled(self, mu: float) -> tuple[Ints, Floats, int | None]:
        """The vertices at `mu`, `u = (φ^c - max φ^c)/μ`, and the row of the maximum (None without rows)."""
        vertex = self.at(mu)
        if not len(vertex):
            return vertex, np.zeros(0), None
        rows = np.arange(len(vertex))
        phi, cost = self.phi[rows, vertex], self.cost[rows, vertex]
        top = int(np.argmax(phi - mu * cost))
        with np.errstate(over="ignore"):
            u = (phi - phi[top]) / mu - (cost - cost[top])
        best = int(np.argmax(u))
        return vertex, u - u[best], best


def _hull(cost: Floats, phi: Floats) -> list[int]:
    """Indices of the hull's vertices from the cheapest (with the largest loss there) to the most
    expensive."""
    order = np.lexsort((-phi, cost))
    records = np.maximum.accumulate(phi[order])
    first = np.ones(len(order), dtype=bool)
    first[1:] = records[1:] > records[:-1]
    hull: list[int] = []
    for k in order[first]:
        while len(hull) > 1:
            a, b = hull[-2], hull[-1]
            # b stays only if it lies strictly above the chord from a to k.
            if (phi[b] - phi[a]) * (cost[k] - cost[b]) > (phi[k] - phi[b]) * (cost[b] - cost[a]):
                break
            hull.pop()
        hull.append(int(k))
    return hull


def hulls(cost: Floats, phi: Floats) -> Rows:
    """The hulls of every row of `cost` (n, m), infinite entries left out, for losses `phi` (m,).

    Every row must have at least one finite cost.
    """
    chosen: list[list[int]] = []
    for row in cost:
        finite = np.flatnonzero(np.isfinite(row))
        chosen.append([int(finite[k]) for k in _hull(row[finite], phi[finite])])
    width = max((len(c) for c in chosen), default=1)
    column = np.array([c + [c[-1]] * (width - len(c)) for c in chosen], dtype=np.intp).reshape(-1, width)
    n = len(chosen)
    costs = np.take_along_axis(cost, column, axis=1)
    losses = phi[column]
    slope = np.full((n, max(width - 1, 0)), -np.inf)
    for i, c in enumerate(chosen):
        k = len(c) - 1
        slope[i, :k] = np.diff(losses[i, : k + 1]) / np.diff(costs[i, : k + 1])
    return Rows(column, costs, losses, slope)
