"""Point clouds: boxes of neighbouring points in low dimension, matrix products in high dimension."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from armor.exact.costs import PointCost
from armor.exact.edges import arc_costs, finish_tile
from armor.exact.geometry import (
    Geometry,
    MatrixGeometry,
    Violations,
    differences_cost,
    join,
    k_smallest,
    nearest_by_features,
    parallel,
    thin,
)

__all__ = ["BoxGeometry", "WideGeometry", "point_geometry"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_LEAF = 48
_U = 2.0**-53


def point_geometry(x: Array, y: Array, cost: PointCost) -> Geometry:
    """The geometry that fits: a stored matrix when small, boxes up to 8 dimensions, matrix products
    beyond.
    """
    if len(x) * len(y) <= 40_000 or (x.shape[1] <= 8 and len(x) * len(y) <= 90_000):
        return SmallCloud(x, y, cost)
    if x.shape[1] <= 8:
        return BoxGeometry(x, y, cost)
    return WideGeometry(x, y, cost)


class SmallCloud(MatrixGeometry):
    """Few points: their matrix of costs, computed by differences."""

    def __init__(self, x: Array, y: Array, cost: PointCost) -> None:
        super().__init__(pairwise(cost, x, y))
        self.x, self.y, self.point_cost = x, y, cost
        self.flat = cost.flat

    def rounding(self, size: Array) -> Array:
        return self.point_cost.rounding(size, self.x.shape[1])

    def soft(self) -> MatrixGeometry:
        if not self.point_cost.may_be_infinite:
            return self
        return SmallCloud(self.x, self.y, self.point_cost.soft())


def pairwise(cost: PointCost, x: Array, y: Array) -> Array:
    """All costs between two small clouds, by differences."""
    if x.shape[1] <= 16 or cost.tau is not None:
        return differences_cost(cost, x, y)
    metric = {1.0: "cityblock", 2.0: "sqeuclidean", np.inf: "chebyshev"}[cost.norm]
    return finish_tile(cost, cdist(x, y, metric), x, y)


class _Side:
    """One cloud in the order of a k-d tree, cut into boxes of at most `_LEAF` points."""

    def __init__(self, points: Array) -> None:
        order: list[Index] = []
        stack = [np.arange(len(points))]
        while stack:
            index = stack.pop()
            if len(index) <= _LEAF:
                order.append(index)
                continue
            block = points[index]
            axis = int(np.argmax(block.max(axis=0) - block.min(axis=0)))
            half = len(index) // 2
            split = np.argpartition(block[:, axis], half)
            stack += [index[split[half:]], index[split[:half]]]
        self.order = np.concatenate(order)
        self.points = np.ascontiguousarray(points[self.order])
        self.start = np.concatenate([[0], np.cumsum([len(index) for index in order])])
        self.size = np.diff(self.start)
        self.low = np.minimum.reduceat(self.points, self.start[:-1])
        self.high = np.maximum.reduceat(self.points, self.start[:-1])

    def __len__(self) -> int:
        return len(self.size)


class BoxGeometry:
    """Points in few dimensions; a box of rows meets only the boxes of columns that its potentials cannot
    rule out.
    """

    def __init__(
        self, x: Array, y: Array, cost: PointCost, rows: _Side | None = None, columns: _Side | None = None
    ) -> None:
        self.x, self.y, self.cost = x, y, cost
        self.n, self.m = len(x), len(y)
        self._rows = rows or _Side(x)
        self._columns = columns or _Side(y)
        self.flat = cost.flat

    def rounding(self, size: Array) -> Array:
        return self.cost.rounding(size, self.x.shape[1])

    def arcs(self, rows: Index, columns: Index) -> Array:
        return arc_costs(self.cost, self.x[rows], self.y[columns])

    def _floor(self, box: int, cost: PointCost) -> Array:
        """Lower bounds of the costs between one box of rows and every box of columns."""
        low, high = self._rows.low[box], self._rows.high[box]
        columns = self._columns
        gap = np.maximum(np.maximum(low - columns.high, columns.low - high), 0.0)
        gap *= 1 - 4 * (gap.shape[1] + 8) * _U  # below every computed distance, whatever is made of it
        return cost(gap[:, k] for k in range(gap.shape[1]))

    def _tile(self, box: int, chosen: Index) -> tuple[Array, Index]:
        """Costs between a box of rows and chosen boxes of columns, and the columns' places in tree order."""
        columns = self._columns
        mask = np.zeros(len(columns), dtype=bool)
        mask[chosen] = True
        place = np.flatnonzero(np.repeat(mask, columns.size))
        first, last = self._rows.start[box : box + 2]
        return differences_cost(self.cost, self._rows.points[first:last], columns.points[place]), place

    def row_best(self, g: Array, k: int) -> tuple[Index, Index, Array]:
        sorted_g = g[self._columns.order]
        top = np.maximum.reduceat(sorted_g, self._columns.start[:-1])
        size = self._columns.size

        def one(box: int) -> tuple[Index, Index, Array]:
            bound = self._floor(box, self.cost) - top
            # in a hard ball all bounds are 0, and the box to look at first is the nearest
            order = np.argsort(self._floor(box, self.cost.soft()) - top if self.flat else bound)
            near = np.zeros(len(bound), dtype=bool)
            near[order[: int(np.searchsorted(np.cumsum(size[order]), k)) + 2]] = True
            near &= np.isfinite(bound)
            if not near.any():
                return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
            tile, place = self._tile(box, np.flatnonzero(near))
            values = tile - sorted_g[place]
            reach = min(k, values.shape[1])
            limit = float(np.max(np.partition(values, reach - 1, axis=1)[:, reach - 1]))
            missed = (bound < limit) & ~near  # a box at the limit itself could only tie
            if missed.any():
                tile, place = self._tile(box, np.flatnonzero(near | missed))
                values = tile - sorted_g[place]
            return k_smallest(values, k, int(self._rows.start[box]), place)

        parts = list(parallel(one, len(self._rows)))
        rows, columns, values = (np.concatenate([part[a] for part in parts]) for a in range(3))
        return self._rows.order[rows], self._columns.order[columns], values

    def transpose(self) -> BoxGeometry:
        return BoxGeometry(self.y, self.x, self.cost, self._columns, self._rows)

    def violations(self, h: Array, g: Array, keep: int) -> Violations:
        sorted_h, sorted_g = h[self._rows.order], g[self._columns.order]
        low = np.minimum.reduceat(sorted_h, self._rows.start[:-1])
        top = np.maximum.reduceat(sorted_g, self._columns.start[:-1])

        def one(box: int) -> Violations | None:
            chosen = np.flatnonzero(low[box] + self._floor(box, self.cost) - top < 0)
            if len(chosen) == 0:
                return None
            tile, place = self._tile(box, chosen)
            tile -= sorted_g[place]
            first, last = self._rows.start[box : box + 2]
            tile += sorted_h[first:last, None]
            return thin(tile, keep, int(first), place)

        parts = [part for part in parallel(one, len(self._rows)) if part is not None]
        if not parts:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        rows, columns, values = (np.concatenate([part[a] for part in parts]) for a in range(3))
        return self._rows.order[rows], self._columns.order[columns], values

    def landmarks(self, rng: np.random.Generator) -> tuple[Index, Index, Index, Index]:
        out: list[Index] = []
        for side, points in ((self._rows, self.x), (self._columns, self.y)):
            chosen = np.sort(side.order[int(rng.integers(4)) :: 4])
            _, of = cKDTree(points[chosen]).query(points)
            of = np.asarray(of, dtype=np.int64)
            of[chosen] = np.arange(len(chosen))
            out += [chosen, of]
        return out[0], out[1], out[2], out[3]

    def restrict(self, rows: Index, columns: Index) -> Geometry:
        return point_geometry(self.x[rows], self.y[columns], self.cost)

    def finite_arcs(self, limit: int) -> tuple[Index, Index] | None:
        if not self.cost.may_be_infinite:
            return None
        found: list[tuple[Index, Index]] = []
        total = 0
        for box in range(len(self._rows)):
            chosen = np.flatnonzero(np.isfinite(self._floor(box, self.cost)))
            if len(chosen) == 0:
                continue
            tile, place = self._tile(box, chosen)
            i, j = np.nonzero(np.isfinite(tile))
            total += len(i)
            if total > limit:
                return None
            found.append((self._rows.order[i + self._rows.start[box]], self._columns.order[place[j]]))
        if not found:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        rows = np.concatenate([a for a, _ in found])
        columns = np.concatenate([b for _, b in found])
        sort = np.lexsort((columns, rows))
        return rows[sort], columns[sort]

    def soft(self) -> BoxGeometry:
        if not self.cost.may_be_infinite:
            return self
        return BoxGeometry(self.x, self.y, self.cost.soft(), self._rows, self._columns)


class WideGeometry:
    """Points in many dimensions: lower bounds of the costs in float32, every arc near a decision recomputed.

    Each entry in store is at most the exact cost, in a unit (a power of two) that keeps it in the range of
    float32: the squared distances come from matrix products whose a-priori error is subtracted first. An arc
    that the lower bounds cannot clear is computed in float64 by differences.
    """

    def __init__(
        self, x: Array, y: Array, cost: PointCost, stored: tuple[NDArray[np.float32], float] | None = None
    ) -> None:
        self.x, self.y, self.cost = x, y, cost
        self.n, self.m = len(x), len(y)
        self._stored, self._unit = stored if stored is not None else _stored(x, y, cost)
        self._step = max(1, (1 << 19) // max(self.m, 1))
        self.flat = cost.flat

    def rounding(self, size: Array) -> Array:
        return self.cost.rounding(size, self.x.shape[1])

    def arcs(self, rows: Index, columns: Index) -> Array:
        out = np.empty(len(rows))
        step = max(1, (1 << 19) // self.x.shape[1])

        def one(t: int) -> None:
            part = slice(t * step, (t + 1) * step)
            out[part] = arc_costs(self.cost, self.x[rows[part]], self.y[columns[part]])

        for _ in parallel(one, -(-len(rows) // step)):
            pass
        return out

    def row_best(self, g: Array, k: int) -> tuple[Index, Index, Array]:
        if k == 1:
            return self._row_least(g)
        narrow = (g / self._unit).astype(np.float32)

        def one(t: int) -> tuple[Index, Index, Array]:
            start = t * self._step
            tile = self._stored[start : start + self._step] - narrow
            rows, columns, values = k_smallest(tile, k, start, None)
            return rows, columns, values * self._unit

        # first arcs: which ones is all that is asked
        return join(list(parallel(one, -(-self.n // self._step))))

    def _row_least(self, g: Array) -> tuple[Index, Index, Array]:
        """The exact least `c_ij - g_j` of every row: whatever the lower bounds in store leave possible is
        computed.
        """
        narrow = (g / self._unit).astype(np.float32)
        size = float(np.max(np.abs(g))) / self._unit

        def flat(t: int) -> tuple[Index, Index, Array]:
            start = t * self._step
            return k_smallest(self._stored[start : start + self._step] - g, 1, start, None)

        def one(t: int) -> tuple[Index, Index, Array]:
            start = t * self._step
            tile = self._stored[start : start + self._step] - narrow
            rows, columns, bound = k_smallest(tile, 1, 0, None)
            value = self.arcs(rows + start, columns) - g[columns]
            finite = np.isfinite(value)
            # g's conversion and the difference, each to half an ulp of what stays below the limit
            near = np.where(finite, value, 0.0) / self._unit
            slack = 4 * _HALF_ULP * (size + np.abs(bound) + np.abs(near)) + _LEAST
            limit = np.full(len(tile), -np.inf)
            limit[rows] = np.where(finite, near + slack, np.inf)
            i, j = np.nonzero(tile <= np.nextafter(limit.astype(np.float32), np.float32(np.inf))[:, None])
            exact = self.arcs(i + start, j) - g[j]
            i, j, exact = i[np.isfinite(exact)], j[np.isfinite(exact)], exact[np.isfinite(exact)]
            order = np.lexsort((exact, i))
            first = order[np.flatnonzero(np.diff(i[order], prepend=-1))]
            return i[first] + start, j[first], exact[first]

        # a hard ball's 0 and ∞ are stored exactly
        return join(list(parallel(flat if self.flat else one, -(-self.n // self._step))))

    def transpose(self) -> WideGeometry:
        return WideGeometry(self.y, self.x, self.cost, (self._stored.T, self._unit))

    def violations(self, h: Array, g: Array, keep: int) -> Violations:
        if self.flat:  # 0 and ∞ are stored exactly, and ties are many: nothing may be lost in float32

            def flat(t: int) -> Violations:
                start = t * self._step
                tile = self._stored[start : start + self._step] - g
                tile += h[start : start + self._step, None]
                return thin(tile, keep, start, None)

            return join(list(parallel(flat, -(-self.n // self._step))))
        narrow = (g / self._unit).astype(np.float32)
        size = float(np.max(np.abs(g)) + np.max(np.abs(h))) / self._unit
        # conversions of g and h and two sums, each to half an ulp of at most 2 (|g| + |h|) where the
        # result is negative
        slack = 8 * _HALF_ULP * size + _LEAST

        def one(t: int) -> tuple[Index, Index, Array, bool]:
            start = t * self._step
            tile = self._stored[start : start + self._step] - narrow
            tile += (h[start : start + self._step, None] / self._unit - slack).astype(np.float32)
            rows, columns, values = thin(tile, keep, start, None)
            return rows, columns, values, len(values) == np.count_nonzero(tile < 0)

        parts = list(parallel(one, -(-self.n // self._step)))
        rows, columns, bound = (np.concatenate([part[a] for part in parts]) for a in range(3))
        bound *= self._unit
        values = h[rows] + self.arcs(rows, columns) - g[columns]
        if not all(part[3] for part in parts):
            # Of a tile that was thinned only the lower bounds say how negative its rows and columns can be.
            thinned = np.concatenate([np.full(len(part[0]), not part[3]) for part in parts])
            values = np.where(thinned, np.minimum(values, bound), values)
        negative = values < 0
        return rows[negative], columns[negative], values[negative]

    def landmarks(self, rng: np.random.Generator) -> tuple[Index, Index, Index, Index]:
        basis = rng.standard_normal((self.x.shape[1], 24))
        rows, row_of = nearest_by_features(self.x @ basis, rng)
        columns, column_of = nearest_by_features(self.y @ basis, rng)
        return rows, row_of, columns, column_of

    def restrict(self, rows: Index, columns: Index) -> Geometry:
        if len(rows) * len(columns) <= 40_000:
            return SmallCloud(self.x[rows], self.y[columns], self.cost)
        part = self._stored[np.ix_(rows, columns)], self._unit
        return WideGeometry(self.x[rows], self.y[columns], self.cost, part)

    def finite_arcs(self, limit: int) -> tuple[Index, Index] | None:
        if not self.cost.may_be_infinite:
            return None
        return MatrixGeometry(self._stored.astype(np.float64)).finite_arcs(limit)

    def soft(self) -> Geometry:
        if not self.cost.may_be_infinite:
            return self
        return WideGeometry(self.x, self.y, self.cost.soft())


_HALF_ULP = 2.0**-24
_LEAST = 2.0**-120  # beyond what float32 loses to underflow, in the unit of the store
_CHUNK = 256


def _stored(x: Array, y: Array, cost: PointCost) -> tuple[NDArray[np.float32], float]:
    """Lower bounds of all costs in float32, and their unit.

    Euclidean ones come from float32 products of centred points, scaled to length 1, over `_CHUNK` coordinates
    at a time, added in float64: any order of summation leaves an error of at most `γ_chunk Σ|x_k||y_k| <=
    γ_chunk ‖x‖‖y‖`, the conversion of the coordinates adds `2u‖x‖‖y‖` to it, and underflow a little for
    every coordinate. Other costs are computed by differences and rounded down.
    """
    out = np.empty((len(x), len(y)), dtype=np.float32)
    shrink = 1 - 4 * _HALF_ULP
    low, high = np.minimum(x.min(axis=0), y.min(axis=0)), np.maximum(x.max(axis=0), y.max(axis=0))
    with np.errstate(over="ignore"):
        largest = float(cost.soft()(iter((high - low)[:, None]))[0])
    unit = float(np.ldexp(1.0, int(np.frexp(largest)[1]))) if 1e30 < largest < np.inf else 1.0

    def down(values: Array) -> Array:
        return np.where(np.isfinite(values), np.minimum(values * (shrink / unit), 3e38), values)

    if not cost.euclidean or cost.may_be_infinite:
        step = max(1, (1 << 22) // (x.shape[1] * 8))
        for start in range(0, len(x), step):
            out[start : start + step] = down(pairwise(cost, x[start : start + step], y))
        return out, unit
    centre = x.mean(axis=0)
    wide_x, wide_y = x - centre, y - centre
    reach = max(float(np.abs(wide_x).max()), float(np.abs(wide_y).max()), 1e-300)
    length = -int(np.frexp(reach)[1])
    wide_x, wide_y = np.ldexp(wide_x, length), np.ldexp(wide_y, length)
    square_x = np.einsum("ij,ij->i", wide_x, wide_x)
    square_y = np.einsum("ij,ij->i", wide_y, wide_y)
    narrow_x, narrow_y = wide_x.astype(np.float32), wide_y.astype(np.float32)
    del wide_x, wide_y
    error = 2 * (_CHUNK + 8) * _HALF_ULP
    norm_y = np.sqrt(square_y)
    step = max(1, (1 << 21) // max(len(y), 1))

    for start in range(0, len(x), step):
        rows = slice(start, start + step)
        square = square_x[rows, None] + square_y
        square -= error * np.sqrt(square_x[rows, None]) * norm_y + x.shape[1] * _LEAST
        for first in range(0, x.shape[1], _CHUNK):
            part = slice(first, first + _CHUNK)
            square -= 2 * (narrow_x[rows, part] @ narrow_y[:, part].T)
        out[rows] = down(cost.finish(np.ldexp(np.maximum(square, 0.0), -2 * length)))
    return out, unit
