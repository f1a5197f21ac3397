"""Inner products on one core.

A BLAS library shares one of more than some ten thousand entries between its threads, and on a busy machine
waits for them a thousand times longer than the sum takes.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["inner"]


def inner(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """`Σ a_k b_k` of two vectors."""
    return float(np.einsum("i,i->", a, b))
