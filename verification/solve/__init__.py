"""Exact solvers on finite spaces: `divergence` for D^c (T1, T2) and `dro` for the worst case over its ball
(T6, T7)."""

from verification.solve.ball import dro

__all__ = ["dro"]
