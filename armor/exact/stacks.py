"""Linear algebra on stacks of small matrices `(b, n, m)` where NumPy's own is slow."""

__all__ = ["column_sums", "inverses", "least", "limit", "matvec", "row_sums", "vecmat"]

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def limit(worst: Array) -> Array:
    """The longest relative step that leaves positive what would change by `worst` times itself."""
    return np.where(worst >= 0, np.inf, -1.0 / np.minimum(worst, -1e-300))


def matvec(a: Array, v: Array) -> Array:
    """`a v` of every problem, `(b, n, m)` times `(b, m)`."""
    return np.asarray(np.matmul(a, v[:, :, None])[:, :, 0])


def vecmat(v: Array, a: Array) -> Array:
    """`v a` of every problem, `(b, n)` times `(b, n, m)`."""
    return np.asarray(np.matmul(v[:, None, :], a)[:, 0, :])


def row_sums(a: Array) -> Array:
    """Sums over columns; BLAS, since NumPy's sum along short axes costs four times as much."""
    return np.asarray(np.matmul(a, np.ones(a.shape[2])))


def column_sums(a: Array) -> Array:
    """Sums over rows, as `row_sums`."""
    return np.asarray(np.matmul(np.ones(a.shape[1]), a))


def inverses(a: Array) -> Array:
    """Inverses of positive definite `(b, m, m)` matrices, by halves where that is faster than LAPACK."""
    m = a.shape[1]
    if not 16 < m <= 48:
        return np.asarray(np.linalg.inv(a))
    k = m // 2
    first = inverses(np.ascontiguousarray(a[:, :k, :k]))
    off = np.ascontiguousarray(a[:, :k, k:])
    w = np.matmul(first, off)
    last = inverses(a[:, k:, k:] - np.matmul(off.transpose(0, 2, 1), w))
    out = np.empty_like(a)
    out[:, k:, k:] = last
    corner = np.matmul(w, last)
    out[:, :k, k:] = -corner
    out[:, k:, :k] = -corner.transpose(0, 2, 1)
    out[:, :k, :k] = first + np.matmul(corner, w.transpose(0, 2, 1))
    return out


def least(a: Array) -> Array:
    """`a.min(axis=1)` by halves: NumPy's own reduction along a middle axis costs four times as much."""
    while a.shape[1] > 1:
        half = -(-a.shape[1] // 2)
        a = np.minimum(a[:, :half], a[:, -half:])
    return a[:, 0]
