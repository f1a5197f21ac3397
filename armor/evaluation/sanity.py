"""Is the robustness real? Signs of masked gradients (A. Athalye et al., arXiv 1802.00420), as checks.

An attack that sees gradients must do at least as well as noise; a larger ball must not be safer; without a
bound every image must fall. Where one of these fails, the accuracy under gradient attacks says nothing.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from armor.data.keys import seed_of
from armor.evaluation.measure import correct, correct_under
from armor.transport import attack_mode, pgd

__all__ = ["Check", "sanity"]

_NOISE = 0x401
_IMAGES = 500  # enough to see a sign, few enough for one batch


@dataclass(frozen=True)
class Check:
    """One check: its name, whether it holds, and the numbers behind it as a sentence."""

    name: str
    holds: bool
    detail: str

    def to_mapping(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {"name": self.name, "outcome": "holds" if self.holds else "fails", "detail": self.detail}


def _noise_survivors(
    model: nn.Module, x: Tensor, y: Tensor, radius: float, *, draws: int, seed: int
) -> Tensor:
    """Which images stay right under the worst of `draws` random corners of the ball."""
    generator = torch.Generator().manual_seed(seed_of(seed, _NOISE))
    right = correct(model, x, y)
    for _ in range(draws):
        corner = torch.randint(0, 2, x.shape, generator=generator, dtype=torch.int8).to(x.device) * 2 - 1
        right &= correct(model, (x + radius * corner).clamp(0, 1), y)
    return right


def _mean_loss(model: nn.Module, x: Tensor, y: Tensor, radius: float, *, steps: int, seed: int) -> float:
    """Mean cross-entropy that PGD reaches in the ball, in float64."""
    generator = torch.Generator().manual_seed(seed)

    def loss(moved: Tensor) -> Tensor:
        return F.cross_entropy(model(moved), y, reduction="none")

    with attack_mode(model):
        moved = pgd(radius, step=radius / 4, steps=steps)(loss, x, generator=generator).x
    with torch.no_grad():
        return float(loss(moved).double().mean())


def sanity(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    radius: Fraction,
    *,
    steps: int = 20,
    draws: int = 20,
    seed: int = 0,
) -> tuple[Check, ...]:
    """The checks on the first 500 of images x (N, C, H, W) in [0, 1], labels y (N,).

    Args:
        model: in evaluation mode. radius: of the evaluation's ball.
        steps: of PGD. draws: of random noise.
        seed: of all randomness.
    """
    x, y = x[:_IMAGES], y[:_IMAGES]
    n = y.numel()
    size = float(radius)
    factors = (0.5, 1.0, 2.0, 4.0)
    losses = [_mean_loss(model, x, y, min(1.0, f * size), steps=steps, seed=seed) for f in factors]
    shown = ", ".join(f"{loss:.3f}" for loss in losses)
    growing = all(a < b for a, b in pairwise(losses))

    attacked = int(correct_under(model, pgd(size, step=size / 4, steps=steps), x, y, seed=seed).sum())
    noisy = int(_noise_survivors(model, x, y, size, draws=draws, seed=seed).sum())

    # From any image to any other: radius 1 covers the whole box.
    free = int(
        correct_under(model, pgd(1.0, step=1 / 32, steps=2 * steps, restarts=2), x, y, seed=seed).sum()
    )
    return (
        Check(
            "the loss grows with the radius",
            growing,
            f"mean loss {shown} at {', '.join(f'{f:g}' for f in factors)} x the radius",
        ),
        Check(
            "gradients beat noise",
            attacked <= noisy,
            f"{attacked} of {n} survive PGD-{steps}, {noisy} survive {draws} random corners of the ball",
        ),
        Check("without a bound every image falls", free == 0, f"{free} of {n} survive PGD in the whole box"),
    )
