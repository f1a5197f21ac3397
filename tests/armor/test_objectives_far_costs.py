"""KL with costs far apart: masses that `e^-c` hides from a float are worth their price all the same (T8)."""

import numpy as np
import pytest
import torch
from far_costs import Problem, dual_at, problems, value

import armor
from armor.methods import Udr
from armor.objectives import Status
from armor.objectives.arrays import torch_ops
from armor.transport import SoftAscent, SoftBall
from verification.instance import from_mapping
from verification.solve import dro

PROBLEMS = problems(40)


def _size(problem: Problem) -> float:
    return float(problem[0].abs().max()) + problem[4]


@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_path_gives_the_dual(problem: Problem) -> None:
    losses, costs, weights, epsilon, kappa = problem
    objective = armor.objective("kl", epsilon=epsilon, kappa=kappa)
    best = value(problem)
    rows = [torch.stack([x, x]) for x in (losses, costs, weights)]
    for found in (objective(losses, costs, weights), objective(*rows)):
        assert found.status.ok
        assert found.value.flatten()[0].item() == pytest.approx(best, abs=1e-8 * _size(problem))
        assert found.weights.sum(-1).flatten()[0].item() == pytest.approx(1.0, abs=1e-12)
    device = objective._prepare_and_solve(torch_ops, losses, costs, weights, epsilon, kappa)
    assert int(device.status) == Status.UNCONVERGED or device.value.item() == pytest.approx(
        best, abs=1e-8 * _size(problem)
    )
    assert device.value.item() >= best - 1e-8 * _size(problem)
    assert device.primal.item() <= best + 1e-8 * _size(problem)


def test_the_exact_solver_says_the_same() -> None:
    losses, costs, _, epsilon, _ = PROBLEMS[0]
    found = dro(
        from_mapping(
            {
                "divergence": "kl",
                "cost": [[0, None], [None, 800]],
                "p": ["1/2", "1/2"],
                "phi": losses.tolist(),
                "epsilon": epsilon,
                "kappa": 0,
                "support": "reference",
            }
        )
    )
    ours = armor.objective("kl", epsilon=epsilon)(losses, costs)
    assert found.lower - 1e-6 <= float(ours.value) <= found.upper + 1e-6
    assert found.upper == pytest.approx(5e5, rel=1e-9)


@pytest.mark.parametrize("cost", [600.0, 700.0, 709.0, 744.0, 746.0, 2000.0])
@pytest.mark.parametrize("rows", [False, True], ids=["batch", "rows"])
def test_at_a_multiplier(cost: float, rows: bool) -> None:
    losses, costs = torch.tensor([[0.0, 1e3], [0.0, cost]], dtype=torch.float64)
    problem = (losses, costs, torch.ones(2, dtype=torch.float64), 0.1, 0.0)
    given = (losses[None], costs[None]) if rows else (losses, costs)
    found = armor.objective("kl", epsilon=0.1).at(*given, mu=1.0)
    assert found.value.item() == pytest.approx(dual_at(problem, 1.0), abs=1e-11)
    assert found.status.ok


def test_a_problem_out_of_reach_beside_one_with_hidden_masses() -> None:
    losses = torch.tensor([[1.0, 2.0, 3.0], [0.0, 1e6, 1.0]], dtype=torch.float64, requires_grad=True)
    costs = torch.tensor([[np.inf] * 3, [0.0, 800.0, 0.0]], dtype=torch.float64)
    found = armor.objective("kl", epsilon=400.0)(losses, costs)
    assert found.value[0].item() == -np.inf
    assert found.code.tolist() == [Status.INFEASIBLE, Status.INTERIOR]
    assert bool(found.weights.isfinite().all())
    found.value[1].backward()
    assert losses.grad is not None
    assert bool(losses.grad.isfinite().all())


def test_moved_samples_count_where_moving_costs_much() -> None:
    """UDR at a small multiplier: a soft ball's costs reach thousands, and the losses pay for them."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 2))
    x, y, mu = torch.rand(8, 3, 32, 32), torch.tensor([0, 1] * 4), 1e-3
    method = Udr(
        SoftAscent(SoftBall(8 / 255, 2 / 255), step=2 / 255, steps=40),
        objective=armor.objective("kl", epsilon=0.1),
        mu=mu,
        only=1,
    )
    result = method.step(model, x, y, torch.Generator().manual_seed(0))
    assert result.costs is not None
    assert float(result.costs.max()) > 1e3
    terms = result.losses.double().detach() / mu - result.costs.double().detach()
    best = mu * float(torch.logsumexp(terms, 0) - np.log(8)) + mu * 0.1
    assert float(result.loss.detach()) == pytest.approx(best, rel=1e-6)
    assert float(result.solution.weights[y == 1].sum()) == pytest.approx(1.0)
