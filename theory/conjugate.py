"""The convex conjugate of a piecewise smooth f, certified by parametrisation.

For convex f and any t inside a smooth piece, `y = f'(t)` is the maximiser's condition of `sup_t (t y -
f(t))`, so

    f*(f'(t)) = t f'(t) - f(t)                                                    (parametrisation)

holds there, and determines f* between the slopes at the piece's ends. A closed form C is believed on
that interval only when `C(f'(t)) - (t f'(t) - f(t))` reduces to 0; where the slope came from (a solver's
root) does not matter. Between the two slopes at a kink a, `f*(y) = a y - f(a)`; below `f'(0+)` it is
`-f(0+)`; above `f'(oo)` it is `+oo`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp

from theory.budget import OutOfTime, cpu_limit
from theory.expansion import expand
from theory.identity import merge_powers, vanishes
from theory.inverse import candidates
from theory.pieces import Piece, border_limit, interior_point
from theory.symbols import t, y

__all__ = [
    "NumericConjugate",
    "NumericSlope",
    "Region",
    "end_value",
    "exponential_fraction",
    "parametrisation",
    "piecewise",
    "regions",
]


_D = sp.Symbol("d", positive=True)
_SEARCH = 10  # seconds of processor time for the closed form of one piece; the catalogue needs 0.5
_MAX_BITS = 4000  # of a number in a closed form


class NumericConjugate(sp.Function):  # type: ignore[misc]
    """`f*` where no closed form is known: a name in formulas, evaluated by `theory.numeric`."""


class NumericSlope(sp.Function):  # type: ignore[misc]
    """`(f*)'` where no closed form is known."""


@dataclass(frozen=True)
class Region:
    """f* on the closed interval `[lo, hi]` of y (extended reals): `expr`, with derivative `argmax` (a value
    of t).

    `piece` is the smooth piece of f the region belongs to, or None for a kink (then `argmax` is
    constant). `expr` and `argmax` are None where no closed form was certified.
    """

    lo: Any
    hi: Any
    expr: Any | None
    argmax: Any | None
    piece: Piece | None

    @cached_property
    def second(self) -> Any | None:
        """The second derivative of f*; None where no closed form was certified."""
        return None if self.argmax is None else sp.diff(self.argmax, y)


def parametrisation(piece: Piece, closed_form: Any) -> Any:
    """`C(f'(t)) - (t f'(t) - f(t))`, which must vanish identically on the piece."""
    return closed_form.subs(y, piece.slope) - (t * piece.slope - piece.expr)


def _printable(expression: Any) -> bool:
    """No number of thousands of digits, which powers such as 1000001/1000000 bring about."""
    return all(max(abs(r.p), r.q).bit_length() <= _MAX_BITS for r in expression.atoms(sp.Rational))


def _readable(expression: Any, lo: Any, hi: Any) -> Any:
    """`expression` in y rewritten through the distance d > 0 from a finite end of `(lo, hi)`, where roots of
    squares and logs of products open without absolute values."""
    if hi not in (sp.oo, -sp.oo):
        there, back = hi - _D, hi - y
    elif lo not in (sp.oo, -sp.oo):
        there, back = lo + _D, y - lo
    else:
        there, back = _D, y  # both ends infinite: only forms that hold for every sign survive the certificate
        if expression.has(sp.Abs, sp.log):
            there, back = y, _D
    joined = sp.powsimp(merge_powers(expression.subs(y, there), expand=False), combine="base")
    moved = merge_powers(sp.expand(expression.subs(y, there)))
    moved = sp.expand_log(sp.powdenest(moved.replace(sp.log, lambda a: sp.log(sp.factor(sp.together(a))))))
    forms = [
        joined,
        moved,
        sp.expand(moved),
        sp.factor(sp.together(moved)),
        sp.expand_log(sp.powsimp(sp.expand(moved))),
    ]
    returned = [expression, *(_log_w(form.subs(_D, back)) for form in forms)]
    returned += [
        exponential_fraction(form, y, 1, interior_point(lo, hi)) for form in returned if form.has(sp.exp)
    ]
    returned = [form for form in returned if not form.has(sp.I) and _printable(form)]
    return min(returned, key=_length, default=expression)


def _length(expression: Any) -> tuple[int, int, str]:
    """Fewest operations first; sums before products, e^y before e^-y."""
    falling = sum(1 for e in expression.atoms(sp.exp) if e.exp.could_extract_minus_sign())
    nested = sum(1 for e in expression.atoms(sp.Pow) if e.base.is_Pow)
    return (
        sp.count_ops(expression) - expression.is_Add + 4 * falling + 8 * nested,
        len(str(expression)),
        str(expression),
    )


def exponential_fraction(expression: Any, variable: Any, direction: int, inside: Any) -> Any:
    """`expression` as a quotient of polynomials in u = e^(k direction variable), k > 0; or unchanged.

    `inside` is a point of the interval on which the expression is meant: it fixes the signs below the logs.
    """
    u = sp.Symbol("u", positive=True)
    exponents = {e.exp for e in expression.atoms(sp.exp)}
    scale = direction * max((abs(e.coeff(variable)) for e in exponents), default=sp.Integer(0))
    if scale == 0 or not exponents <= {scale * variable, -scale * variable}:
        return expression
    there, here = {u: sp.exp(scale * variable)}, {u: sp.exp(scale * inside)}

    def positive(part: Any) -> Any:
        return sp.expand(part if part.subs(here).evalf(20) > 0 else -part)

    def open_log(argument: Any) -> Any:
        above, below = sp.fraction(sp.factor(sp.together(argument)))
        return sp.log(positive(above)) - sp.log(positive(below))

    lifted = expression.subs({sp.exp(scale * variable): u, sp.exp(-scale * variable): 1 / u})
    if lifted.has(sp.log):
        return lifted.replace(sp.log, open_log).subs(there)
    above, below = sp.fraction(sp.factor(sp.together(lifted)))
    sign = 1 if below.subs(here).evalf(20) > 0 else -1
    below = -below if sign < 0 and below.is_Add else sign * below
    return ((sp.expand(sign * above) if sign < 0 else above) / below).subs(there)


def _log_w(expression: Any) -> Any:
    """log W(e^z) = z - W(e^z), which neither over- nor underflows."""

    def rewrite(argument: Any) -> Any:
        base, power = argument.as_base_exp()
        if isinstance(base, sp.LambertW) and isinstance(base.args[0], sp.exp):
            return power * (base.args[0].exp - base)
        return sp.log(argument)

    return expression.replace(sp.log, rewrite) if expression.has(sp.LambertW) else expression


def _grouped(expression: Any) -> Any:
    """Terms with the same function of t under one factored coefficient."""
    groups: dict[Any, Any] = {}
    for term in sp.Add.make_args(expression):
        coefficient, core = sp.factor(term).as_independent(t, as_Add=False)
        groups[core] = groups.get(core, sp.Integer(0)) + coefficient
    return sum((sp.factor(c) * core for core, c in groups.items()), sp.Integer(0))


def _closed_form(piece: Piece) -> tuple[Any, Any] | None:
    """The first candidate inverse that passes both certificates: `T(f'(t)) = t` and the parametrisation."""
    others = {s: sp.Rational(3, 2) for s in piece.expr.free_symbols - {t}}
    points = [{t: s, **others} for s in piece.samples()]
    value = _grouped(expand(sp.expand_log(expand(t * piece.slope - piece.expr))))
    lo, hi = piece.slope_lo, piece.slope_hi
    for candidate in candidates(piece.slope):
        if candidate.has(sp.I, sp.zoo, sp.nan):
            continue
        if not _printable(candidate):
            continue
        inverse = _readable(candidate, lo, hi)
        if vanishes(inverse.subs(y, piece.slope) - t, points) is not True:
            continue
        closed = _readable(value.subs(t, inverse), lo, hi)
        if vanishes(parametrisation(piece, closed), points) is True:
            return closed, inverse
    return None


def _smooth(piece: Piece) -> Region:
    try:
        with cpu_limit(_SEARCH):
            found = _closed_form(piece)
    except OutOfTime:  # as good as not found
        found = None
    expr, argmax = found if found else (None, None)
    return Region(piece.slope_lo, piece.slope_hi, expr, argmax, piece)


def regions(pieces: Sequence[Piece]) -> tuple[Region, ...]:
    """f* on consecutive intervals of y, from -oo to `f'(oo)`; neighbours share their border.

    The pieces must be those of a convex function (`theory.convexity`).
    """
    found: list[Region] = []
    first, last = pieces[0], pieces[-1]
    if first.lo == last.hi:  # the indicator of one point
        return (Region(-sp.oo, sp.oo, first.lo * y - first.expr, first.lo, None),)
    if first.slope_lo != -sp.oo:
        found.append(Region(-sp.oo, first.slope_lo, first.lo * y - first.value_lo, first.lo, None))
    for index, piece in enumerate(pieces):
        if not piece.affine:
            found.append(_smooth(piece))
        right = pieces[index + 1].slope_lo if index + 1 < len(pieces) else sp.oo
        if piece.hi != sp.oo and piece.slope_hi != right:
            found.append(Region(piece.slope_hi, right, piece.hi * y - piece.value_hi, piece.hi, None))
    return tuple(found)


def end_value(piece: Piece) -> Any:
    """f* at the slope of the piece's right end: the limit of `t f'(t) - f(t)`."""
    return border_limit(expand(t * piece.slope - piece.expr), t, piece.hi, "-")


def piecewise(parts: Sequence[Region], recession: Any, *, derivative: bool = False) -> Any:
    """f* (or its derivative, the right one at kinks) as one SymPy `Piecewise` on the whole line.

    `+oo` above `f'(oo)`; at `f'(oo)` itself f* takes its limit from the left.
    """
    stand_in = NumericSlope(y) if derivative else NumericConjugate(y)
    branches = []
    for part in parts:
        expr = part.argmax if derivative else part.expr
        expr = stand_in if expr is None else expr
        if part.hi == sp.oo:
            branches.append((expr, True))
        elif part is not parts[-1]:
            branches.append((expr, y < part.hi if derivative else y <= part.hi))
        else:
            closed = part.piece is None or (not derivative and end_value(part.piece) != sp.oo)
            branches.append((expr, y <= part.hi if closed else y < part.hi))
    if recession != sp.oo:
        branches.append((sp.oo, True))
    return sp.Piecewise(*branches)
