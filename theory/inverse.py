"""Candidates for the inverse of a monotone slope: t from f'(t) = y. Candidates only; `conjugate.py`
certifies.
"""

from collections.abc import Iterator
from typing import Any

import sympy as sp

from theory.expansion import expand, expandable
from theory.symbols import t, y

__all__ = ["candidates"]

_U = sp.Symbol("u", positive=True)
_MAX_DEGREE = 2  # closed forms of higher degree (Cardano) are unreadable and unstable: numerics do better


def _peel(left: Any, right: Any) -> Any | None:
    """Solve `left(t) = right` where t occurs once, by undoing one operation after the other."""
    while left != t:
        if isinstance(left, sp.Add):
            rest, core = left.as_independent(t, as_Add=True)
            left, right = core, right - rest
        elif isinstance(left, sp.Mul):
            rest, core = left.as_independent(t, as_Add=False)
            left, right = core, right / rest
        elif isinstance(left, sp.log):
            left, right = left.args[0], sp.exp(sp.expand(right))
        elif isinstance(left, sp.exp):
            left, right = left.exp, sp.log(right)
        elif isinstance(left, sp.Pow) and not left.exp.has(t):
            left, right = left.base, right ** (1 / left.exp)
        else:
            return None
        if left.count(t) != 1:
            return None
    return right


def _power(expression: Any) -> tuple[Any, Any] | None:
    """`(expression in u, q)` with `t = u^q`, when it is rational in a root of t."""
    exponents = {e.exp for e in expression.atoms(sp.Pow) if e.base == t}
    if any(not e.is_Rational for e in exponents) or expression.atoms(sp.log, sp.exp):
        return None
    q = sp.ilcm(1, 1, *(e.q for e in exponents))
    inside = expression.subs(t, _U**q)
    return (inside, q) if inside.is_rational_function(_U) else None


def _algebraic(slope: Any) -> Iterator[Any]:
    found = _power(slope)
    if found is None or not expandable(found[0]):
        return
    inside, q = found
    polynomial = sp.Poly(sp.numer(sp.together(inside - y)), _U)
    if polynomial.degree() <= _MAX_DEGREE:
        for root in sp.roots(polynomial, _U):
            yield sp.factor(root) ** q


def _logarithmic(slope: Any) -> Iterator[Any]:
    """`sum_i c_i log r_i(t) + c = y` with rational r_i and c_i in rational proportion."""
    rest, core = expand(sp.expand_log(slope)).as_independent(t, as_Add=True)
    terms = [term.as_independent(t, as_Add=False) for term in sp.Add.make_args(core)]
    if not terms or not all(isinstance(log, sp.log) for _, log in terms):
        return
    unit = terms[0][0]
    weights = [sp.nsimplify(c / unit) if c != unit else sp.Integer(1) for c, _ in terms]
    if not all(w.is_Integer for w in weights):
        return
    argument = sp.together(sp.prod(log.args[0] ** w for w, (_, log) in zip(weights, terms, strict=True)))
    if argument.is_rational_function(t):
        target = sp.exp(sp.expand((y - rest) / unit))
        polynomial = sp.Poly(sp.numer(sp.together(argument - target)), t)
        if polynomial.degree() <= _MAX_DEGREE:
            yield from (sp.factor(root) for root in sp.roots(polynomial, t))


def _product_log(slope: Any) -> Iterator[Any]:
    """`a log t + b t^k + c = y`, through Lambert's W on its principal branch (`b k / a > 0` makes it
    single).
    """
    a, b, k = sp.Wild("a", exclude=[t]), sp.Wild("b", exclude=[t]), sp.Wild("k", exclude=[t, 0])
    rest, core = expand(slope).as_independent(t, as_Add=True)
    if not core.has(sp.log):
        return
    match = core.match(a * sp.log(t) + b * t**k)
    if match and match[a] != 0 and match[b] != 0 and (match[b] * match[k] / match[a]).is_positive:
        ratio = match[b] * match[k] / match[a]
        w = sp.LambertW(ratio * sp.exp(sp.expand(match[k] * (y - rest) / match[a])))
        yield (w / ratio) ** (1 / match[k])


def candidates(slope: Any) -> Iterator[Any]:
    """Expressions in y that may invert `slope`, an expression in t; cheap ones first, wrong branches
    included.
    """
    forms = [slope, sp.factor(sp.together(slope)), expand(slope)]
    if slope.is_rational_function(t) and not slope.is_polynomial(t) and slope.free_symbols == {t}:
        forms.append(sp.apart(slope, t))
    for form in forms:
        if form.count(t) == 1:
            peeled = _peel(form, y)
            if peeled is not None:
                yield sp.powdenest(peeled)
                break
    for strategy in (_algebraic, _logarithmic, _product_log):
        yield from strategy(slope)
