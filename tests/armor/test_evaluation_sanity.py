"""Sanity checks: an honest model passes, a model with masked gradients is caught."""

from fractions import Fraction

import pytest
import torch
from torch import Tensor, nn

from armor.evaluation import sanity as module
from armor.evaluation.measure import LOSSES
from armor.evaluation.sanity import sanity
from armor.transport import Ascent

RADIUS = Fraction(8, 255)


class Honest(nn.Module):
    """A linear model of two classes."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(48, generator=torch.Generator().manual_seed(0)))

    def margin(self, x: Tensor) -> Tensor:
        return (x.flatten(1) - 0.5) @ self.weight

    def forward(self, x: Tensor) -> Tensor:
        margin = self.margin(x)
        return torch.stack([margin, -margin], 1)


class Masked(Honest):
    """The same decisions behind a rounding: gradients vanish, robustness is an illusion."""

    def forward(self, x: Tensor) -> Tensor:
        margin = torch.round(self.margin(x) * 4) / 4 + 0.0 * x.flatten(1).sum(1)
        return torch.stack([margin, -margin], 1)


def _images() -> tuple[Tensor, Tensor]:
    x = torch.rand(60, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return x, Honest()(x).argmax(1)


def test_an_honest_model_passes() -> None:
    x, y = _images()
    state = torch.random.get_rng_state()
    checks = sanity(Honest().eval(), x, y, RADIUS)
    assert [check.holds for check in checks] == [True, True, True]
    assert torch.equal(state, torch.random.get_rng_state())
    assert sanity(Honest().eval(), x, y, RADIUS) == checks


@pytest.mark.parametrize("radius", ["3/10", "3/5", "1"])
def test_balls_that_reach_the_whole_box_have_nothing_to_grow_into(radius: str) -> None:
    x, y = _images()
    assert all(check.holds for check in sanity(Honest().eval(), x, y, Fraction(radius)))


class Constant(Honest):
    """The same answer everywhere: no attack finds anything to raise."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([x.flatten(1).sum(1) * 0 + 1, x.flatten(1).sum(1) * 0], 1)


def test_a_loss_that_does_not_grow_is_a_sign() -> None:
    x, _ = _images()
    grows, blind, free = sanity(Constant().eval(), x, torch.zeros(60, dtype=torch.int64), RADIUS)
    assert not grows.holds
    assert blind.holds  # neither search finds anything
    assert not free.holds
    assert "60 of 60 survive" in free.detail


def test_masked_gradients_are_caught() -> None:
    x, y = _images()
    checks = sanity(Masked().eval(), x, y, RADIUS)
    assert not checks[1].holds  # a blind search does better than the gradient
    assert not checks[2].holds
    assert checks[2].to_mapping()["outcome"] == "fails"


@pytest.mark.parametrize(
    ("attacked", "blind", "free", "holds"),
    [
        (30, 30, 0, (True, True)),
        (31, 30, 0, (False, True)),
        (29, 30, 0, (True, True)),
        (30, 30, 1, (True, False)),
        (60, 0, 60, (False, False)),
    ],
)
def test_one_image_too_many_is_a_sign(
    attacked: int,
    blind: int,
    free: int,
    holds: tuple[bool, bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither check grants an allowance: an attack with gradients can always do what one without does."""

    def under(_model: nn.Module, attack: Ascent, *_: object, **__: object) -> Tensor:
        return torch.arange(60) < (free if attack.ball.radius == 1.0 else attacked)

    monkeypatch.setattr(module, "correct_under", under)
    monkeypatch.setattr(module, "_blind_survivors", lambda *_, **__: torch.arange(60) < blind)
    x, y = _images()
    checks = sanity(Honest().eval(), x, y, RADIUS)
    assert tuple(check.holds for check in checks[1:]) == holds


def test_the_margin_is_positive_exactly_when_wrong() -> None:
    logits = torch.randn(200, 5, generator=torch.Generator().manual_seed(2))
    labels = torch.arange(200) % 5
    margin = LOSSES["cw"](logits, labels)
    assert torch.equal(margin > 0, logits.argmax(1) != labels)
    others = [
        max(row[k] for k in range(5) if k != y) - row[y]
        for row, y in zip(logits.tolist(), labels.tolist(), strict=True)
    ]
    assert torch.allclose(margin, torch.tensor(others))
