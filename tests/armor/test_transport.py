"""Hard-ball attacks against closed forms, their box, starts, modes and bookkeeping (T5)."""

import math

import pytest
import torch
from torch import Tensor, nn

from armor.errors import InputError
from armor.transport import L1, L2, Ascent, Ball, Linf, SoftAscent, SoftBall, attack_mode, fgsm, pgd


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _linear(a: Tensor):  # type: ignore[no-untyped-def]
    return lambda x: (x.flatten(1) * a).sum(1)


def test_fgsm_and_pgd_are_exact_on_linear_losses() -> None:
    """T5 a: the supremum of a linear loss over the ball is `<a, x> + r ‖a‖_1`."""
    a = torch.randn(12, generator=_generator(1), dtype=torch.float64)
    x = torch.randn(5, 3, 2, 2, generator=_generator(2), dtype=torch.float64)
    phi = _linear(a)
    expected = phi(x) + 0.3 * a.abs().sum()
    for attack in (fgsm(0.3, box=None), pgd(0.3, step=0.1, steps=10, box=None)):
        moved = attack(phi, x, generator=_generator(3))
        assert torch.allclose(phi(moved.x), expected, rtol=1e-12)
        assert moved.costs is None


def test_with_a_box_the_optimum_separates_over_the_coordinates() -> None:
    """In a box each coordinate gains `a_k (min(x_k + r, 1) - x_k)` or `a_k (max(x_k - r, 0) - x_k)`."""
    a = torch.randn(12, generator=_generator(1), dtype=torch.float64)
    x = torch.rand(5, 12, generator=_generator(2), dtype=torch.float64)
    up, down = (x + 0.3).clamp(max=1.0), (x - 0.3).clamp(min=0.0)
    expected = torch.where(a > 0, a * up, a * down).sum(1)
    for attack in (fgsm(0.3), pgd(0.3, step=0.1, steps=12)):
        moved = attack(_linear(a), x, generator=_generator(3))
        assert torch.allclose(_linear(a)(moved.x), expected, rtol=1e-12)
        assert float(moved.x.min()) >= 0.0
        assert float(moved.x.max()) <= 1.0


def test_the_best_iterate_is_kept_per_sample() -> None:
    """A step too long overshoots a concave peak: the last iterate is worse than one before."""
    peak = torch.tensor([0.5, 0.62, 0.7]).reshape(3, 1)
    phi = lambda x: -(x - peak).square().sum(1)  # noqa: E731
    x = torch.full((3, 1), 0.5)
    common = {"step": 0.1, "steps": 5, "start": "none"}
    best = Ascent(Linf(0.4), keep="best", **common)(phi, x)
    last = Ascent(Linf(0.4), keep="last", **common)(phi, x)
    assert best.objective is not None
    assert torch.equal(phi(best.x), best.objective)
    assert bool((best.objective >= phi(last.x)).all())
    assert bool((best.objective > phi(last.x)).any())
    assert last.objective is None


def test_restarts_never_lose_and_find_a_second_basin() -> None:
    phi = lambda x: torch.sin(40.0 * x).sum(1) + x.sum(1)  # noqa: E731
    x = torch.rand(64, 2, generator=_generator(4))
    one = pgd(0.2, step=0.01, steps=10)(phi, x, generator=_generator(5))
    many = pgd(0.2, step=0.01, steps=10, restarts=4)(phi, x, generator=_generator(5))
    assert one.objective is not None
    assert many.objective is not None
    assert bool((many.objective >= one.objective).all())
    assert bool((many.objective > one.objective + 0.1).any())


@pytest.mark.parametrize("start", ["uniform", "gaussian", "none"])
def test_the_sample_itself_is_a_candidate(start: str) -> None:
    """A loss that is largest at the sample: whatever the start, the best point kept is the sample."""
    x = torch.full((6, 3), 0.5)
    phi = lambda z: -(z - 0.5).abs().sum(1)  # noqa: E731
    moved = pgd(0.2, step=0.05, steps=2, start=start)(phi, x, generator=_generator(13))
    assert torch.equal(moved.x, x)
    assert moved.objective is not None
    assert bool((moved.objective == 0).all())


def _starts(ball: Ball, dimensions: int, start: str = "uniform") -> Tensor:
    """Where 4,000 attacks around zero begin."""
    x = torch.zeros(4000, dimensions, dtype=torch.float64)
    attack = Ascent(ball, step=0.0, steps=0, keep="last", start=start, box=None)
    return attack(lambda z: z.sum(1), x, generator=_generator(11)).x


@pytest.mark.parametrize("ball", [Linf(0.3), L2(0.3), L1(0.3)], ids=repr)
def test_uniform_starts_fill_the_ball(ball: Ball) -> None:
    """In d dimensions the ball of radius s r holds the share s^d; every sign is as likely.

    4,000 draws of a fixed seed: a share's standard error is at most 0.008, that of a spread 1.1 %.
    """
    moved = _starts(ball, 3)
    distance = ball.distance(torch.zeros_like(moved), moved)
    assert float(distance.max()) <= 0.3 * (1 + 1e-6)
    for share in (0.5, 0.8, 0.95):
        assert float((distance <= 0.3 * share).double().mean()) == pytest.approx(share**3, abs=0.03)
    assert (moved > 0).double().mean(0).tolist() == pytest.approx([0.5] * 3, abs=0.03)
    spread = moved.std(0)
    assert spread.tolist() == pytest.approx([float(spread.mean())] * 3, rel=0.06)


def test_a_gaussian_start_has_the_published_size() -> None:
    moved = _starts(Linf(0.3), 3, "gaussian")
    # 4,000 draws: the standard error of a spread is 1.1 %
    assert moved.std(0).tolist() == pytest.approx([0.001] * 3, rel=0.06)


def test_every_restart_begins_at_a_point_of_its_own() -> None:
    """None at the sample itself: otherwise restarts would repeat one run."""
    x = torch.full((5, 4), 0.5)
    begun: list[Tensor] = []

    def phi(moved: Tensor) -> Tensor:
        begun.append(moved.detach().clone())
        return moved.sum(1)

    pgd(0.1, step=0.01, steps=0, restarts=4)(phi, x, generator=_generator(12))
    sample, *begun = begun
    assert torch.equal(sample, x)  # measured as a candidate, no start
    assert len(begun) == 4
    for k, one in enumerate(begun):
        assert bool((one != x).any(1).all())
        assert all(bool((one != other).any(1).all()) for other in begun[:k])


@pytest.mark.parametrize(
    ("schedule", "share"),
    [
        ("constant", [1.0] * 5),
        ("linear", [1.0 - k / 5 for k in range(5)]),
        ("cosine", [0.5 + 0.5 * math.cos(math.pi * k / 5) for k in range(5)]),
    ],
)
def test_steps_follow_their_schedule(schedule: str, share: list[float]) -> None:
    """From the full step down: k of n done leaves 1 - k/n, or (1 + cos(pi k/n))/2."""
    x = torch.zeros(1, 2, dtype=torch.float64)
    common = {"step": 0.01, "steps": 5, "schedule": schedule, "box": None}
    hard = Ascent(Linf(9.0), start="none", keep="last", **common)(lambda z: z.sum(1), x)  # type: ignore[arg-type]
    soft = SoftAscent(SoftBall(9.0, 1.0), **common)(lambda z: z.sum(1), x, mu=1.0)  # type: ignore[arg-type]
    for moved in (hard.x, soft.x):
        assert moved[0].tolist() == pytest.approx([0.01 * sum(share)] * 2, rel=1e-12)


@pytest.mark.parametrize("start", ["uniform", "gaussian"])
def test_a_seed_determines_the_attack_and_no_global_state_moves(start: str) -> None:
    phi = lambda x: x.pow(3).sum(1)  # noqa: E731
    x = torch.rand(8, 5, generator=_generator(6))
    before = torch.get_rng_state()
    attack = pgd(0.1, step=0.02, steps=3, start=start)
    first, second = (attack(phi, x, generator=_generator(7)).x for _ in range(2))
    other = pgd(0.1, step=1e-4, steps=1, start=start)(phi, x, generator=_generator(8)).x
    same = pgd(0.1, step=1e-4, steps=1, start=start)(phi, x, generator=_generator(7)).x
    assert torch.equal(first, second)
    assert not torch.equal(same, other)
    assert torch.equal(before, torch.get_rng_state())
    assert float((first - x).abs().max()) <= 0.1 + 1e-7


def _network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))


@pytest.mark.parametrize("mode", ["eval", "batch", "train"])
def test_the_model_comes_back_as_it_was(mode: str) -> None:
    model = _network()
    model.train()
    model[3].eval()  # a mixed state must survive too
    model[0].bias.requires_grad_(False)
    model[4].weight.grad = torch.ones_like(model[4].weight)
    flags = [m.training for m in model.modules()]
    buffers = [b.clone() for b in model.buffers()]
    with attack_mode(model, mode):
        assert not any(p.requires_grad for p in model.parameters())
        assert model[1].training == (mode != "eval")
        model(torch.randn(6, 4, generator=_generator(9)))
    assert [m.training for m in model.modules()] == flags
    assert [p.requires_grad for p in model.parameters()] == [True, False, True, True, True, True]
    same = all(torch.equal(a, b) for a, b in zip(buffers, model.buffers(), strict=True))
    assert same == (mode != "train")
    assert model[4].weight.grad is not None
    assert bool((model[4].weight.grad == 1).all())


def test_the_model_comes_back_after_an_error() -> None:
    model = _network().train()
    with pytest.raises(RuntimeError), attack_mode(model):
        model(torch.zeros(2, 5))
    assert model.training
    assert all(p.requires_grad for p in model.parameters())


def test_bad_configuration_names_the_value() -> None:
    for arguments, seen in (
        ({"step": -0.1, "steps": 1}, "-0.1"),
        ({"step": math.nan, "steps": 1}, "nan"),
        ({"step": 0.1, "steps": -1}, "-1"),
        ({"step": 0.1, "steps": 1, "start": "middle"}, "middle"),
        ({"step": 0.1, "steps": 1, "keep": "first"}, "first"),
        ({"step": 0.1, "steps": 1, "schedule": "exp"}, "exp"),
        ({"step": 0.1, "steps": 1, "restarts": 2, "keep": "last"}, "restarts = 2 needs keep"),
        ({"step": 0.1, "steps": 1, "restarts": 2, "start": "none"}, "restarts = 2 needs a random start"),
        ({"step": 0.1, "steps": 1, "restarts": 0}, "restarts = 0"),
        ({"step": 0.1, "steps": 1, "box": (1.0, 0.0)}, "box"),
    ):
        with pytest.raises(InputError, match=seen):
            pgd(0.1, **arguments)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"-0\.1"):
        Linf(-0.1)
    with pytest.raises(InputError, match="generator"):
        pgd(0.1, step=0.1, steps=1)(lambda x: x.sum(1), torch.zeros(1, 1))
    with pytest.raises(InputError, match=r"pixel box \[0, 1\].*\[0, 255\]"):
        fgsm(0.1)(lambda x: x.sum(1), torch.tensor([[0.0, 255.0]]))
    with pytest.raises(InputError, match=r"shape \(2,\), not \(\)"):
        fgsm(0.1)(lambda x: x.sum(), torch.zeros(2, 3))
    for odd in (math.nan, math.inf):
        with pytest.raises(InputError, match=f"sample 1 is not a finite number \\({odd}\\)"):
            fgsm(0.1)(lambda x, odd=odd: x.sum(1) + torch.tensor([1.0, odd]), torch.zeros(2, 3))
    with pytest.raises(InputError, match="range over"):
        fgsm(0.1)(lambda x: x.sum(1), torch.tensor([[0.0, math.nan]]))
    with pytest.raises(InputError, match="frozen"), attack_mode(_network(), "frozen"):
        pass
