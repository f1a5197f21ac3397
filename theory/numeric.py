"""Numeric callables of a divergence for NumPy, mpmath, arb and torch, all from the one SymPy expression.

Each function is a table of branches: an expression on an interval, its limits at the interval's ends.
Membership is decided through the distance from the border, kept in two parts (high and low), so that an
argument is on the right side of an irrational border such as (log 2)/2 also in float32; where such a
border is a singularity the expression is rewritten in that distance.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import sympy as sp

from theory.conjugate import Region, exponential_fraction
from theory.errors import InputError
from theory.fdivergence import FDivergence
from theory.pieces import Piece, border_limit
from theory.symbols import t, y

__all__ = ["Backend", "Callables", "callables"]

Backend = Literal["numpy", "mpmath", "arb", "torch"]
_DISTANCE = sp.Symbol("d", positive=True)


@dataclass(frozen=True)
class Callables:
    """f, f', f*, (f*)', (f*)'' of one divergence; see `callables`."""

    f: Callable[[Any], Any]
    f_prime: Callable[[Any], Any]
    conjugate: Callable[[Any], Any]
    conjugate_prime: Callable[[Any], Any]
    conjugate_second: Callable[[Any], Any]


@dataclass(frozen=True)
class Branch:
    """One expression in one variable on `[lo, hi]`, with its limits there.

    `origin`: the expression is written in the distance from that end, `hi - x` or `x - lo`. `piece` and
    `order`: no closed form, the conjugate's derivative of that order on that piece of f.
    """

    lo: Any
    hi: Any
    expr: Any | None
    at_lo: Any
    at_hi: Any
    origin: Literal["lo", "hi"] | None = None
    piece: Piece | None = None
    order: int = 0


@dataclass(frozen=True)
class Table:
    """Branches ascending without gaps, and the constant values on both sides of them."""

    branches: tuple[Branch, ...]
    below: Any
    above: Any
    monotone: bool


def _limit(expression: Any, variable: Any, point: Any, side: str, fallback: Any) -> Any:
    try:
        return border_limit(expression, variable, point, side)
    except InputError:
        return fallback


def _primal(d: FDivergence, *, slope: bool) -> Table:
    branches = []
    for p in d.pieces:
        ends = (p.slope_lo, p.slope_hi) if slope else (p.value_lo, p.value_hi)
        branches.append(Branch(p.lo, p.hi, p.slope if slope else p.expr, *ends))
    return Table(tuple(branches), -sp.oo if slope else sp.oo, sp.oo, monotone=slope)


def _is_short(number: Any) -> bool:
    """Whether a border is a dyadic rational that every float type holds exactly."""
    return bool(
        number.is_Rational and number.q & (number.q - 1) == 0 and number.q <= 256 and abs(number.p) <= 256
    )


def _dual_branch(d: FDivergence, region: Region, order: int) -> Branch:
    lo, hi = region.lo, region.hi
    first, last = region is d.regions[0], region is d.regions[-1]
    if region.expr is None:
        return _numeric_branch(d, region, order, first, last)
    expr: Any = (region.expr, region.argmax, region.second)[order]
    at_lo = (-d.f_at_zero, d.domain[0], sp.Integer(0))[order] if first and lo == -sp.oo else None
    at_hi = (sp.oo, d.domain[1])[order] if last and hi == sp.oo and order < 2 else None
    if last and hi != sp.oo and order < 2:
        at_hi = (d.conjugate_at_recession, None if d.pieces[-1].affine else sp.oo)[order]
    at_lo = _limit(expr, y, lo, "+", sp.Integer(0)) if at_lo is None else at_lo
    at_hi = _limit(expr, y, hi, "-", sp.Integer(0)) if at_hi is None else at_hi
    origin: Literal["lo", "hi"] | None = None
    if region.piece is not None:  # kinks are affine in y: nothing to lose there
        if hi != sp.oo and not _is_short(hi):
            origin, there = "hi", hi - _DISTANCE
        elif lo != -sp.oo and not _is_short(lo):
            origin, there = "lo", lo + _DISTANCE
    if origin is not None:
        moved = expr.subs(y, there)
        moved = sp.expand_power_exp(sp.expand(moved) if order == 0 else moved)
        moved = exponential_fraction(moved, _DISTANCE, -1 if origin == "hi" else 1, sp.Integer(1))
        return Branch(lo, hi, moved, at_lo, at_hi, origin)
    return Branch(lo, hi, expr, at_lo, at_hi)


def _numeric_branch(d: FDivergence, region: Region, order: int, first: bool, last: bool) -> Branch:
    piece = region.piece
    assert piece is not None  # only smooth pieces lack a closed form

    def value(at: Any, side: str) -> Any:
        if order == 1:
            return piece.lo if side == "+" else piece.hi
        if order == 2:
            return _limit(1 / piece.curvature, t, at, side, sp.Integer(0))
        return border_limit(t * piece.slope - piece.expr, t, at, side)

    at_hi = sp.oo if order == 0 and last and region.hi == sp.oo else value(piece.hi, "-")
    at_lo = -d.f_at_zero if order == 0 and first and region.lo == -sp.oo else value(piece.lo, "+")
    return Branch(region.lo, region.hi, None, at_lo, at_hi, piece=piece, order=order)


def _dual(d: FDivergence, order: int) -> Table:
    branches = tuple(_dual_branch(d, region, order) for region in d.regions)
    above = sp.oo if order < 2 else sp.Integer(0)
    return Table(branches, sp.Integer(0), above, monotone=order < 2)


def tables(d: FDivergence) -> tuple[Table, ...]:
    """The tables of f, f', f*, (f*)', (f*)''."""
    return (_primal(d, slope=False), _primal(d, slope=True), *(_dual(d, order) for order in range(3)))


@lru_cache(maxsize=64)
def _callables(f: Any, backend: str, d: FDivergence) -> Callables:
    del f  # the key: two divergences with one f share their functions
    if backend in ("numpy", "torch"):
        from theory.backends.array_tables import array_function as build
    elif backend == "mpmath":
        from theory.backends.scalar_tables import mpmath_function as build
    else:
        from theory.backends.scalar_tables import arb_function as build
    return Callables(*(build(table, backend) for table in tables(d)))


def callables(d: FDivergence, backend: Backend) -> Callables:
    """Elementwise f, f', f*, (f*)', (f*)'' for arrays (NumPy, torch) or scalars (mpmath, arb).

    Out of the domain: f = oo, f' = -oo below and oo above; f* = -f(0+) below f'(0+) and oo above f'(oo),
    (f*)' = 0 and oo there. At kinks f' and (f*)' are the right derivatives, at the upper end of a
    bounded domain the left one. Float types are kept (integers become the default float); NaN comes out
    only where NaN went in, no warnings. torch: differentiable twice by autograd; the gradient is 0 where
    the value is constant or infinite. arb: results enclose; an argument that straddles `f'(oo)` gives an
    infinite ball. Where f* has no closed form it is evaluated by a bracketed inversion of f' (in arb:
    certified by signs).

    Raises `InputError` for an unknown backend or an f with free parameters.
    """
    if backend not in ("numpy", "mpmath", "arb", "torch"):
        raise InputError(f"unknown backend {backend!r}: numpy, mpmath, arb or torch")
    extra = d.f.free_symbols - {t}
    if extra:
        raise InputError(
            f"numbers are needed for the parameters {', '.join(sorted(map(str, extra)))} of {d.name}"
        )
    return _callables(d.f, backend, d)
