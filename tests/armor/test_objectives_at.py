"""The dual function at a given mu: what a soft-cost method's loss is, for every mu that it may meet."""

import math
from collections.abc import Mapping

import pytest
import torch

import armor
from armor.errors import InputError
from armor.methods import method
from armor.objectives import Status
from armor.preflight.witness import evaluate
from armor.transport import SoftAscent, SoftBall

LADDER = torch.linspace(0, 1, 16, dtype=torch.float64)
OUTLIER = torch.tensor([0.0, 1.0, 1e3], dtype=torch.float64)
SPECS: list[dict[str, object]] = [
    *({"name": name} for name in ("kl", "reverse_kl", "pearson", "neyman", "tv", "hellinger", "js")),
    *({"name": name} for name in ("triangular", "jeffreys")),
    *({"name": "alpha", "alpha": a} for a in (-1, 0.5, 6, 10)),
    *({"name": "renyi", "alpha": a} for a in (0.5, 2, 10)),
    {"name": "cvar", "beta": 0.3},
]


def _dear(x: torch.Tensor) -> torch.Tensor:
    return 2e4 + torch.arange(x.numel(), dtype=torch.float64)


@pytest.mark.parametrize("mu", [1e-7, 1e-3, 0.1, 10.0])
@pytest.mark.parametrize("losses", [LADDER, OUTLIER], ids=["ladder", "outlier"])
@pytest.mark.parametrize("costly", [False, True], ids=["free", "dear"])
@pytest.mark.parametrize("spec", SPECS, ids=lambda s: "-".join(map(str, s.values())))
def test_the_bound_is_the_dual_at_its_rho_and_its_weights_reach_it(
    spec: Mapping[str, object], costly: bool, losses: torch.Tensor, mu: float
) -> None:
    """However much the step spends: formulas written apart from the solver hold the value on both sides."""
    costs = _dear(losses) if costly else None
    c = None if costs is None else costs.numpy()
    size = float(losses.abs().max() + losses.max() - losses.min()) + mu * (2e4 if costly else 1.0)
    objective = armor.objective(spec, epsilon=0.1)
    rows = objective.at(losses[None], None if costs is None else costs[None], mu=mu)
    for s in (objective.at(losses, costs, mu=mu), rows):
        assert s.status.ok
        value, w = float(s.value) - mu * 0.1, s.weights.reshape(-1).numpy()
        seen = evaluate(spec, losses.numpy(), c, None, 0.1, mu, 0.0, float(s.rho), w)
        assert value == pytest.approx(seen.primal, abs=2e-9 * size)
        # rho is a double: next to a pole its last bit moves the formula, the value not
        assert value <= seen.dual + 2e-9 * size
        assert abs(float(s.gap)) <= 1e-8 * size


def test_no_re_weighting_pays_for_every_transport() -> None:
    costs = torch.tensor([2e4, 1e4, 1e4], dtype=torch.float64)
    losses = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    s = armor.objective("none", epsilon=0.1).at(losses, costs, mu=0.1)
    assert float(s.value) == pytest.approx(2.0 - 0.1 * 4e4 / 3 + 0.01, rel=1e-14)


@pytest.mark.parametrize("spec", [*SPECS, {"name": "none"}], ids=lambda s: "-".join(map(str, s.values())))
def test_zero_is_the_limit(spec: dict[str, object]) -> None:
    objective = armor.objective(spec, epsilon=0.1)
    best = {"none": float(LADDER.mean()), "cvar": float(LADDER[-5:].mean())}
    if spec["name"] == "cvar":  # 16 * 0.3 = 4.8 samples
        best["cvar"] = float((LADDER[-4:].sum() + 0.8 * LADDER[-5]) / 4.8)
    for losses in (LADDER, LADDER[None]):
        s = objective.at(losses, mu=0.0)
        assert s.status.ok
        assert float(s.value) == pytest.approx(best.get(str(spec["name"]), 1.0), abs=1e-6)


@pytest.mark.parametrize("mu", [-1.0, math.nan, math.inf, 0.25, True, "a"])
def test_a_mu_that_is_none_is_refused(mu: object) -> None:
    objective = armor.objective("kl", epsilon=0.1, kappa=0.5)
    with pytest.raises(InputError, match="mu must be"):
        objective.at(LADDER, mu=mu)  # type: ignore[arg-type]
    if isinstance(mu, float):
        with pytest.raises(InputError, match=r"at least kappa = 0\.5"):
            objective.at(LADDER, mu=torch.tensor(mu, dtype=torch.float64))


def test_one_mu_per_problem_and_its_shape() -> None:
    objective = armor.objective("pearson", epsilon=0.1)
    both = objective.at(torch.stack([LADDER, 2 * LADDER]), mu=torch.tensor([0.1, 0.7], dtype=torch.float64))
    assert both.value.tolist() == pytest.approx(
        [float(objective.at(LADDER, mu=0.1).value), float(objective.at(2 * LADDER, mu=0.7).value)], abs=1e-12
    )
    assert both.lam.tolist() == [0.1, 0.7]
    with pytest.raises(InputError, match=r"mu has shape \(2,\)"):
        objective.at(LADDER, mu=torch.tensor([0.1, 0.7]))


def test_on_an_accelerator_a_bad_mu_is_said_by_the_status() -> None:
    objective = armor.objective("kl", epsilon=0.1, kappa=0.5)
    step = torch.compile(lambda mu: objective.at(LADDER, mu=mu), backend="eager", fullgraph=True)
    bad, good = (step(torch.tensor(mu, dtype=torch.float64)) for mu in (math.nan, 0.75))
    assert bad.status == Status.BAD_MULTIPLIER
    assert math.isnan(float(bad.value))
    assert float(good.value) == pytest.approx(float(objective.at(LADDER, mu=0.75).value), abs=1e-12)


def test_the_loss_of_udr_stays_finite_at_a_small_mu() -> None:
    """At mu = 1e-4 a linear model moves 1e4 worth of transport: the loss is still the dual function."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 10))
    x, y = torch.rand(8, 3, 32, 32), torch.arange(8) % 10
    for spec in ("kl", "none"):
        ascent = SoftAscent(SoftBall(8 / 255, 2 / 255), step=2 / 255, steps=40)
        udr = method("udr", ascent, objective=armor.objective(spec, epsilon=0.1), mu=1e-4)
        result = udr.step(model, x, y, torch.Generator().manual_seed(0))
        assert result.costs is not None
        assert float(result.costs.max()) > 1e4
        assert math.isfinite(result.loss.item())


def test_derivatives_hold_mu() -> None:
    losses = LADDER.clone().requires_grad_()
    costs = torch.linspace(0.3, 0.0, 16, dtype=torch.float64).requires_grad_()
    objective = armor.objective({"name": "renyi", "alpha": 10}, epsilon=0.1)
    for mu in (1e-3, 0.3):
        s = objective.at(losses, costs, mu=mu)
        by_loss, by_cost = torch.autograd.grad(s.value, (losses, costs))
        assert torch.allclose(by_loss, s.weights, atol=1e-14)
        assert torch.allclose(by_cost, -mu * s.weights, atol=1e-14)


@pytest.mark.parametrize("alpha", [0.5, 2.0, 10.0])
@pytest.mark.parametrize("rows", [False, True], ids=["alone", "batched"])
def test_second_derivatives_hold_mu_and_the_total_mass(alpha: float, rows: bool) -> None:
    """Order 10 leaves one sample with nearly all the mass: its answer is what the others gain and lose."""
    objective = armor.objective({"name": "renyi", "alpha": alpha}, epsilon=0.1)

    def weights(x: torch.Tensor) -> torch.Tensor:
        return objective.at(x[None] if rows else x, mu=0.3).weights.reshape(-1)

    losses = LADDER.clone().requires_grad_()
    value = objective.at(losses[None] if rows else losses, mu=0.3).value.sum()
    (gradient,) = torch.autograd.grad(value, losses, create_graph=True)
    hessian = torch.stack([torch.autograd.grad(g, losses, retain_graph=True)[0] for g in gradient])
    steps = 1e-4 * torch.eye(16, dtype=torch.float64)
    seen = torch.stack([(weights(LADDER + h) - weights(LADDER - h)) / 2e-4 for h in steps])
    assert torch.allclose(hessian, seen, rtol=1e-5, atol=1e-6)
