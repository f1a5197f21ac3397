"""Deciding whether an expression is identically zero: refuted by a number, proved by rewriting, or undecided.

A rewriting to the literal 0 is the only thing that counts as a proof; fifty matching digits do not.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sympy as sp

__all__ = ["canonical", "merge_powers", "vanishes"]

_DIGITS = 40
_MAX_ROOT = 6


def _open_logs(expression: Any) -> Any:
    """log of a product of positive factors becomes a sum of logs, innermost first."""

    def rewrite(argument: Any) -> Any:
        return sp.expand_log(sp.log(sp.factor(sp.together(argument))))

    return expression.replace(sp.log, rewrite) if expression.has(sp.log) else expression


def _lambert(expression: Any) -> Any:
    """W(u e^u) = u for u > 0, with u read off the exponents in the argument."""

    def rewrite(argument: Any) -> Any:
        product = sp.powsimp(sp.expand(argument))
        for factor in sp.Mul.make_args(product):
            exponent = factor.exp if isinstance(factor, sp.exp) else None
            if exponent is None or not exponent.is_positive:
                continue
            if sp.simplify(product / (exponent * sp.exp(exponent))) == 1:
                return exponent
        return sp.LambertW(argument)

    return expression.replace(sp.LambertW, rewrite) if expression.has(sp.LambertW) else expression


def canonical(expression: Any) -> Any:
    """`expression` in a form where equal expressions over t > 0 usually look equal."""
    return sp.expand(_open_logs(sp.powsimp(_lambert(sp.expand(expression)))))


def _rational(expression: Any) -> Any:
    roots = (e.exp.q for e in expression.atoms(sp.Pow) if e.exp.is_Rational)
    if max(roots, default=1) > _MAX_ROOT:
        return expression  # as a polynomial in t^(1/q) it would have a degree in the hundreds
    return sp.cancel(sp.together(sp.powdenest(expression)))


def merge_powers(expression: Any, *, expand: bool = True) -> Any:
    """Powers with symbolic exponents: bases factored, powers of powers of positive bases merged."""

    def merge(base: Any, exponent: Any) -> Any:
        exponent = sp.cancel(exponent)
        factors = sp.Mul.make_args(sp.factor(sp.together(base)))
        if exponent.is_Integer or not all(f.is_positive for f in factors):
            return base**exponent
        pairs = (f.as_base_exp() for f in factors)
        return sp.prod(b ** sp.cancel(e * exponent) for b, e in pairs)

    merged = expression.replace(sp.Pow, merge)
    return sp.expand(merged) if expand else merged


_REWRITINGS: tuple[Callable[[Any], Any], ...] = (
    sp.expand,
    lambda e: sp.powsimp(merge_powers(e)),
    lambda e: merge_powers(merge_powers(e)),
    canonical,
    _rational,
    lambda e: canonical(_rational(canonical(e))),
    lambda e: _rational(merge_powers(canonical(e))),
    lambda e: sp.radsimp(_rational(canonical(e))),
    lambda e: sp.expand(sp.powsimp(sp.expand(merge_powers(sp.expand_power_exp(e))))),
    lambda e: sp.simplify(canonical(e)),
    sp.simplify,
)


def _value(expression: Any, point: Mapping[Any, Any]) -> Any:
    number = expression.subs(point).evalf(_DIGITS)
    return number if number.is_number and number.is_finite else None


def vanishes(expression: Any, points: Iterable[Mapping[Any, Any]] = ()) -> bool | None:
    """True: proved to be identically zero. False: a point refutes it. None: neither.

    `points` are substitutions inside the domain of the claim; every free symbol gets a number there.
    """
    expression = sp.sympify(expression)
    if expression == 0:
        return True
    for point in points:
        number = _value(expression, point)
        scale = sum(
            (abs(v) for v in (_value(a, point) for a in sp.Add.make_args(expression)) if v), sp.Float(1)
        )
        if number is not None and abs(number) > scale * sp.Float(10) ** (10 - _DIGITS):
            return False
    for rewriting in _REWRITINGS:
        try:
            if rewriting(expression) == 0:
                return True
        except (sp.PolynomialError, NotImplementedError, RecursionError, ZeroDivisionError):
            continue
    return None
