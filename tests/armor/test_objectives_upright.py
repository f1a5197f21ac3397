"""Densities that rise upright from zero (alpha 10), or to a pole that rho cannot tell apart."""

import pytest
import torch

import armor
from armor.preflight import run

LOSSES = (-2.09375, -0.52734375, -3.203125, 2.25, 0.51171875, -1.5859375, -2.75, -1.203125, -5.125, 1.03125,
          0.083984375, -4.59375)  # fmt: skip


def test_the_weights_reach_the_value() -> None:
    objective = armor.objective({"name": "alpha", "alpha": 10}, epsilon=0.5)
    losses = torch.tensor(LOSSES, dtype=torch.float64)
    s = objective(losses)
    assert abs(float(s.rho) + 2.75) < 1e-6  # the seventh loss
    assert float(s.gap) <= 1e-12
    t = s.weights * len(LOSSES)
    spent = float(((t**10 - 10 * t + 9) / 90).mean())
    assert abs(spent - 0.5) < 1e-9
    assert abs(float(s.weights @ losses) - float(s.value)) < 1e-12


def test_the_row_of_the_paper_passes_its_pre_flight() -> None:
    objective = armor.objective({"name": "alpha", "alpha": 10}, epsilon=0.5)
    assert run(objective, device=torch.device("cpu"), dtype=torch.float32).passed


@pytest.mark.parametrize("tiny", [2.0**-20, 2.0**-30, 2.0**-40])
@pytest.mark.parametrize("name", ["neyman", "hellinger", "js", "triangular", "reverse_kl", "alpha"])
def test_a_sample_of_tiny_weight_takes_the_mass_that_the_others_leave(name: str, tiny: float) -> None:
    spec = {"name": name, "alpha": -1} if name == "alpha" else name
    objective = armor.objective(spec, epsilon=0.4)
    losses = torch.tensor([-0.9296875, -0.5078125, -2.0], dtype=torch.float64)
    p = torch.tensor([0.75 - tiny, tiny, 0.25], dtype=torch.float64)
    s = objective(losses, reference_weights=p)
    assert s.status.ok
    assert float(s.gap) <= 1e-10
    assert abs(float(s.weights.sum()) - 1.0) <= 1e-12
    assert abs(float(s.weights @ losses) - float(s.value)) <= 1e-9
