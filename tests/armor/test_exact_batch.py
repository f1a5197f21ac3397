"""Many small problems at once against the same problems one by one."""

import numpy as np
import pytest

from armor.errors import InputError
from armor.exact import divergence, divergences


@pytest.mark.parametrize("support", ["space", "reference"])
@pytest.mark.parametrize(
    "spec",
    [
        "kl",
        "hellinger",
        "pearson",
        "neyman",
        {"name": "alpha", "alpha": 6},
        "tv",
        {"name": "renyi", "alpha": 2},
    ],
)
def test_equals_one_by_one(spec, support):
    rng = np.random.default_rng(0)
    count, n, m = 12, 9, 7
    cost = rng.random((count, n, m)) * 10.0 ** rng.uniform(-2, 2, (count, 1, 1))
    p, q = rng.dirichlet(np.ones(n), count), rng.dirichlet(np.ones(m), count)
    batch = divergences(spec, cost, p, q, support=support)
    assert batch.converged.all()
    for b in range(count):
        single = divergence(spec, cost[b], p[b], q[b], support=support)
        assert max(single.lower, batch.lower[b]) <= min(single.upper, batch.upper[b])
        assert batch.upper[b] - batch.lower[b] <= 1e-8 * max(batch.value[b], 1e-4)


def test_odd_problems_leave_the_array_code():
    rng = np.random.default_rng(1)
    cost = rng.random((4, 6, 5))
    cost[1, :, 2] = np.inf
    p = rng.dirichlet(np.ones(6), 4)
    p[2, 0] = 0
    p /= p.sum(axis=1, keepdims=True)
    batch = divergences("kl", cost, p)
    assert batch.one_by_one == 2
    assert np.isinf(batch.value[1])
    assert batch.value[2] == pytest.approx(divergence("kl", cost[2], p[2]).value, rel=1e-8)


def test_bad_batches_are_named():
    with pytest.raises(InputError, match=r"\(problems, n, m\)"):
        divergences("kl", np.zeros((2, 2)))
    with pytest.raises(InputError, match=r"cost\[1, 0, 1\] = -1"):
        divergences("kl", np.array([[[0.0, 1.0]], [[0.0, -1.0]]]))
    with pytest.raises(InputError, match="cost must be an array of real numbers"):
        divergences("kl", "abc")
    with pytest.raises(InputError, match="cost must be an array of real numbers"):
        divergences("kl", np.zeros((2, 1, 2)) + 1j)
    with pytest.raises(InputError, match="p must be an array of real numbers"):
        divergences("kl", np.zeros((2, 1, 2)), p="abc")
    with pytest.raises(InputError, match=r"not 1e\+300"):
        divergences("kl", np.zeros((2, 1, 2)), tolerance=1e300)
    with pytest.raises(InputError, match=r"q\[1\]"):
        divergences("kl", np.zeros((2, 1, 2)), q=np.array([[0.5, 0.5], [0.5, 0.6]]))


@pytest.mark.parametrize(("n", "m"), [(3, 3), (6, 5), (2, 9)])
@pytest.mark.parametrize("scale", [1.0, 1e-3])
@pytest.mark.parametrize("spec", ["kl", "hellinger"])
def test_small_problems_stay_in_the_array_code(spec, scale, n, m):
    """A problem that is done early must not be carried on into a barrier that is all rounding."""
    rng = np.random.default_rng(1)
    cost = scale * rng.random((200, n, m))
    batch = divergences(
        spec, cost, rng.dirichlet(np.ones(n), 200), rng.dirichlet(np.ones(m), 200), support="space"
    )
    assert batch.one_by_one <= 2
    assert batch.converged.all()


@pytest.mark.parametrize("spec", ["jeffreys", "neyman"])
def test_small_costs_are_closed_by_the_array_code(spec):
    """A relative gap of values near 1e-5 asks more of the last steps than an unrefined solve gives."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(256, 32, 2)), rng.normal((1, 0), 1, size=(256, 24, 2))
    batch = divergences(spec, 1e-3 * ((x[:, :, None] - y[:, None]) ** 2).sum(axis=3), support="space")
    assert batch.converged.all()
    assert batch.one_by_one == 0
