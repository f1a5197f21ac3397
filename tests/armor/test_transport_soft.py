"""Soft costs, ℓ1 and ℓ2 balls and the alternation against the closed forms of T5 and exhaustive search."""

import itertools
import math

import pytest
import torch
from torch import Tensor

import armor
from armor.errors import InputError
from armor.methods import Udr
from armor.transport import (
    L1,
    L2,
    Ascent,
    Ball,
    Barrier,
    FlipAscent,
    Flips,
    Linf,
    NormPower,
    SoftAscent,
    SoftBall,
)
from armor.transport.alternate import alternate

A = torch.tensor([0.7, -1.3, 0.2, 2.0, -0.4], dtype=torch.float64)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _x(rows: int = 4) -> Tensor:
    return torch.randn(rows, 5, generator=_generator(1), dtype=torch.float64)


def _phi(x: Tensor) -> Tensor:
    return (x * A.to(x)).sum(1)


@pytest.mark.parametrize(("ball", "dual"), [(L2(0.3), 2.0), (L1(0.3), math.inf), (Linf(0.3), 1.0)])
def test_linear_losses_gain_the_radius_times_the_dual_norm(ball: Ball, dual: float) -> None:
    """T5 a."""
    x = _x()
    moved = Ascent(ball, step=0.3, steps=8, start="none", box=None)(_phi, x)
    expected = _phi(x) + 0.3 * torch.linalg.vector_norm(A, dual)
    assert torch.allclose(_phi(moved.x), expected, rtol=1e-9)


@pytest.mark.parametrize("ball", [L2(0.3), L1(0.3), Linf(0.3)])
def test_projections_are_the_nearest_points(ball: Ball) -> None:
    """Inside the ball nothing moves; outside, no feasible point is nearer than the projection."""
    x = _x(16)
    far = x + torch.randn(x.shape, generator=_generator(3), dtype=torch.float64)
    near = ball.project(x, far)
    assert float(ball.distance(x, near).max()) <= 0.3 * (1 + 1e-12)
    inside = x + ball.random(x, _generator(4))
    assert float(ball.distance(x, inside).max()) <= 0.3 * (1 + 1e-6)
    assert torch.allclose(ball.project(x, inside), inside, atol=1e-7)
    for seed in range(40):
        other = x + ball.random(x, _generator(seed))
        # The variational inequality of a projection onto a convex set.
        assert float(((far - near) * (other - near)).sum(1).max()) <= 1e-6


def _gain(cost: object, mu: float, **options: object) -> Tensor:
    x = _x()
    attack = SoftAscent(cost, box=None, rule="unit", schedule="linear", **options)  # type: ignore[arg-type]
    moved = attack(_phi, x, mu=mu, generator=_generator(5))
    assert moved.objective is not None
    assert moved.costs is not None
    assert torch.allclose(_phi(moved.x) - mu * moved.costs, moved.objective.double(), atol=1e-5)
    return moved.objective.double() - _phi(x)


@pytest.mark.parametrize(("scale", "power"), [(0.5, 2.0), (0.8, 1.5), (0.3, 3.0)])
def test_powers_of_the_norm(scale: float, power: float) -> None:
    """T5 b: `(q-1) (mu L)^{-1/(q-1)} (‖a‖/q)^{q/(q-1)}`."""
    mu, q = 1.7, power
    expected = (q - 1) * (mu * scale) ** (-1 / (q - 1)) * (float(A.norm()) / q) ** (q / (q - 1))
    gain = _gain(NormPower(scale, power), mu, step=0.1, steps=600)
    assert torch.allclose(gain, torch.full_like(gain, expected), rtol=2e-3)


def test_the_norm_itself_has_a_threshold() -> None:
    """T5 b, q = 1: no gain from `mu L >= ‖a‖` on."""
    gain = _gain(NormPower(1.0, 1.0), 1.01 * float(A.norm()), step=0.1, steps=50)
    assert torch.equal(gain.abs() < 1e-6, torch.ones_like(gain, dtype=torch.bool))


def test_the_soft_ball() -> None:
    """T5 c: `r ‖a‖_1 + tau ‖a‖_2²/(2 mu)`."""
    mu, radius, tau = 1.3, 0.2, 0.15
    expected = radius * float(A.abs().sum()) + tau * float(A.square().sum()) / (2 * mu)
    gain = _gain(SoftBall(radius, tau), mu, step=0.05, steps=600)
    assert torch.allclose(gain, torch.full_like(gain, expected), rtol=2e-3)


def test_the_barrier() -> None:
    """T5 d: `delta (sqrt ‖a‖ - sqrt(mu L))_+²`, and never a step beyond delta."""
    mu, scale, delta = 0.9, 0.4, 0.5
    expected = delta * max(math.sqrt(float(A.norm())) - math.sqrt(mu * scale), 0.0) ** 2
    gain = _gain(Barrier(scale, delta), mu, step=0.02, steps=600)
    assert torch.allclose(gain, torch.full_like(gain, expected), rtol=2e-3)
    far = _x() + 10.0
    assert bool(torch.isinf(Barrier(scale, delta)(_x(), far)).all())
    assert bool(torch.isfinite(Barrier(scale, delta)(_x(), Barrier(scale, delta).feasible(_x(), far))).all())


def test_flips_equal_exhaustive_search_on_linear_losses() -> None:
    """T5 e: `sum over zeros of (a_k - mu L)_+`."""
    x = (torch.rand(6, 5, generator=_generator(6)) > 0.5).double()
    mu, scale = 0.5, 0.8
    moved = FlipAscent(scale)(_phi, x, mu=mu)
    closed = ((1 - x) * (A - mu * scale).clamp(min=0)).sum(1)
    assert moved.objective is not None
    for i in range(6):
        best = max(
            float(_phi(torch.tensor([y], dtype=torch.float64)))
            - mu * scale * sum(b - a for a, b in zip(x[i].tolist(), y, strict=True))
            for y in itertools.product((0.0, 1.0), repeat=5)
            if all(b >= a for a, b in zip(x[i].tolist(), y, strict=True))
        )
        assert float(moved.objective[i]) == pytest.approx(best, abs=1e-6)
        assert float(_phi(x[i : i + 1]) + closed[i]) == pytest.approx(best, abs=1e-9)
    assert bool((moved.x >= x).all())
    assert float(Flips(scale)(torch.ones(1, 2), torch.tensor([[1.0, 0.0]]))) == math.inf


def test_greedy_flips_never_lose_on_a_curved_loss() -> None:
    phi = lambda z: (z @ A.to(z)).tanh() + 0.3 * z[:, 0] * z[:, 2]  # noqa: E731
    x = torch.zeros(3, 5)
    one = FlipAscent(0.1)(phi, x, mu=1.0)
    greedy = FlipAscent(0.1, steps=5, per_step=1)(phi, x, mu=1.0)
    every = torch.tensor(list(itertools.product((0.0, 1.0), repeat=5)))
    best = float((phi(every) - 0.1 * every.sum(1)).max())
    for moved in (one, greedy):
        assert moved.objective is not None
        assert bool((moved.objective > phi(x) + 0.5).all())
        assert float(moved.objective.max()) <= best + 1e-6
    assert float(one.objective.max()) == pytest.approx(best, abs=1e-6)  # type: ignore[union-attr]


def test_alternation_closes_the_gap_on_a_linear_loss() -> None:
    """T6 with a quadratic cost: both mechanisms share the budget, upper and lower bounds meet."""
    x = _x(8)
    objective = armor.objective("kl", epsilon=0.05)
    attack = SoftAscent(NormPower(0.5, 2.0), step=0.1, steps=400, rule="unit", schedule="linear", box=None)
    first = alternate(objective, attack, _phi, x, mu=1.0, rounds=1)
    last = alternate(objective, attack, _phi, x, mu=1.0, rounds=12)
    assert float(last.gap) < 0.05 * float(first.gap)
    assert -1e-6 <= float(last.gap) <= 2e-4
    # phi^c(x) = phi(x) + ‖a‖²/(4 L mu): the dual in closed form, minimised on a grid.
    grid = torch.logspace(-1, 2, 4001, dtype=torch.float64)
    phi = _phi(x)
    dual = [
        float(m * 0.05 + m * torch.logsumexp(phi / m, 0) - m * math.log(8) + A.square().sum() / (2.0 * m))
        for m in grid
    ]
    assert float(last.upper) == pytest.approx(min(dual), abs=1e-4)


def test_a_budget_overspent_raises_mu_instead_of_failing() -> None:
    objective = armor.objective("kl", epsilon=1e-4)
    attack = SoftAscent(SoftBall(0.0, 0.1), step=0.2, steps=20, box=None)
    found = alternate(objective, attack, _phi, _x(), mu=0.05, rounds=1)
    assert float(found.following) == pytest.approx(0.5)  # ten times at most
    assert float(found.lower) == -math.inf  # the transported batch alone fits no re-weighting
    assert math.isfinite(float(found.upper))
    settled = alternate(objective, attack, _phi, _x(), mu=0.05, rounds=40)
    assert math.isfinite(float(settled.lower))
    assert float(settled.upper) <= float(found.upper)


@pytest.mark.parametrize("divergence", ["kl", "none", "pearson"])
def test_udr_uses_one_multiplier_for_attack_and_dual(divergence: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = torch.nn.Linear(5, 3)
    x = torch.rand(10, 5, generator=_generator(7))
    y = torch.randint(0, 3, (10,), generator=_generator(8))
    objective = armor.objective(divergence, epsilon=0.05, kappa=0.1)
    method = Udr(
        SoftAscent(SoftBall(0.05, 0.02), step=0.02, steps=10),
        objective=objective,
        mu=0.7,
        rounds=2,
        natural_weight=0.3,
    )
    result = method.step(model, x, y, _generator(9))
    result.loss.backward()
    assert result.solution is not None
    assert method.alternation is not None
    assert float(result.solution.lam) == pytest.approx(float(method.alternation.mu) - 0.1)
    costs = SoftBall(0.05, 0.02)(x, result.x)
    again = objective.at(result.losses.double(), costs.double(), mu=method.alternation.mu)
    natural = torch.nn.functional.cross_entropy(model(x), y)
    assert result.loss.item() == pytest.approx(0.3 * natural.item() + 0.7 * float(again.value), rel=1e-5)
    assert float(again.value) >= float(objective(result.losses.double(), costs.double()).value) - 1e-9
    assert model.weight.grad is not None
    state = method.state_dict()
    other = Udr(method.transport, objective=objective)
    other.load_state_dict(state)
    assert torch.equal(other.mu, method.mu)


@pytest.mark.parametrize("spec", ["kl", "pearson", "hellinger", "tv", {"name": "renyi", "alpha": 2.5}])
def test_the_dual_function_lies_above_the_value_and_touches_it(spec: object) -> None:
    """T6: any lambda bounds from above, lambda* attains."""
    losses = torch.rand(9, generator=_generator(10), dtype=torch.float64)
    objective = armor.objective(spec, epsilon=0.1, kappa=0.05)  # type: ignore[arg-type]
    best = objective(losses)
    mu = float(best.lam) + 0.05
    assert float(objective.at(losses, mu=mu).value) == pytest.approx(float(best.value), abs=1e-9)
    for factor in (0.5, 0.9, 1.1, 3.0):
        if factor * mu >= 0.05:
            assert float(objective.at(losses, mu=factor * mu).value) >= float(best.value) - 1e-12


def test_bad_configuration_names_the_value() -> None:
    with pytest.raises(InputError, match=r"0\.5"):
        NormPower(1.0, 0.5)
    with pytest.raises(InputError, match=r"-1\.0"):
        NormPower(-1.0, 2.0)
    with pytest.raises(InputError, match="tau"):
        SoftBall(0.1, 0.0)
    with pytest.raises(InputError, match="delta"):
        Barrier(1.0, math.inf)
    with pytest.raises(InputError, match="binary"):
        FlipAscent(1.0)(_phi, torch.full((1, 5), 0.5), mu=1.0)
    with pytest.raises(InputError, match="generator"):
        SoftAscent(SoftBall(0.1, 1.0), step=0.1, steps=1, start=0.1)(_phi, _x(), mu=1.0)
    with pytest.raises(InputError, match="kappa"):
        Udr(FlipAscent(1.0), objective=armor.objective("kl", epsilon=0.1, kappa=2.0), mu=1.0)
