"""Counting right answers, natural and under a gradient attack, batch by batch."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from armor.data.keys import seed_of
from armor.losses import margin
from armor.transport import Transported, attack_mode

__all__ = ["LOSSES", "correct", "correct_under"]

_STREAM = 0xA77
_BROKEN = 1e9  # above every loss: what breaks an image counts, not what raises its loss most


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits, labels, reduction="none")


# What a gradient attack maximises, by its kind; "cw" is the margin of Carlini and Wagner (1608.04644).
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "fgsm": _cross_entropy,
    "pgd": _cross_entropy,
    "cw": margin,
    "rfgsm": _cross_entropy,
}


def correct(model: nn.Module, x: Tensor, y: Tensor, *, batch: int = 250) -> Tensor:
    """Which of the images x (N, C, H, W) in [0, 1] `model` (in evaluation mode) gets right: (N,) bool."""
    with torch.no_grad():
        answers = [model(part).argmax(1) for part in torch.split(x, batch)]
    return torch.cat(answers) == y


def correct_under(
    model: nn.Module,
    attack: Callable[..., Transported],
    x: Tensor,
    y: Tensor,
    *,
    kind: str = "pgd",
    seed: int = 0,
    batch: int = 250,
    first: int = 0,
    only: int | None = None,
    tick: Callable[[int], object] = lambda _n: None,
) -> Tensor:
    """Which images stay right at every point that `attack`, maximising the loss of its kind, tries: (N,).

    Points that are misread rank above all others, whatever their loss, so that an attack that keeps the best
    of all its steps and restarts keeps one that breaks the image, if there is any.

    Args:
        model: in evaluation mode.
        attack: the transport; it moves images that are already wrong too, they stay counted as wrong.
        x, y: images (N, C, H, W) in [0, 1] and labels (N,).
        kind: what is maximised, a key of `LOSSES`.
        seed: of the random starts; with the batch size it fixes the result.
        batch: images at a time. first: number of the first batch, where earlier ones were done before.
        only: label of the images that are attacked, None for all.
        tick: called with the number of images done.
    """
    right = []
    parts = zip(torch.split(x, batch), torch.split(y, batch), strict=True)
    for number, (images, labels) in enumerate(parts, start=first):
        generator = torch.Generator().manual_seed(seed_of(seed, _STREAM, number))

        def loss(moved: Tensor, labels: Tensor = labels) -> Tensor:
            logits = model(moved)
            value = LOSSES[kind](logits, labels)
            return torch.where(logits.argmax(1) != labels, value + _BROKEN, value)

        with attack_mode(model):
            moved = attack(loss, images, generator=generator).x
        if only is not None:
            moved = torch.where((labels == only).view(-1, *[1] * (x.ndim - 1)), moved, images)
        with torch.no_grad():
            # An image misread without any attack counts as wrong: the null attack is in every ball.
            right.append((model(images).argmax(1) == labels) & (model(moved).argmax(1) == labels))
        tick(labels.numel())
    return torch.cat(right)
