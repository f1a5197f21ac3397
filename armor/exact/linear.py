"""The Newton system of the arc problem: symmetric, diagonally dominant, one unknown per row and per column.

`[[W + k, -w], [-wᵀ, W' + e]]` with arc weights `w = x/s`, their row and column sums `W`, `W'`, the rows'
compliance
`k = 1/H` and the columns' `e = u/v`. Small or nearly full problems eliminate the rows and factorise the Schur
complement densely; others use a sparse LDLᵀ with a fixed pattern (qdldl; SciPy's SuperLU where it is absent).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse.linalg import splu

try:
    import qdldl
except ModuleNotFoundError:
    qdldl = None

__all__ = ["ArcGraph", "LinearSolver", "dense", "linear_solver"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]


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
        self._solver: object | None = None

    def factorise(self, w: Array, row_diagonal: Array, column_diagonal: Array) -> bool:
        data = self._matrix.data
        diagonal = np.concatenate([row_diagonal, column_diagonal])
        data[self._arcs] = -w[self._g.by_column]
        data[self._diagonal] = diagonal
        for shift in (1e-15, 1e-12, 1e-9):
            data[self._diagonal] = diagonal * (1 + shift)
            if self._factorise():
                return True
        return False

    def _factorise(self) -> bool:
        try:
            if qdldl is None:
                full = self._matrix + sparse.triu(self._matrix, 1).T
                options = {"SymmetricMode": True, "DiagPivotThresh": 0.0}
                self._solver = splu(full.tocsc(), permc_spec="MMD_AT_PLUS_A", options=options)
            elif self._solver is None:
                self._solver = qdldl.Solver(self._matrix, upper=True)
            else:
                self._solver.update(self._matrix, upper=True)  # type: ignore[attr-defined]
        except (RuntimeError, ValueError):
            self._solver = None
            return False
        return True

    def solve(self, a: Array, b: Array) -> tuple[Array, Array]:
        out = self._solver.solve(np.concatenate([a, b]))  # type: ignore[union-attr]
        return out[: self._g.n], out[self._g.n :]


def dense(graph: ArcGraph) -> bool:
    """Whether the Schur complement of the columns is small, or filled by the arcs anyway."""
    small = graph.m <= 120 and graph.n <= 2000
    filled = graph.count > 0.15 * graph.n * graph.m and graph.m <= 4000
    return small or filled


def linear_solver(graph: ArcGraph) -> LinearSolver:
    """Dense where the Schur complement is small or the arcs fill it anyway, sparse otherwise."""
    return _Dense(graph) if dense(graph) else _Sparse(graph)
