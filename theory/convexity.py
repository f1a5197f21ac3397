"""Is a piecewise smooth f convex and lower semicontinuous? Answered with a grade, or refused with a
witness.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isinf
from typing import Any

import sympy as sp

from theory.errors import InputError
from theory.evidence import Grade
from theory.expansion import expand
from theory.pieces import Piece
from theory.symbols import t

__all__ = ["SignProof", "check_convex", "check_lower_semicontinuous", "nonnegative"]


@dataclass(frozen=True)
class SignProof:
    """That an expression is >= 0 on an interval: how it is known."""

    grade: Grade
    reason: str


def _grid(piece: Piece) -> list[Any]:
    """Rationals inside the piece, dense near its ends and around 1."""
    if piece.hi == sp.oo:
        steps = [sp.Rational(10) ** sp.Rational(k, 4) for k in range(-32, 33)]
        return [piece.lo + sp.Rational(str(sp.N(s, 6))) for s in steps]
    width = piece.hi - piece.lo
    inner = [sp.Rational(k, 64) for k in range(1, 64)]
    ends = [sp.Rational(1, 10**k) for k in range(2, 9)]
    return [sp.Rational(str(sp.N(piece.lo + width * f, 20))) for f in [*ends, *inner, *(1 - e for e in ends)]]


def _overflows(function: Callable[[float], Any], point: Any) -> bool:
    """Whether doubles overflow there: with arbitrary precision the value may fill the memory."""
    try:
        value = function(float(point))
    except OverflowError:
        return True
    except (ArithmeticError, TypeError, ValueError, NameError):
        return False  # such as a root of a negative number: the exact evaluation tells
    return isinstance(value, float) and isinf(value)


def _negative_at(expression: Any, piece: Piece) -> tuple[Any, Any] | None:
    """A sample `(t, value)` with value < 0 beyond rounding, the largest violation found."""
    worst: tuple[Any, Any] | None = None
    quick = sp.lambdify(t, expression, "math")
    for point in _grid(piece):
        if _overflows(quick, point):
            continue
        value = expression.evalf(30, subs={t: point})
        if not value.is_real:
            raise InputError(f"f is complex-valued: f''({sp.N(point, 6)}) = {sp.N(value, 6)}")
        if value < -(sp.Float(10) ** -20) and (worst is None or value < worst[1]):
            worst = (point, value)
    return worst


def _by_roots(expression: Any, piece: Piece) -> bool:
    """Sign of a rational function: no root of odd multiplicity inside, and positive at one point."""
    u = sp.Symbol("u", positive=True)
    exponents = {e.exp for e in expression.atoms(sp.Pow) if e.base == t and e.exp.is_Rational}
    q = sp.ilcm(1, 1, *(e.q for e in exponents))
    lifted = expression.subs(t, u**q)
    if not lifted.is_rational_function(u) or lifted.free_symbols - {u}:
        return False
    numerator, denominator = sp.fraction(sp.together(lifted))
    product = sp.Poly(numerator, u) * sp.Poly(denominator, u)
    if not all(c.is_Rational for c in product.all_coeffs()):
        return False
    lo, hi = piece.lo ** sp.Rational(1, q), piece.hi if piece.hi == sp.oo else piece.hi ** sp.Rational(1, q)
    for factor, multiplicity in product.factor_list()[1]:
        if multiplicity % 2 and any(lo < r < hi for r in factor.real_roots()):
            return False
    return bool(expression.subs(t, piece.inside) > 0)


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
        point, value = (f"{float(w):.6g}" for w in witness)
        raise InputError(f"not convex: f''({point}) = {value} < 0")
    if _by_roots(expression, piece):
        return SignProof(Grade.PROVED, "a rational function without a change of sign (exact real roots)")
    return SignProof(Grade.SAMPLED, f"{len(_grid(piece))} points between t = 1e-8 and 1e8")


def check_convex(pieces: Sequence[Piece]) -> SignProof:
    """Every piece convex, values continuous and slopes nondecreasing across kinks; the weakest grade of its
    parts.
    """
    proofs = [nonnegative(p.curvature, p) for p in pieces if not p.affine and p.lo != p.hi]
    for left, right in pairwise(pieces):
        at = sp.N(left.hi, 6)
        if sp.simplify(left.value_hi - right.value_lo) != 0:
            values = f"f({at}-) = {sp.N(left.value_hi, 6)} and f({at}+) = {sp.N(right.value_lo, 6)}"
            raise InputError(f"not convex: f jumps inside its domain, {values}")
        if sp.N(right.slope_lo - left.slope_hi, 30) < -(sp.Float(10) ** -20):
            slopes = f"from {sp.N(left.slope_hi, 6)} to {sp.N(right.slope_lo, 6)}"
            raise InputError(f"not convex: the slope of f falls at t = {at}, {slopes}")
    weakest = max(proofs, key=lambda p: p.grade.rank, default=None)
    return weakest or SignProof(Grade.PROVED, "piecewise affine with nondecreasing slopes")


def check_lower_semicontinuous(expression: Any, pieces: Sequence[Piece]) -> None:
    """At each border t > 0 of a piece, f must equal its limit from inside; else `InputError` with the
    point.
    """
    for piece in pieces:
        for point, limit in ((piece.lo, piece.value_lo), (piece.hi, piece.value_hi)):
            if point in (0, sp.oo) or piece.lo == piece.hi:
                continue
            value = expression.subs(t, point)
            if limit in (sp.oo, -sp.oo) or value in (sp.oo, sp.nan) or sp.simplify(value - limit) != 0:
                found = f"f is {value} there and tends to {limit}"
                raise InputError(f"not lower semicontinuous at t = {sp.N(point, 6)}: {found}")
