"""Evaluation: intervals, attacks by name, exact answers on linear models, no global randomness."""

from collections.abc import Callable
from fractions import Fraction
from math import isclose, sqrt
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from armor.errors import InputError
from armor.evaluation import autoattack
from armor.evaluation.attacks import parse
from armor.evaluation.autoattack import autoattack_survivors
from armor.evaluation.evaluate import _transport, evaluate
from armor.evaluation.intervals import Z95, Accuracy, wilson
from armor.evaluation.measure import correct_under
from armor.evaluation.rfgsm import Rfgsm
from armor.transport import Linf, Transported, pgd

RADIUS = Fraction(8, 255)


@given(st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_ends_solve_the_score_equation(case: tuple[int, int]) -> None:
    correct, n = case
    low, high = wilson(correct, n)
    share = correct / n
    assert 0 <= low <= share <= high <= 1
    for end in (low, high):
        if 0 < end < 1:
            assert isclose(abs(share - end), Z95 * sqrt(end * (1 - end) / n), rel_tol=1e-7, abs_tol=1e-12)


def test_wilson_known_values_and_ends() -> None:
    low, high = wilson(81, 263)  # Newcombe 1998, table I: 0.2553 to 0.3662
    assert round(low, 4) == 0.2553
    assert round(high, 4) == 0.3662
    assert wilson(0, 20)[0] == 0.0
    assert round(wilson(0, 20)[1], 4) == 0.1611
    assert wilson(20, 20)[1] == 1.0
    for correct, n in ((1, 0), (-1, 3), (4, 3)):
        with pytest.raises(InputError):
            wilson(correct, n)


def test_attacks_by_name() -> None:
    found = parse("fgsm, pgd20,pgd50x5,autoattack", norm="linf", radius=RADIUS)
    assert [(a.kind, a.steps, a.restarts) for a in found] == [
        ("fgsm", 1, 1), ("pgd", 20, 1), ("pgd", 50, 5), ("autoattack", None, None),
    ]  # fmt: skip
    assert found[0].step == RADIUS
    assert found[1].step == Fraction(2, 255)
    fewer = parse("pgd5x2@200", norm="linf", radius=RADIUS)[0]
    assert (fewer.name, fewer.kind, fewer.restarts, fewer.images) == ("pgd5x2@200", "pgd", 2, 200)
    assert (fewer.count(1000), fewer.count(50)) == (200, 50)
    assert parse("", norm="linf", radius=RADIUS) == ()


@pytest.mark.parametrize(
    ("names", "norm", "radius", "words"),
    [
        ("pdg20", "linf", RADIUS, "nearest known one is 'pgd20'"),
        ("pgd", "linf", RADIUS, "unknown attack 'pgd'"),
        ("pgd0", "linf", RADIUS, "at least one step"),
        ("pgd5x0", "linf", RADIUS, "at least one step"),
        ("fgsm", "l2", RADIUS, "norm 'l2'"),
        ("fgsm", "linf", Fraction(0), "radius 0"),
        ("fgsm", "linf", Fraction(9, 8), "radius 9/8"),
        ("pgd5@0", "linf", RADIUS, "at least one image"),
        ("autoatack@200", "linf", RADIUS, "'autoattack'"),
        ("pgd5,fgsm,pgd5", "linf", RADIUS, "'pgd5' is named twice"),
    ],
)
def test_refused_attacks(names: str, norm: str, radius: Fraction, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse(names, norm=norm, radius=radius)


class Linear(nn.Module):
    """Two logits ±⟨w, x⟩ ∓ b (others far below), for which every sign attack is exact."""

    def __init__(self, classes: int = 2) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(48, generator=generator))
        self.classes = classes

    def forward(self, x: Tensor) -> Tensor:
        margin = (x.flatten(1) - 0.5) @ self.weight
        rest = torch.full((x.shape[0], self.classes - 2), -50.0) + margin[:, None] * 0
        return torch.cat([margin[:, None], -margin[:, None], rest], 1)


def _images(count: int = 300) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = 0.2 + 0.6 * torch.rand(count, 3, 4, 4, generator=generator)  # the ball stays inside [0, 1]
    return x, torch.randint(0, 2, (count,), generator=generator)


def test_robust_accuracy_of_a_linear_model_is_exact() -> None:
    model, (x, y) = Linear(), _images()
    margin = ((x.flatten(1) - 0.5) @ model.weight).detach() * (1 - 2 * y)
    worst = margin - float(RADIUS) * model.weight.detach().abs().sum()
    assert (worst.abs() > 1e-5).all()
    result = evaluate(model, x, y, parse("fgsm,pgd20,pgd9x3,cw20", norm="linf", radius=RADIUS), batch=64)
    assert torch.equal(result.right, margin > 0)
    assert 0 < int((worst > 0).sum()) < int((margin > 0).sum()) < 300
    for attack in result.attacks:
        assert torch.equal(attack.right, worst > 0)
        assert attack.accuracy == Accuracy.of(int((worst > 0).sum()), 300)


def test_evaluation_is_deterministic_and_leaves_no_trace() -> None:
    model, (x, y) = Linear(), _images(90)
    model.train()
    state = torch.random.get_rng_state()
    attacks = parse("pgd2,fgsm", norm="linf", radius=RADIUS)
    first, second = (evaluate(model, x, y, attacks, seed=3, batch=40) for _ in range(2))
    assert first.to_mapping(None) == second.to_mapping(None)
    assert torch.equal(first.attacks[0].right, second.attacks[0].right)
    assert torch.equal(state, torch.random.get_rng_state())
    assert model.training
    assert model.weight.grad is None
    assert model.weight.requires_grad


def test_json_entries() -> None:
    model, (x, y) = Linear(), _images(50)
    found = evaluate(model, x, y, parse("fgsm", norm="linf", radius=RADIUS)).to_mapping({"outcome": "holds"})
    assert set(found) == {"n", "natural", "attacks", "preflight"}
    assert found["n"] == 50
    assert set(found["natural"]) == {"accuracy", "interval"}
    assert set(found["attacks"][0]) == {"name", "norm", "radius", "steps", "restarts", "accuracy", "interval"}
    assert found["attacks"][0]["radius"] == 8 / 255
    assert 0 <= found["natural"]["interval"][0] <= found["natural"]["accuracy"]


def test_a_stronger_ball_is_never_easier() -> None:
    model, (x, y) = Linear(), _images()
    radii = [Fraction(k, 255) for k in (1, 4, 8, 16, 40)]
    kept = [
        evaluate(model, x, y, parse("pgd10", norm="linf", radius=r)).attacks[0].accuracy.correct
        for r in radii
    ]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] > kept[-1]


def test_autoattack_agrees_with_the_exact_answer_and_forks_the_global_randomness() -> None:
    pytest.importorskip("pyautoattack", reason="the extra `attack` is not installed")
    model, (x, y) = Linear(classes=4), _images(40)
    model.eval()
    radius = Fraction(1, 16)
    margin = ((x.flatten(1) - 0.5) @ model.weight).detach() * (1 - 2 * y)
    worst = margin - float(radius) * model.weight.detach().abs().sum()
    keep = (
        (worst < -1e-3).nonzero().flatten()
    )  # the attack must break all of these, so that its slow part is idle
    x, y = x[keep], y[keep]
    assert (margin[keep] > 0).any()
    state = torch.random.get_rng_state()
    messages: list[str] = []
    survived = autoattack_survivors(model, x, y, norm="linf", radius=float(radius), note=messages.append)
    assert not survived.any()
    assert torch.equal(state, torch.random.get_rng_state())
    assert any("apgd" in message for message in messages)


def test_autoattack_gets_seeds_of_its_own_and_all_devices_are_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another batch or seed is another attack; the package reseeds every device, not only the one in use."""
    seeds: list[int] = []
    forked: list[object] = []
    whole = torch.random.fork_rng

    class Package:
        def AutoAttack(self, _model: nn.Module, *, seed: int, **_: object) -> "Package":
            seeds.append(seed)
            return self

        def run_standard_evaluation(self, x: Tensor, y: Tensor, *, batch_size: int) -> tuple[Tensor, Tensor]:
            torch.manual_seed(seeds[-1] + batch_size)
            return x, y

    def noted(devices: object = None, **options: Any) -> Any:
        forked.append(devices)
        return whole([], **options)

    monkeypatch.setattr(autoattack, "require", lambda _: Package())
    monkeypatch.setattr(torch.random, "fork_rng", noted)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    model, (x, y) = Linear(classes=4), _images(60)
    state = torch.random.get_rng_state()
    attacks = parse("autoattack", norm="linf", radius=RADIUS)
    for seed in (0, 0, 1):
        monkeypatch.setattr("armor.evaluation.evaluate.require", lambda _: None)
        evaluate(model, x, y, attacks, batch=20, seed=seed)
    assert seeds[:3] == seeds[3:6]
    assert len(set(seeds)) == 6
    assert torch.equal(state, torch.random.get_rng_state())
    assert forked == [[0, 1, 2]] * 9


def test_autoattack_needs_four_classes() -> None:
    pytest.importorskip("pyautoattack", reason="the extra `attack` is not installed")
    x, y = _images(4)
    with pytest.raises(InputError, match="at least four classes"):
        autoattack_survivors(Linear(3).eval(), x, y, norm="linf", radius=0.1)


class Thresholds(Linear):
    """The linear model on centred features with a wave on top, so that the random start matters."""

    def forward(self, x: Tensor) -> Tensor:
        z = x.flatten(1) - 0.5
        margin = z @ self.weight + 0.3 * torch.sin(40 * z @ self.weight.roll(1))
        return torch.stack([margin, -margin], 1)


def test_an_evaluation_in_pieces_is_the_one_in_one_go() -> None:
    model, (x, y) = Thresholds(), _images(90)
    attacks = parse("pgd3,cw2x2@50", norm="linf", radius=Fraction(1, 255))
    kept: list[tuple[str, Tensor]] = []
    whole = evaluate(model, x, y, attacks, batch=20, keep=lambda name, right: kept.append((name, right)))
    assert [(name, right.numel()) for name, right in kept] == [
        ("pgd3", 20), ("pgd3", 40), ("pgd3", 60), ("pgd3", 80), ("pgd3", 90),
        ("cw2x2@50", 20), ("cw2x2@50", 40), ("cw2x2@50", 50),
    ]  # fmt: skip
    assert 0 < whole.attacks[0].accuracy.correct < whole.natural.correct
    assert whole.attacks[1].accuracy.n == 50
    assert whole.to_mapping(None)["attacks"][1]["n"] == 50
    for end in range(len(kept) + 1):
        known = dict(kept[:end])
        parts = evaluate(model, x, y, attacks, batch=20, known=known)
        for one, other in zip(parts.attacks, whole.attacks, strict=True):
            assert torch.equal(one.right, other.right)
    # An attack's answers do not depend on what else is tried, nor on how many images it is tried on.
    alone = evaluate(model, x, y, parse("cw2x2", norm="linf", radius=Fraction(1, 255)), batch=20)
    assert torch.equal(alone.attacks[0].right[:40], whole.attacks[1].right[:40])


@pytest.mark.parametrize("name", ["pgd1x3", "cw1x3"])
def test_every_batch_and_every_restart_starts_elsewhere(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise images of later batches would be attacked from the first one's offsets, restarts repeat."""
    begun: list[Tensor] = []
    draws = Linf.random

    def noted(self: Linf, x: Tensor, generator: torch.Generator) -> Tensor:
        begun.append(draws(self, x, generator))
        return begun[-1]

    monkeypatch.setattr(Linf, "random", noted)
    model, (x, y) = Thresholds(), _images(60)
    attacks = parse(name, norm="linf", radius=RADIUS)
    evaluate(model, x, y, attacks, batch=20)
    whole = list(begun)
    assert len(whole) == 3 * 3
    for k, one in enumerate(whole):
        assert bool((one != 0).any())
        assert all(not torch.equal(one, other) for other in whole[:k])
    begun.clear()
    evaluate(model, x, y, attacks, batch=20, seed=1)
    assert all(not torch.equal(one, other) for one, other in zip(begun, whole, strict=True))
    # A part that goes on after the first batch starts where the whole did; so does one call on all images.
    begun.clear()
    evaluate(model, x, y, attacks, batch=20, known={name: torch.ones(20, dtype=torch.bool)})
    assert all(torch.equal(one, other) for one, other in zip(begun, whole[3:], strict=True))
    begun.clear()
    correct_under(model, pgd(0.1, step=0.1, steps=1), x, y, batch=20, first=1)
    correct_under(model, pgd(0.1, step=0.1, steps=1), x[20:], y[20:], batch=20, first=2)
    assert torch.equal(begun[1], begun[3])
    assert not torch.equal(begun[0], begun[1])


def test_an_image_misread_without_an_attack_stays_wrong() -> None:
    """The null attack is in every ball, so an attack that heals an image does not make it right."""
    model, (x, y) = Thresholds(), _images(60)
    wrong = 1 - y
    healed = correct_under(model, lambda _loss, z, **_: Transported(1.0 - z, None, None), x, wrong)
    with torch.no_grad():
        natural = model(x).argmax(1) == wrong
        after = model(1.0 - x).argmax(1) == wrong
    assert bool((after & ~natural).any())
    assert torch.equal(healed, after & natural)


class Tempting(nn.Module):
    """Three classes of one pixel: where the loss of class 0 is largest (around 0.25) it is still right."""

    def forward(self, x: Tensor) -> Tensor:
        z = x.flatten(1)[:, :1]
        near, far = (torch.tensor([row]).log() for row in ([0.4, 0.3, 0.3], [0.45, 0.5, 0.05]))
        return torch.where(z < 0.5, near - 4 * (z - 0.25).square(), far) + 0.0 * z


def test_an_image_that_any_point_tried_breaks_is_broken() -> None:
    """Not only the point with the largest loss counts, of steps and restarts alike."""
    model, x, y = Tempting(), torch.full((1, 1, 1, 1), 0.3), torch.zeros(1, dtype=torch.long)
    ends = torch.tensor([0.25, 0.75, 0.26]).view(3, 1, 1, 1)

    def restarts(loss: Callable[[Tensor], Tensor], _: Tensor, **_more: object) -> Transported:
        values = torch.cat([loss(end[None]) for end in ends])
        return Transported(ends[int(values.argmax())][None], None, None)

    with torch.no_grad():
        losses = nn.functional.cross_entropy(model(ends), y.expand(3), reduction="none")
    assert int(losses.argmax()) == 0
    assert model(ends).argmax(1).tolist() == [0, 1, 0]
    assert correct_under(model, restarts, x, y).tolist() == [False]
    # The sign of a zero gradient is zero: each restart of the attack itself stays where it begins.
    whole = pgd(0.6, step=0.0, steps=1, restarts=20)
    assert correct_under(model, whole, x, y).tolist() == [False]


def test_rfgsm_goes_up_in_equal_steps_and_never_below_the_sample() -> None:
    x = torch.tensor([[0.0, 1.0, 0.0]])
    seen: list[list[float]] = []

    def loss(z: Tensor) -> Tensor:
        seen.append(z[0].tolist())
        return z[:, 0] - z[:, 1] - z[:, 2]

    Rfgsm(4)(loss, x, generator=torch.Generator())
    assert seen[:4] == [[k / 4, 1.0, 0.0] for k in range(4)]


def test_rfgsm_counts_the_sample_itself() -> None:
    """A loss that rises at first and falls when a feature is switched on altogether."""
    x = torch.zeros(50, 3)
    moved = Rfgsm(4)(lambda z: (0.3 * z - z.square()).sum(1), x, generator=torch.Generator().manual_seed(2))
    assert torch.equal(moved.x, x)


def test_restarts_of_rfgsm_round_anew() -> None:
    """The worst of more roundings of one relaxed point: never less loss, here more."""
    x = torch.zeros(200, 12)
    weight = torch.randn(12, generator=torch.Generator().manual_seed(5))

    def loss(moved: Tensor) -> Tensor:
        return torch.sin(3 * moved @ weight)

    one, five = (
        Rfgsm(3, restarts)(loss, x, generator=torch.Generator().manual_seed(6)) for restarts in (1, 5)
    )
    assert one.objective is not None
    assert five.objective is not None
    assert bool((five.objective >= one.objective).all())
    assert float((five.objective - one.objective).mean()) > 0.05
    spec = parse("rfgsm3x5", norm="linf", radius=RADIUS)[0]
    attack = _transport(spec)
    assert isinstance(attack, Rfgsm)
    assert (attack.steps, attack.restarts) == (3, 5)


def test_what_is_known_is_not_attacked_again() -> None:
    model, (x, y) = Linear(), _images(60)
    known = {"fgsm": torch.ones(60, dtype=torch.bool)}
    found = evaluate(model, x, y, parse("fgsm", norm="linf", radius=RADIUS), batch=20, known=known)
    assert found.attacks[0].accuracy.correct == 60


class Additive(nn.Module):
    """Two logits ±(⟨w, x⟩ + b) of binary features."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.randn(24, generator=torch.Generator().manual_seed(0))
        self.weight[0] = 12.0  # who has this feature may withstand all others
        self.drop = nn.Parameter(torch.tensor(-6.0))

    def forward(self, x: Tensor) -> Tensor:
        margin = x.flatten(1) @ self.weight + self.drop
        return torch.stack([-margin, margin], 1)


def _programs(count: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    x = (torch.rand(count, 24, 1, 1, generator=generator) < 0.5).float()
    with torch.no_grad():
        return x, Additive()(x).argmax(1)


def test_rfgsm_switches_on_exactly_what_helps_a_linear_model() -> None:
    model, (x, y) = Additive(), _programs(80)
    spec = parse("rfgsm50", norm="linf", radius=RADIUS)[0]
    assert (spec.kind, spec.norm, spec.steps) == ("rfgsm", "flips", 50)
    # Fifty steps of 1/50 carry each feature that helps to 1, where rounding is certain.
    moved = torch.maximum(x.flatten(1), ((1 - 2 * y)[:, None] * model.weight > 0).float())
    with torch.no_grad():
        expected = model(moved).argmax(1) == y
    found = evaluate(model, x, y, (spec,), batch=30)
    assert torch.equal(found.attacks[0].right, expected)
    assert 0 < int(expected.sum()) < 80


def test_a_one_sided_attack_moves_the_malicious_samples_alone() -> None:
    model, (x, y) = Additive(), _programs(80)
    both, aimed = evaluate(
        model, x, y, parse("rfgsm50,rfgsm50-malicious", norm="linf", radius=RADIUS), batch=30
    ).attacks
    assert aimed.spec.only == 1
    with torch.no_grad():
        natural = model(x).argmax(1) == y
    assert torch.equal(aimed.right[y == 0], natural[y == 0])
    assert torch.equal(aimed.right[y == 1], both.right[y == 1])
    assert not torch.equal(both.right[y == 0], natural[y == 0])
    with pytest.raises(InputError, match="unknown attack 'pgd20-malicious'"):
        parse("pgd20-malicious", norm="linf", radius=RADIUS)


def test_rfgsm_never_switches_off_and_refuses_other_values() -> None:
    model, (x, y) = Additive(), _programs(40)

    def loss(z: Tensor) -> Tensor:
        return nn.functional.cross_entropy(model(z), y, reduction="none")

    generator = torch.Generator().manual_seed(0)
    moved = Rfgsm(3, 4)(loss, x, generator=generator)
    assert ((moved.x == 0) | (moved.x == 1)).all()
    assert (moved.x >= x).all()
    assert (moved.x > x).any()
    with torch.no_grad():
        assert (loss(moved.x) >= loss(x)).all()
    assert torch.equal(moved.costs, (moved.x - x).flatten(1).sum(1))
    with pytest.raises(InputError, match="binary features"):
        Rfgsm(3)(loss, x * 0.5, generator=generator)
