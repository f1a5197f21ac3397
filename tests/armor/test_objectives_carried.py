"""Learned and carried dual variables: bounds, convergence, and the batch bias they remove (T21, T23)."""

import math

import pytest
import torch

import armor
from armor.errors import InputError
from armor.objectives import Status
from armor.objectives.carried import CarriedDual, LearnedDual

SPECS = ["kl", "pearson", "jeffreys", {"name": "alpha", "alpha": 6}, {"name": "alpha", "alpha": 2.5}]


def _losses(n: int) -> torch.Tensor:
    return torch.randn(n, generator=torch.Generator().manual_seed(0), dtype=torch.float64).exp()


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("kappa", [0.0, 0.1])
def test_carrying_removes_the_bias_of_batches(spec: object, kappa: float) -> None:
    """T21: batch objectives average below the data set's; the carried integrand averages to it exactly."""
    losses = _losses(512)
    objective = armor.objective(spec, epsilon=0.1, kappa=kappa)  # type: ignore[arg-type]
    whole = float(objective(losses).value)
    carried = CarriedDual(objective, 512)
    carried.remember(torch.arange(512), losses)
    assert float(carried.refresh().value) == pytest.approx(whole, rel=1e-12)
    batches = losses[torch.randperm(512, generator=torch.Generator().manual_seed(1))].reshape(32, 16)
    exact = torch.stack([objective(batch).value for batch in batches])
    held = torch.stack([carried(batch).value for batch in batches])
    assert float(held.mean()) == pytest.approx(whole, rel=1e-10)
    assert float(exact.mean()) < whole - 0.01
    # T23: what is held bounds every batch's own optimum from above.
    assert bool((held >= exact - 1e-10).all())


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("kappa", [0.0, 0.1])
def test_the_integrand_at_the_optimum_is_the_value_with_costs_and_weights(spec: object, kappa: float) -> None:
    """T7, T11: at (lambda*, rho*) value and weights are the exact ones, elsewhere the value lies above."""
    generator = torch.Generator().manual_seed(2)
    losses = _losses(12)
    costs = 0.05 * torch.rand(12, generator=generator, dtype=torch.float64)
    weights = torch.rand(12, generator=generator, dtype=torch.float64)
    losses[4], costs[4], weights[4] = math.inf, math.nan, 0.0  # masked, whatever it holds
    objective = armor.objective(spec, epsilon=0.15, kappa=kappa)  # type: ignore[arg-type]
    exact = objective(losses, costs, weights)
    lam, rho = float(exact.lam), float(exact.rho)
    assert lam > 0
    dual = LearnedDual(objective, lam=lam, rho=rho)
    held = dual(losses, costs, weights)
    assert held.value.item() == pytest.approx(float(exact.value), rel=1e-9)
    assert torch.allclose(held.weights, exact.weights, atol=1e-7)
    leaf = losses.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(
        LearnedDual(objective, lam=lam, rho=rho)(leaf, costs, weights).value, leaf
    )
    assert torch.allclose(gradient, exact.weights, atol=1e-7)
    at_lam, at_rho = torch.autograd.grad(held.value, (dual.log_lam, dual.rho))
    assert abs(float(at_lam)) < 1e-6  # what is masked leaves no trace, and the optimum is stationary
    assert abs(float(at_rho)) < 1e-6
    for factor, shift in ((0.7, 0.0), (1.5, 0.0), (1.0, 0.3), (1.0, -0.3)):
        other = LearnedDual(objective, lam=factor * lam, rho=rho + shift)(losses, costs, weights)
        assert other.value.item() > float(exact.value)
    free = LearnedDual(objective, lam=lam, rho=rho)(losses, None, weights)
    assert free.value.item() > float(exact.value) + 1e-3  # the costs matter here


def test_costs_are_remembered_with_their_losses() -> None:
    """What is carried is solved on the last known loss and cost of every sample, in its own place."""
    losses, objective = _losses(20), armor.objective("kl", epsilon=0.2, kappa=0.05)
    costs = 0.1 * torch.rand(20, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    carried = CarriedDual(objective, 20)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(4))
    for index in order.reshape(4, 5):
        carried.observe(index, losses[index], costs[index])
    exact = objective(losses, costs)
    assert float(carried.lam) == pytest.approx(float(exact.lam), rel=1e-9)
    assert float(carried.rho) == pytest.approx(float(exact.rho), rel=1e-9)
    assert abs(float(objective(losses).lam) - float(exact.lam)) > 1e-3


def test_multipliers_follow_every_so_many_batches_and_the_count_survives() -> None:
    losses, objective = _losses(24), armor.objective("kl", epsilon=0.2)
    carried = CarriedDual(objective, 24, every=3)
    index = torch.arange(24).reshape(4, 6)
    solved = []
    for batch in index[:2]:
        carried.observe(batch, losses[batch])
        solved.append(carried.solved)
    again = CarriedDual(objective, 24, every=3)
    again.load_state_dict(carried.state_dict())
    solved.append(again.solved)
    again.observe(index[2], losses[index[2]])
    solved.append(again.solved)
    assert solved == [False, False, False, True]
    third = float(again.lam)
    assert third == pytest.approx(float(objective(losses[:18]).lam), rel=1e-9)
    again.observe(index[3], losses[index[3]])
    assert float(again.lam) == third


def test_the_carried_gradient_is_the_data_sets() -> None:
    losses = _losses(64).requires_grad_()
    objective = armor.objective("kl", epsilon=0.1)
    carried = CarriedDual(objective, 64)
    carried.remember(torch.arange(64), losses)
    carried.refresh()
    (whole,) = torch.autograd.grad(objective(losses).value, losses)
    parts = torch.stack([carried(batch).value for batch in losses.reshape(8, 8)]).mean()
    (held,) = torch.autograd.grad(parts, losses)
    assert torch.allclose(held, whole, rtol=1e-9)
    assert torch.allclose(carried(losses).weights, objective(losses).weights, rtol=1e-9)


@pytest.mark.parametrize("spec", ["kl", {"name": "alpha", "alpha": 2.5}], ids=str)
def test_learning_descends_to_the_optimum_from_above(spec: object) -> None:
    losses = _losses(64)
    objective = armor.objective(spec, epsilon=0.1, kappa=0.05)  # type: ignore[arg-type]
    best = objective(losses)
    learned = LearnedDual(objective, lam=2 * float(best.lam), rho=float(best.rho) + 1.0)
    optimiser = torch.optim.Adam(learned.parameters(), lr=0.05)
    start = float(learned(losses).value.detach())
    for step in range(800):
        for group in optimiser.param_groups:
            group["lr"] = 0.05 * (1 - step / 800)
        optimiser.zero_grad()
        value = learned(losses).value
        assert float(value.detach()) >= float(best.value) - 1e-10
        value.backward()
        optimiser.step()
    assert float(learned(losses).value.detach()) == pytest.approx(float(best.value), abs=1e-4)
    assert start > float(best.value) + 0.01
    assert float(learned.lam.detach()) == pytest.approx(float(best.lam), rel=0.05)


def test_held_variables_survive_a_checkpoint_and_a_mask() -> None:
    losses = _losses(16)
    objective = armor.objective("kl", epsilon=0.1)
    carried = CarriedDual(objective, 16)
    assert float(carried(losses).value) == float(objective(losses).value)
    carried.remember(torch.arange(8), losses[:8])
    assert float(carried.refresh().value) == pytest.approx(float(objective(losses[:8]).value), rel=1e-13)
    twin = CarriedDual(objective, 16)
    twin.load_state_dict(carried.state_dict())
    assert torch.equal(twin(losses).value, carried(losses).value)
    masked = torch.cat([losses, torch.tensor([math.inf], dtype=torch.float64)])
    weights = torch.ones(17)
    weights[16] = 0.0
    assert float(carried(masked, None, weights).value) == pytest.approx(
        float(carried(losses).value), rel=1e-12
    )


def test_unfit_divergences_are_refused_by_name() -> None:
    for spec in ("hellinger", "tv", "none", {"name": "renyi", "alpha": 2.0}):
        name = spec if isinstance(spec, str) else str(spec["name"])
        with pytest.raises(InputError, match=name):
            LearnedDual(armor.objective(spec, epsilon=0.1))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"-1\.0"):
        LearnedDual(armor.objective("kl", epsilon=0.1), lam=-1.0)
    full = CarriedDual(armor.objective("kl", epsilon=100.0), 4)
    full.remember(torch.arange(4), torch.arange(4.0))
    with pytest.raises(InputError, match="not binding"):
        full.refresh()


def test_a_held_dual_says_what_is_wrong_with_its_batch() -> None:
    dual = LearnedDual(armor.objective("kl", epsilon=0.1))
    losses = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    broken = dual(torch.tensor([1.0, math.nan, 3.0]))
    assert broken.status == Status.NOT_FINITE
    assert math.isnan(broken.value.item())
    jeffreys = LearnedDual(armor.objective("jeffreys", epsilon=0.1))
    unreachable = jeffreys(losses, torch.tensor([0.0, math.inf, 0.0]))
    assert unreachable.status == Status.INFEASIBLE
    assert unreachable.value.item() == -math.inf
    bad: list[tuple[tuple[object, ...], str]] = [
        (([1.0, 2.0],), "not list"),
        ((losses, torch.zeros(2)), r"costs has shape \(2,\)"),
        ((losses.reshape(3, 1),), r"\(3, 1\)"),
        ((losses, torch.tensor([0.0, math.nan, 0.0])), "hold nan"),
        ((losses, torch.tensor([0.0, -1.0, 0.0])), r"hold -1\.0"),
        ((losses, None, torch.tensor([1.0, -2.0, 3.0])), r"hold -2\.0"),
        ((losses, None, torch.zeros(3)), r"a sum of 0\.0"),
    ]
    for arguments, sentence in bad:
        with pytest.raises(InputError, match=sentence):
            dual(*arguments)


def test_multipliers_too_small_for_the_losses_are_no_optimum() -> None:
    """`exp((l - rho)/lambda)` leaves the floats: the bound is infinite, and says so."""
    losses = torch.tensor([0.2, 1.0], dtype=torch.float64)
    found = LearnedDual(armor.objective("kl", epsilon=0.1), lam=1e-3)(losses)
    assert float(found.value) == math.inf
    assert found.status is Status.UNCONVERGED


def test_a_sample_outside_the_data_set_is_refused() -> None:
    carried = CarriedDual(armor.objective("kl", epsilon=0.1), 4)
    for index, sentence in (
        (torch.tensor([0, 7]), "no sample 7"),
        (torch.tensor([-1, 0]), "no sample -1"),
        (torch.tensor([0]), "2 losses"),
        (torch.tensor([0.0, 1.0]), "torch.float32"),
    ):
        with pytest.raises(InputError, match=sentence):
            carried.observe(index, torch.ones(2))
    assert not carried.solved
