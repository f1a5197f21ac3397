"""A table of branches as a function of one number: mpmath at its precision, or arb with enclosure."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sympy as sp

from theory.printing import compiled

if TYPE_CHECKING:
    from theory.numeric import Branch, Table

__all__ = ["arb_function", "float_function", "mpmath_function"]

_MAX_DOUBLINGS = 200


def _inverse(branch: "Branch", m: Any) -> Callable[[Any], Any]:
    """t with f'(t) = y on one piece: a bracket by growing steps, then Newton kept inside it."""
    piece = branch.piece
    assert piece is not None
    f, slope, curvature = (compiled(e, m, branch.numbers) for e in (piece.expr, piece.slope, piece.curvature))

    def solve(target: Any) -> Any:
        low, high = m.const(piece.lo), m.const(piece.hi)
        t = lo = hi = m.const(piece.inside)
        while slope(lo) > target:
            lo = low + (lo - low) / 16
        while slope(hi) < target:
            hi = hi * 16 if piece.hi == sp.oo else high - (high - hi) / 16
        last = previous = hi - lo
        for _ in range(m.max_steps()):
            rest = slope(t) - target
            if rest == 0:
                return t
            lo, hi = (t, hi) if rest < 0 else (lo, t)
            bend = curvature(t)
            following = t - rest / bend if bend > 0 else lo
            # a high power lets Newton crawl: its steps must halve every other time
            if not lo < following < hi or 2 * abs(following - t) > last:
                following = m.sqrt(lo * hi) if lo > 0 and hi > 4 * lo else (lo + hi) / 2
            last, previous = previous, abs(following - t)
            if abs(following - t) <= abs(t) * m.eps():
                return following
            t = following
        return t

    def value(target: Any) -> Any:
        t = solve(target)
        if branch.order == 0:
            return t * target - f(t)
        return t if branch.order == 1 else 1 / curvature(t)

    return value


def _argument(branch: "Branch", x: Any, lo: Any, hi: Any) -> Any:
    """What the branch's expression takes for x: x, or its distance from an end."""
    if branch.origin is None:
        return x
    return hi - x if branch.origin == "hi" else x - lo


def _scalar_function(table: "Table", m: Any) -> Callable[[Any], Any]:
    functions = [_inverse(b, m) if b.expr is None else compiled(b.expr, m, b.numbers) for b in table.branches]
    parts = list(zip(table.branches, functions, strict=True))[::-1]

    def function(x: Any) -> Any:
        x = m.real(x)
        if x != x:
            return x
        for branch, value in parts:
            lo, hi = m.const(branch.lo), m.const(branch.hi)
            if x == hi:
                return m.const(branch.at_hi)
            if x == lo:
                return m.const(branch.at_lo)
            if lo < x < hi:
                return m.real(value(_argument(branch, x, lo, hi)))
        return m.const(table.below if x < m.const(table.branches[0].lo) else table.above)

    return function


def mpmath_function(table: "Table", backend: str) -> Callable[[Any], Any]:
    """The function of `table` on `mpmath.mpf` (or what converts to it)."""
    from theory.backends.mpmath_ops import MpmathOperations

    del backend
    return _scalar_function(table, MpmathOperations())


def float_function(table: "Table", backend: str) -> Callable[[Any], Any]:
    """The function of `table` on Python floats."""
    from theory.backends.float_ops import FloatOperations

    del backend
    return _scalar_function(table, FloatOperations())


def _arb_inverse(branch: "Branch", m: Any) -> Callable[[Any], Any]:
    """Encloses t with f'(t) = y: an approximate root, then a ball at whose ends the sign of f' - y is
    certain.
    """
    import flint
    import mpmath as mp
    from flint import arb

    from theory.backends.mpmath_ops import MpmathOperations

    piece = branch.piece
    assert piece is not None
    f, slope, curvature = (compiled(e, m, branch.numbers) for e in (piece.expr, piece.slope, piece.curvature))
    order = replace(branch, order=1)
    approximate = _inverse(order, MpmathOperations())

    def enclose(target: arb) -> arb:
        with mp.workprec(flint.ctx.prec + 16):
            middle, exponent = target.mid().man_exp()
            root = approximate(mp.ldexp(mp.mpf(int(middle)), int(exponent)))
            near = _exact(root)
        radius = abs(near) * arb(2) ** (8 - flint.ctx.prec)
        for _ in range(_MAX_DOUBLINGS):
            if slope(near - radius) < target and slope(near + radius) > target:
                return arb(near.mid(), radius.upper())
            radius = radius * 2
        return arb("nan")

    def value(target: arb) -> arb:
        t = enclose(target)
        if branch.order:
            return t if branch.order == 1 else 1 / curvature(t)
        # sup (t y - f(t)) is at least its value at the midpoint; the slope there bounds what is missing
        middle = t.mid()
        gain = abs(target - slope(middle)) * t.rad()
        return (middle * target - f(middle)).union(middle * target - f(middle) + gain)

    return value


def _exact(number: Any) -> Any:
    """An mpf as an exact ball."""
    from flint import arb, fmpz

    sign, mantissa, exponent, _ = number._mpf_
    return arb(fmpz(-int(mantissa) if sign else int(mantissa))) * arb(2) ** int(exponent)


def arb_function(table: "Table", backend: str) -> Callable[[Any], Any]:
    """The function of `table` on `flint.arb`; the result encloses the values at every point of the ball."""
    from flint import arb

    from theory.backends.arb_ops import ArbOperations, ball

    del backend
    m = ArbOperations()
    functions = [
        _arb_inverse(b, m) if b.expr is None else compiled(b.expr, m, b.numbers) for b in table.branches
    ]

    def on(x: arb) -> arb:
        found: list[arb] = []
        if not x >= ball(table.branches[0].lo) and not _equal(x, ball(table.branches[0].lo)):
            found.append(ball(table.below))
        for branch, value in zip(table.branches, functions, strict=True):
            lo, hi = ball(branch.lo), ball(branch.hi)
            if x < lo or x > hi:
                continue
            if _equal(x, lo) or _equal(x, hi):
                found.append(ball(branch.at_hi if _equal(x, hi) else branch.at_lo))
            elif x > lo and x < hi:
                found.append(arb(value(_argument(branch, x, lo, hi))))
            else:
                found.append(_straddling(branch, value, x, lo, hi))
        last = ball(table.branches[-1].hi)
        if not x <= last and not _equal(x, last):
            found.append(ball(table.above))
        # at a border where two branches meet, the right one decides, as in every other backend
        if x.is_exact() and len(found) > 1 and all(v.is_finite() or _infinite(v) for v in found):
            return found[-1]
        result = found[0]
        for v in found[1:]:
            result = result.union(v)
        return result

    def function(x: Any) -> arb:
        x = arb(x)
        if x.is_nan():
            return x
        if table.monotone and not x.is_exact() and x.is_finite():
            return on(x.lower()).union(on(x.upper()))
        return on(x)

    return function


def _straddling(branch: "Branch", value: Callable[[Any], Any], x: Any, lo: Any, hi: Any) -> Any:
    """The branch on the part of x inside `[lo, hi]`, its limits included."""
    from flint import arb

    from theory.backends.arb_ops import ball

    left = lo if not x > lo else x.lower()
    right = hi if not x < hi else x.upper()
    if not (left.is_finite() and right.is_finite()):
        return arb(0, "inf")
    inside = left.union(right)
    inner = arb(value(_argument(branch, inside, lo, hi)))
    for end, touched in ((branch.at_lo, not x > lo), (branch.at_hi, not x < hi)):
        if touched:
            inner = inner.union(ball(end))
    return inner


def _equal(x: Any, border: Any) -> bool:
    return bool(x.is_exact() and border.is_exact() and x == border)


def _infinite(x: Any) -> bool:
    from flint import arb

    return bool(x == arb("inf") or x == arb("-inf"))
