"""Every order of the alpha family, on every path, against the exact solver (T7, T9): steep densities too.

For alpha = 10 the density `(f*)'` rises like `y^(1/9)` from zero, for alpha = -5 like `|y|^(-1/6)` to its
pole: a step of rho in its last bits moves the mass, and a fixed budget of steps may run out.
"""

import pytest
import torch
from torch import Tensor

import armor
from armor.objectives import Status
from armor.objectives.arrays import torch_ops

UPRIGHT = (-2.09375, -0.52734375, -3.203125, 2.25, 0.51171875, -1.5859375, -2.75, -1.203125, -5.125, 1.03125,
           0.083984375, -4.59375)  # fmt: skip
LOSSES: dict[str, tuple[float, ...]] = {
    "upright": UPRIGHT,
    "outlier": (0.5, 1.0, 0.25, 2.0**20, 0.75, -0.5),
    "one far below": (0.5, 1.0, 0.25, -(2.0**20), 0.75, -0.5),
    "ties": (3.0, 3.0, 1.0, 1.0, 1.0, 0.5),
    "near ties": (3.0, 3.0 - 2.0**-20, 1.0, 1.0, 1.0, 0.5),
    "tiny": tuple(k * 2.0**-30 for k in (1, 3, 2, 2.5, 0.125)),
    "huge": tuple(k * 2.0**40 for k in (1, 3, 2, 2.5, 0.125)),
}
ORDERS = (-20, -5, -1, -0.1, 0.05, 0.5, 0.95, 1.05, 1.5, 2, 3, 5, 6, 10, 20)
RADII = ((2.0**-20, 0.0), (0.0625, 0.25), (0.5, 0.0), (4.0, 0.25))


def _check(alpha: float, losses: Tensor, epsilon: float, kappa: float) -> None:
    from verification.instance import from_mapping
    from verification.solve import dro

    n, spec = losses.numel(), {"name": "alpha", "alpha": alpha}
    exact = dro(
        from_mapping(
            {
                "divergence": spec,
                "cost": [[0 if i == j else None for j in range(n)] for i in range(n)],
                "p": [f"1/{n}"] * n,
                "phi": losses.tolist(),
                "epsilon": epsilon,
                "kappa": kappa,
                "support": "reference",
            }
        )
    )
    scale = float(losses.abs().max() + losses.max() - losses.min()) + kappa
    tolerance = 1e-9 * scale
    assert exact.upper - exact.lower <= tolerance
    objective = armor.objective(spec, epsilon=epsilon, kappa=kappa)
    compiled, general = objective(losses), objective(losses[None])
    device = objective._prepare_and_solve(torch_ops, losses, None, None, epsilon, kappa)
    for path, value, gap, weights, code in (
        ("compiled", compiled.value, compiled.gap, compiled.weights, compiled.code),
        ("general", general.value, general.gap, general.weights[0], general.code),
        ("device", device.value, device.value - device.primal, device.weights, device.status),
    ):
        assert exact.lower - tolerance <= float(value) <= exact.upper + tolerance, path
        assert abs(float(gap)) <= 10 * tolerance, path
        assert abs(float(weights.sum()) - 1.0) <= 1e-12, path
        assert int(code) in (Status.INTERIOR, Status.INACTIVE), path


@pytest.mark.parametrize("name", ["upright", "outlier", "ties"])
@pytest.mark.parametrize("alpha", [-5, 0.5, 6, 10])
def test_steep_orders_reach_the_exact_value_on_every_path(alpha: float, name: str) -> None:
    losses = torch.tensor(LOSSES[name], dtype=torch.float64)
    _check(alpha, losses, 0.5, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("alpha", ORDERS)
def test_all_orders_on_all_losses(alpha: float, name: str) -> None:
    losses = torch.tensor(LOSSES[name], dtype=torch.float64)
    for epsilon, penalty in RADII:
        _check(alpha, losses, epsilon, penalty * float(losses.max() - losses.min()))


@pytest.mark.parametrize("alpha", [-20.0, -5.0, 10.0, 50.0])
def test_a_batch_of_ordinary_size_is_certified(alpha: float) -> None:
    """128 losses: the gap proves the value, whatever the order."""
    losses = torch.randn(128, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for epsilon in (0.02, 0.5):
        solution = armor.objective({"name": "alpha", "alpha": alpha}, epsilon=epsilon)(losses[None])
        assert solution.status.ok
        assert float(solution.gap) <= 1e-9 * 8
