"""The c-transform on a finite space (T5 (g)), shared by all forms of the dual."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["c_transform"]

Array = NDArray[np.float64]


def c_transform(phi: Array, cost: Array, mu: Array) -> Array:
    """`φ^c_μ(x) = max_y {φ(y) − μ c(x, y)}` of `phi (m,)` under `cost (n, m)` for `mu (K,)`, as `(K, n)`.

    `0·∞ = ∞`: an infinite cost stays infinite at `μ = 0`.
    """
    blocked = np.isinf(cost)
    moved = np.where(blocked, np.inf, mu[:, None, None] * np.where(blocked, 0.0, cost))
    return np.asarray((phi - moved).max(axis=2))
