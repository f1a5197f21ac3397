"""The fixed budget of the device path on losses like those of training, at even and at uneven weights."""

import pytest
import torch

import armor
from armor.objectives.arrays import torch_ops
from armor.status import Status

POLES: list[dict[str, object]] = [
    *({"name": name} for name in ("reverse_kl", "neyman", "hellinger", "triangular")),
    *({"name": "alpha", "alpha": a} for a in (-20, -5, -1, 0.5)),
]
OTHERS: list[dict[str, object]] = [
    *({"name": name} for name in ("kl", "pearson", "jeffreys")),
    *({"name": "alpha", "alpha": a} for a in (2.5, 10)),
    *({"name": "renyi", "alpha": a} for a in (0.5, 2.95)),
]
PROBLEMS = 24


def _id(spec: dict[str, object]) -> str:
    return "-".join(map(str, spec.values()))


@pytest.mark.parametrize("uneven", [False, True], ids=["even", "uneven"])
@pytest.mark.parametrize("kind", ["cross-entropy", "outlier"])
@pytest.mark.parametrize("spec", POLES + OTHERS, ids=_id)
def test_every_problem_converges_within_the_budget(spec: dict[str, object], kind: str, uneven: bool) -> None:
    """Random radii over eight decades, three penalties, costs or none; masses down to 1e-7."""
    draw = torch.Generator().manual_seed(7)

    def random(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=draw, dtype=torch.float64)

    losses = torch.randn(PROBLEMS, 128, generator=draw, dtype=torch.float64)
    if kind == "cross-entropy":
        losses = torch.nn.functional.softplus(5 * losses)
    else:
        losses[:, 0] = 1e6
    weights = 1e-5 + random(PROBLEMS, 128) ** 20 if uneven else None
    epsilon = 10 ** (8 * random(PROBLEMS, 1) - 6)
    kappa = torch.tensor([0.0, 0.1, 1.0], dtype=torch.float64)[torch.arange(PROBLEMS) % 3].unsqueeze(-1)
    objective = armor.objective(spec, epsilon=1.0)
    for costs in (None, 0.2 * epsilon * random(PROBLEMS, 128)):
        dual = objective._prepare_and_solve(torch_ops, losses, costs, weights, epsilon, kappa)
        host = objective.evaluate(losses, costs, weights, epsilon, kappa)
        assert host.status.ok
        unsettled = dual.status.squeeze(-1) > int(Status.INACTIVE)
        assert not bool(unsettled.any()), (epsilon[unsettled], kappa[unsettled], dual.value - dual.primal)
        size = losses.abs().amax(-1) + losses.amax(-1) - losses.amin(-1) + kappa.squeeze(-1)
        assert bool(((dual.value.squeeze(-1) - host.value).abs() <= 1e-8 * size).all())


@pytest.mark.parametrize("tiny", [1e-4, 1e-9, 1e-12])
@pytest.mark.parametrize("spec", [s for s in POLES if s.get("name") in ("alpha", "reverse_kl")], ids=_id)
def test_next_to_a_pole_at_zero_no_digit_is_lost(spec: dict[str, object], tiny: float) -> None:
    """The largest loss on a mass whose distance from the pole is its twentieth power: host and device."""
    losses = torch.tensor([0.0, 1.0, 1.5, 3.0], dtype=torch.float64)
    p = torch.tensor([0.5, 0.3, 0.2 - tiny, tiny], dtype=torch.float64)
    for epsilon in (1e-3, 0.3, 2.0):
        objective = armor.objective(spec, epsilon=epsilon)
        alone = objective(losses, None, p)
        dual = objective._prepare_and_solve(torch_ops, losses, None, p, epsilon, 0.0)
        assert alone.status.ok
        assert int(dual.status) <= int(Status.INACTIVE)
        assert float(dual.value) == pytest.approx(float(alone.value), abs=1e-8)
