"""The Newton system by conjugate gradients, preconditioned by the exact factor of its strong arcs.

Where the arcs connect everything with everything (points in many dimensions), a factor of all of them fills
in and costs what a dense one does. Yet an arc matters to the system's inverse only if its weight `w = x/s` is
a visible share of the weaker of its two ends' diagonals, or outweighs the compliance that ties its row to the
ground: the others, left out off the diagonal and kept on it, move no eigenvalue far from 1. The strong arcs
are few (at the end of a solve hardly more than a spanning forest), so their factor is cheap, and about ten
iterations suffice.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from armor.exact.inner import inner

__all__ = ["ThinnedSolver"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_SHARE = 0.2  # of the smaller diagonal of its two ends, above which an arc is strong
_GROUND = 0.3  # of its row's compliance, above which an arc is strong
_FLOOR = 1e-13  # of the diagonal, below which the compliance is rounding
_ACCURACY = 1e-12  # of the residual against the right-hand side; the caller refines what is left
_ITERATIONS = 60  # beyond these more arcs are called strong
_EASIER = 0.1  # by which both thresholds are then multiplied


class Factor(Protocol):
    """Solves `[[diag, -w], [-wᵀ, diag]]` for arcs `(rows, columns)` of the weights it was made of."""

    def __call__(self, vector: Array) -> Array: ...


class Factorise(Protocol):
    """Makes a `Factor`, columns numbered after the rows; `None` where the factorisation breaks down."""

    def __call__(self, rows: Index, columns: Index, w: Array, diagonal: Array) -> Factor | None: ...


class ThinnedSolver:
    """`LinearSolver` for arcs sorted by row, whose rows begin at `row_start`."""

    def __init__(self, rows: Index, columns: Index, row_start: Index, m: int, factorise: Factorise) -> None:
        self._n, self._m = len(row_start) - 1, m
        self._rows, self._columns = rows, columns
        self._start, self._make = row_start, factorise
        self._eased = 1.0
        self._factor: Factor | None = None

    def factorise(self, w: Array, row_diagonal: Array, column_diagonal: Array) -> bool:
        self._w, self._a, self._b = w, row_diagonal, column_diagonal
        self._diagonal = np.concatenate([row_diagonal, column_diagonal])
        self._matrix = sparse.csr_matrix((w, self._columns, self._start), shape=(self._n, self._m))
        self._transpose = self._matrix.T
        ground = row_diagonal - np.asarray(self._matrix.sum(axis=1)).ravel()
        self._ends = np.minimum(row_diagonal[self._rows], column_diagonal[self._columns])
        self._ground = np.maximum(ground, _FLOOR * row_diagonal)[self._rows]
        return self._prepare()

    def _prepare(self) -> bool:
        strong = self._w > self._eased * np.minimum(_SHARE * self._ends, _GROUND * self._ground)
        strong = np.flatnonzero(strong)
        self._all = len(strong) == len(self._w)
        self._factor = self._make(
            self._rows[strong], self._n + self._columns[strong], self._w[strong], self._diagonal
        )
        return self._factor is not None

    def _apply(self, vector: Array) -> Array:
        y, g = vector[: self._n], vector[self._n :]
        return np.concatenate([self._a * y - self._matrix @ g, self._b * g - self._transpose @ y])

    def solve(self, a: Array, b: Array) -> tuple[Array, Array]:
        right = np.concatenate([a, b])
        wanted = _ACCURACY * float(np.max(np.abs(right), initial=0.0))
        out = np.zeros_like(right)
        residual = right
        while True:
            assert self._factor is not None
            step, residual, reached = self._iterate(self._factor, residual, wanted)
            out = out + step
            if reached or self._all:
                break
            self._eased *= _EASIER
            if not self._prepare():
                break
        return out[: self._n], out[self._n :]

    def _iterate(self, factor: Factor, residual: Array, wanted: float) -> tuple[Array, Array, bool]:
        """Conjugate gradients from 0 for `residual`: the sum of steps, what is left, whether it is small."""
        out = np.zeros_like(residual)
        direction, product = np.zeros_like(residual), 1.0
        for _ in range(_ITERATIONS):
            if not float(np.max(np.abs(residual), initial=0.0)) > wanted:
                return out, residual, True
            z = factor(residual)
            new = inner(residual, z)
            direction = z + (new / product) * direction
            product = new
            image = self._apply(direction)
            curvature = inner(direction, image)
            if not (product > 0 and curvature > 0 and np.isfinite(product / curvature)):
                break  # the factor or the system has lost its definiteness in rounding
            length = product / curvature
            out = out + length * direction
            residual = residual - length * image
        return out, residual, False
