"""The conjugate engine on functions whose conjugates are known, catalogued or not."""

import pytest
import sympy as sp

from theory.fdivergence import FDivergence
from theory.symbols import t, y

oo = sp.oo
_HALF = sp.Rational(1, 2)

# f, f(0+), f'(0+), f'(oo), {y: f*(y)}; values from the closed forms of the literature
CASES = {
    "t*log(t)": (0, -oo, oo, {-3: sp.exp(-4), 2: sp.E}),
    "-log(t)": (oo, -oo, 0, {-2: -1 - sp.log(2), 1: oo}),
    "(t - 1)**2": (1, -2, oo, {-5: -1, -2: -1, 2: 3}),
    "(1 - t)**2/t": (oo, -oo, 1, {-3: -2, 1: 2, 2: oo}),
    "(sqrt(t) - 1)**2": (1, -oo, 1, {-1: -_HALF, _HALF: 1, 1: oo}),
    "(t*log(t) - (1 + t)*log((1 + t)/2))/2": (sp.log(2) / 2, -oo, sp.log(2) / 2, {0: 0, 1: oo}),
    "(t - 1)**2/(t + 1)": (1, -3, 1, {-4: -1, -3: -1, 0: 0, 1: 3, 2: oo}),
    "abs(t - 1)/2": (_HALF, -_HALF, _HALF, {-3: -_HALF, 0: 0, _HALF: _HALF, 1: oo}),
    "Piecewise((0, t <= 3), (oo, True))": (0, 0, oo, {-1: 0, 2: 6}),
    "exp(t - 1) - t": (sp.exp(-1), sp.exp(-1) - 1, oo, {-1: -sp.exp(-1), 0: 0}),
    "max(abs(t - 1) - 1/2, 0)": (_HALF, -1, 1, {-2: -_HALF, -_HALF: -_HALF / 2, _HALF: 3 * _HALF / 2, 2: oo}),
    "Piecewise(((t-1)**2/2, abs(t-1) <= 1/2), (abs(t-1)/2 - 1/8, True))": (
        sp.Rational(3, 8), -_HALF, _HALF, {-1: -sp.Rational(3, 8), 0: 0, _HALF: sp.Rational(5, 8), 1: oo},
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", CASES)
def test_borders_and_values(text: str) -> None:
    at_zero, slope, recession, values = CASES[text]
    d = FDivergence.from_expression(text)
    assert (d.f_at_zero, d.slope_at_zero, d.recession) == (at_zero, slope, recession)
    for point, expected in values.items():
        assert (
            sp.simplify(d.conjugate.subs(y, point) - expected) == 0 or d.conjugate.subs(y, point) == expected
        )


def _largest_on_grid(f: sp.Expr, value: sp.Rational, points: int = 4001) -> float:
    """max over t = 1e-4 .. 1e2 of `t y - f(t)`: a lower bound of f*(y) that shares nothing with the
    derivation.
    """
    function = sp.lambdify(t, f, "math")
    grid = [10 ** (k * 6 / points - 4) for k in range(points)]
    return max(s * float(value) - function(s) for s in grid)


@pytest.mark.parametrize("text", CASES)
def test_supremum_on_a_grid_is_reached_and_not_passed(text: str) -> None:
    """f*(y) against the maximum of t y - f(t) over a grid of t, which shares nothing with the derivation."""
    d = FDivergence.from_expression(text)
    for number in (-sp.Rational(7, 3), -sp.Rational(1, 5), sp.Rational(1, 7), sp.Rational(1, 3)):
        if number < d.recession:
            exact = float(d.conjugate.subs(y, number))
            assert -1e-12 <= exact - _largest_on_grid(d.f, number) < 5e-3


@pytest.mark.parametrize("text", ["(t-1)**2*(t+1)/t", "t**3 - t + exp(t) - E"])
def test_no_closed_form_is_said(text: str) -> None:
    d = FDivergence.from_expression(text)
    assert not d.closed_form
    assert "NumericConjugate" in str(d.conjugate)


def test_wrong_roots_are_not_believed() -> None:
    """Both square roots solve Neyman's f'(t) = y; only the positive one survives, clamps are kept."""
    d = FDivergence.from_expression("(1 - t)**2/t")
    assert d.regions[-1].argmax == 1 / sp.sqrt(1 - y)
    assert FDivergence.from_expression("(t-1)**2").conjugate.subs(y, -10) == -1


def test_derivatives_at_one() -> None:
    d = FDivergence.from_expression("t*log(t)")
    assert (d.second_at_one, d.third_at_one, d.strictly_convex_at_one) == (1, -1, True)
    tv = FDivergence.from_expression("abs(t-1)/2")
    assert (tv.second_at_one, tv.strictly_convex_at_one) == (None, True)
    flat = FDivergence.from_expression("max(abs(t - 1) - 1/2, 0)")
    assert not flat.strictly_convex_at_one
    assert FDivergence.from_expression("(t-1)**4").strictly_convex_at_one


def test_gauge_shifts_the_conjugate() -> None:
    d = FDivergence.from_expression("t*log(t)")
    shifted = d.in_gauge(sp.Rational(-1))
    assert sp.simplify(shifted.conjugate - (sp.exp(y) - 1)) == 0
    assert shifted.f.subs(t, 1) == 0
