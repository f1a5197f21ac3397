"""Alpha 10, whose density rises upright from zero: with rho at a loss, one bit of it moves the mass."""

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
