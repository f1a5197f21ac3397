"""Is a piecewise smooth f convex and lower semicontinuous? Answered with a grade, or refused with a
witness.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isinf, isnan, nan
from typing import Any

import sympy as sp

from theory.errors import InputError
from theory.evidence import Grade
from theory.expansion import expand
from theory.pieces import Piece, border_limit
from theory.symbols import t

__all__ = ["SignProof", "check_convex", "check_lower_semicontinuous", "nonnegative"]


@dataclass(frozen=True)
class SignProof:
    """That an expression is >= 0 on an interval: how it is known."""

    grade: Grade
    reason: str


_POINTS = 4000
_MAX_DEGREE = 400  # of a rational function whose roots are isolated


def _grid(piece: Piece) -> list[float]:
    """Points inside the piece, ascending: evenly in logarithm on an unbounded one, else evenly and dense
    near its ends.
    """
    lo = float(piece.lo)
    if piece.hi == sp.oo:
        return [lo + 10 ** (16 * k / _POINTS - 8) for k in range(_POINTS + 1)]
    width = float(piece.hi) - lo
    inner = [k / _POINTS for k in range(1, _POINTS)]
    ends = [10.0**-k for k in range(4, 9)]
    return [lo + width * f for f in sorted([*ends, *inner, *(1 - e for e in ends)])]


def _quick(expression: Any) -> Callable[[float], float]:
    """The expression in doubles: +oo where they overflow, NaN where it is no real number."""
    function = sp.lambdify(t, expression, "math")

    def value(point: float) -> float:
        try:
            found = function(point)
        except OverflowError:
            return inf
        except (ArithmeticError, TypeError, ValueError, NameError):
            return nan
        return float(found) if isinstance(found, int | float) else nan

    return value


def _dip(function: Callable[[float], float], left: float, middle: float, right: float) -> float:
    """The lowest point that golden section finds between the neighbours of a local minimum."""
    for _ in range(60):
        a, b = left + 0.381966 * (right - left), left + 0.618034 * (right - left)
        if function(a) < function(b):
            right = b
        else:
            left = a
    return min((middle, (left + right) / 2), key=function)


def _suspects(quick: Callable[[float], float], piece: Piece) -> list[float]:
    """Where a function may be negative: the grid's lowest points, refined, and where doubles fail."""
    points = _grid(piece)
    values = [quick(point) for point in points]
    low = [
        _dip(quick, points[k - 1], points[k], points[k + 1])
        for k in range(1, len(points) - 1)
        if values[k] < values[k - 1] and values[k] <= values[k + 1]
    ]
    low = sorted(low, key=quick)[:20] + [x for x, v in zip(points, values, strict=True) if v < 0][:20]
    undecided = [x for x, v in zip(points, values, strict=True) if isnan(v)]
    found = [*low, *undecided[:: max(1, len(undecided) // 20)], *points[:: _POINTS // 20]]
    # Where doubles overflow, the value in arbitrary precision may fill the memory.
    return [x for x in found if not isinf(quick(x))]


def _negative_at(expression: Any, piece: Piece) -> tuple[Any, Any] | None:
    """A sample `(t, value)` with value < 0 beyond rounding, the largest violation found."""
    worst: tuple[Any, Any] | None = None
    size = expression.evalf(30, subs={t: piece.inside})
    scale = min(1, abs(size)) if size.is_real and size else 1
    for x in _suspects(_quick(expression), piece):
        point = sp.Rational(x)
        value = expression.evalf(30, subs={t: point})
        if not value.is_real:
            raise InputError(f"f is complex-valued: f''({sp.N(point, 6)}) = {sp.N(value, 6)}")
        if value < -scale * sp.Float(10) ** -20 and (worst is None or value < worst[1]):
            worst = (point, value)
    return worst


def _by_roots(expression: Any, piece: Piece) -> bool | None:
    """Whether a rational function of t (or of a root of t) is nonnegative on the piece: no zero or pole of
    odd multiplicity inside, and positive at one point. None where it is none, or of too high a degree.
    """
    u = sp.Symbol("u", positive=True)
    exponents = {e.exp for e in expression.atoms(sp.Pow) if e.base == t and e.exp.is_Rational}
    q = sp.ilcm(1, 1, *(e.q for e in exponents))
    lifted = expression.subs(t, u**q)
    if not lifted.is_rational_function(u) or lifted.free_symbols - {u}:
        return None
    powers = [abs(e.exp) for e in lifted.atoms(sp.Pow) if e.exp.is_Integer]
    if max(powers, default=1) > _MAX_DEGREE:
        return None
    numerator, denominator = sp.fraction(sp.together(lifted))
    product = sp.Poly(numerator, u) * sp.Poly(denominator, u)
    if not all(c.is_Rational for c in product.all_coeffs()):
        return None
    lo, hi = piece.lo ** sp.Rational(1, q), piece.hi if piece.hi == sp.oo else piece.hi ** sp.Rational(1, q)
    for factor, multiplicity in product.factor_list()[1]:
        for root in factor.real_roots() if multiplicity % 2 else ():
            if lo < root < hi:
                _refuse_around(expression, root**q, piece)
                return False
    return bool(expression.subs(t, piece.inside) > 0)


def _refuse_around(expression: Any, root: Any, piece: Piece) -> None:
    """`InputError` with a witness beside a root at which the expression changes its sign."""
    for k in range(2, 60):
        for side in (-1, 1):
            point = sp.Rational(str(sp.N(root, 40))) * (1 + side * sp.Rational(1, 2**k))
            value = expression.subs(t, point)
            if piece.lo < point < piece.hi and value < 0:
                raise InputError(f"not convex: f''({_shown(point)}) = {_shown(value)} < 0")


def _shown(number: Any) -> str:
    return f"{float(number):.6g}" if abs(number) < 10**300 else str(sp.N(number, 6))


def nonnegative(expression: Any, piece: Piece) -> SignProof:
    """That `expression >= 0` on the open piece; raises `InputError` with a witness point where it is
    negative.
    """
    for form in (expression, sp.factor(sp.together(expression)), expand(expression)):
        if form.is_nonnegative:
            return SignProof(Grade.PROVED, f"{form} >= 0 for t > 0, factor by factor")
    if not expression.free_symbols <= {t}:
        raise InputError(f"the sign of {expression} depends on parameters that are not numbers")
    witness = _negative_at(expression, piece)
    if witness is not None:
        point, value = map(_shown, witness)
        raise InputError(f"not convex: f''({point}) = {value} < 0")
    if _by_roots(expression, piece):
        return SignProof(Grade.PROVED, "a rational function without a change of sign (exact real roots)")
    return SignProof(Grade.SAMPLED, f"{_POINTS} points and the dips between them")


def check_convex(pieces: Sequence[Piece]) -> SignProof:
    """Every piece convex, values continuous and slopes nondecreasing across kinks; the weakest grade of its
    parts.
    """
    proofs = [nonnegative(p.curvature, p) for p in pieces if not p.affine and p.lo != p.hi]
    for left, right in pairwise(pieces):
        at = sp.N(left.hi, 6)
        if not _same(left.value_hi, right.value_lo):
            values = f"f({at}-) = {sp.N(left.value_hi, 6)} and f({at}+) = {sp.N(right.value_lo, 6)}"
            raise InputError(f"not convex: f jumps inside its domain, {values}")
        if sp.N(right.slope_lo - left.slope_hi, 30) < -(sp.Float(10) ** -20):
            slopes = f"from {sp.N(left.slope_hi, 6)} to {sp.N(right.slope_lo, 6)}"
            raise InputError(f"not convex: the slope of f falls at t = {at}, {slopes}")
    weakest = max(proofs, key=lambda p: p.grade.rank, default=None)
    return weakest or SignProof(Grade.PROVED, "piecewise affine with nondecreasing slopes")


def _same(one: Any, other: Any) -> bool:
    """Whether two numbers are equal: symbolically, or to 50 digits where no rewriting tells."""
    difference = sp.simplify(one - other)
    return bool(difference == 0 or abs(sp.N(difference, 60)) < sp.Float(10) ** -50 * (1 + abs(sp.N(one, 20))))


def check_lower_semicontinuous(expression: Any, pieces: Sequence[Piece], borders: Sequence[Any]) -> None:
    """At each t > 0 where the formula of f changes, f must equal its limits from inside; else `InputError`
    with the point.

    Args:
        borders: all points where a branch changes, those between pieces of one formula included.
    """
    for piece in pieces:
        inner = [(b, border_limit(piece.expr, t, b, "+")) for b in borders if piece.lo < b < piece.hi]
        for point, limit in ((piece.lo, piece.value_lo), (piece.hi, piece.value_hi), *inner):
            if point in (0, sp.oo) or piece.lo == piece.hi:
                continue
            value = expression.subs(t, point)
            found = f"f is {value} there and tends to {limit}"
            if limit == sp.oo and value == sp.oo:
                continue  # the domain is open there
            if limit.is_finite and value.is_finite and not _same(value, limit) and value < limit:
                raise InputError(f"not convex at t = {sp.N(point, 6)}: {found}")
            if limit in (sp.oo, -sp.oo) or value in (sp.oo, sp.nan) or not _same(value, limit):
                raise InputError(f"not lower semicontinuous at t = {sp.N(point, 6)}: {found}")
