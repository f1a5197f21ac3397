"""The KL objective: its two solvers against each other, extreme radii, ties, masks, dtypes, gradients."""

import itertools
import math

import numpy as np
import pytest
import torch

import armor
from armor.errors import InputError
from armor.objectives import Status
from armor.objectives.arrays import numpy_ops, torch_ops
from armor.objectives.kl import solve_batched

EPSILONS = (1e-12, 1e-6, 1e-3, 0.02, 0.5, 3.0, 1e6)


def _losses(seed: int, size: int, kind: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(size, generator=generator, dtype=torch.float64)
    return (x, 1e3 * x, 1e-3 * x.exp(), x.mul(2).round(), (5 * x).exp().clamp(max=1e6))[kind]


@pytest.mark.parametrize(("size", "kind"), list(itertools.product((1, 2, 7, 128), range(5))))
def test_the_three_solvers_agree_and_close_the_gap(size: int, kind: int) -> None:
    losses = _losses(size + kind, size, kind)
    costs = torch.rand(size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    p = np.full((1, size), 1 / size)
    for epsilon, kappa, with_costs in itertools.product(EPSILONS, (0.0, 0.1, 10.0), (False, True)):
        c = epsilon * costs if with_costs else None
        solution = armor.objective("kl", epsilon=epsilon, kappa=kappa)(losses, c)
        assert solution.status.ok
        # With costs the value may exceed the losses, and the gap is a difference of such numbers.
        scale = float(losses.abs().max() + losses.max() - losses.min() + solution.value.abs()) + kappa
        assert abs(float(solution.gap)) <= 1e-11 * scale
        assert math.isclose(float(solution.weights.sum()), 1.0, rel_tol=1e-12)
        with np.errstate(all="ignore"):
            batched = solve_batched(
                numpy_ops, losses.numpy()[None], None if c is None else c.numpy()[None], p, epsilon, kappa, 48
            )
        device = solve_batched(
            torch_ops, losses[None], None if c is None else c[None], torch.from_numpy(p), epsilon, kappa, 24
        )
        for other in (batched.value.item(), device.value.item()):
            assert abs(other - float(solution.value)) <= 1e-12 * scale
        assert float((solution.weights - device.weights[0]).abs().max()) <= 1e-7


def test_tiny_radius_follows_the_expansion() -> None:
    """T19: V = m + sigma sqrt(2 eps) + [K3/(3 sigma²) - kappa] eps + O(eps^1.5)."""
    losses = _losses(3, 64, 0)
    m, sigma = losses.mean(), losses.std(correction=0)
    k3 = (losses - m).pow(3).mean()
    for epsilon, kappa in itertools.product((1e-12, 1e-10, 1e-8), (0.0, 0.3)):
        value = armor.objective("kl", epsilon=epsilon, kappa=kappa)(losses).value
        effect = sigma * math.sqrt(2 * epsilon) + (k3 / (3 * sigma**2) - kappa) * epsilon
        assert abs(float(value - m - effect)) <= 20 * epsilon**1.5 + 4e-16


def test_radius_beyond_the_worst_point_gives_the_maximum() -> None:
    """T8: lambda* = 0 iff eps >= -log P(argmax); the mass stays spread over the ties."""
    losses = torch.tensor([0.0, 2.0, 1.0, 2.0], dtype=torch.float64)
    edge = math.log(2)
    below = armor.objective("kl", epsilon=edge * (1 - 1e-9))(losses)
    above = armor.objective("kl", epsilon=edge * (1 + 1e-9))(losses)
    assert below.status is Status.INTERIOR
    assert above.status is Status.INACTIVE
    assert float(above.value) == 2.0
    assert above.weights.tolist() == [0.0, 0.5, 0.0, 0.5]
    assert 2.0 - 1e-7 < float(below.value) <= 2.0
    penalised = armor.objective("kl", epsilon=1e6, kappa=0.5)(losses)
    expected = 0.5 * math.log(sum(math.exp(x / 0.5) for x in losses.tolist()) / 4)
    assert float(penalised.lam) == 0.0
    assert math.isclose(float(penalised.value), expected, rel_tol=1e-14)


def test_masked_samples_change_nothing_whatever_their_losses_hold() -> None:
    objective = armor.objective("kl", epsilon=0.1, kappa=0.05)
    losses = _losses(5, 9, 0)
    weights = torch.rand(9, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    padded = torch.cat([losses, torch.tensor([math.nan, math.inf, 1e300], dtype=torch.float64)])
    padded_weights = torch.cat([weights, torch.zeros(3, dtype=torch.float64)])
    short, long = objective(losses, None, weights), objective(padded, None, padded_weights)
    assert math.isclose(float(short.value), float(long.value), rel_tol=1e-14)
    assert long.weights[9:].tolist() == [0.0, 0.0, 0.0]
    assert torch.allclose(short.weights, long.weights[:9], rtol=1e-12, atol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_low_precision_losses_are_solved_in_float64(dtype: torch.dtype) -> None:
    objective = armor.objective("kl", epsilon=0.05, kappa=0.1)
    losses = _losses(7, 33, 0).to(dtype).requires_grad_()
    exact = objective(losses.detach().double())
    solution = objective(losses)
    assert solution.value.dtype == torch.float32
    assert solution.value.item() == exact.value.float().item()
    solution.value.backward()
    assert losses.grad is not None
    assert torch.equal(losses.grad, exact.weights.to(dtype))


def test_first_and_second_derivatives() -> None:
    """T12: gradient w, and -mu w for the costs; both differentiated through the optimality conditions."""
    generator = torch.Generator().manual_seed(11)
    losses = torch.rand(7, generator=generator, dtype=torch.float64).requires_grad_()
    costs = (0.05 * torch.rand(7, generator=generator, dtype=torch.float64)).requires_grad_()
    for epsilon, kappa in ((0.3, 0.1), (0.3, 0.0), (300.0, 0.1)):
        objective = armor.objective("kl", epsilon=epsilon, kappa=kappa)

        def value(
            a: torch.Tensor, b: torch.Tensor, objective: armor.objectives.Objective = objective
        ) -> torch.Tensor:
            return objective(a, b).value

        assert torch.autograd.gradcheck(value, (losses, costs))
        assert torch.autograd.gradgradcheck(value, (losses, costs))


def test_leading_axes_are_separate_problems() -> None:
    losses = _losses(13, 60, 0).reshape(3, 4, 5)
    objective = armor.objective("kl", epsilon=0.2)
    together = objective(losses)
    assert together.value.shape == (3, 4)
    for i, j in itertools.product(range(3), range(4)):
        assert math.isclose(float(together.value[i, j]), float(objective(losses[i, j]).value), rel_tol=1e-13)


def test_infeasible_and_non_finite_are_said_not_hidden() -> None:
    objective = armor.objective("kl", epsilon=0.1)
    losses = torch.tensor([1.0, 2.0])
    blocked = objective(losses, torch.tensor([5.0, 5.0]))
    assert blocked.status is Status.INFEASIBLE
    assert float(blocked.value) == -math.inf
    broken = objective(torch.tensor([1.0, math.nan]))
    assert broken.status is Status.NOT_FINITE
    assert math.isnan(float(broken.value))
    assert "not finite" in str(broken.status)
    half = objective(losses, torch.tensor([0.0, math.inf]))
    assert half.status is Status.INFEASIBLE  # -log P(reachable) = log 2 > 0.1
    wide = armor.objective("kl", epsilon=1.0)(losses, torch.tensor([0.0, math.inf]))
    assert wide.weights.tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        ({"epsilon": 0.0}, "0.0"),
        ({"epsilon": -1.0}, "-1.0"),
        ({"epsilon": math.nan}, "nan"),
        ({"epsilon": 1.0, "kappa": -0.1}, "-0.1"),
        ({"epsilon": 1.0, "support": "space"}, "space"),
        ({"epsilon": 1.0, "support": "all"}, "all"),
    ],
)
def test_bad_configuration_names_the_value(arguments: dict[str, object], seen: str) -> None:
    with pytest.raises(InputError, match=seen):
        armor.objective("kl", **arguments)  # type: ignore[arg-type]


def test_bad_input_names_the_value() -> None:
    objective = armor.objective("kl", epsilon=0.1)
    with pytest.raises(InputError, match=r"kll.*'kl'"):
        armor.objective("kll", epsilon=0.1)
    with pytest.raises(InputError, match=r"-0\.5"):
        objective(torch.zeros(2), None, torch.tensor([1.5, -0.5]))
    with pytest.raises(InputError, match="all zeros"):
        objective(torch.zeros(2), None, torch.zeros(2))
    with pytest.raises(InputError, match=r"\(3,\)"):
        objective(torch.zeros(2), torch.zeros(3))
    with pytest.raises(InputError, match="at least one sample"):
        objective(torch.zeros(0))
    with pytest.raises(InputError, match="floating-point"):
        objective(torch.zeros(2, dtype=torch.int64))
