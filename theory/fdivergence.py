"""An f-divergence: one convex expression in t, and everything that follows from it.

`D_f(Q||P) = E_P[f(dQ/dP)] + f'(oo) Q_singular(X)` (arXiv 2309.03791; statement T1 holds its finite form).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import sympy as sp

from theory.budget import OutOfTime, cpu_limit
from theory.conjugate import Region, end_value, piecewise, regions
from theory.convexity import SignProof, check_convex, check_lower_semicontinuous
from theory.errors import InputError
from theory.member import Template
from theory.pieces import Piece, borders, split
from theory.symbols import t, y

__all__ = ["FDivergence"]

_SMALLEST, _LARGEST = 1e-100, 1e100
_PATIENCE = 40  # seconds of processor time for a user's f
_READABLE = 24  # numerators and denominators up to here are written out in f*


@dataclass(frozen=True)
class FDivergence:
    """A convex, lower semicontinuous f on (0, oo) with f(1) = 0, and its derived quantities (SymPy, exact).

    Derived quantities are computed on first use and kept. `f(t)` and `f(t) + a (t - 1)` are the same
    divergence in two gauges; `gauge` says which one this is.
    """

    name: str
    title: str
    f: Any
    gauge: str
    source: str
    spec: Mapping[str, object] = field(hash=False)
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    template: Template | None = None

    @classmethod
    def from_expression(cls, text: str) -> "FDivergence":
        """The divergence of an expression in t, such as "(sqrt(t) - 1)**2"; every hypothesis on f is checked.

        Raises `InputError` naming the hypothesis that fails, with a witness point.
        """
        from theory.parser import parse

        try:
            with cpu_limit(_PATIENCE):
                d = cls("custom", f"f(t) = {text}", parse(text), "as given", "user's expression", {"f": text})
                d.check_hypotheses()
                _ = d.recession, d.regions, d.conjugate_at_recession
        except OutOfTime:
            raise InputError(
                f"{text!r} is too hard: its hypotheses and limits were not settled in {_PATIENCE} s of "
                f"processor "
                "time"
            ) from None
        return d

    def check_hypotheses(self) -> SignProof:
        """f(1) = 0, lower semicontinuity, convexity; returns how convexity is known, raises `InputError`
        else.
        """
        return self._convexity

    @cached_property
    def _convexity(self) -> SignProof:
        self._check_real()
        at_one = sp.simplify(self.f.subs(t, 1))
        if at_one in (sp.oo, -sp.oo):
            raise InputError("f is infinite at t = 1, but a divergence needs f finite near 1 and f(1) = 0")
        if at_one != 0:
            raise InputError(f"f(1) = {at_one}, but a divergence needs f(1) = 0")
        convex = check_convex(self.pieces)
        check_lower_semicontinuous(self.f, self.pieces, borders(self.f))
        self._check_size()
        if self.domain[0] > 1 or self.domain[1] < 1:
            raise InputError(
                f"f is infinite at t = 1: it is finite only between {self.domain[0]} and {self.domain[1]}"
            )
        return convex

    def _check_size(self) -> None:
        """`InputError` where f around 1 is out of the reach of doubles."""
        sizes = [abs(sp.N(p.expr.subs(t, p.inside).subs(self.numbers), 15)) for p in self.pieces]
        curves = [abs(sp.N(p.curvature.subs(t, p.inside).subs(self.numbers), 15)) for p in self.pieces]
        largest = max([*sizes, *curves])
        if largest > 0 and not _SMALLEST < largest < _LARGEST:
            raise InputError(
                f"f is of the size {largest:.3g} around 1, out of the reach of doubles: rescale it (T28)"
            )

    def _check_real(self) -> None:
        """`InputError` with a point at which f is not a real number."""
        for piece in self.pieces:
            for point in (piece.inside, *piece.samples()):
                value = sp.N(piece.expr.subs(t, point).subs(self.numbers), 15)
                if value.has(sp.zoo, sp.nan):
                    raise InputError(f"f has no value at t = {sp.N(point, 6)}")
                if not value.is_real:
                    raise InputError(f"f is complex-valued: f({sp.N(point, 6)}) = {sp.N(value, 6)}")

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """f as smooth expressions on consecutive intervals of t, a template's parameter symbolic."""
        return split(self.template.expr if self.template else self.f)

    @property
    def numbers(self) -> dict[Any, Any]:
        """The value of the parameter that `pieces` and `regions` leave symbolic."""
        return {self.template.symbol: self.template.value} if self.template else {}

    def _plain(self, expression: Any) -> Any:
        """The template's parameter replaced by its number, or by its public name where that is unreadable."""
        if self.template is None:
            return expression
        value = self.template.value
        if max(abs(value.p), value.q) <= _READABLE:
            return expression.subs(self.template.symbol, value)
        return expression.subs(self.template.symbol, self.template.original)

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """f* on consecutive intervals of y, up to `recession`."""
        return regions(self.pieces)

    @property
    def domain(self) -> tuple[Any, Any]:
        """Closure of {f < oo} within [0, oo]."""
        return self.pieces[0].lo, self.pieces[-1].hi

    @cached_property
    def f_at_zero(self) -> Any:
        """f(0+), possibly oo."""
        return self.pieces[0].value_lo.subs(self.numbers) if self.domain[0] == 0 else sp.oo

    @cached_property
    def slope_at_zero(self) -> Any:
        """f'(0+), possibly -oo."""
        return self.pieces[0].slope_lo.subs(self.numbers) if self.domain[0] == 0 else -sp.oo

    @cached_property
    def recession(self) -> Any:
        """f'(oo) = lim f(t)/t, possibly oo."""
        return self.pieces[-1].slope_hi.subs(self.numbers) if self.domain[1] == sp.oo else sp.oo

    @cached_property
    def conjugate(self) -> Any:
        """f*(y) = sup_{t >= 0} (t y - f(t)) as a `Piecewise` in y on the whole line.

        A parameter with a long numerator or denominator stays symbolic; `theory.callables` puts it in.
        """
        return self._plain(piecewise(self.regions, self.recession))

    @cached_property
    def conjugate_prime(self) -> Any:
        """(f*)'(y), the maximising t; right derivative at kinks, oo above `recession`."""
        return self._plain(piecewise(self.regions, self.recession, derivative=True))

    @cached_property
    def conjugate_at_recession(self) -> Any:
        """f*(f'(oo)), possibly oo; oo when `recession` is."""
        return end_value(self.pieces[-1]).subs(self.numbers) if self.recession != sp.oo else sp.oo

    @property
    def closed_form(self) -> bool:
        """Whether every region of f* has a certified closed form."""
        return all(region.expr is not None for region in self.regions)

    @cached_property
    def strictly_convex_at_one(self) -> bool:
        """Whether f is not affine on any neighbourhood of 1 (T15, T17, T18 need it)."""
        return not any(p.affine and p.lo < 1 < p.hi for p in self.pieces)

    def _derivative_at_one(self, order: int) -> Any | None:
        around = [p for p in self.pieces if p.lo <= 1 <= p.hi]
        for k in range(1, order + 1):
            values = {sp.simplify(sp.diff(p.expr, t, k).subs(t, 1).subs(self.numbers)) for p in around}
            if (
                len(values) != 1
                or not next(iter(values)).is_finite
                or (len(around) == 1 and not around[0].lo < 1 < around[0].hi)
            ):
                return None
        return values.pop()

    @cached_property
    def second_at_one(self) -> Any | None:
        """f''(1), or None where f is not twice differentiable there."""
        return self._derivative_at_one(2)

    @cached_property
    def third_at_one(self) -> Any | None:
        """f'''(1), or None where f is not three times differentiable there."""
        return self._derivative_at_one(3)

    @cached_property
    def fourth_at_one(self) -> Any | None:
        """The fourth derivative at 1, or None where f is not four times differentiable there."""
        return self._derivative_at_one(4)

    def in_gauge(self, a: Any) -> "FDivergence":
        """The same divergence written with `f(t) + a (t - 1)`; then f* becomes `f*(y - a) + a`."""
        shift = sp.sympify(a) * (t - 1)
        f = self.f + shift
        template = replace(self.template, expr=self.template.expr + shift) if self.template else None
        return FDivergence(
            self.name,
            self.title,
            f,
            f"shifted by {a} (t - 1)",
            self.source,
            self.spec,
            self.parameters,
            template,
        )

    def __repr__(self) -> str:
        return (
            f"FDivergence({self.name}: f(t) = {self.f}, f*(y) = {self.conjugate if self.closed_form else y})"
        )
