"""The solver's own formulas against the symbolic ones, in its gauge f(1) = f'(1) = 0."""

import sys
from pathlib import Path

import numpy as np
import pytest

from armor.exact.members import member
from theory.catalogue import divergence
from theory.numeric import callables

sys.path.insert(0, str(Path(__file__).parent))
from exact_reference import LINEAR, RENYI, SMOOTH, label

RATIOS = np.concatenate([10.0 ** np.linspace(-12, 6, 181), [1 - 1e-9, 1.0, 1 + 1e-9]])


@pytest.mark.parametrize("spec", SMOOTH, ids=label)
def test_function_slope_and_curvature(spec):
    mine, symbolic = member(spec), divergence(spec)
    c = callables(symbolic, "numpy")
    a = mine.slope_shift
    f = c.f(RATIOS) - a * (RATIOS - 1)
    size = np.abs(c.f(RATIOS)) + np.abs(a * (RATIOS - 1)) + 1
    assert np.max(np.abs(mine.value(RATIOS) - f) / size) < 1e-14
    slope = c.f_prime(RATIOS) - a
    assert np.max(np.abs(mine.slope(RATIOS) - slope) / (np.abs(c.f_prime(RATIOS)) + abs(a) + 1)) < 1e-14
    step = 1e-6 * RATIOS
    numeric = (mine.slope(RATIOS + step) - mine.slope(RATIOS - step)) / (2 * step)
    noise = 1e-16 * (np.abs(slope) + abs(a) + np.abs(np.log(RATIOS)) + 1) / step
    assert np.all(np.abs(mine.curvature(RATIOS) - numeric) <= 1e-6 * mine.curvature(RATIOS) + 10 * noise)
    assert mine.value(np.array([1.0]))[0] == 0
    assert abs(mine.slope(np.array([1.0]))[0]) < 1e-15


@pytest.mark.parametrize("spec", [*SMOOTH, *LINEAR], ids=label)
def test_conjugate_and_its_derivative(spec):
    mine, symbolic = member(spec), divergence(spec)
    c = callables(symbolic, "numpy")
    a = mine.slope_shift
    top = min(mine.recession, 5.0)
    y = np.concatenate([np.linspace(-20, top - 1e-9, 300), [-1e-9, 0.0, 1e-9]])
    expected = c.conjugate(y + a) - a
    # the error that `armor.exact.rounding` allows for: 16u of the value and of the argument's effect
    allowed = 16 * 2.0**-53 * (np.abs(expected) + mine.ratio(y) * (np.abs(y) + abs(a) + 1) + abs(a) + 1)
    assert np.all(np.abs(mine.conjugate(y) - expected) <= allowed)
    kinks = np.isin(y, [-0.0]) if mine.segments else np.zeros(len(y), dtype=bool)
    ratio = c.conjugate_prime(y + a)
    good = ~kinks
    assert np.all(np.abs(mine.ratio(y) - ratio)[good] <= 1e-7 * (1 + ratio[good]))
    if np.isfinite(mine.recession):
        assert np.isinf(mine.conjugate(np.array([mine.recession + 1e-6]))).all()


@pytest.mark.parametrize("spec", [*SMOOTH, *LINEAR], ids=label)
def test_limits(spec):
    mine, symbolic = member(spec), divergence(spec)
    a = mine.slope_shift
    if mine.name != "none":
        assert mine.at_zero == pytest.approx(float(symbolic.f_at_zero) + a)
        assert mine.recession == pytest.approx(float(symbolic.recession) - a)


@pytest.mark.parametrize("spec", SMOOTH, ids=label)
def test_fenchel_equality(spec):
    """f*(f'(t)) = t f'(t) - f(t): no inversion, hence no choice of a root."""
    mine = member(spec)
    t = 10.0 ** np.linspace(-3, 3, 121)
    y = mine.slope(t)
    right = t * y - mine.value(t)
    assert np.all(np.abs(mine.conjugate(y) - right) <= 1e-9 * (np.abs(right) + np.abs(t * y) + 1))
    condition = 1e-15 * (np.abs(y) + 1) / mine.curvature(t)
    assert np.all(np.abs(mine.ratio(y) - t) <= 1e-6 * t + condition)


@pytest.mark.parametrize(
    "text", ["t*log(t)", "(sqrt(t)-1)**2", "(t**3-1)/6", "t**2/2 - t + 1/2 + (1/t - 2 + t)"]
)
def test_users_own_expression_in_the_same_gauge(text):
    mine = member({"f": text})
    t = 10.0 ** np.linspace(-3, 3, 61)
    assert abs(float(mine.slope(np.array([1.0]))[0])) < 1e-14
    y = mine.slope(t)
    right = t * y - mine.value(t)
    assert np.all(np.abs(mine.conjugate(y) - right) <= 1e-8 * (np.abs(right) + np.abs(t * y) + 1))


@pytest.mark.parametrize("spec", RENYI, ids=label)
def test_renyi_conjugate_is_the_supremum(spec):
    """Λ[h] of T10 at μ = 1 against a direct maximisation over η on three points."""
    from scipy.optimize import minimize

    from armor.exact.renyi import renyi_lambda, renyi_value

    alpha = spec["alpha"]
    rng = np.random.default_rng(0)
    p, h = rng.dirichlet(np.ones(3)), rng.standard_normal(3)

    def loss(z):
        eta = np.exp(z - z.max())
        eta = eta / eta.sum()
        return renyi_value(alpha, p, eta) - float(eta @ h)

    best = min(minimize(loss, rng.standard_normal(3), tol=1e-12).fun for _ in range(5))
    assert renyi_lambda(alpha, p, h, float(h.max()))[0] == pytest.approx(-best, abs=1e-7)
