"""Gradients of D^c (T29), and the methods on a torch device."""

import numpy as np
import pytest
import torch

from armor.errors import InputError
from armor.exact import Method, Status, divergence
from armor.exact.autograd import divergence_tensor

SPECS = ["kl", "hellinger", "pearson", {"name": "alpha", "alpha": -1.5}, {"name": "renyi", "alpha": 2.5}]


def _instance(seed=0, n=4, m=3):
    rng = np.random.default_rng(seed)
    return rng.random((n, m)), rng.dirichlet(np.full(n, 4.0)), rng.dirichlet(np.full(m, 4.0))


@pytest.mark.parametrize("support", ["space", "reference"])
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_gradcheck_in_cost_and_weights(spec, support):
    cost, p, q = (torch.tensor(v, requires_grad=True) for v in _instance())

    def value(c, a, b):
        # directions in the simplex: the weights are normalised inside
        return divergence_tensor(spec, c, a / a.sum(), b / b.sum(), support=support, tolerance=1e-12)[0]

    assert torch.autograd.gradcheck(value, (cost, p, q), eps=1e-5, atol=2e-5)


@pytest.mark.parametrize(
    "cost",
    ["sqeuclidean", "euclidean", {"norm": 1}, {"norm": 2, "barrier": 3.0}, {"tau": 0.2, "radius": 0.05}],
    ids=str,
)
def test_gradcheck_in_points(cost):
    rng = np.random.default_rng(3)
    x = torch.tensor(rng.random((6, 2)), requires_grad=True)
    y = torch.tensor(rng.random((5, 2)) + 0.3, requires_grad=True)

    def value(a, b):
        return divergence_tensor("kl", cost, x=a, y=b, tolerance=1e-12)[0]

    assert torch.autograd.gradcheck(value, (x, y), eps=1e-6, atol=2e-4)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_gradients_in_the_weights_are_tangent_to_the_simplex(spec):
    c, p, q = (torch.tensor(v, requires_grad=True) for v in _instance(1))
    divergence_tensor(spec, c, p, q, support="reference")[0].backward()
    for weights in (p, q):
        assert weights.grad.abs().max() > 1e-3
        assert weights.grad.mean().item() == pytest.approx(0, abs=1e-15)


def _without_weight(seed):
    """Seven points of P, the second without weight, six of Q, the third without."""
    rng = np.random.default_rng(seed)
    cost, p, q = rng.random((7, 6)) * 1.5, rng.dirichlet(np.full(7, 3.0)), rng.dirichlet(np.full(6, 3.0))
    p[1] = q[2] = 0
    return cost, p / p.sum(), q / q.sum()


@pytest.mark.parametrize("spec", ["tv", "kl", "hellinger", {"name": "alpha", "alpha": -1.5}], ids=str)
@pytest.mark.parametrize("support", ["space", "reference"])
@pytest.mark.parametrize("seed", [0, 2, 3, 4, 12, 27, 36])
def test_slopes_towards_weight_at_a_point_without(spec, support, seed):
    """At 0, 2, 4, 12 and 36 the prices of total variation must be lowered first; at 3 and 27 it jumps."""
    cost, p, q = _without_weight(seed)
    leaves = [torch.tensor(v, requires_grad=True) for v in (p, q)]
    towards = [
        np.where(np.arange(len(w)) == k, 1.0, 0.0) - (np.arange(len(w)) == np.argmax(w))
        for w, k in ((p, 1), (q, 2))
    ]
    step = 1e-7
    here = divergence(spec, cost, p, q, support=support, tolerance=1e-12).value
    moved = ((p + step * towards[0], q), (p, q + step * towards[1]))
    slopes = [
        (divergence(spec, cost, *w, support=support, tolerance=1e-12).value - here) / step for w in moved
    ]
    value = divergence_tensor(spec, torch.tensor(cost), leaves[0].detach(), leaves[1], support=support)[0]
    value.backward()  # a slope in q there is in any case
    assert leaves[1].grad.numpy() @ towards[1] == pytest.approx(slopes[1], rel=2e-3, abs=2e-3)
    if abs(slopes[0]) > 50:
        assert spec != "tv" or (support == "reference" and seed in (3, 27))
        with pytest.raises(InputError, match=r"no finite slope in p\[1\] = 0"):
            divergence_tensor(spec, torch.tensor(cost), *leaves, support=support)
        return
    divergence_tensor(spec, torch.tensor(cost), *leaves, support=support)[0].backward()
    assert leaves[0].grad.numpy() @ towards[0] == pytest.approx(slopes[0], rel=2e-3, abs=2e-3)


def test_weights_that_are_no_tensors_are_named():
    cost = torch.zeros((2, 2), dtype=torch.float64)
    with pytest.raises(InputError, match="p must be a tensor, not of type ndarray"):
        divergence_tensor("kl", cost, np.array([0.5, 0.5]))
    with pytest.raises(InputError, match="y must be a tensor, not of type ndarray"):
        divergence_tensor("kl", x=cost, y=np.zeros((2, 2)))


def test_second_derivatives_are_refused():
    cost, _, _ = _instance()
    c = torch.tensor(cost, requires_grad=True)
    value, solution = divergence_tensor("kl", c)
    assert value.item() == solution.value
    (gradient,) = torch.autograd.grad(value, c, create_graph=True)
    with pytest.raises(RuntimeError, match="does not require grad"):
        gradient.sum().backward()


def test_infinite_value_has_no_gradient():
    cost = torch.tensor([[0.0, float("inf")]], dtype=torch.float64)
    with pytest.raises(InputError, match="infinite"):
        divergence_tensor("kl", cost)


@pytest.mark.parametrize("kind", ["points", "matrix", "ball"])
def test_device_pricing_equals_the_default(kind):
    rng = np.random.default_rng(5)
    x, y = rng.random((700, 2)), rng.random((600, 2)) * 0.8 + 0.1
    if kind == "matrix":
        arguments = {"cost": ((x[:, None] - y[None]) ** 2).sum(axis=2)}
    else:
        arguments = {
            "x": x,
            "y": y,
            "cost": "sqeuclidean" if kind == "points" else {"norm": 2, "radius": 0.2},
        }
    plain = divergence("hellinger", **arguments, support="space")
    device = divergence("hellinger", **arguments, support="space", device="cpu")
    assert plain.status.converged
    assert device.status.converged
    assert max(plain.lower, device.lower) <= min(plain.upper, device.upper) * (1 + 1e-13)


@pytest.mark.parametrize("spec", ["kl", "hellinger", "reverse_kl", "pearson", {"f": "(t-1)**2/t"}])
@pytest.mark.parametrize(("n", "m"), [(150, 150), (80, 200), (200, 60)])
def test_dense_method_equals_the_default(spec, n, m):
    rng = np.random.default_rng(n)
    x, y = rng.random((n, 2)), rng.random((m, 2)) * 0.8 + 0.3
    p, q = rng.dirichlet(np.full(n, 2.0)), rng.dirichlet(np.full(m, 2.0))
    for support in ("space", "reference"):
        plain = divergence(spec, None, p, q, x=x, y=y, support=support)
        dense = divergence(spec, None, p, q, x=x, y=y, support=support, device="cpu")
        assert dense.method is Method.DENSE
        assert dense.status.converged
        assert dense.relative_gap <= 1e-8
        assert max(plain.lower, dense.lower) <= min(plain.upper, dense.upper) * (1 + 1e-13)
        np.testing.assert_allclose(np.asarray(dense.plan.sum(axis=0)).ravel() + dense.singular, q, rtol=1e-12)


def test_dense_method_returns_its_bracket_when_interrupted():
    def stop(progress):
        if progress.round == 6:
            raise KeyboardInterrupt

    x = np.random.default_rng(8).random((2, 100, 3))
    done = divergence("kl", x=x[0], y=x[1])
    cut = divergence("kl", x=x[0], y=x[1], device="cpu", progress=stop)
    assert cut.status is Status.INTERRUPTED
    assert 0 < cut.lower <= done.upper
    assert done.lower <= cut.upper < np.inf


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_pricing():
    rng = np.random.default_rng(6)
    x, y = rng.random((3000, 2)), rng.random((3000, 2)) + 0.1
    plain, device = divergence("kl", x=x, y=y), divergence("kl", x=x, y=y, device="cuda")
    assert max(plain.lower, device.lower) <= min(plain.upper, device.upper) * (1 + 1e-13)


def test_missing_device_is_named():
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(InputError, match="cuda"):
        divergence("kl", np.zeros((1, 1)), device="cuda")
