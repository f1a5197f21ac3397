"""mpmath: scalars at the precision in force (`mpmath.mp.dps`)."""

from functools import lru_cache
from typing import Any

import mpmath as mp
import sympy as sp

__all__ = ["MpmathOperations"]


@lru_cache(maxsize=1024)
def _number(expression: Any, dps: int) -> Any:
    return mp.make_mpf(sp.N(expression, dps + 10)._as_mpf_val(int((dps + 10) * 3.33)))


class MpmathOperations:
    """Operations on `mpmath.mpf`."""

    static = False

    def __init__(self) -> None:
        for name in ("exp", "log1p", "expm1", "sin", "cos", "tanh", "sinh", "cosh", "atan", "asinh"):
            setattr(self, name, getattr(mp, name))

    def const(self, expression: Any) -> Any:
        if expression in (sp.oo, -sp.oo):
            return mp.inf if expression == sp.oo else -mp.inf
        return +_number(expression, mp.mp.dps)

    def real(self, x: Any) -> Any:
        return mp.mpf(x)

    def eps(self) -> Any:
        return mp.eps

    def max_steps(self) -> int:
        return int(20 * mp.mp.prec)

    def abs(self, x: Any) -> Any:
        return abs(x)

    def power_minus_1(self, x: Any, exponent: Any) -> Any:
        return self.pow(x, exponent) - 1

    def sqrt(self, x: Any) -> Any:
        return mp.sqrt(max(x, mp.mpf(0)))

    def log(self, x: Any) -> Any:
        return mp.log(x) if x > 0 else -mp.inf

    def pow(self, x: Any, exponent: Any) -> Any:
        return max(x, mp.mpf(0)) ** exponent

    def reciprocal(self, x: Any) -> Any:
        return 1 / x if x else mp.inf

    def omega(self, z: Any) -> Any:
        return mp.lambertw(mp.exp(z)).real
