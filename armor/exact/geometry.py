"""Costs seen through tiles: all that the solver asks of a cost, never stored as `n × m` when it comes from
points.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from armor.exact.costs import PointCost
from armor.exact.edges import finish_tile

__all__ = ["Geometry", "MatrixGeometry", "Violations", "join", "k_smallest", "parallel", "thin"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]
T = TypeVar("T")
Tile = NDArray[np.floating[Any]]
Violations = tuple[Index, Index, Array]

_TILE = 1 << 18


def parallel(function: Callable[[int], T], count: int) -> Iterator[T]:
    """`function(0), …, function(count - 1)` on all cores, in order; NumPy releases the interpreter lock."""
    workers = min(count, os.cpu_count() or 1)
    if workers <= 1:
        yield from map(function, range(count))
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(function, range(count))


class Geometry(Protocol):
    """A cost between `n` rows and `m` columns; `∞` allowed. `flat` says that all finite costs are 0 while
    `soft` tells near arcs from far ones.
    """

    n: int
    m: int
    flat: bool

    def rounding(self, size: Array) -> Array:
        """By how much computed costs of at most `size` can be off."""
        ...

    def arcs(self, rows: Index, columns: Index) -> Array:
        """Costs of single arcs."""
        ...

    def row_best(self, g: Array, k: int) -> tuple[Index, Index, Array]:
        """The `k` smallest finite `c_ij - g_j` of every row: rows, columns, values (for `k > 1` the order
        and the values may be those of lower bounds).
        """
        ...

    def transpose(self) -> Geometry:
        """The same costs with rows and columns exchanged."""
        ...

    def violations(self, h: Array, g: Array, keep: int) -> Violations:
        """Arcs with `h_i + c_ij - g_j < 0`: all, or at least the `keep` worst of every row and column."""
        ...

    def landmarks(self, rng: np.random.Generator) -> tuple[Index, Index, Index, Index]:
        """Row landmarks, each row's landmark, column landmarks, each column's landmark."""
        ...

    def restrict(self, rows: Index, columns: Index) -> Geometry:
        """The costs between some rows and some columns."""
        ...

    def finite_arcs(self, limit: int) -> tuple[Index, Index] | None:
        """All arcs of finite cost by row, if there are at most `limit`."""
        ...

    def soft(self) -> Geometry:
        """The same with `∞` replaced by a cost beyond every finite one: for starting guesses only."""
        ...


def k_smallest(values: Tile, k: int, first_row: int, columns: Index | None) -> Violations:
    """The `k` smallest finite entries of every row of a tile."""
    k = min(k, values.shape[1])
    if k == 1:
        place = np.argmin(values, axis=1)[:, None]
    elif k < values.shape[1]:
        place = np.argpartition(values, k - 1, axis=1)[:, :k]
    else:
        place = np.broadcast_to(np.arange(k), values.shape)
    best = np.take_along_axis(values, place, axis=1)
    finite = np.isfinite(best)
    rows = np.broadcast_to(np.arange(first_row, first_row + len(values))[:, None], best.shape)[finite]
    chosen = place[finite]
    return (
        rows.astype(np.int64),
        (chosen if columns is None else columns[chosen]),
        best[finite].astype(np.float64),
    )


def thin(tile: Tile, keep: int, first_row: int, columns: Index | None) -> Violations:
    """Negative entries of a tile; when they are many, the `keep` worst of every row and column.

    The smallest entry of a row or column that holds a negative one is always among them.
    """
    i, j = np.nonzero(tile < 0)
    if len(i) > 8 * keep * sum(tile.shape):
        part = []
        for array, swap in ((tile, False), (tile.T, True)):
            a, b, _ = k_smallest(np.ascontiguousarray(array), keep, 0, None)
            part.append((b, a) if swap else (a, b))
        key = np.unique(np.concatenate([a * tile.shape[1] + b for a, b in part]))
        i, j = np.divmod(key, tile.shape[1])
        negative = tile[i, j] < 0
        i, j = i[negative], j[negative]
    i = i.astype(np.int64)
    return i + first_row, (j if columns is None else columns[j]), tile[i, j].astype(np.float64)


def join(parts: list[Violations]) -> Violations:
    rows, columns, values = (np.concatenate([part[k] for part in parts]) for k in range(3))
    return rows, columns, values


class MatrixGeometry:
    """A given cost matrix, float64; entries are exact."""

    flat = False

    def __init__(self, cost: Array) -> None:
        self.cost = cost
        self.n, self.m = cost.shape
        self._step = max(1, _TILE // max(self.m, 1))

    def rounding(self, size: Array) -> Array:
        return np.zeros_like(size)

    def _tiles(self) -> int:
        return int(-(-self.n // self._step))

    def arcs(self, rows: Index, columns: Index) -> Array:
        return np.asarray(self.cost[rows, columns], dtype=np.float64)

    def row_best(self, g: Array, k: int) -> tuple[Index, Index, Array]:
        def one(t: int) -> Violations:
            start = t * self._step
            return k_smallest(self.cost[start : start + self._step] - g, k, start, None)

        return join(list(parallel(one, self._tiles())))

    def transpose(self) -> MatrixGeometry:
        return MatrixGeometry(self.cost.T)

    def violations(self, h: Array, g: Array, keep: int) -> Violations:
        def one(t: int) -> Violations:
            start = t * self._step
            tile = self.cost[start : start + self._step] - g
            tile += h[start : start + self._step, None]
            return thin(tile, keep, start, None)

        return join(list(parallel(one, self._tiles())))

    def landmarks(self, rng: np.random.Generator) -> tuple[Index, Index, Index, Index]:
        rows, row_of = nearest_by_features(_features(self.cost, rng), rng)
        columns, column_of = nearest_by_features(_features(self.cost.T, rng), rng)
        return rows, row_of, columns, column_of

    def restrict(self, rows: Index, columns: Index) -> MatrixGeometry:
        return MatrixGeometry(np.ascontiguousarray(self.cost[np.ix_(rows, columns)]))

    def finite_arcs(self, limit: int) -> tuple[Index, Index] | None:
        finite = np.isfinite(self.cost)
        if int(finite.sum()) > limit:
            return None
        rows, columns = np.nonzero(finite)
        return rows, columns

    def soft(self) -> MatrixGeometry:
        finite = np.isfinite(self.cost)
        if finite.all():
            return self
        largest = float(np.max(self.cost, where=finite, initial=0.0))
        return MatrixGeometry(np.where(finite, self.cost, 4 * largest + 10.0))


def _features(cost: Array, rng: np.random.Generator) -> Array:
    """Sixteen columns of the cost as coordinates of its rows: rows near each other have similar costs."""
    picked = np.asarray(cost[:, rng.choice(cost.shape[1], min(16, cost.shape[1]), replace=False)])
    finite = np.isfinite(picked)
    return np.where(finite, picked, 2 * np.max(picked, where=finite, initial=1.0))


def nearest_by_features(features: Array, rng: np.random.Generator) -> tuple[Index, Index]:
    """A quarter of the points as landmarks, and the landmark nearest to every point."""
    count = len(features)
    chosen = np.sort(rng.choice(count, -(-count // 4), replace=False))
    centres = features[chosen]
    square = 0.5 * np.einsum("ij,ij->i", centres, centres)
    step = max(1, (1 << 21) // len(chosen))
    nearest = [
        np.argmin(square - features[start : start + step] @ centres.T, axis=1)
        for start in range(0, count, step)
    ]
    of = np.concatenate(nearest)
    of[chosen] = np.arange(len(chosen))
    return chosen, of


def differences_cost(cost: PointCost, x: Array, y: Array) -> Array:
    """Costs between all rows of `x` and of `y` by differences, exact to a few ulps each."""
    total = cost.accumulate(np.subtract.outer(x[:, k], y[:, k]) for k in range(x.shape[1]))
    return finish_tile(cost, total, x, y)
