"""Numeric callables of a divergence for NumPy, mpmath, arb and torch, all from the one SymPy expression.

Each function is a table of branches: an expression on an interval, its limits at the interval's ends.
Membership is decided through the distance from the border, kept in two parts (high and low), so that an
argument is on the right side of an irrational border such as (log 2)/2 also in float32; where such a
border is a singularity the expression is rewritten in that distance.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache, partial
from typing import Any, Literal, get_args

import sympy as sp

from theory.conjugate import Region, exponential_fraction
from theory.errors import InputError
from theory.fdivergence import FDivergence
from theory.pieces import Piece, border_limit
from theory.symbols import t, y

__all__ = ["Backend", "Callables", "callables"]

Backend = Literal["numpy", "mpmath", "arb", "torch", "float"]
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
    numbers: Mapping[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """Branches ascending without gaps, and the constant values on both sides of them."""

    branches: tuple[Branch, ...]
    below: Any
    above: Any
    monotone: bool


def _table(d: FDivergence, branches: list[Branch], below: Any, above: Any, *, monotone: bool) -> Table:
    """The table with the parameters' numbers in borders and limits (in expressions they are put when
    printed).
    """

    def put(number: Any) -> Any:
        return number.subs(d.numbers)

    done = [
        replace(b, lo=put(b.lo), hi=put(b.hi), at_lo=put(b.at_lo), at_hi=put(b.at_hi), numbers=d.numbers)
        for b in branches
    ]
    return Table(tuple(done), below, above, monotone)


def _primal(d: FDivergence, *, slope: bool) -> Table:
    branches = []
    for p in d.pieces:
        ends = (p.slope_lo, p.slope_hi) if slope else (p.value_lo, p.value_hi)
        branches.append(Branch(p.lo, p.hi, p.slope if slope else p.expr, *ends))
    return _table(d, branches, -sp.oo if slope else sp.oo, sp.oo, monotone=slope)


_FAR = 1e3  # slopes from which a user's closed form is tried; nearer ones are measured from their border
_FAITHFUL = 1e-9  # relative error up to which a closed form counts as well evaluated by doubles


def _is_short(number: Any) -> bool:
    """Whether a border is a dyadic rational that every float type holds exactly."""
    return bool(
        number.is_Rational and number.q & (number.q - 1) == 0 and number.q <= 256 and abs(number.p) <= 256
    )


def _end(d: FDivergence, region: Region, order: int, side: str) -> Any:
    """The limit of f* (or a derivative) at one end of a region, taken in t, where limits are easy."""
    first, last = region is d.regions[0], region is d.regions[-1]
    at = region.lo if side == "+" else region.hi
    if first and at == -sp.oo:
        return (-d.f_at_zero, d.domain[0], sp.Integer(0))[order]
    if last and at == sp.oo and order == 0:
        return sp.oo
    piece = region.piece
    if piece is None:  # a kink: f* is affine
        return (
            border_limit(region.expr, y, at, side)
            if order == 0
            else (region.argmax, sp.Integer(0))[order - 1]
        )
    t_end = piece.lo if side == "+" else piece.hi
    if order == 1:
        return t_end
    inside = t * piece.slope - piece.expr if order == 0 else 1 / piece.curvature
    return border_limit(inside.subs(d.numbers), t, t_end.subs(d.numbers), side)


def _faithful(region: Region, order: int) -> bool:
    """Whether doubles evaluate the closed form of f* and (f*)' of a user's f: roots and logarithms of large
    slopes may cancel, and the inversion of f' is then the better formula.
    """
    piece = region.piece
    if piece is None or order == 2:
        return True
    formulas = [
        (e, sp.lambdify(y, e, "math")) for e in (region.expr, region.argmax) if e is not None and e.has(y)
    ]
    for k in range(-8, 9):
        unit = sp.Integer(10) ** k
        point = piece.lo + (unit if piece.hi == sp.oo else (piece.hi - piece.lo) / (1 + unit))
        slope = sp.N(piece.slope.subs(t, point), 30)
        if not slope.is_finite or not _FAR < abs(slope) < sp.Float(10) ** 300:
            continue
        at = sp.Rational(float(slope))  # the double, exactly
        for expression, function in formulas:
            exact = expression.subs(y, at).evalf(30)
            if not exact.is_Float or abs(exact) > sp.Float(10) ** 300:
                continue
            try:
                found = function(float(at))
            except NameError:  # a function that the standard library lacks
                return True
            except (ArithmeticError, ValueError):
                return False
            if not abs(found - exact) <= _FAITHFUL * max(abs(exact), sp.Float(0) if order else 1):
                return False
    return True


def _dual_branch(d: FDivergence, region: Region, order: int) -> Branch:
    lo, hi = region.lo, region.hi
    at_lo, at_hi = _end(d, region, order, "+"), _end(d, region, order, "-")
    expr: Any = (region.expr, region.argmax, region.second)[order]
    if expr is None or (d.name == "custom" and not _faithful(region, order)):
        return Branch(lo, hi, None, at_lo, at_hi, piece=region.piece, order=order)
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


def _dual(d: FDivergence, order: int) -> Table:
    branches = [_dual_branch(d, region, order) for region in d.regions]
    above = sp.oo if order < 2 else sp.Integer(0)
    return _table(d, branches, sp.Integer(0), above, monotone=order < 2)


def table(d: FDivergence, index: int) -> Table:
    """The table of f, f', f*, (f*)' or (f*)'', in this order."""
    return _primal(d, slope=index == 1) if index < 2 else _dual(d, index - 2)


def _build(
    build: Callable[..., Any], d: FDivergence, index: int, backend: str = "float"
) -> Callable[[Any], Any]:
    function: Callable[[Any], Any] = build(table(d, index), backend)
    return function


def _on_demand(make: Callable[[], Callable[[Any], Any]]) -> Callable[[Any], Any]:
    built = cache(make)
    return lambda x: built()(x)


@lru_cache(maxsize=64)
def _callables(f: Any, backend: str, d: FDivergence) -> Callables:
    del f  # the key: two divergences with one f share their functions
    if backend in ("numpy", "torch"):
        from theory.backends.array_tables import array_function as build
    elif backend == "mpmath":
        from theory.backends.scalar_tables import mpmath_function as build
    elif backend == "float":
        from theory.backends.scalar_tables import float_function as build
    else:
        from theory.backends.scalar_tables import arb_function as build
    if backend == "float":  # the checks of derivations seldom need all five
        return Callables(*(_on_demand(partial(_build, build, d, index)) for index in range(5)))
    return Callables(*(_build(build, d, index, backend) for index in range(5)))


def callables(d: FDivergence, backend: Backend) -> Callables:
    """Elementwise f, f', f*, (f*)', (f*)'' for arrays (NumPy, torch) or scalars (mpmath, arb, float).

    Out of the domain: f = oo, f' = -oo below and oo above; f* = -f(0+) below f'(0+) and oo above f'(oo),
    (f*)' = 0 and oo there. At kinks f' and (f*)' are the right derivatives, at the upper end of a
    bounded domain the left one. Float types are kept (integers become the default float); NaN comes out
    only where NaN went in, no warnings. torch: differentiable twice by autograd; the gradient is 0 where
    the value is constant or infinite. arb: results enclose; an argument that straddles `f'(oo)` gives an
    infinite ball. Where f* has no closed form it is evaluated by a bracketed inversion of f' (in arb:
    certified by signs).

    Raises `InputError` for an unknown backend or an f with free parameters.
    """
    if backend not in get_args(Backend):
        raise InputError(f"unknown backend {backend!r} (known: {', '.join(get_args(Backend))})")
    extra = d.f.free_symbols - {t}
    if extra:
        raise InputError(
            f"numbers are needed for the parameters {', '.join(sorted(map(str, extra)))} of {d.name}"
        )
    return _callables(d.f, backend, d)
