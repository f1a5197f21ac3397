"""The DRO value on finite spaces, against the small exact solver and against closed forms."""

import mpmath
import numpy as np
import pytest

from armor.errors import InputError
from armor.exact import dro
from armor.exact.bracket import information
from armor.exact.members import member

SPECS = [
    "kl",
    "hellinger",
    "pearson",
    "js",
    "tv",
    "none",
    {"name": "cvar", "beta": 0.4},
    {"name": "renyi", "alpha": 2.5},
    {"name": "renyi", "alpha": 0.5},
    {"name": "alpha", "alpha": -1.5},
]


def _instance(seed, n=10, blocked=0.3):
    rng = np.random.default_rng(seed)
    x = rng.random((n, 2))
    cost = 4 * ((x[:, None] - x[None]) ** 2).sum(axis=2)
    hole = rng.random((n, n)) < blocked
    np.fill_diagonal(hole, False)
    cost[hole] = np.inf
    return cost, rng.dirichlet(np.ones(n)), rng.standard_normal(n)


@pytest.mark.parametrize("support", ["space", "reference"])
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_agrees_with_the_small_solver(spec, support):
    from verification.instance import from_mapping
    from verification.solve import dro as small

    named = {"name": spec} if isinstance(spec, str) else spec
    for seed, (epsilon, kappa) in enumerate([(1e-3, 0.0), (0.1, 0.5), (2.0, 0.0)]):
        cost, p, phi = _instance(seed)
        mine = dro(spec, phi, epsilon, cost, p, kappa=kappa, support=support)
        rows = [[None if np.isinf(c) else c for c in row] for row in cost.tolist()]
        data = {"divergence": named, "cost": rows, "p": p.tolist(), "phi": phi.tolist()}
        other = small(from_mapping({**data, "epsilon": epsilon, "kappa": kappa, "support": support}))
        assert mine.status.converged
        assert mine.lower <= other.upper + 1e-10
        assert other.lower <= mine.upper + 1e-10


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_worst_case_is_feasible_and_attains_the_value(spec):
    cost, p, phi = _instance(7)
    s = dro(spec, phi, 0.05, cost, p, kappa=0.2, support="reference")
    plan = s.plan.toarray()
    assert (plan >= 0).all()
    assert np.isfinite(cost[plan > 0]).all()
    assert s.worst_case.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(plan.sum(axis=1), s.weights, atol=1e-15)
    assert s.budget <= 0.05 * (1 + 1e-9)
    assert s.worst_case @ phi - 0.2 * s.budget >= s.value - 1e-9


def test_points_and_a_radius_that_does_not_bind():
    rng = np.random.default_rng(3)
    x = rng.random((700, 2))
    phi = np.sin(7 * x[:, 0])
    s = dro("kl", phi, 0.01, "sqeuclidean", x=x, y=x)
    assert s.status.converged
    matrix = dro("kl", phi, 0.01, ((x[:, None] - x[None]) ** 2).sum(axis=2))
    assert max(s.lower, matrix.lower) <= min(s.upper, matrix.upper)
    assert phi.mean() < s.value < phi.max()
    everything = dro("kl", phi, 1e4, "sqeuclidean", x=x, y=x)
    assert everything.value == pytest.approx(phi.max(), abs=1e-8)


@pytest.mark.parametrize("kappa", [0.0, 0.5])
@pytest.mark.parametrize("support", ["space", "reference"])
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_radius_of_zero(spec, support, kappa):
    """T6 holds at `ε = 0`, too: only moves that cost nothing are left (CVaR re-weights for nothing)."""
    cost, p, phi = _instance(4)
    cost[0, 3] = cost[5, 7] = 0.0
    s = dro(spec, phi, 0.0, cost, p, kappa=kappa, support=support)
    best = np.max(np.where(cost == 0, phi, -np.inf), axis=1)
    if isinstance(spec, dict) and spec["name"] == "cvar":
        order = np.argsort(-best)
        mass = np.diff(np.minimum(np.cumsum(p[order]) / spec["beta"], 1.0), prepend=0.0)
        expected = mass @ best[order]
    else:
        expected = p @ best
    assert s.status.converged
    assert s.lower <= expected + 1e-12
    assert expected - 1e-12 <= s.upper
    assert s.budget == pytest.approx(0.0, abs=1e-14)
    assert s.worst_case @ phi == pytest.approx(expected, abs=1e-12)


def kl_dual(phi, cost, epsilon, lam, kappa=0):
    """T8's dual function for uniform P in 50 digits: an upper bound whatever `lam`."""
    mu, eps = lam + kappa, mpmath.mpf(epsilon)
    pairs = [list(zip(phi.tolist(), row, strict=True)) for row in cost.tolist()]
    best = [max(mpmath.mpf(v) - mu * mpmath.mpf(c) for v, c in row) for row in pairs]
    return lam * eps + mu * mpmath.log(sum(mpmath.exp(v / mu) for v in best) / len(best))


@pytest.mark.parametrize("epsilon", [1e-30, 1e-18, 1e-16, 1e-15, 1e-13, 1e-9])
def test_tiny_radii_are_not_overspent(epsilon):
    """A divergence below the rounding of `Σ p f` is found from `f''`, and its rounding is charged."""
    cost, _, phi = _instance(0, n=8, blocked=0)
    with mpmath.workdps(50):
        mean = sum(mpmath.mpf(v) for v in phi.tolist()) / 8
        spread = mpmath.sqrt(sum((mpmath.mpf(v) - mean) ** 2 for v in phi.tolist()) / 8)
        proved = kl_dual(phi, cost, epsilon, spread / mpmath.sqrt(2 * mpmath.mpf(epsilon)))
        s = dro("kl", phi, epsilon, cost)
        assert s.status.converged
        assert s.lower <= proved
        assert s.upper >= proved - mpmath.mpf("1e-8")


@pytest.mark.parametrize("kappa", [1e3, 1e6, 1e9, 1e12])
def test_large_penalties_are_charged_in_full(kappa):
    cost, _, phi = _instance(0, n=8, blocked=0)
    with mpmath.workdps(50):
        proved = kl_dual(phi, cost, 0.1, mpmath.mpf(0), mpmath.mpf(kappa))
        s = dro("kl", phi, 0.1, cost, kappa=kappa)
        assert s.status.converged
        assert s.lower <= proved <= s.upper


@pytest.mark.parametrize("name", ["kl", "hellinger", "js", "jeffreys", "neyman", "tv", "triangular"])
@pytest.mark.parametrize("distance", [1e-12, 1e-6, 0.03, 0.5])
def test_a_small_divergence_keeps_its_digits(name, distance):
    """`information` against 60 digits, with the bound on its rounding."""
    formulas = {
        "kl": lambda t: t * mpmath.log(t) - t + 1,
        "hellinger": lambda t: (mpmath.sqrt(t) - 1) ** 2,
        "js": lambda t: (t * mpmath.log(t) - (1 + t) * mpmath.log((1 + t) / 2)) / 2,
        "jeffreys": lambda t: (t - 1) * mpmath.log(t),
        "neyman": lambda t: (1 - t) ** 2 / t,
        "tv": lambda t: max(t - 1, mpmath.mpf(0)),
        "triangular": lambda t: (t - 1) ** 2 / (t + 1),
    }
    rng = np.random.default_rng(5)
    p = rng.dirichlet(np.ones(20))
    eta = p * (1 + distance * rng.uniform(-1, 1, 20))
    value, noise = information(member(name), p, eta)
    with mpmath.workdps(60):
        pairs = [(mpmath.mpf(a), mpmath.mpf(b)) for a, b in zip(p.tolist(), eta.tolist(), strict=True)]
        true = sum(a * formulas[name](b / a) for a, b in pairs)
        assert abs(value - true) <= noise
    assert noise < (1e-13 if distance < 0.1 else 1e-10) * value


def test_points_that_lie_close_are_not_taken_for_one_at_radius_zero():
    x = np.array([[0.0], [1e-8], [1.0]])
    s = dro("kl", [0.0, 1.0, 2.0], 0.0, "sqeuclidean", x=x, y=x)
    assert s.status.converged
    assert s.lower <= 1.0 <= s.upper


@pytest.mark.parametrize("spec", ["kl", "none", "hellinger"])
@pytest.mark.parametrize("epsilon", [1e9, 1e30, 1e100])
def test_a_huge_radius_reaches_the_largest_loss(spec, epsilon):
    cost, p, phi = _instance(2, blocked=0)
    s = dro(spec, phi, epsilon, cost, p, support="reference")
    assert s.status.converged
    assert s.lower <= phi.max() <= s.upper
    assert s.value == pytest.approx(phi.max(), abs=1e-7)


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30])
def test_the_units_of_the_losses_do_not_matter(scale):
    cost, p, phi = _instance(2)
    one = dro("kl", phi, 0.05, cost, p, kappa=0.3)
    other = dro("kl", scale * phi, 0.05, cost, p, kappa=0.3 * scale)
    assert other.status.converged
    for name in ("lower", "upper", "lam", "rho"):
        assert getattr(other, name) == pytest.approx(scale * getattr(one, name), rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"epsilon": 1e101}, r"epsilon must be at most 1e\+100"),
        ({"epsilon": -0.1}, "epsilon must be finite and at least 0"),
        ({"epsilon": float("nan")}, "epsilon must be finite"),
        ({"epsilon": 0.0, "cost": [[0.1, 1.0], [1.0, 0.0]]}, "no distribution lies within epsilon = 0"),
        ({"epsilon": 0.1, "kappa": -1.0}, "kappa"),
        ({"epsilon": 0.1, "phi": [1.0]}, "2 finite losses"),
        ({"epsilon": 0.1, "cost": [[1.0, 2.0]], "p": [1.0]}, "no distribution lies within"),
        ({"epsilon": "a"}, "not 'a'"),
        ({"epsilon": None}, "not None"),
        ({"epsilon": 0.1, "kappa": "b"}, "not 'b'"),
        ({"epsilon": 0.1, "phi": "abc"}, "phi must be an array of real numbers"),
        ({"epsilon": 0.1, "tolerance": 0}, "not 0"),
        ({"epsilon": 0.1, "tolerance": float("nan")}, "not nan"),
        ({"epsilon": 0.1, "limit": 0}, "limit must be a whole number"),
    ],
)
def test_bad_input(arguments, words):
    given = {"phi": [0.0, 1.0], "cost": [[0.0, 1.0], [1.0, 0.0]], **arguments}
    with pytest.raises(InputError, match=words):
        dro("kl", **given)
