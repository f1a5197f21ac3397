"""Hard balls: projection, steepest ascent direction and random starts of each norm (T5 a)."""

__all__ = ["Ball", "Linf"]

from typing import Protocol

import torch
from torch import Tensor

from armor.numbers import real


class Ball(Protocol):
    """A closed norm ball around each sample; a batch has the shape (B, ...)."""

    @property
    def radius(self) -> float:
        """Radius of the ball, in the pixels' unit."""

    def project(self, x: Tensor, moved: Tensor) -> Tensor:
        """The nearest point to `moved` within the ball around `x`."""

    def direction(self, gradient: Tensor) -> Tensor:
        """The unit step that gains most to first order."""

    def random(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """A random displacement inside the ball."""

    def distance(self, x: Tensor, moved: Tensor) -> Tensor:
        """The norm of the displacement, (B,)."""


def checked_radius(radius: float) -> float:
    """The radius as a float; `InputError` unless finite and not negative."""
    return real("the radius of a ball", radius, positive=False)


def draw(x: Tensor, generator: torch.Generator, *, gaussian: bool = False) -> Tensor:
    """Random numbers of x's shape, drawn on the generator's device: one seed, the same start everywhere."""
    make = torch.randn if gaussian else torch.rand
    return make(x.shape, generator=generator, device=generator.device, dtype=torch.float32).to(x)


class Linf:
    """`max_k |y_k - x_k| <= radius`."""

    def __init__(self, radius: float) -> None:
        self.radius = checked_radius(radius)

    def __repr__(self) -> str:
        return f"Linf({self.radius!r})"

    def project(self, x: Tensor, moved: Tensor) -> Tensor:
        """Clamp every coordinate; exact, the box included, as both separate."""
        return torch.minimum(torch.maximum(moved, x - self.radius), x + self.radius)

    def direction(self, gradient: Tensor) -> Tensor:
        """The sign of the gradient."""
        return gradient.sign()

    def random(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Uniform on the cube."""
        return self.radius * (2.0 * draw(x, generator) - 1.0)

    def distance(self, x: Tensor, moved: Tensor) -> Tensor:
        """`max_k |y_k - x_k|`, (B,)."""
        return (moved - x).abs().flatten(1).amax(1)
