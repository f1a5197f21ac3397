"""Data on which one omitted allowance for rounding puts a bound on the wrong side of the truth."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from armor.exact import divergence, dro
from armor.exact.chunk import Chunk
from armor.exact.members import member


def exact(value):
    """A double or a rational as a number of as many digits as are worked with."""
    value = Fraction(value)
    return mpmath.mpf(value.numerator) / value.denominator


def test_the_worst_case_allows_for_the_rounding_of_costs():
    """One point that may move to one other, just inside a barrier, where the cost is known to 1e-6 only.

    η = P, so the value is φ ε/c with the exact cost c; a computed cost above c would take the upper end
    below it.
    """
    too_high = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        step = np.array([0.6, 0.3, 0.1]) * (1 - 10.0 ** -rng.uniform(9, 10.5))
        x = rng.random((1, 3))
        y = np.concatenate([x, x + step])
        rule = {"norm": 1, "barrier": 1.0, "scale": 1e-9}
        z = sum(abs(Fraction(b) - Fraction(a)) for a, b in zip(x[0].tolist(), y[1].tolist(), strict=True))
        assert z < 1
        cost = Fraction(1e-9) * z / (1 - z)
        computed = np.abs(x[0] - y[1]).sum()
        too_high += Fraction(1e-9 * computed / (1 - computed)) > cost
        s = dro("kl", [0.0, 1.0], 0.125, rule, x=x, y=y, support="reference")
        value = Fraction(0.125) / cost
        assert value < 1
        assert Fraction(s.lower) <= value <= Fraction(s.upper)
        assert s.upper - s.lower < 1e-3
    assert too_high >= 5


def chunk(spec, cost, p, q, g):
    """One problem of a batch at prices `g`, in mode "reference"."""
    solver = Chunk(member(spec), cost[None], p[None], q[None], False)
    solver.g, solver.x = g[None], np.ones_like(cost)[None]  # the plan is of no interest here
    return solver


def test_the_lower_ends_of_a_batch_allow_for_the_rounding_of_their_sums():
    """Prices that cancel in q·g, far below all costs, so that f*(g^c) = -1 exactly."""
    above = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n, m = 3, 12
        p, q = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
        g = 1e3 * rng.standard_normal(m)
        g -= q @ g
        found = chunk("kl", rng.random((n, m)) + 1e6, p, q, g)._ends()[0][0]
        dual = sum(Fraction(a) * Fraction(v) for a, v in zip(q.tolist(), g.tolist(), strict=True))
        dual += sum(Fraction(v) for v in p.tolist())
        assert Fraction(found) <= dual
        above += Fraction(float(np.sum(q * g) + p.sum())) > dual
    assert above >= 5


@pytest.mark.parametrize("alpha", [0.9335, 0.937, 0.94])
def test_the_lower_ends_of_a_batch_allow_for_prices_next_to_the_pole(alpha):
    """Within an ulp of f'(∞), where a transform that rounds down changes f* by orders of magnitude.

    One row of tiny weight; f* grows with the power -14 or so of the distance to the pole.
    """
    spec = {"name": "alpha", "alpha": alpha}
    which, p, q = member(spec), np.array([1.0, 1e-220]), np.array([1.0])
    g = np.array([1.0 + which.recession])
    ulp = Fraction(float(np.spacing(which.recession)))
    with mpmath.workdps(60):
        a, checked = mpmath.mpf(alpha), 0
        for k in range(20):
            for part in range(1, 8):
                gap = Fraction(float(g[0])) - Fraction(which.recession) + (k - Fraction(part, 16)) * ulp
                cost = np.array([[30.0], [float(gap)]])
                h = [Fraction(float(g[0])) - Fraction(c) for c in cost[:, 0].tolist()]
                base = [1 + (a - 1) * exact(v) for v in h]
                if not min(base) > 0:
                    continue
                terms = [
                    exact(w) * (b ** (a / (a - 1)) - 1) / a for w, b in zip(p.tolist(), base, strict=True)
                ]
                with np.errstate(all="ignore"):
                    found = chunk(spec, cost, p, q, g)._ends()[0][0]
                assert not np.isfinite(found) or exact(float(found)) <= exact(float(g[0])) - sum(terms)
                checked += 1
    assert checked > 100


@pytest.mark.parametrize("spec", ["hellinger", "js", "neyman"])
def test_prices_of_columns_without_weight_stay_below_the_recession_slope(spec):
    """Mass at a far column would be created there, at f'(∞), not carried (T29)."""
    cost = np.array([[0.0, 0.4, 9.0], [0.4, 0.0, 9.0]])
    p, q = np.array([0.5, 0.5]), np.array([0.3, 0.7, 0.0])
    which = member(spec)
    here = divergence(spec, cost, p, q, support="space", tolerance=1e-12)
    assert here.potentials[2] <= which.recession + which.slope_shift
    step = 1e-6
    moved = divergence(spec, cost, p, q + step * np.array([0.0, -1.0, 1.0]), support="space", tolerance=1e-12)
    slope = (moved.value - here.value) / step
    # the difference quotient is off by the step times a curvature of order 1
    assert here.potentials[2] - here.potentials[1] == pytest.approx(slope, abs=5e-6)
