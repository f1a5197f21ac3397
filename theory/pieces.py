"""Cuts a function of t > 0 into pieces that are smooth: its canonical form for everything that follows."""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise
from typing import Any

import sympy as sp
from sympy.core.relational import Relational

from theory.errors import InputError
from theory.expansion import expand
from theory.symbols import t

__all__ = ["Piece", "border_limit", "borders", "interior_point", "split"]

_SWITCHING = (sp.Abs, sp.Max, sp.Min, sp.Piecewise, sp.sign, sp.Heaviside)


def interior_point(lo: Any, hi: Any) -> Any:
    """A rational inside the interval `(lo, hi)`, `lo < hi` in the extended reals; away from its ends."""
    if lo == -sp.oo and hi == sp.oo:
        return sp.Integer(0)
    if hi == sp.oo:
        return sp.Integer(sp.floor(lo) + 2)
    if lo == -sp.oo:
        return sp.Integer(sp.ceiling(hi) - 2)
    width = sp.N(hi - lo, 30)
    digits = max(0, int(sp.ceiling(-sp.log(width, 10)))) + 3
    return sp.Rational(str(sp.N((lo + hi) / 2, 30).round(digits)))


def border_limit(expression: Any, variable: Any, point: Any, side: str) -> Any:
    """The one-sided limit in the extended reals; `InputError` when SymPy finds none."""
    if point not in (sp.oo, -sp.oo) and not expression.has(sp.LambertW):
        direct = expression.subs(variable, point)
        if direct.is_finite and not direct.has(sp.nan, sp.zoo, sp.oo):
            return sp.nsimplify(direct) if direct.is_Float else direct
    try:
        value = sp.limit(expression, variable, point, side)
    except (NotImplementedError, ValueError, RecursionError) as error:
        raise InputError(f"the limit of {expression} as {variable} -> {point} could not be found") from error
    if value.has(sp.Limit, sp.AccumBounds, sp.nan) or value == sp.zoo:
        raise InputError(f"the limit of {expression} as {variable} -> {point} does not exist")
    return value


@dataclass(frozen=True)
class Piece:
    """A smooth expression on the open interval `(lo, hi)` of t, `0 <= lo <= hi <= oo`; equality is one
    point.
    """

    lo: Any
    hi: Any
    expr: Any

    @cached_property
    def slope(self) -> Any:
        """f'(t) on the piece."""
        return _tidy(sp.diff(self.expr, t))

    @cached_property
    def curvature(self) -> Any:
        """f''(t) on the piece."""
        return sp.factor(sp.together(sp.diff(self.expr, t, 2)))

    @cached_property
    def affine(self) -> bool:
        """Whether the piece has constant slope."""
        return bool(self.curvature == 0)

    @cached_property
    def value_lo(self) -> Any:
        """f(lo+)."""
        return border_limit(self.expr, t, self.lo, "+")

    @cached_property
    def value_hi(self) -> Any:
        """f(hi-)."""
        return border_limit(self.expr, t, self.hi, "-")

    @cached_property
    def slope_lo(self) -> Any:
        """f'(lo+)."""
        return self.slope if self.affine else border_limit(self.slope, t, self.lo, "+")

    @cached_property
    def slope_hi(self) -> Any:
        """f'(hi-)."""
        return self.slope if self.affine else border_limit(self.slope, t, self.hi, "-")

    @cached_property
    def inside(self) -> Any:
        """A rational strictly inside the piece (1 where it can be)."""
        if self.lo == self.hi or (bool(self.lo < 1) and bool(self.hi > 1)):
            return sp.Integer(1)
        return interior_point(self.lo, self.hi)

    def samples(self) -> tuple[Any, ...]:
        """A few rationals inside the piece, on which an identity is tried before it is proved."""
        if self.lo == self.hi:
            return (self.lo,)
        if self.hi == sp.oo:
            return tuple(self.lo + sp.Rational(n, 7) for n in (1, 5, 23))
        return tuple(interior_point(self.lo + (self.hi - self.lo) * k / 4, self.hi) for k in range(3))


def _tidy(expression: Any) -> Any:
    """The shortest of a few cheap forms; deterministic."""
    forms = [expression, expand(expression), sp.factor(sp.together(expression))]
    return min(forms, key=lambda e: (sp.count_ops(e), len(str(e)), str(e)))


def _switch_points(node: Any, lo: Any, hi: Any) -> list[Any]:
    """All points of `(lo, hi)` at which `node`, whose arguments hold no other switch, can change its
    branch.
    """
    if isinstance(node, sp.Abs | sp.sign | sp.Heaviside):
        switches = {node.args[0]}
    elif isinstance(node, sp.Max | sp.Min):
        switches = {a - b for a, b in combinations(node.args, 2)}
    else:
        switches = {relation.lhs - relation.rhs for relation in node.atoms(Relational)}
    zeros = {zero for switch in switches for zero in _zeros(switch)}
    return sorted((z for z in zeros if lo < z < hi), key=lambda e: sp.N(e, 30))


def _zeros(expression: Any) -> list[Any]:
    """The positive zeros of `expression` in t, exact."""
    if not expression.has(t):
        return []
    numerator = sp.numer(sp.together(expression))
    try:
        if numerator.is_polynomial(t):
            return [r for r in sp.Poly(numerator, t).real_roots() if r > 0]
        return [r for r in sp.solve(expression, t) if r.is_positive]
    except (NotImplementedError, TypeError, sp.PolynomialError) as error:
        raise InputError(
            f"the breakpoints of f could not be found: {expression} = 0 was not solved"
        ) from error


def _branch(node: Any, sample: Any) -> Any:
    """What the switch `node` reads around t = `sample`, a point where none of its conditions changes."""
    if isinstance(node, sp.Abs):
        return node.args[0] if node.args[0].subs(t, sample) >= 0 else -node.args[0]
    if isinstance(node, sp.sign):
        return sp.sign(node.args[0].subs(t, sample))
    if isinstance(node, sp.Heaviside):
        return sp.Integer(1) if node.args[0].subs(t, sample) > 0 else sp.Integer(0)
    if isinstance(node, sp.Max | sp.Min):
        pick = max if isinstance(node, sp.Max) else min
        return pick(node.args, key=lambda e: sp.N(e.subs(t, sample), 30))
    for value, condition in node.args:
        if condition.subs(t, sample) == sp.true:
            return value
    raise InputError(f"f has no value at t = {sample}: no branch of its Piecewise holds there")


def _resolve(expression: Any, lo: Any, hi: Any) -> list[tuple[Any, Any, Any]]:
    """`(lo, hi, smooth expression)` on consecutive intervals: the innermost switches go first."""
    switches = expression.atoms(*_SWITCHING)
    inner = [s for s in switches if not any(a.has(*_SWITCHING) for a in s.args)]
    if not inner:
        return [(lo, hi, expression)]
    points = sorted({p for s in inner for p in _switch_points(s, lo, hi)}, key=lambda e: sp.N(e, 30))
    found = []
    for left, right in pairwise([lo, *points, hi]):
        sample = interior_point(left, right)
        found += _resolve(expression.subs({s: _branch(s, sample) for s in inner}), left, right)
    return found


def borders(expression: Any) -> tuple[Any, ...]:
    """All points t > 0 at which a branch of `expression` may change, ascending."""
    return tuple(lo for lo, _, _ in _resolve(sp.sympify(expression), sp.Integer(0), sp.oo)[1:])


def split(expression: Any) -> tuple[Piece, ...]:
    """The pieces on which `expression` is finite, ascending, adjacent ones with one formula merged.

    Raises `InputError` when the breakpoints cannot be found or the finite part is not one interval.
    """
    expression = sp.sympify(expression)
    pieces: list[Piece] = []
    for lo, hi, branch in _resolve(expression, sp.Integer(0), sp.oo):
        if branch == sp.oo:
            continue
        if branch.has(sp.oo, sp.nan, sp.zoo):
            raise InputError(f"f is {branch} on ({lo}, {hi})")
        if pieces and pieces[-1].hi == lo and sp.expand(pieces[-1].expr - branch) == 0:
            pieces[-1] = Piece(pieces[-1].lo, hi, pieces[-1].expr)
        elif pieces and pieces[-1].hi != lo:
            raise InputError(f"not convex: f is infinite on ({pieces[-1].hi}, {lo}) and finite on both sides")
        else:
            pieces.append(Piece(lo, hi, branch))
    if pieces:
        return tuple(pieces)
    if expression.subs(t, 1) == 0:  # the indicator of t = 1
        return (Piece(sp.Integer(1), sp.Integer(1), sp.Integer(0)),)
    raise InputError("f is infinite on an interval around every t > 0")
