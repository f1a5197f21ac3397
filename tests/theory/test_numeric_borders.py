"""Callables 1e-12 from each border of their domains, on the wrong side of it, in float32, and under
autograd.
"""

import warnings
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from theory import FDivergence, InputError, callables, divergence
from theory.conjugate import NumericConjugate
from theory.documents import MEMBERS
from theory.symbols import t, y

_SPECS = [spec for spec in MEMBERS.values() if spec["name"] != "renyi"] + [
    {"name": "alpha", "alpha": 1.001},
    {"name": "alpha", "alpha": 0.999},
    {"name": "alpha", "alpha": 10},
    {"f": "(t-1)**2*(t+1)/t"},
    {"f": "t**4/12 - t/3 + 1/4"},
    {"f": "Piecewise(((t-1)**2/2, abs(t-1) <= 1/2), (abs(t-1)/2 - 1/8, True))"},
]
_NAMES = ("f", "f_prime", "conjugate", "conjugate_prime", "conjugate_second")


def _points(d: FDivergence, name: str) -> list[float]:
    """Each border and 1e-12 to both sides of it, some points between, both infinities."""
    if name.startswith("f"):
        borders = [float(e) for p in d.pieces for e in (p.lo, p.hi) if e.is_finite]
        free = [-1.0, 0.3, 1.0, 1 - 1e-12, 1 + 1e-12, 2.5, 1e6]
    else:
        ends = [sp.sympify(e).subs(d.numbers) for r in d.regions for e in (r.lo, r.hi)]
        borders = [float(e) for e in ends if e.is_finite]
        free = [-np.inf, -40.0, -1.0, -0.3, -1e-12, 0.0, 1e-12, 0.2, 1.0, 1.5, 3.0, np.inf]
    return sorted({x for b in borders for x in (b - 1e-12, b, b + 1e-12)} | set(free))


def _exact(d: FDivergence, name: str, point: float) -> float:
    with mp.workdps(50):
        return float(getattr(callables(d, "mpmath"), name)(mp.mpf(point)))


def _close(found: float, expected: float, tolerance: float, scale: float) -> bool:
    if np.isinf(expected) or np.isinf(found):
        return bool(found == expected) or (abs(expected) > 3e38 and bool(np.isinf(found)))
    return bool(abs(found - expected) <= tolerance * max(scale, abs(expected)))


def _evaluate(d: FDivergence, backend: Any, name: str, points: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    function = getattr(callables(d, backend), name)
    if backend == "numpy":
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return np.asarray(function(points))
    import torch

    return np.asarray(function(torch.tensor(points)).numpy())


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("spec", _SPECS, ids=lambda s: "-".join(map(str, s.values())))
def test_near_every_border(spec: dict[str, object], dtype: Any, backend: Any) -> None:
    """Against fifty digits at the very float that the function received."""
    if backend == "torch":
        pytest.importorskip("torch")
    d = divergence(spec)
    constants = [abs(float(v)) for v in (d.f_at_zero,) if v.is_finite]
    scale = max([1.0, *constants])
    tolerance = 2e-13 if dtype == np.float64 else 2e-5
    for name in _NAMES:
        points = np.array(_points(d, name)).astype(dtype)
        found = _evaluate(d, backend, name, points)
        assert found.dtype == dtype
        for x, value in zip(points, found, strict=True):
            expected = _exact(d, name, float(x))
            assert not np.isnan(value), (name, x)
            assert _close(float(value), expected, tolerance, scale), (name, x, value, expected)


def _shown(spec: dict[str, object]) -> str:
    return "-".join(map(str, spec.values()))


@pytest.mark.parametrize("spec", _SPECS, ids=_shown)
def test_balls_near_every_border(spec: dict[str, object]) -> None:
    """A point 1e-12 from a border, on either side: the ball holds the value of fifty digits and is narrow."""
    flint = pytest.importorskip("flint")
    d = divergence(spec)
    ball = callables(d, "arb")
    for name in _NAMES[:4]:
        for x in _points(d, name):
            if not np.isfinite(x):
                continue
            with flint.ctx.workprec(256):
                enclosure, expected = getattr(ball, name)(flint.arb(x)), _exact(d, name, x)
            if np.isinf(expected) and enclosure.is_finite():  # too large for a double only
                assert abs(enclosure) > flint.arb(1e300), (name, x, enclosure)
                continue
            if not enclosure.is_finite():
                assert abs(expected) > 1e300 or np.isinf(expected), (name, x, enclosure)
                continue
            middle, radius = float(enclosure.mid()), float(enclosure.rad())
            assert abs(middle - expected) <= radius + 1e-13 * max(1.0, abs(expected)), (name, x)
            assert radius <= 1e-9 * max(1.0, abs(expected)), (name, x, enclosure)


@pytest.mark.parametrize("spec", _SPECS, ids=_shown)
def test_mpmath_near_every_border(spec: dict[str, object]) -> None:
    """Fifty digits, which the other backends are held against, against SymPy's own evaluation of f and f*."""
    d = divergence(spec)
    fn = callables(d, "mpmath")
    for name, expression, variable in (("f", d.f, t), ("conjugate", d.conjugate, y)):
        if expression.free_symbols != {variable} or expression.has(NumericConjugate):
            continue
        for x in _points(d, name):
            if not np.isfinite(x) or (name == "f" and x <= 0):
                continue
            expected = expression.subs(variable, sp.Rational(x))
            with mp.workdps(50):
                found = getattr(fn, name)(mp.mpf(x))
                if expected.is_infinite or expected.has(sp.zoo):
                    assert mp.isinf(found), (name, x)
                else:
                    exact = mp.mpf(str(sp.N(expected, 60)))
                    assert abs(found - exact) <= mp.mpf(10) ** -35 * (1 + abs(exact)), (name, x)


def test_nan_stays_nan() -> None:
    for name in _NAMES:
        assert np.isnan(getattr(callables(divergence("js"), "numpy"), name)(np.float64("nan")))


@pytest.mark.parametrize("spec", _SPECS, ids=lambda s: "-".join(map(str, s.values())))
def test_autograd_gives_the_derivatives(spec: dict[str, object]) -> None:
    """First and second derivatives by autograd inside the domain; finite zeros outside it, never NaN."""
    torch = pytest.importorskip("torch")
    d = divergence(spec)
    fn = callables(d, "torch")
    borders = {float(sp.sympify(e).subs(d.numbers)) for r in d.regions for e in (r.lo, r.hi) if e.is_finite}
    inside = [x for x in (-7.3, -1.7, -0.4, -0.07, 0.13, 0.41, 0.9) if x not in borders]
    y = torch.tensor(
        [*inside, 50.0, -1e300, float("inf"), -float("inf")], dtype=torch.float64, requires_grad=True
    )
    value = fn.conjugate(y)
    (first,) = torch.autograd.grad(value[torch.isfinite(value)].sum(), y, create_graph=True)
    n = len(inside)
    finite = torch.isfinite(value[:n])  # elsewhere f* overflows, or y is outside its domain
    assert not torch.isnan(first[n:]).any()
    assert not torch.isnan(first[:n][finite]).any()
    torch.testing.assert_close(
        first[:n][finite].detach(), fn.conjugate_prime(y[:n])[finite].detach(), rtol=1e-10, atol=1e-12
    )
    if first.requires_grad:
        (second,) = torch.autograd.grad(first[:n][finite].sum(), y)
        assert not torch.isnan(second[:n][finite]).any()
        torch.testing.assert_close(
            second[:n][finite], fn.conjugate_second(y[:n])[finite].detach(), rtol=1e-8, atol=1e-10
        )


@pytest.mark.parametrize("name", ["kl", "js", "neyman", "tv", "jeffreys"])
def test_balls_enclose_images_of_balls(name: str) -> None:
    flint = pytest.importorskip("flint")
    d = divergence(name)
    ball, exact = callables(d, "arb"), callables(d, "mpmath")
    for middle in (-1.3, -0.5, 0.1, 0.3):
        wide = flint.arb(middle, 0.02)
        for function in ("conjugate", "conjugate_prime"):
            enclosure = getattr(ball, function)(wide)
            for shift in (-0.019, 0.0, 0.019):
                value = getattr(exact, function)(mp.mpf(middle + shift))
                assert enclosure.contains(flint.arb(str(value))) or not enclosure.is_finite()


@pytest.mark.parametrize("text", ["(t-1)**2*(t+1)/t", "t**4/12 - t/3 + 1/4 + exp(t-1)-t"])
def test_balls_without_a_closed_form_hold_the_images_of_wide_balls(text: str) -> None:
    """f*, (f*)' and (f*)'' by an enclosed inversion: the ball of a wide argument holds the values over it."""
    flint = pytest.importorskip("flint")
    from theory.backends.arb_ops import ArbOperations
    from theory.backends.scalar_tables import _arb_inverse
    from theory.numeric import table

    d = divergence({"f": text})
    exact = callables(d, "mpmath")
    tried = 0
    for order, function in enumerate((exact.conjugate, exact.conjugate_prime, exact.conjugate_second)):
        for branch in table(d, 2 + order).branches:
            if branch.expr is not None:
                continue
            inverse = _arb_inverse(branch, ArbOperations())
            for middle in (-0.25, 0.9, 2.5):
                lo, hi = middle - 0.06, middle + 0.06
                if not (branch.lo < lo and hi < branch.hi):
                    continue
                with flint.ctx.workprec(128):
                    enclosure = inverse(flint.arb(middle, 0.06))
                assert enclosure.is_finite()
                values = [function(mp.mpf(lo) + (mp.mpf(hi) - lo) * k / 8) for k in range(9)]
                for value in values[1:-1]:
                    assert enclosure.contains(flint.arb(str(value))), (order, middle)
                # no narrower than the image, up to the last digits
                assert 2 * float(enclosure.rad()) >= float(max(values) - min(values)) * (1 - 1e-9)
                tried += 1
    assert tried >= 6


def test_unknown_backend_and_free_parameters_are_refused() -> None:
    with pytest.raises(InputError, match="unknown backend 'jax'"):
        callables(divergence("kl"), "jax")  # type: ignore[arg-type]
    a = sp.Symbol("a", positive=True)
    d = FDivergence("x", "x", a * divergence("pearson").f, "", "", {})
    with pytest.raises(InputError, match="numbers are needed for the parameters a"):
        callables(d, "numpy")
