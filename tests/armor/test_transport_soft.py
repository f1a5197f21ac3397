"""Soft costs, ℓ1 and ℓ2 balls and the alternation against the closed forms of T5 and exhaustive search."""

import dataclasses
import itertools
import math

import pytest
import torch
from torch import Tensor

import armor
from armor.errors import InputError
from armor.methods import Udr
from armor.objectives import Objective, Solution
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
    # The transported batch alone fits no re-weighting; with a part of it left in place there is a witness.
    moved = attack(_phi, _x(), mu=0.05)
    assert moved.costs is not None
    assert float(objective(_phi(moved.x), moved.costs).value) == -math.inf
    assert float(_phi(_x()).mean()) <= float(found.lower) <= float(found.upper) < math.inf
    share = 0.5 * 1e-4 / float(moved.costs.mean())
    half = objective((1 - share) * _phi(_x()) + share * _phi(moved.x), share * moved.costs)
    assert float(found.lower) >= float(half.value) - 1e-12
    settled = alternate(objective, attack, _phi, _x(), mu=0.05, rounds=40)
    assert float(found.lower) < float(settled.lower)
    assert float(settled.upper) <= float(found.upper)


@pytest.mark.parametrize("spec", ["kl", "pearson", "hellinger", "none", {"name": "renyi", "alpha": 2.5}])
@pytest.mark.parametrize("kappa", [0.0, 0.3])
@pytest.mark.parametrize("mu", [0.05, 0.4, 3.0, 40.0])
def test_the_remaining_gap_is_finite_and_holds_the_value(spec: object, kappa: float, mu: float) -> None:
    """T6 on the points seen: every sample may stay or go, `φ^c = max(φ(x), φ(x') - mu c)`."""
    objective = armor.objective(spec, epsilon=0.02, kappa=kappa)  # type: ignore[arg-type]
    attack = SoftAscent(SoftBall(0.02, 0.1), step=0.1, steps=20, rule="unit", schedule="linear", box=None)
    x, mu = _x(8), max(mu, kappa)
    weights = torch.tensor([1.0, 2.0, 1.0, 0.0, 3.0, 1.0, 1.0, 2.0], dtype=torch.float64)
    found = alternate(objective, attack, _phi, x, mu=mu, rounds=1, reference_weights=weights)
    moved = attack(_phi, x, mu=mu)
    assert moved.costs is not None
    costs = moved.costs

    def dual(log_lam: float) -> float:
        m = math.exp(log_lam) + kappa
        best = torch.maximum(_phi(x), _phi(moved.x) - m * costs)
        return float(objective.at(best, reference_weights=weights, mu=m).value)

    low, high = math.log(1e-3), math.log(1e3)  # convex in lambda, so unimodal in its logarithm
    for _ in range(50):
        third = (high - low) / 3
        low, high = (low + third, high) if dual(low + third) > dual(high - third) else (low, high - third)
    exact = dual(low)
    assert math.isfinite(float(found.gap))
    assert float(found.lower) <= exact + 1e-9
    assert float(found.lower) >= float((weights * _phi(x)).sum() / weights.sum()) - 1e-9
    assert float(found.upper) >= exact - 1e-5


def test_the_witness_is_tight_at_the_best_multiplier() -> None:
    """Transport alone, linear loss: at `mu* = sqrt(‖a‖²/(4 L eps))` the whole radius is spent, gap 0."""
    objective = armor.objective("none", epsilon=0.05)
    attack = SoftAscent(NormPower(0.5, 2.0), step=0.1, steps=400, rule="unit", schedule="linear", box=None)
    best = math.sqrt(float(A.square().sum()) / (2.0 * 0.05))
    for factor, gap in ((1.0, 1e-3), (0.9, 0.4)):  # below it the transport spends too much: never -inf
        found = alternate(objective, attack, _phi, _x(), mu=factor * best, rounds=1)
        assert -1e-6 <= float(found.gap) <= gap


class _Loose:
    """An objective whose search stopped early: its dual values are too large by as much as it says.

    It finds nothing on points that move in part, so that the dual's own worst case is the one witness.
    """

    def __init__(self, objective: Objective, by: float) -> None:
        self.objective, self.by = objective, by
        self.epsilon, self.kappa, self.total = objective.epsilon, objective.kappa, objective.total

    def __call__(self, *given: Tensor | None) -> Solution:
        found = self.objective(*given)  # type: ignore[arg-type]
        return dataclasses.replace(found, value=torch.full_like(found.value, -math.inf))

    def at(self, *given: Tensor | None, mu: Tensor) -> Solution:
        s = self.objective.at(*given, mu=mu)  # type: ignore[arg-type]
        return dataclasses.replace(s, value=s.value + self.by, gap=s.gap + self.by)


def test_a_gap_of_the_search_weakens_the_witness_and_never_flatters_it() -> None:
    objective = armor.objective("kl", epsilon=1e-3)
    attack = SoftAscent(SoftBall(0.0, 0.1), step=0.2, steps=20, box=None)
    exact, loose = (
        alternate(_Loose(objective, by), attack, _phi, _x(), mu=0.05, rounds=1)  # type: ignore[arg-type]
        for by in (0.0, 0.02)
    )
    assert float(_phi(_x()).mean()) < float(loose.lower) <= float(exact.lower) + 1e-12
    assert float(loose.upper) == pytest.approx(float(exact.upper) + 0.02)


class _Shared:
    """Two workers with the same samples, seen from one of them."""

    def __init__(self, objective: Objective) -> None:
        self.objective, self.epsilon, self.kappa = objective, objective.epsilon, objective.kappa

    def _own(self, solution: Solution) -> Solution:
        return dataclasses.replace(solution, weights=solution.weights[: len(solution.weights) // 2])

    def __call__(self, losses: Tensor, costs: Tensor, weights: None) -> Solution:  # noqa: ARG002
        return self._own(self.objective(losses.repeat(2), costs.repeat(2)))

    def at(self, losses: Tensor, costs: Tensor, weights: None, *, mu: Tensor) -> Solution:  # noqa: ARG002
        return self._own(self.objective.at(losses.repeat(2), costs.repeat(2), mu=mu))

    def total(self, part: Tensor) -> Tensor:
        return 2.0 * part


@pytest.mark.parametrize("rounds", [1, 3])
def test_several_workers_alternate_as_one(rounds: int) -> None:
    """Each sees the weights of its own samples alone; what they spend is a sum over the workers."""
    objective = armor.objective("kl", epsilon=0.05, kappa=0.1)
    attack = SoftAscent(SoftBall(0.02, 0.1), step=0.05, steps=20, box=None)
    one, two = (
        alternate(held, attack, _phi, _x(8), mu=0.5, rounds=rounds)  # type: ignore[arg-type]
        for held in (objective, _Shared(objective))
    )
    for name in ("mu", "following", "upper", "lower"):
        assert float(getattr(two, name)) == pytest.approx(float(getattr(one, name)), rel=1e-9), name


def test_a_random_start_is_a_candidate() -> None:
    """The steps run past the peak near which the second start lies: that start itself is the best point."""
    x = torch.zeros(1, 2, dtype=torch.float64)
    met: list[Tensor] = []

    def phi(z: Tensor) -> Tensor:
        met.append(z.detach().clone())
        return 1.0 - (z.norm(dim=1) - 0.1).abs()

    attack = SoftAscent(SoftBall(9.0, 1.0), step=2.0, steps=1, start=0.1, box=None)
    moved = attack(phi, x, mu=1.0, generator=_generator(2))
    assert len(met) == 3
    assert float(phi(met[1])) > max(float(phi(met[0])), float(phi(met[2])))
    assert torch.equal(moved.x, met[1])


def test_restarts_under_a_soft_cost_find_a_second_basin() -> None:
    phi = lambda z: torch.sin(40.0 * z).sum(1) + z.sum(1)  # noqa: E731
    x = torch.rand(64, 2, generator=_generator(4))
    one, many = (
        SoftAscent(SoftBall(0.2, 0.1), step=0.01, steps=10, start=0.1, restarts=runs)(
            phi, x, mu=1.0, generator=_generator(5)
        )
        for runs in (1, 4)
    )
    assert one.objective is not None
    assert many.objective is not None
    assert many.unmoved is not None
    assert torch.equal(many.unmoved, phi(x))
    assert bool((many.objective >= torch.maximum(one.objective, many.unmoved)).all())
    assert bool((many.objective > one.objective + 0.1).any())


def test_restarts_find_flips_that_pay_only_together() -> None:
    """Two features gain 1 together and nothing alone: from the sample no flip pays, from a random start the
    second does, and a useless first flip is taken back.
    """
    phi = lambda z: 2.0 * z[:, 0] * z[:, 1] - 0.1 * z[:, 2:].sum(1)  # noqa: E731
    x = torch.zeros(32, 4)
    x[:, 3] = 1.0
    one = FlipAscent(0.3, steps=2, per_step=1)(phi, x, mu=1.0)
    many = FlipAscent(0.3, steps=2, per_step=1, restarts=12, start=1)(phi, x, mu=1.0, generator=_generator(6))
    assert torch.equal(one.x, x)
    assert many.objective is not None
    assert many.x.tolist() == [[1.0, 1.0, 0.0, 1.0]] * 32  # 11 starts miss both features at (1/3)^11
    assert many.objective.tolist() == pytest.approx([2.0 - 0.1 - 0.6] * 32, abs=1e-6)
    taken = FlipAscent(0.3, steps=3, per_step=1, restarts=12, start=3)(
        phi, x, mu=1.0, generator=_generator(6)
    )
    assert torch.equal(taken.x, many.x)


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
    with pytest.raises(InputError, match="restarts = 2 needs a random start"):
        SoftAscent(SoftBall(0.1, 1.0), step=0.1, steps=1, restarts=2)
    with pytest.raises(InputError, match="restarts = 2 needs a random start"):
        FlipAscent(1.0, restarts=2)
    with pytest.raises(InputError, match="restarts = 0"):
        FlipAscent(1.0, restarts=0)
    with pytest.raises(InputError, match="-3"):
        FlipAscent(1.0, start=-3)
    with pytest.raises(InputError, match="generator"):
        FlipAscent(1.0, restarts=2, start=1)(_phi, torch.zeros(1, 5), mu=1.0)
    with pytest.raises(InputError, match="generator"):
        SoftAscent(SoftBall(0.1, 1.0), step=0.1, steps=1, start=0.1)(_phi, _x(), mu=1.0)
    with pytest.raises(InputError, match="kappa"):
        Udr(FlipAscent(1.0), objective=armor.objective("kl", epsilon=0.1, kappa=2.0), mu=1.0)
