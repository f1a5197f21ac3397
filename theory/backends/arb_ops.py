"""python-flint `arb`: real balls; every result encloses the exact value."""

from functools import lru_cache
from math import prod
from typing import Any

import flint
import sympy as sp
from flint import arb

from theory.errors import InputError

__all__ = ["ArbOperations", "ball"]

_FUNCTIONS = ("exp", "log1p", "expm1", "sin", "cos", "tanh", "sinh", "cosh", "atan", "asinh")


def ball(number: Any) -> arb:
    """A ball around an exact extended real number (SymPy), at `flint.ctx.prec`; integers and infinities
    exact.
    """
    return _ball(number, flint.ctx.prec)


@lru_cache(maxsize=4096)
def _ball(e: Any, prec: int) -> arb:
    if e == sp.oo or e == -sp.oo:
        return arb("inf") if e == sp.oo else arb("-inf")
    if e.is_Rational:
        return arb(flint.fmpq(int(e.p), int(e.q)))
    if e == sp.pi:
        return arb.pi()
    if e == sp.E:
        return arb(1).exp()
    if isinstance(e, sp.CRootOf):
        digits = max(15, prec // 3)
        close = e.eval_rational(sp.Rational(1, 10**digits))
        return arb(_ball(close, prec).mid(), _ball(close, prec).rad() + arb(10) ** -digits)
    parts = [_ball(a, prec) for a in e.args]
    if e.is_Add:
        return sum(parts, arb(0))
    if e.is_Mul:
        return prod(parts, start=arb(1))
    if isinstance(e, sp.exp | sp.log):
        return parts[0].exp() if isinstance(e, sp.exp) else parts[0].log()
    if isinstance(e, sp.LambertW) and len(parts) == 1:
        return parts[0].lambertw()
    name = {"Abs": "__abs__"}.get(e.func.__name__, e.func.__name__)
    if name in (*_FUNCTIONS, "__abs__"):
        return getattr(parts[0], name)()
    if e.is_Pow:
        return parts[0].sqrt() if e.exp == sp.Rational(1, 2) else parts[0] ** parts[1]
    raise InputError(f"no ball for the constant {e}")


class ArbOperations:
    """Operations on `flint.arb`."""

    static = False

    def const(self, expression: Any) -> arb:
        return ball(expression)

    def omega(self, z: arb) -> arb:
        return z.exp().lambertw()

    def pow(self, x: arb, exponent: arb) -> arb:
        return x.nonnegative_part() ** exponent

    def power_minus_1(self, x: Any, exponent: Any) -> Any:
        return self.pow(x, exponent) - 1

    def sqrt(self, x: arb) -> arb:
        return x.nonnegative_part().sqrt()

    def log(self, x: arb) -> arb:
        return x.log()

    def reciprocal(self, x: arb) -> arb:
        return 1 / x

    def __getattr__(self, name: str) -> Any:
        if name not in (
            "exp",
            "log1p",
            "expm1",
            "sin",
            "cos",
            "tanh",
            "sinh",
            "cosh",
            "atan",
            "asinh",
            "erf",
        ):
            raise AttributeError(name)
        return lambda x: getattr(x, name)()

    def abs(self, x: arb) -> arb:
        return abs(x)
