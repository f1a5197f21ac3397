"""The Newton system of the arc problem: symmetric, diagonally dominant, one unknown per row and per column.

`[[W + k, -w], [-wᵀ, W' + e]]` with arc weights `w = x/s`, their row and column sums `W`, `W'`, the rows'
compliance
`k = 1/H` and the columns' `e = u/v`. Small or nearly full problems eliminate the rows and factorise the Schur
complement densely; others use a sparse LDLᵀ with a fixed pattern (qdldl; SciPy's SuperLU where it is
absent), and graphs that would fill such a factor conjugate gradients (`thinned.py`).
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from armor.exact.thinned import Factor, ThinnedSolver

try:
    import qdldl
except ModuleNotFoundError:
    qdldl = None

__all__ = ["ArcGraph", "LinearSolver", "dense", "entangled", "linear_solver"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_SHIFTS = (1e-15, 1e-12, 1e-9)  # of the diagonal, tried in turn
_LARGE = 2000  # nodes below which a sparse factor is cheap whatever the arcs
_RING = 0.2  # share of a connected part at one distance from a node that tells a fill-in
_HUB = 2.0  # times the square root of the nodes: arcs beyond which a node is a hub
_HUBS = 64  # most hubs that are left aside


class ArcGraph:
    """Arcs `(rows[k], columns[k])`, sorted by row, with fast sums over rows and over columns."""

    def __init__(self, n: int, m: int, rows: Index, columns: Index) -> None:
        self.n, self.m = n, m
        self.rows, self.columns = rows, columns
        self.count = len(rows)
        self.row_start = np.searchsorted(rows, np.arange(n + 1))
        self.by_column = np.argsort(columns, kind="stable")
        self.column_start = np.searchsorted(columns[self.by_column], np.arange(m + 1))
        ones = np.ones(self.count)
        self._rows = sparse.csr_matrix((ones, np.arange(self.count), self.row_start), shape=(n, self.count))
        self._columns = sparse.csr_matrix((ones, self.by_column, self.column_start), shape=(m, self.count))
        self._full_rows = bool(np.all(np.diff(self.row_start) > 0))
        self._full_columns = bool(np.all(np.diff(self.column_start) > 0))

    def row_sum(self, a: Array) -> Array:
        """`(n,)` sums of an arc array over each row."""
        return np.asarray(self._rows @ a)

    def column_sum(self, a: Array) -> Array:
        """`(m,)` sums of an arc array over each column."""
        return np.asarray(self._columns @ a)

    def row_max(self, a: Array) -> Array:
        """`(n,)` maxima over each row, `-inf` for a row without arcs."""
        if self._full_rows:
            return np.asarray(np.maximum.reduceat(a, self.row_start[:-1]))
        out = np.full(self.n, -np.inf)
        np.maximum.at(out, self.rows, a)
        return out

    def column_min(self, a: Array) -> Array:
        """`(m,)` minima over each column, `inf` for a column without arcs."""
        if self._full_columns:
            return np.asarray(np.minimum.reduceat(a[self.by_column], self.column_start[:-1]))
        out = np.full(self.m, np.inf)
        np.minimum.at(out, self.columns, a)
        return out


class LinearSolver(Protocol):
    """Factorise for given weights, then solve for right-hand sides `(n,)`, `(m,)`."""

    def factorise(self, w: Array, row_diagonal: Array, column_diagonal: Array) -> bool: ...
    def solve(self, a: Array, b: Array) -> tuple[Array, Array]: ...


class _Dense:
    def __init__(self, graph: ArcGraph) -> None:
        self._g = graph
        self._flat = graph.rows * graph.m + graph.columns
        self._full = graph.count == graph.n * graph.m

    def factorise(self, w: Array, row_diagonal: Array, column_diagonal: Array) -> bool:
        g = self._g
        if self._full:
            dense = w.reshape(g.n, g.m)
        else:
            flat = np.zeros(g.n * g.m)
            flat[self._flat] = w
            dense = flat.reshape(g.n, g.m)
        self._w, self._d = dense, row_diagonal
        scaled = dense / np.sqrt(row_diagonal)[:, None]
        schur: Array = -(scaled.T @ scaled)
        diagonal = np.arange(g.m)
        schur[diagonal, diagonal] += column_diagonal
        for shift in (0.0, 1e-14, 1e-11, 1e-8):
            schur[diagonal, diagonal] += shift * column_diagonal
            try:
                self._factor = cho_factor(schur, lower=True, check_finite=False)
            except LinAlgError:
                continue
            return True
        return False

    def solve(self, a: Array, b: Array) -> tuple[Array, Array]:
        y = a / self._d
        dg = cho_solve(self._factor, b + self._w.T @ y, check_finite=False)
        return y + (self._w @ dg) / self._d, dg


class _Sparse:
    def __init__(self, graph: ArcGraph) -> None:
        self._g = graph
        n, m = graph.n, graph.m
        length = np.concatenate([np.ones(n, dtype=np.int64), np.diff(graph.column_start) + 1])
        start = np.concatenate([[0], np.cumsum(length)])
        # Columns n.. of the upper triangle hold their arcs by ascending row, then the diagonal.
        self._diagonal = start[1:] - 1
        places = np.ones(start[-1], dtype=bool)
        places[self._diagonal] = False
        self._arcs = np.flatnonzero(places)
        indices = np.empty(start[-1], dtype=np.int64)
        indices[self._diagonal] = np.arange(n + m)
        indices[self._arcs] = graph.rows[graph.by_column]
        self._matrix = sparse.csc_matrix((np.ones(start[-1]), indices, start), shape=(n + m, n + m))
        self._solver: Any = None

    def factorise(self, w: Array, row_diagonal: Array, column_diagonal: Array) -> bool:
        data = self._matrix.data
        diagonal = np.concatenate([row_diagonal, column_diagonal])
        data[self._arcs] = -w[self._g.by_column]
        for shift in _SHIFTS:
            data[self._diagonal] = diagonal * (1 + shift)
            self._solver = _ldl(self._matrix, self._solver)
            if self._solver is not None:
                return True
        return False

    def solve(self, a: Array, b: Array) -> tuple[Array, Array]:
        out = self._solver.solve(np.concatenate([a, b]))
        return out[: self._g.n], out[self._g.n :]


def _ldl(upper: sparse.csc_matrix, known: Any = None) -> Any:
    """An object with `solve` from the upper triangle, `None` on a breakdown; `known` has the same pattern."""
    try:
        if qdldl is None:
            full = upper + sparse.triu(upper, 1).T
            options = {"SymmetricMode": True, "DiagPivotThresh": 0.0}
            return splu(full.tocsc(), permc_spec="MMD_AT_PLUS_A", options=options)
        if known is None:
            return qdldl.Solver(upper, upper=True)
        known.update(upper, upper=True)
    except (RuntimeError, ValueError):
        return None
    return known


def _factor(rows: Index, columns: Index, w: Array, diagonal: Array) -> Factor | None:
    """Of a few arcs, in a pattern of their own each time."""
    size = len(diagonal)
    every = np.arange(size)
    place = (np.concatenate([rows, every]), np.concatenate([columns, every]))
    for shift in _SHIFTS:
        entries = np.concatenate([-w, diagonal * (1 + shift)])
        solver = _ldl(sparse.coo_matrix((entries, place), shape=(size, size)).tocsc())
        if solver is not None:
            return lambda vector: np.asarray(solver.solve(vector))
    return None


def dense(graph: ArcGraph) -> bool:
    """Whether the Schur complement of the columns is small, or filled by the arcs anyway."""
    small = graph.m <= 120 and graph.n <= 2000
    filled = graph.count > 0.15 * graph.n * graph.m and graph.m <= 4000
    return small or filled


def entangled(graph: ArcGraph) -> bool:
    """Whether some distance from a node is shared by a good part of all nodes: then every separator is large
    and a sparse factor fills in. Points in the plane give rings, points in many dimensions do not. Hubs,
    near everything, do no harm where they are few: they are eliminated last.
    """
    if graph.n + graph.m < _LARGE:
        return False
    ones = np.ones(graph.count, dtype=np.float32)
    half = sparse.csr_matrix((ones, graph.columns, graph.row_start), shape=(graph.n, graph.m))
    links = sparse.bmat([[None, half], [half.T, None]], format="csr", dtype=np.float32)
    usual = np.flatnonzero(np.diff(links.indptr) <= _HUB * np.sqrt(graph.n + graph.m))
    if len(usual) >= graph.n + graph.m - _HUBS:
        links = links[usual][:, usual]
    size = links.shape[0]
    _, part = connected_components(links, directed=False)
    part_size = np.bincount(part)
    start = int(np.argmax(part == int(np.argmax(part_size))))
    unseen = np.ones(size, dtype=bool)
    ring = np.zeros(size, dtype=bool)
    ring[start] = True
    while (width := int(ring.sum())) > 0:
        if width >= max(_RING * int(part_size.max()), _RING * _LARGE):
            return True
        unseen &= ~ring
        ring = (links @ ring.astype(np.float32) > 0) & unseen
    return False


def linear_solver(graph: ArcGraph) -> LinearSolver:
    """Dense where the Schur complement is small or the arcs fill it anyway, sparse where a factor stays
    sparse, conjugate gradients otherwise.
    """
    if dense(graph):
        return _Dense(graph)
    if entangled(graph):
        return ThinnedSolver(graph.rows, graph.columns, graph.row_start, graph.m, _factor)
    return _Sparse(graph)
