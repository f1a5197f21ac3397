"""Python floats: what the checks of derivations compute with, since a dozen numbers need no array library."""

import math
from functools import cache
from typing import Any

import sympy as sp

__all__ = ["FloatOperations"]


@cache
def _double(expression: Any) -> float:
    return float(sp.N(expression, 40))


class FloatOperations:
    """Operations on floats; overflow gives infinity."""

    static = True

    def __init__(self) -> None:
        self.sin, self.cos, self.tanh, self.atan, self.asinh = (
            math.sin, math.cos, math.tanh, math.atan, math.asinh,
        )  # fmt: skip

    def const(self, expression: Any) -> float:
        return _double(expression)

    def real(self, x: Any) -> float:
        return float(x)

    def eps(self) -> float:
        return 2.3e-16

    def max_steps(self) -> int:
        return 400

    def exp(self, x: float) -> float:
        return math.exp(x) if x < 709.7 else math.inf

    def expm1(self, x: float) -> float:
        return math.expm1(x) if x < 709.7 else math.inf

    def sinh(self, x: float) -> float:
        return (self.exp(x) - self.exp(-x)) / 2

    def cosh(self, x: float) -> float:
        return (self.exp(x) + self.exp(-x)) / 2

    def log(self, x: float) -> float:
        return math.log(x) if x > 0 else -math.inf

    def log1p(self, x: float) -> float:
        return math.log1p(x) if x > -1 else -math.inf

    def sqrt(self, x: float) -> float:
        return math.sqrt(max(x, 0.0))

    def pow(self, x: float, exponent: float) -> float:
        if x <= 0:
            return 0.0 if exponent > 0 else math.inf
        power = exponent * math.log(x)
        return math.inf if power > 709.7 else x**exponent

    def integer_power(self, x: float, exponent: int) -> float:
        try:
            return float(x**exponent)
        except OverflowError:
            return math.inf if x > 0 or exponent % 2 == 0 else -math.inf

    def power_minus_1(self, x: float, exponent: float) -> float:
        power = exponent * self.log(x)
        return self.expm1(power) if abs(power) < 1 else self.pow(x, exponent) - 1

    def reciprocal(self, x: float) -> float:
        return 1 / x if x else math.inf

    def abs(self, x: float) -> float:
        return abs(x)

    def omega(self, z: float) -> float:
        """Wright omega: w + log w = z, by Newton on u + e^u = z with u = log w."""
        u = z if z < 1 else math.log(z)
        for _ in range(60):
            w = math.exp(u)
            step = (u + w - z) / (1 + w)
            u -= step
            if abs(step) <= 1e-16 * max(1.0, abs(u)):
                break
        return math.exp(u)
