"""Exact solvers on finite spaces: `divergence` for D^c (T1, T2), `dro` for the worst case over its ball (T6,
T7)."""

from verification.solve.ball import dro
from verification.solve.regularized import divergence

__all__ = ["divergence", "dro"]
