"""The two ends of the bracket against 60 digits: what their stated bounds on rounding are there for."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from armor.exact import dro
from armor.exact.bracket import dual_value
from armor.exact.clouds import WideGeometry, point_geometry
from armor.exact.costs import point_cost
from armor.exact.members import member
from armor.exact.primal import Primal
from armor.exact.renyi import renyi_lambda
from armor.exact.rounding import lower_end, upper_end

# In the gauge f(1) = f'(1) = 0, written out a second time.
VALUES = {
    "kl": (lambda t: t * mpmath.log(t) - t + 1, lambda y: mpmath.expm1(y)),
    "pearson": (lambda t: (t - 1) ** 2, lambda y: y + y * y / 4 if y >= -2 else mpmath.mpf(-1)),
    "hellinger": (lambda t: (mpmath.sqrt(t) - 1) ** 2, lambda y: y / (1 - y)),
    "reverse_kl": (lambda t: t - 1 - mpmath.log(t), lambda y: -mpmath.log(1 - y)),
}
SEEDS = 30


def exact(value):
    """A double or a rational as a number of 60 digits."""
    value = Fraction(value)
    return mpmath.mpf(value.numerator) / value.denominator


def squared(x, y):
    """Exact squared distances of two clouds of doubles, as rationals."""
    return [
        [sum((Fraction(b) - Fraction(a)) ** 2 for a, b in zip(u, v, strict=True)) for v in y.tolist()]
        for u in x.tolist()
    ]


def cloud(seed, n=6, m=5, dimension=3):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, dimension)), rng.standard_normal((m, dimension))
    return rng, x, y, rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))


def prices(seed, dimension):
    """Points, weights, prices and their transform in doubles, and the transform in rationals.

    In 3 dimensions prices are small; in 60 they are as large as the costs, and so is the rounding.
    """
    rng, x, y, p, q = cloud(seed, dimension=dimension)
    if dimension > 3:
        x, y = 3 * x, 3 * y
    geometry = point_geometry(x, y, point_cost("sqeuclidean"))
    cost = geometry.arcs(*np.divmod(np.arange(30), 5)).reshape(6, 5)
    g = cost.min(axis=0) + 0.3 * rng.random(5) - 0.1
    if dimension == 3:
        g = np.minimum(g - 0.4, 0.9) + rng.choice([0.0, -3.0])
    h = (g - cost).max(axis=1)

    def transform(g):
        rows = squared(x, y)
        return [max(Fraction(v) - c for v, c in zip(g.tolist(), row, strict=True)) for row in rows]

    return p, q, g, h, geometry.rounding, transform


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("dimension", [3, 60])
def test_the_lower_end_is_below_the_exact_dual(name, dimension):
    """At prices for which the float evaluation alone is above it about every other time."""
    which, margins = member(name), []
    with mpmath.workdps(60):
        for seed in range(SEEDS):
            p, q, g, h, rounding, transform = prices(seed, dimension)
            imbalance = abs(p.sum() - q.sum())
            found, shifted = lower_end(
                which, p, q, g, h, space=dimension == 3, rounding=rounding, imbalance=imbalance
            )
            dual = sum(exact(a) * exact(v) for a, v in zip(q, shifted, strict=True))
            dual -= sum(
                exact(a) * VALUES[name][1](exact(v)) for a, v in zip(p, transform(shifted), strict=True)
            )
            assert found <= dual
            margins.append(float(dual - found))
    assert max(margins) < (1e-12 if dimension == 3 else 1e-9)


@pytest.mark.parametrize("spec", [*VALUES, {"name": "renyi", "alpha": 2.5}], ids=str)
def test_the_lower_end_allows_for_the_stated_error_of_every_cost(spec):
    """Costs that are all smaller by that share still have a dual value above it."""
    which, share = member(spec), 1e-7
    for seed in range(20):
        p, q, g, h, _, _ = prices(seed, 3)
        x, y = cloud(seed)[1:3]
        cost = (1 - share) * ((x[:, None] - y[None]) ** 2).sum(axis=2)
        found, shifted = lower_end(
            which, p, q, g, h, space=False, rounding=lambda size: share * size, imbalance=0.0
        )
        true = dual_value(which, p, q, shifted, (shifted - cost).max(axis=1), space=False, shift=False)[0]
        assert found <= true
        assert found >= true - 100 * share


@pytest.mark.parametrize("alpha", [0.5, 2.5])
@pytest.mark.parametrize("dimension", [3, 60])
def test_the_lower_end_is_below_the_exact_dual_of_renyi(alpha, dimension):
    """`q·g` minus the infimum over ρ of T10's functional, found by Newton's method in 60 digits."""
    which = member({"name": "renyi", "alpha": alpha})
    with mpmath.workdps(60):
        a = mpmath.mpf(alpha)
        for seed in range(SEEDS // 3):
            p, q, g, h, rounding, transform = prices(seed, dimension)
            found, _ = lower_end(which, p, q, g, h, space=False, rounding=rounding, imbalance=0.0)
            rows = [(exact(w), exact(v)) for w, v in zip(p, transform(g), strict=True)]

            def functional(rho, rows=rows):
                mean = sum(w * (rho - v) ** ((a - 1) / a) for w, v in rows)
                return rho - (mpmath.log(a) + 1) / a - mpmath.log(mean) / (a - 1)

            top = max(v for _, v in rows)
            start = top + mpmath.mpf(renyi_lambda(alpha, p, h, float(h.max()))[1]) - exact(h.max())
            rho = mpmath.findroot(lambda r: mpmath.diff(functional, r), start)
            assert rho > top
            assert found <= sum(exact(u) * exact(v) for u, v in zip(q, g, strict=True)) - functional(rho)


@pytest.mark.parametrize("name", VALUES)
def test_the_upper_end_is_above_the_exact_value_of_the_completed_plan(name):
    which, margins = member(name), []
    with mpmath.workdps(60):
        for seed in range(SEEDS):
            rng, x, y, p, q = cloud(seed)
            geometry = point_geometry(x, y, point_cost("sqeuclidean"))
            rows, columns = np.divmod(np.arange(30), 5)
            mass = rng.random(30)
            mass *= (q / np.bincount(columns, mass))[columns]
            cost = geometry.arcs(rows, columns)
            plan = Primal(rows, columns, mass, cost, np.zeros(5), 1.0)
            found = upper_end(which, p, plan, geometry.rounding)
            held = [sum(Fraction(v) for v in mass[columns == j].tolist()) for j in range(5)]
            entries = [
                Fraction(v) * Fraction(q[j]) / held[j] for v, j in zip(mass.tolist(), columns, strict=True)
            ]
            far = squared(x, y)
            total = exact(sum(v * far[i][j] for v, i, j in zip(entries, rows, columns, strict=True)))
            for i, weight in enumerate(p.tolist()):
                eta = sum(v for v, k in zip(entries, rows, strict=True) if k == i)
                total += exact(weight) * VALUES[name][0](exact(eta / Fraction(weight)))
            assert found >= total
            margins.append(float(found - total))
    assert max(margins) < 1e-12


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_stored_costs_in_many_dimensions_are_lower_bounds(scale):
    """Far from the origin, and for points much nearer to each other than to the rest."""
    rng = np.random.default_rng(0)
    x = scale * rng.standard_normal((12, 300)) + 50
    y = np.concatenate(
        [x[:6] + 1e-4 * rng.standard_normal((6, 300)), scale * rng.standard_normal((6, 300)) + 50]
    )
    for power in (1.0, 2.0):
        geometry = WideGeometry(x, y, point_cost({"norm": 2, "power": power}))
        for i, row in enumerate(squared(x, y)):
            for j, square in enumerate(row):
                stored = Fraction(float(geometry._stored[i, j]))
                assert (stored**2 if power == 1 else stored) <= square
        # ... and useful ones: the far pairs lose little.
        full = geometry.arcs(*np.divmod(np.arange(144), 12)).reshape(12, 12)
        away = full > 1e-3 * full.max()
        assert (geometry._stored[away] > 0.999 * full[away]).all()


def test_no_violated_arc_escapes_the_float32_pass():
    """Also those that are violated by much less than single precision tells."""
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((250, 40)), rng.standard_normal((260, 40))
    geometry = WideGeometry(x, y, point_cost("sqeuclidean"))
    g = 1e5 + rng.standard_normal(260)
    rows, columns = np.divmod(np.arange(250 * 260), 260)
    cost = geometry.arcs(rows, columns).reshape(250, 260)
    h = (g - cost).max(axis=1) - 1e-9  # every row has its best arc violated by 1e-9
    i, j, value = geometry.violations(h, g, 2)
    best = np.argmax(g - cost, axis=1)
    assert set(zip(range(250), best.tolist(), strict=True)) <= set(zip(i.tolist(), j.tolist(), strict=True))
    assert np.all(value < 0)


@pytest.mark.parametrize("seed", range(8))
def test_the_worst_case_bracket_holds_to_the_last_digit(seed):
    """KL, hard ball in a radius that does not bind: the value is the largest reachable loss, exactly."""
    rng = np.random.default_rng(seed)
    phi = rng.standard_normal(9)
    x = rng.random((9, 2))
    s = dro("kl", phi, 50.0, "sqeuclidean", x=x, y=x, support="reference")
    assert s.lower <= phi.max() <= s.upper
    assert s.upper - s.lower < 1e-9
    # ... and where nothing may move, the mean.
    still = dro("kl", phi, 0.0, "sqeuclidean", x=x, y=x, support="reference")
    mean = sum(Fraction(v) for v in phi.tolist()) / 9
    assert Fraction(still.lower) <= mean <= Fraction(still.upper)


@pytest.mark.parametrize(
    "cost",
    [
        {"norm": 1, "barrier": 1.0, "scale": 3.0},
        {"norm": 1, "power": 9},
        {"tau": 0.01, "radius": 0.42},
        {"norm": 2, "power": 2},
    ],
)
def test_single_costs_are_off_by_less_than_is_claimed(cost):
    """Where a barrier, a dead zone or a power multiplies the rounding of the distance, the claim follows."""
    rng = np.random.default_rng(11)
    rule = point_cost(cost)
    near = np.concatenate([1 - 10.0 ** -rng.uniform(1, 12, 40), 0.7 + 10.0 ** -rng.uniform(1, 15, 40)])
    # three coordinates of one distance: their sum in doubles is rounded, the exact one is not
    x = rng.random((len(near), 3))
    y = x + near[:, None] * np.array([0.6, 0.3, 0.1])
    computed = rule([x[:, k] - y[:, k] for k in range(3)])
    claimed = rule.rounding(computed, 3)
    worst = 0.0
    for i in np.flatnonzero(np.isfinite(computed)):
        d = [abs(Fraction(float(x[i, k])) - Fraction(float(y[i, k]))) for k in range(3)]
        if "tau" in cost:
            radius = Fraction(cost["radius"])
            true = exact(sum(max(v - radius, Fraction(0)) ** 2 for v in d) / (2 * Fraction(cost["tau"])))
        elif "barrier" in cost:
            z = sum(d)
            true = exact(3 * z / (1 - z))
        elif cost["norm"] == 1:
            true = exact(sum(d) ** 9)
        else:
            true = exact(sum(v * v for v in d))
        off = float(abs(exact(float(computed[i])) - true))
        assert off <= claimed[i]
        worst = max(worst, off / claimed[i] if claimed[i] else 0.0)
    assert worst > 1e-3  # the claim is no empty one
