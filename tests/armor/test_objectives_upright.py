"""Densities that rise upright from zero (alpha 10), or to a pole that rho cannot tell apart."""

import pytest
import torch

import armor
from armor.objectives.arrays import torch_ops
from armor.preflight import run
from armor.status import Status

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


# losses, costs, masses, radius: the largest loss has so little mass that rho cannot tell where at the pole
TRIANGULAR = (
    ([1e6, 0.0, 1.0], [0.03, 0.02, 0.03], [2.48e-12, 0.6, 0.4], 0.158),
    ([1e6, 0.0, 1.0], [0.0, 0.0, 0.0], [2.48e-12, 0.6, 0.4], 0.158),
    ([6.35, 0.55, 4.6, 0.0], [0.14, 0.09, 0.018, 0.13], [1.94e-12, 8.5e-5, 0.97, 0.028], 0.149),
    ([3.92, 0.0, 0.21, 1.83], [0.49, 0.27, 0.46, 0.81], [1.1e-16, 0.0097, 0.99, 9.8e-6], 1.464),
)


@pytest.mark.parametrize("case", range(len(TRIANGULAR)))
@pytest.mark.parametrize("device_path", [False, True])
def test_where_rounding_puts_the_bound_of_rho_beyond_the_solution(case: int, device_path: bool) -> None:
    """`f'(1/p)` has no digits next to `f'(inf)`: the bracket from it must not lose the root."""
    losses, costs, p = (torch.tensor(x, dtype=torch.float64) for x in TRIANGULAR[case][:3])
    epsilon = TRIANGULAR[case][3]
    objective = armor.objective("triangular", epsilon=epsilon)
    if device_path:
        found = objective._prepare_and_solve(torch_ops, losses, costs, p, epsilon, 0.0)
        value, weights, code = float(found.value), found.weights, int(found.status)
    else:
        s = objective(losses[None], costs[None], p[None])
        value, weights, code = float(s.value), s.weights[0], int(s.code)
    assert code == Status.INTERIOR
    mass = p / p.sum()
    t = weights / mass
    spent = float((mass * (t - 1) ** 2 / (t + 1)).sum() + weights @ costs)
    assert spent == pytest.approx(epsilon, rel=1e-9)
    assert float(weights @ losses) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("kappa", [0.0, 1.0])
def test_a_device_finds_the_root_at_the_pole_within_its_budget(kappa: float) -> None:
    """Halving towards the pole of alpha -20 took more steps than a device has."""
    objective = armor.objective({"name": "alpha", "alpha": -20}, epsilon=1.039, kappa=kappa)
    losses, costs, p = (
        torch.tensor(x, dtype=torch.float64)
        for x in ([7.2611, 3.2646, 6.322], [0.875, 0.2, 0.5], [4.36e-16, 1.0, 4.6e-7])
    )
    device = objective._prepare_and_solve(torch_ops, losses, costs, p, 1.039, kappa)
    host = objective(losses[None], costs[None], p[None])
    assert int(device.status) == int(host.code) == (Status.INACTIVE if kappa else Status.INTERIOR)
    assert float(device.value) == pytest.approx(float(host.value), rel=1e-12)
    assert host.iterations <= 10  # with the slope right at the pole; halving took 50


@pytest.mark.parametrize(("seed", "rows"), [(0, [90]), (1, [141]), (2, [1, 142])])
def test_a_slope_that_overflows_settles_nothing(seed: int, rows: list[int]) -> None:
    """Of alpha -20: a Newton step of length zero once passed for convergence, 1e-4 off in the divergence."""
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(150, 64, dtype=torch.float64, generator=generator)
    weights = torch.rand(150, 64, dtype=torch.float64, generator=generator)
    epsilon = 10 ** (torch.rand(150, 1, dtype=torch.float64, generator=generator) * 2)
    costs = torch.rand(150, 64, dtype=torch.float64, generator=generator) * epsilon
    losses = torch.nn.functional.softplus(5 * normal)
    objective = armor.objective({"name": "alpha", "alpha": -20}, epsilon=1.0)
    zero = torch.zeros(len(rows), 1, dtype=torch.float64)
    s = objective.evaluate(losses[rows], costs[rows], weights[rows], epsilon[rows], zero)
    assert s.code.tolist() == [int(Status.INTERIOR)] * len(rows)
    assert float(s.gap.abs().max()) <= 1e-9


def test_a_batch_does_not_search_below_the_rounding_of_its_divergences() -> None:
    """One problem of 64 once halved to the last bit while the others waited: 53 steps instead of 9."""
    losses = torch.randn(64, 128, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).exp()
    for alpha in (1.25, 2.5, 0.5):
        s = armor.objective({"name": "renyi", "alpha": alpha}, epsilon=0.1)(losses)
        assert s.iterations <= 15
        assert float((s.gap.abs() / losses.amax(1)).max()) <= 1e-12


@pytest.mark.parametrize(
    ("alpha", "losses", "mass", "epsilon"),
    [(2.5, [0.249368, 0.0208079], 3.05e-11, 8.87778), (1.5, [1e6, 0.287], 1.318e-11, 86.5451)],
)
def test_a_device_goes_to_the_bound_next_to_which_the_root_lies(
    alpha: float, losses: list[float], mass: float, epsilon: float
) -> None:
    """Of 1e7 the bracket of rho once kept a fraction that its budget of halvings could not exhaust."""
    x, p = (torch.tensor(values, dtype=torch.float64) for values in (losses, [mass, 1.0]))
    objective = armor.objective({"name": "alpha", "alpha": alpha}, epsilon=epsilon)
    device = objective._prepare_and_solve(torch_ops, x, None, p, epsilon, 0.0)
    host = objective(x[None], None, p[None])
    assert int(device.status) == int(host.code) == Status.INTERIOR
    assert float(device.value) == pytest.approx(float(host.value), rel=1e-12)


@pytest.mark.parametrize(
    ("alpha", "size", "seed", "rows"), [(10, 8, 1, [109]), (10, 32, 3, [30, 69, 97, 104]), (2.95, 8, 5, [59])]
)
def test_a_device_closes_the_gap_at_a_near_kink(alpha: float, size: int, seed: int, rows: list[int]) -> None:
    """Costs make the budget that a multiplier spends all but jump; 24 halvings left gaps of 1e-7."""
    generator = torch.Generator().manual_seed(seed)
    losses = torch.nn.functional.softplus(
        5 * torch.randn(150, size, dtype=torch.float64, generator=generator)
    )
    epsilon = 10 ** (torch.rand(150, 1, dtype=torch.float64, generator=generator) * 2 - 1)
    costs = torch.rand(150, size, dtype=torch.float64, generator=generator) * epsilon
    objective = armor.objective({"name": "renyi", "alpha": alpha}, epsilon=1.0)
    zero = torch.zeros(len(rows), 1, dtype=torch.float64)
    given = (losses[rows], costs[rows], None, epsilon[rows], zero)
    device, host = objective._prepare_and_solve(torch_ops, *given), objective.evaluate(*given)
    assert (device.status == Status.INTERIOR).all()
    assert float((device.value - device.primal).abs().max()) <= 1e-8
    torch.testing.assert_close(device.value[:, 0], host.value, rtol=0, atol=1e-8)


def test_a_device_stays_where_it_has_settled() -> None:
    """The same mu from another start once looked unsettled by its rounding, and the search walked off."""
    losses = torch.tensor([0.7770958086859652, 0.23883727841411934], dtype=torch.float64)
    weights = torch.tensor([2.1408125593396474e-05, 12.954182723705918], dtype=torch.float64)
    objective = armor.objective("triangular", epsilon=0.03666207188285064)
    found = objective._prepare_and_solve(torch_ops, losses, None, weights, objective.epsilon, 0.0)
    assert int(found.status) == Status.INTERIOR
    assert float(found.value - found.primal) <= 1e-12
    assert float(found.value) == pytest.approx(
        float(objective(losses[None], None, weights[None]).value), rel=1e-12
    )
