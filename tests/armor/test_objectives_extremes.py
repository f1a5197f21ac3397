"""Radii, orders and losses far out: a number that proves nothing is never called an optimum."""

import math

import pytest
import torch

import armor
from armor.objectives import Objective, Status
from armor.objectives.arrays import torch_ops
from armor.objectives.solution import Dual

ORDERS = [0.01, 0.5, 1.25, 2.95, 10, 20, 100, 1000]
RADII = [1e-12, 1e-6, 1e-3, 0.64, 10.0, 1e3, 1e6]
OUTLIER = [1e6, 1.0]
SPREAD = torch.randn(32, generator=torch.Generator().manual_seed(0), dtype=torch.float64).tolist()


def on_device_path(objective: Objective, losses: torch.Tensor) -> Dual:
    """The steps an accelerator takes: a fixed budget, nothing looked at."""
    return objective._prepare_and_solve(torch_ops, losses, None, None, objective.epsilon, objective.kappa)


@pytest.mark.parametrize("losses", [OUTLIER, SPREAD], ids=["outlier", "spread"])
@pytest.mark.parametrize("alpha", ORDERS)
def test_renyi_of_every_order_is_certified_at_every_radius(alpha: float, losses: list[float]) -> None:
    x = torch.tensor(losses, dtype=torch.float64)
    size = float(x.abs().max() + x.max() - x.min())
    for epsilon in RADII:
        objective = armor.objective({"name": "renyi", "alpha": alpha}, epsilon=epsilon)
        device = on_device_path(objective, x)
        found = [(s.value, s.gap, s.status) for s in (objective(x), objective(x[None]))]
        found.append((device.value, device.value - device.primal, Status(int(device.status.max()))))
        for value, gap, status in found:
            assert status.ok, (epsilon, status)
            assert abs(float(gap)) <= 1e-8 * size, epsilon
            assert float(x.mean()) - 1e-9 * size <= float(value) <= float(x.max()) + 1e-9 * size, epsilon


def test_renyi_100_against_its_closed_form() -> None:
    """With two samples the root in the lesser weight is a bisection of R itself."""
    alpha, epsilon = 100.0, 0.64
    w = _root(lambda w: _renyi(alpha, w) - epsilon)
    s = armor.objective({"name": "renyi", "alpha": alpha}, epsilon=epsilon)(
        torch.tensor(OUTLIER, dtype=torch.float64)
    )
    assert float(s.value) == pytest.approx(1e6 - (1e6 - 1) * w, rel=1e-12)
    assert math.log(float(s.weights[1])) == pytest.approx(math.log(w), rel=1e-6)


def _renyi(alpha: float, w: float) -> float:
    """`R_alpha((1/2, 1/2)‖(1 - w, w))` for small w."""
    terms = [(1 - alpha) * math.log(x) - alpha * math.log(2) for x in (1 - w, w)]
    top = max(terms)
    return (top + math.log(sum(math.exp(t - top) for t in terms))) / (alpha * (alpha - 1))


def _root(f: object) -> float:
    low, high = -700.0, math.log(0.5)
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if f(math.exp(middle)) > 0 else (low, middle)  # type: ignore[operator]
    return math.exp(high)


@pytest.mark.parametrize("name", ["kl", "pearson", "hellinger", "tv", "none", "cvar", "renyi"])
def test_losses_whose_range_overflows_are_never_optimal(name: str) -> None:
    more = {"cvar": {"beta": 0.3}, "renyi": {"alpha": 2}}.get(name, {})
    objective = armor.objective({"name": name, **more}, epsilon=0.1)
    x = torch.tensor([1e308, -1e308, 0.0], dtype=torch.float64)
    for s in (objective(x), objective(x[None])):
        assert s.status == Status.UNCONVERGED or (s.status.ok and float(s.gap) <= 1e-8 * 3e308), s
        assert not (s.status.ok and not math.isfinite(float(s.value)))
    device = on_device_path(objective, x)
    assert not (Status(int(device.status.max())).ok and not math.isfinite(float(device.value)))


HUGE: list[dict[str, object]] = [
    *(
        {"name": n}
        for n in (
            "kl", "reverse_kl", "pearson", "neyman", "hellinger", "js", "triangular", "jeffreys", "tv", "none"
        )
    ),
    *({"name": "alpha", "alpha": a} for a in (-1, 0.5, 6)),
    *({"name": "renyi", "alpha": a} for a in (0.5, 2.5)),
    {"name": "cvar", "beta": 0.3},
]  # fmt: skip


@pytest.mark.parametrize("spec", HUGE, ids=str)
@pytest.mark.parametrize("factor", [1e200, 2e307])
def test_losses_whose_squares_overflow_scale_the_solution(spec: dict[str, object], factor: float) -> None:
    """T20: lambda, rho and the value grow with the losses and kappa, the weights stay."""
    losses = torch.tensor([0.3, 1.0, -0.7, 2.0], dtype=torch.float64)
    weights = torch.tensor([0.3, 0.2, 0.4, 0.1], dtype=torch.float64)
    for kappa in (0.0, 0.25):
        plain = armor.objective(spec, epsilon=0.1, kappa=kappa)
        large = armor.objective(spec, epsilon=0.1, kappa=kappa * factor)
        one = plain(losses, reference_weights=weights)
        for found in (
            large(losses * factor, reference_weights=weights),
            large((losses * factor)[None], reference_weights=weights[None]),
        ):
            assert int(found.code) == int(one.code)
            for name in ("value", "lam", "rho"):
                got, wanted = float(getattr(found, name)) / factor, float(getattr(one, name))
                assert got == pytest.approx(wanted, rel=1e-7, abs=1e-9)
            torch.testing.assert_close(found.weights.reshape(4), one.weights, rtol=1e-6, atol=1e-9)
        device = large._prepare_and_solve(
            torch_ops, losses * factor, None, weights, large.epsilon, large.kappa
        )
        assert int(device.status) == int(one.code)
        assert float(device.value) / factor == pytest.approx(float(one.value), rel=1e-9)
