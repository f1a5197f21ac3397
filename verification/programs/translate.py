"""From a SymPy expression of one variable to CVXPY atoms, one rule for each shape of convex term.

A sum is translated term by term when every term is convex by itself; products with logarithms are first
collected into `sum_k a_k(x) log(m_k(x))` with affine `a_k`, `m_k` and written as relative entropies, and a
rational function is split into partial fractions. What no rule fits is refused by name, and the callers fall
back to tangents.
"""

from collections.abc import Sequence
from typing import Any

import cvxpy as cp
import numpy as np
import sympy as sp

from theory.errors import InputError

__all__ = ["UntranslatableError", "translate"]


class UntranslatableError(InputError):
    """The expression has no convex form that the rules know; the message names the term."""


def translate(expression: Any, symbol: Any, x: Any, scale: Any = 1.0) -> tuple[Any, list[Any]]:
    """A CVXPY expression equal to `scale * expression(x / scale)` for convex `expression` of `symbol`.

    Args:
        expression: SymPy, convex in `symbol`.
        x: affine CVXPY vector, elementwise.
        scale: 1, a positive array like `x`, or a nonnegative CVXPY vector, for the perspective.

    Returns the CVXPY expression and the constraints that its auxiliary variables need.

    Raises:
        UntranslatableError: no rule applies; the message names the offending term.
    """
    problems = []
    for form in _forms(sp.sympify(expression), symbol):
        builder = _Builder(symbol, x, scale)
        try:
            return builder.sum(form), builder.constraints
        except UntranslatableError as error:
            problems.append(error)
    raise problems[0]


def _forms(expression: Any, symbol: Any) -> Sequence[Any]:
    """The expression as it is, expanded, and in partial fractions: the first that translates is taken."""
    forms = [expression, sp.expand(expression), sp.expand_log(sp.expand(expression), force=True)]
    if expression.is_rational_function(symbol):
        forms.append(sp.apart(sp.together(expression), symbol))
    return list(dict.fromkeys(forms))


def _affine(expression: Any, symbol: Any) -> bool:
    if expression.has(sp.Abs, sp.Max, sp.Min, sp.Piecewise):
        return False
    return bool(sp.diff(expression, symbol, 2) == 0)


def _coefficients(expression: Any, symbol: Any) -> tuple[float, float]:
    """`(slope, offset)` of an affine expression."""
    slope = sp.diff(expression, symbol)
    return float(slope), float(expression.subs(symbol, 0))


def _logarithm(term: Any, symbol: Any) -> tuple[Any, Any] | None:
    """`(m, a)` of a term `a(x) log(m(x))` with affine `a` and `m`."""
    logs = [factor for factor in sp.Mul.make_args(term) if isinstance(factor, sp.log)]
    if len(logs) != 1:
        return None
    rest = sp.expand(term / logs[0])
    argument = logs[0].args[0]
    return (argument, rest) if _affine(rest, symbol) and _affine(argument, symbol) else None


def _times(factor: float, u: Any, v: Any) -> Any:
    """`factor * rel_entr(u, v)`, left out at 0: its value there may be infinite, outside the domain."""
    return factor * cp.rel_entr(u, v) if factor > 1e-15 else 0.0


class _Builder:
    """Translates one form; `constraints` grows with the auxiliary variables."""

    def __init__(self, symbol: Any, x: Any, scale: Any) -> None:
        self.symbol, self.x = symbol, x
        self.constant = isinstance(scale, float | np.ndarray)
        self.s = scale * np.ones(x.shape) if self.constant else scale
        self.constraints: list[Any] = []

    def sum(self, expression: Any) -> Any:
        logs: dict[Any, Any] = {}
        total: Any = 0.0
        affine = sp.Integer(0)
        for term in sp.Add.make_args(expression):
            if _affine(term, self.symbol):
                affine += term
                continue
            collected = _logarithm(term, self.symbol)
            if collected is not None:
                argument, factor = collected
                logs[argument] = logs.get(argument, sp.Integer(0)) + factor
            else:
                total = total + self.term(term)
        return total + self.entropies(logs) + self.affine(affine)

    def affine(self, expression: Any) -> Any:
        slope, offset = _coefficients(sp.sympify(expression), self.symbol)
        return slope * self.x + offset * self.s

    def entropies(self, logs: dict[Any, Any]) -> Any:
        """`sum a log(m)` as relative entropies `rel_entr(u, v) = u log(u/v)`, each convex and homogeneous."""
        total: Any = 0.0
        slope, offset = _coefficients(sp.sympify(logs.pop(self.symbol, 0)), self.symbol)
        if offset > 0:
            raise UntranslatableError(f"the term {offset} log({self.symbol}) is concave.")
        total = total + _times(-offset, self.s, self.x)
        spare = slope  # of x log x, to pair with -x log m
        for argument, factor in logs.items():
            slope, offset = _coefficients(factor, self.symbol)
            m_slope, m_offset = _coefficients(argument, self.symbol)
            m = self.affine(argument)
            if slope <= 0 and offset <= 0 and spare >= -slope - 1e-15:
                # -(a x + b) log m = a rel_entr(x, m) + b rel_entr(1, m) - a x log x
                total = total + _times(-slope, self.x, m) + _times(-offset, self.s, m)
                spare += slope
                continue
            ratio = slope / m_slope if m_slope else 0.0
            remainder = offset - ratio * m_offset
            if ratio < 0 or remainder > 1e-15:
                raise UntranslatableError(f"the term ({factor}) log({argument}) is not convex.")
            total = total + _times(ratio, m, self.s) + _times(-remainder, self.s, m)
        if spare < -1e-15:
            raise UntranslatableError(f"the term {spare} {self.symbol} log({self.symbol}) is concave.")
        return total + _times(max(spare, 0.0), self.x, self.s)

    def term(self, term: Any) -> Any:
        factor, core = term.as_independent(self.symbol, as_Add=False)
        scale = float(factor)
        if isinstance(core, sp.Abs) and _affine(core.args[0], self.symbol) and scale > 0:
            return scale * cp.abs(self.affine(core.args[0]))
        if isinstance(core, sp.Max) and scale > 0 and all(_affine(a, self.symbol) for a in core.args):
            return scale * cp.maximum(*(self.affine(a) for a in core.args))
        if isinstance(core, sp.exp) and scale > 0 and _affine(core.args[0], self.symbol):
            z = cp.Variable(self.x.shape)
            self.constraints.append(cp.ExpCone(self.affine(core.args[0]), self.s + 0 * z, z))
            return scale * z
        if isinstance(core, sp.log) and scale < 0:
            # -log of a concave function, such as 2 - exp(2 y)
            inner, extra = translate(-core.args[0], self.symbol, self.x, self.s)
            below = cp.Variable(self.x.shape)
            self.constraints += [*extra, below <= -inner]
            return -scale * cp.rel_entr(self.s, below)
        if isinstance(core, sp.Pow):
            return self.power(term, scale, *core.args)
        raise UntranslatableError(f"the term {term} has no convex form that is known here.")

    def power(self, term: Any, scale: float, base: Any, exponent: Any) -> Any:
        """`scale * base^exponent` by the power cone, since CVXPY's own power rounds the exponent."""
        if exponent.has(self.symbol) or not _affine(base, self.symbol):
            raise UntranslatableError(f"the term {term} is not a power of an affine function.")
        a = float(exponent)
        odd = bool(exponent.is_integer and exponent.is_odd)
        if odd and scale < 0:
            base, scale = -base, -scale  # such as -1/(y - 1) = 1/(1 - y), convex where the base is positive
        u = self.affine(base)
        even = bool(exponent.is_integer and exponent.is_even and a > 0)
        # t^3 is convex where t >= 0 only; a fractional power has no other domain.
        wrong_sign = odd and a > 1 and min(_coefficients(base, self.symbol)) < 0
        if (scale > 0) == (0 < a < 1) or wrong_sign:
            raise UntranslatableError(f"the term {term} is not convex.")
        if self.constant and a == 2:
            return cp.multiply(scale / self.s, cp.square(u))
        z = cp.Variable(self.x.shape)
        s = self.s + 0 * z
        if a > 1:
            self.constraints.append(cp.PowCone3D(z, s, u, 1 / a))
            if not even:
                self.constraints.append(u >= 0)
        elif a > 0:
            self.constraints.append(cp.PowCone3D(u, s, z, a))
        else:
            self.constraints.append(cp.PowCone3D(z, u, s, 1 / (1 - a)))
        return scale * z
