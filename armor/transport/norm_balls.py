"""The ℓ2 and ℓ1 balls."""

__all__ = ["L1", "L2"]

import torch
from torch import Tensor

from armor.transport.balls import checked_radius, draw


def _columns(norms: Tensor, x: Tensor) -> Tensor:
    return norms.reshape(-1, *[1] * (x.ndim - 1))


class L2:
    """`‖y - x‖_2 <= radius`."""

    def __init__(self, radius: float) -> None:
        self.radius = checked_radius(radius)

    def __repr__(self) -> str:
        return f"L2({self.radius!r})"

    def project(self, x: Tensor, moved: Tensor) -> Tensor:
        """Shrink the displacement onto the sphere."""
        step = moved - x
        norms = self.distance(x, moved).clamp(min=torch.finfo(x.dtype).tiny)
        return x + step * _columns((self.radius / norms).clamp(max=1.0), x)

    def direction(self, gradient: Tensor) -> Tensor:
        """The normalised gradient, zero where the gradient is."""
        norms = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
        return gradient / _columns(torch.where(norms > 0, norms, 1.0), gradient)

    def random(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Uniform in the ball."""
        step = self.direction(draw(x, generator, gaussian=True))
        share = torch.rand(x.shape[0], generator=generator, device=generator.device).to(x)
        return step * _columns(self.radius * share ** (1.0 / x.shape[1:].numel()), x)

    def distance(self, x: Tensor, moved: Tensor) -> Tensor:
        """`‖y - x‖_2`, (B,)."""
        distance: Tensor = torch.linalg.vector_norm((moved - x).flatten(1), dim=1)
        return distance


class L1:
    """`‖y - x‖_1 <= radius`."""

    def __init__(self, radius: float) -> None:
        self.radius = checked_radius(radius)

    def __repr__(self) -> str:
        return f"L1({self.radius!r})"

    def project(self, x: Tensor, moved: Tensor) -> Tensor:
        """Soft thresholding at the level that leaves norm `radius` (exact, by sorting)."""
        step = (moved - x).flatten(1)
        sizes = step.abs().sort(1, descending=True).values
        excess = (sizes.cumsum(1) - self.radius) / torch.arange(1, step.shape[1] + 1, device=x.device)
        count = (sizes > excess).sum(1, keepdim=True).clamp(min=1)
        level = excess.gather(1, count - 1)
        outside = step.abs().sum(1, keepdim=True) > self.radius
        shrunk = step.sign() * (step.abs() - level).clamp(min=0.0)
        return x + torch.where(outside, shrunk, step).reshape(x.shape)

    def direction(self, gradient: Tensor) -> Tensor:
        """One coordinate: the largest of the gradient."""
        flat = gradient.flatten(1)
        index = flat.abs().argmax(1, keepdim=True)
        return torch.zeros_like(flat).scatter(1, index, flat.gather(1, index).sign()).reshape(gradient.shape)

    def random(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Uniform in the ball: exponential spacings with random signs."""
        flat = draw(x, generator).flatten(1)
        spacings = -torch.log1p(-flat)
        last = torch.rand(x.shape[0], 1, generator=generator, device=generator.device).to(x)
        signs = draw(x, generator).flatten(1).sub(0.5).sign()
        total = spacings.sum(1, keepdim=True) - torch.log1p(-last)
        return (self.radius * signs * spacings / total).reshape(x.shape)

    def distance(self, x: Tensor, moved: Tensor) -> Tensor:
        """`‖y - x‖_1`, (B,)."""
        return (moved - x).abs().flatten(1).sum(1)
