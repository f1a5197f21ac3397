"""Is the robustness real? Signs of masked gradients (A. Athalye et al., arXiv 1802.00420), as checks.

An attack that sees gradients must do at least as well as one that does not; a larger ball must not be safer;
without a bound every image must fall. Where one of these fails, the accuracy under gradient attacks says
nothing.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from armor.data.keys import seed_of
from armor.evaluation.measure import LOSSES, correct, correct_under
from armor.training.backends import full_float32
from armor.transport import attack_mode, pgd

__all__ = ["Check", "sanity"]

_BLIND = 0x401
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


def _blind_survivors(
    model: nn.Module, x: Tensor, y: Tensor, radius: float, *, queries: int, seed: int
) -> Tensor:
    """Which images stay right under a search that sees no gradient: Square (arXiv 1912.00049), l-infinity.

    Vertical stripes of random sign first; then squares of random place and sign, shrinking with the queries,
    are kept where they lower the margin of the right class.
    """
    generator = torch.Generator().manual_seed(seed_of(seed, _BLIND))
    count, channels, height, width = x.shape
    margin = LOSSES["cw"]

    def signs(*shape: int) -> Tensor:
        return (torch.randint(0, 2, shape, generator=generator) * 2 - 1).to(x)

    with torch.no_grad():
        right = correct(model, x, y)
        best = (x + radius * signs(count, channels, 1, width)).clamp(0, 1)
        value = margin(model(best), y)
        for query in range(queries):
            share = 0.8 * 0.5 ** (8 * query / queries)
            side = max(1, min(height, width, round((share * height * width) ** 0.5)))
            top = int(torch.randint(0, height - side + 1, (), generator=generator))
            left = int(torch.randint(0, width - side + 1, (), generator=generator))
            moved = best.clone()
            patch = x[..., top : top + side, left : left + side] + radius * signs(count, channels, 1, 1)
            moved[..., top : top + side, left : left + side] = patch.clamp(0, 1)
            seen = margin(model(moved), y)
            better = seen > value
            best = torch.where(better.view(-1, 1, 1, 1), moved, best)
            value = torch.where(better, seen, value)
    return right & (value <= 0)


def _mean_loss(model: nn.Module, x: Tensor, y: Tensor, radius: float, *, steps: int, seed: int) -> float:
    """Mean cross-entropy that PGD reaches in the ball, in float64."""
    generator = torch.Generator().manual_seed(seed)

    def loss(moved: Tensor) -> Tensor:
        return F.cross_entropy(model(moved), y, reduction="none")

    with attack_mode(model):
        moved = pgd(radius, step=radius / 4, steps=steps)(loss, x, generator=generator).x
    with torch.no_grad():
        return float(loss(moved).double().mean())


@full_float32()
def sanity(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    radius: Fraction,
    *,
    steps: int = 20,
    queries: int = 200,
    seed: int = 0,
) -> tuple[Check, ...]:
    """The checks on the first 500 of images x (N, C, H, W) in [0, 1], labels y (N,).

    Args:
        model: in evaluation mode. radius: of the evaluation's ball.
        steps: of PGD. queries: of the search without gradients.
        seed: of all randomness.
    """
    x, y = x[:_IMAGES], y[:_IMAGES]
    n = y.numel()
    size = float(radius)
    # Radius 1 covers the whole box: there is nothing beyond to grow into.
    factors = [f for f in (0.25, 0.5, 1.0, 2.0, 4.0) if f >= 0.5 or size > 0.5]
    factors = [f for f in factors if f * size <= 1.0]
    losses = [_mean_loss(model, x, y, f * size, steps=steps, seed=seed) for f in factors]
    shown = ", ".join(f"{loss:.3f}" for loss in losses)
    growing = all(a < b for a, b in pairwise(losses))

    attacked = int(correct_under(model, pgd(size, step=size / 4, steps=steps), x, y, seed=seed).sum())
    blind = int(_blind_survivors(model, x, y, size, queries=queries, seed=seed).sum())

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
            "gradients beat a blind search",
            attacked <= blind,
            f"{attacked} of {n} survive PGD-{steps}, {blind} survive {queries} queries of Square",
        ),
        Check("without a bound every image falls", free == 0, f"{free} of {n} survive PGD in the whole box"),
    )
