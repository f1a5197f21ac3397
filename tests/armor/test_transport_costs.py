"""What a soft-cost step does, number by number: costs, rules, starts, the best iterate, box and domain."""

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

import armor
from armor.methods import method
from armor.objectives import LearnedDual, hold
from armor.transport import (
    L1,
    L2,
    Ascent,
    Barrier,
    FlipAscent,
    Flips,
    Linf,
    NormPower,
    SoftAscent,
    SoftBall,
    Transported,
)
from armor.transport.alternate import alternate


def _rows(*rows: tuple[float, ...]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


X = _rows((0.5, 0.25, 1.0))
Y = _rows((0.25, 0.75, 1.0))  # moved by (-1/4, 1/2, 0)


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        (NormPower(3.0, 1.0, 1.0), 3 * 0.75),
        (NormPower(3.0, 2.0, 2.0), 3 * (0.0625 + 0.25)),
        (NormPower(3.0, 3.0, math.inf), 3 * 0.125),
        (SoftBall(0.125, 0.5, 3.0), 3 / (2 * 0.5) * (0.125**2 + 0.375**2)),
        (Barrier(3.0, 1.0), 3 * math.sqrt(0.3125) / (1 - math.sqrt(0.3125))),
        (Flips(3.0), math.inf),
    ],
)
def test_costs_by_hand(cost: Any, expected: float) -> None:
    """T5 b to e; the one-way cost forbids the coordinate that falls."""
    assert float(cost(X, Y)) == pytest.approx(expected, rel=1e-12)
    assert float(cost(X, X)) == 0.0


def test_flips_count_what_is_switched_on_and_never_off() -> None:
    x, y = _rows((0.0, 1.0, 0.0, 0.0)), _rows((1.0, 1.0, 0.0, 1.0))
    assert float(Flips(3.0)(x, y)) == 6.0
    assert Flips(3.0).feasible(x, _rows((0.0, 0.0, 1.0, 0.0))).tolist() == [[0.0, 1.0, 1.0, 0.0]]


def test_directions_of_steepest_ascent() -> None:
    """T5 a: the step of each ball that gains most to first order; nothing for no gradient."""
    gradient = _rows((-3.0, 2.0, 0.0))
    assert Linf(1.0).direction(gradient).tolist() == [[-1.0, 1.0, 0.0]]
    assert L1(1.0).direction(gradient).tolist() == [[-1.0, 0.0, 0.0]]
    assert L2(1.0).direction(gradient)[0].tolist() == pytest.approx(
        [-3 / math.sqrt(13), 2 / math.sqrt(13), 0]
    )
    for ball in (Linf(0.1), L2(0.1), L1(0.1)):
        flat = Ascent(ball, step=0.1, steps=2, start="none", box=None)(lambda z: 0.0 * z.sum(1), X)
        assert torch.equal(flat.x, X)


def test_the_attack_of_a_ball_begins_inside_box_and_ball() -> None:
    """The start counts as an iterate: one outside the box would be kept where the loss falls inwards."""
    x = torch.zeros(64, 3, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    for start in ("uniform", "gaussian"):
        for steps in (0, 1):
            attack = Ascent(Linf(0.3), step=0.01, steps=steps, start=start)
            moved = attack(lambda z: -z.sum(1), x, generator=generator)
            assert float(moved.x.min()) >= 0.0
            assert float(moved.x.max()) <= 0.3


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("sign", (0.1, -0.1)), ("gradient", (0.3, -0.4)), ("unit", (0.06, -0.08))],
)
def test_one_step_of_each_rule(rule: str, expected: tuple[float, float]) -> None:
    """Of phi - mu c, the cost being flat at x: along (3, -4)."""
    x = torch.zeros(2, 2, dtype=torch.float64)
    slope = torch.tensor([3.0, -4.0], dtype=torch.float64)
    attack = SoftAscent(SoftBall(9.0, 1.0), step=0.1, steps=1, rule=rule, box=None)
    moved = attack(lambda z: z @ slope, x, mu=2.0)
    assert moved.x[1].tolist() == pytest.approx(expected, rel=1e-12)


def test_the_best_iterate_of_a_soft_attack_counts() -> None:
    """A peak between two iterates: each later one is worse, and pays more."""
    x = torch.zeros(1, 1, dtype=torch.float64)
    seen: list[float] = []

    def phi(z: Tensor) -> Tensor:
        seen.append(float(z.detach()))
        return -(z - 0.1).abs().sum(1)

    cost = NormPower(1.0, 2.0)
    moved = SoftAscent(cost, step=0.09, steps=4, box=None)(phi, x, mu=0.5)
    values = [-abs(z - 0.1) - 0.5 * z * z for z in seen]
    assert float(moved.objective) == pytest.approx(max(values), abs=1e-7)
    assert float(moved.x) == seen[values.index(max(values))]
    assert max(values) > values[-1]
    assert float(moved.costs) == pytest.approx(float(moved.x) ** 2)


def test_a_soft_attack_honours_the_pixel_box() -> None:
    x = torch.tensor([[0.95, 0.05]], dtype=torch.float64)
    moved = SoftAscent(SoftBall(0.5, 1.0), step=0.1, steps=5)(lambda z: z[:, 0] - z[:, 1], x, mu=1.0)
    assert moved.x.tolist() == [[1.0, 0.0]]


def test_a_step_beyond_the_barrier_is_shortened() -> None:
    """A step ten times delta would cost infinity: the attack stays inside and gains."""
    x = torch.zeros(2, 3, dtype=torch.float64)
    moved = SoftAscent(Barrier(0.01, 0.1), step=1.0, steps=3, box=None)(lambda z: 1e3 * z.sum(1), x, mu=1e-3)
    assert bool((moved.x.norm(dim=1) < 0.1).all())
    assert bool((moved.x.norm(dim=1) > 0.09).all())
    assert bool(torch.isfinite(moved.costs).all())


def test_a_soft_start_is_a_gaussian_of_its_size() -> None:
    x = torch.zeros(2000, 3)
    seen: list[Tensor] = []

    def phi(z: Tensor) -> Tensor:
        seen.append(z.detach().clone())
        return z.sum(1)

    attack = SoftAscent(SoftBall(1.0, 1.0), step=0.1, steps=1, start=0.02, box=None)
    attack(phi, x, mu=1.0, generator=torch.Generator().manual_seed(1))
    assert torch.equal(seen[0], x)  # the sample itself is a candidate
    # 2,000 draws: the standard error of a spread is 1.6 %
    assert seen[1].std(0).tolist() == pytest.approx([0.02] * 3, rel=0.1)


def test_greedy_flips_take_the_best_feature_that_is_off() -> None:
    """One a step: the largest slope among those still off, while it exceeds mu L."""
    slope = torch.tensor([5.0, 3.0, 2.0, 0.5, 4.0], dtype=torch.float64)
    x = torch.tensor([[1.0, 0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    expected = [(1, 0, 0, 0, 1), (1, 1, 0, 0, 1), (1, 1, 1, 0, 1), (1, 1, 1, 0, 1)]
    for steps, wanted in enumerate(expected, start=1):
        moved = FlipAscent(0.5, steps=steps, per_step=1)(lambda z: z @ slope, x, mu=2.0)
        assert tuple(moved.x[0].tolist()) == wanted
        assert float(moved.costs) == 0.5 * (sum(wanted) - 1)


@pytest.mark.parametrize("seed", range(4))
def test_greedy_flips_against_exhaustive_search(seed: int) -> None:
    """All one-way flips of seven features: never above the optimum, and at it for a concave function of
    their number, where all features gain alike and only one may turn a step.
    """
    generator = torch.Generator().manual_seed(seed)
    first = torch.randn(7, 5, generator=generator, dtype=torch.float64)
    second = torch.randn(5, generator=generator, dtype=torch.float64)
    x = (torch.rand(4, 7, generator=generator) > 0.6).double()
    every = torch.tensor(list(itertools.product((0.0, 1.0), repeat=7)), dtype=torch.float64)

    def network(z: Tensor) -> Tensor:
        return torch.tanh(z @ first) @ second

    def count(z: Tensor) -> Tensor:
        return torch.log1p(z.sum(1))

    for phi, exact in ((count, True), (network, False)):
        moved = FlipAscent(0.3, steps=7, per_step=1)(phi, x, mu=0.7)
        for i in range(4):
            above = every[(every >= x[i]).all(1)]
            best = float((phi(above) - 0.7 * 0.3 * (above - x[i]).sum(1)).max())
            reached = float(moved.objective[i])
            assert reached <= best + 1e-6
            assert reached >= float(phi(x[i : i + 1])) - 1e-6
            if exact:
                # The slope at n features on is 1/(n + 1), the gain log((n + 2)/(n + 1)) a little less.
                assert reached >= best - 1e-6
                assert float(moved.costs[i]) == pytest.approx(0.3 * float((moved.x[i] - x[i]).sum()))


@pytest.mark.parametrize("kappa", [0.0, 0.3])
def test_labels_are_rigid(kappa: float) -> None:
    """T5 f, on states (x, y): an attack moves x under a loss whose y is the sample's own, so it prices a
    change of label at infinity. The exact solver on the whole space of states, with that infinity written
    out, gives the value of the batch; with labels free to move at the cost of x alone it gives more.
    """
    from verification.instance import from_mapping
    from verification.solve import dro

    points = [(0.0, 0), (1.0, 0), (2.0, 0), (0.0, 1), (1.0, 1), (2.0, 1)]  # (x, y)
    losses = [1.0, 2.5, 0.5, 3.0, 6.0, 0.25]
    batch = [0, 2, 3, 5]

    def spent(i: int, j: int, rigid: bool) -> float | None:
        moved = 0.0625 * (points[i][0] - points[j][0]) ** 2
        return None if rigid and points[i][1] != points[j][1] else moved

    def exact(rigid: bool) -> float:
        described = {
            "divergence": {"name": "kl"},
            "cost": [[spent(i, j, rigid) for j in range(6)] for i in batch],
            "p": ["1/4"] * 4,
            "phi": losses,
            "epsilon": 0.125,
            "kappa": kappa,
            "support": "reference",
        }
        solution = dro(from_mapping(described))
        assert solution.upper - solution.lower <= 1e-9
        return float(solution.upper)

    objective = armor.objective("kl", epsilon=0.125, kappa=kappa)
    best = math.inf
    # The dual function at each mu, the transport made for that very mu: its least value is the DRO value.
    for mu in torch.logspace(-1.5, 2.0, 1500, dtype=torch.float64).clamp(min=kappa).unique().tolist():
        moved = [
            max(
                (losses[j] - mu * float(spent(i, j, True) or 0.0), j)
                for j in range(6)
                if points[i][1] == points[j][1]
            )[1]
            for i in batch
        ]
        costs = [float(spent(i, j, True) or 0.0) for i, j in zip(batch, moved, strict=True)]
        at = objective.at(_rows(tuple(losses[j] for j in moved))[0], _rows(tuple(costs))[0], mu=mu)
        best = min(best, float(at.value))
    assert best == pytest.approx(exact(rigid=True), abs=2e-4)
    assert best >= exact(rigid=True) - 1e-9
    assert exact(rigid=False) > best + 0.1


@pytest.mark.parametrize("mu", [1e-3, 0.3, 30.0, 1e3])
def test_more_rounds_never_widen_the_bracket(mu: float) -> None:
    """upper falls, lower rises, and both meet wherever the alternation starts (trap 10)."""
    slope = torch.tensor([0.7, -1.3, 0.2, 2.0, -0.4], dtype=torch.float64)
    x = torch.randn(6, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    objective = armor.objective("kl", epsilon=0.3)
    attack = SoftAscent(SoftBall(0.1, 0.2), step=0.05, steps=300, rule="unit", schedule="linear", box=None)
    found = [alternate(objective, attack, lambda z: z @ slope, x, mu=mu, rounds=n) for n in (1, 2, 4, 16)]
    for few, many in itertools.pairwise(found):
        assert float(many.upper) <= float(few.upper)
        assert float(many.lower) >= float(few.lower)
    assert -1e-6 <= float(found[-1].gap) <= 1e-3 * (1 + abs(float(found[-1].upper)))
    assert float(found[-1].gap) <= float(found[0].gap)


def test_the_bracket_keeps_the_best_of_all_rounds() -> None:
    """upper: the least dual value, each at its own mu; lower: the largest value of a frozen transport."""
    x = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    objective = armor.objective("kl", epsilon=0.1)
    made: list[tuple[float, Transported]] = []

    def uneven(phi: Any, x: Tensor, *, mu: Tensor, generator: object) -> Transported:  # noqa: ARG001
        """Good, bad, good: in the second round it pays for going down."""
        y = x - 0.3 if len(made) % 2 else x + 0.2
        moved = Transported(y, 0.1 * (y - x).square().flatten(1).sum(1), phi(y))
        made.append((float(mu), moved))
        return moved

    def phi(z: Tensor) -> Tensor:
        return z.sum(1)

    for rounds in (1, 2, 3, 4):
        made.clear()
        found = alternate(objective, uneven, phi, x, mu=0.9, rounds=rounds)
        duals = [float(objective.at(phi(m.x), m.costs, mu=mu).value) for mu, m in made]
        frozen = [float(objective(phi(m.x), m.costs).value) for _, m in made]
        assert float(found.upper) == pytest.approx(min(duals), rel=1e-6)
        assert float(found.lower) == pytest.approx(max(frozen), rel=1e-6)
    assert duals[-1] < duals[-2]
    assert frozen[-1] < frozen[-2]


def test_the_multiplier_never_falls_below_the_penalty() -> None:
    """T22: kappa clamps mu where the radius does not bind."""
    x = torch.zeros(3, 2, dtype=torch.float64)
    objective = armor.objective("kl", epsilon=50.0, kappa=0.8)
    attack = SoftAscent(NormPower(1.0, 2.0), step=0.05, steps=50, box=None)
    found = alternate(objective, attack, lambda z: z.sum(1), x, mu=2.0, rounds=30)
    assert float(found.following) == 0.8
    assert float(found.mu) == pytest.approx(0.8)


def _udr(mode: str, **options: Any) -> Any:
    held = hold(armor.objective("kl", epsilon=0.1, kappa=0.25), mode, size=8, lam=0.5)
    transport = SoftAscent(SoftBall(0.02, 0.05), step=0.02, steps=3)
    return method("udr", transport, objective=held, **options)


def test_udrs_attack_starts_from_its_multiplier_and_pays_its_costs() -> None:
    model = torch.nn.Linear(4, 3)
    x = torch.rand(8, 4, generator=torch.Generator().manual_seed(3))
    y = torch.arange(8) % 3
    exact = _udr("exact", mu=0.7)
    exact.step(model, x, y, torch.Generator())
    assert float(exact.alternation.mu) == 0.7
    learned = _udr("learned")
    assert isinstance(learned.objective, LearnedDual)
    assert float(learned.multiplier()) == pytest.approx(0.75)  # lambda + kappa
    step = learned.step(model, x, y, torch.Generator())
    assert float(step.costs.max()) > 0
    again = learned.objective(step.losses, step.costs)
    assert step.loss.item() == pytest.approx(again.value.item(), rel=1e-6)
    free = learned.objective(step.losses, None)
    assert abs(free.value.item() - again.value.item()) > 1e-6
