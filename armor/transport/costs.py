"""Soft transport costs c(x, y) per sample, in [0, inf] (T5 b to e), differentiable where finite."""

__all__ = ["Barrier", "Cost", "Flips", "NormPower", "SoftBall"]

import math
from typing import Protocol

import torch
from torch import Tensor

from armor.errors import InputError
from armor.numbers import real


class Cost(Protocol):
    """A transport cost with c(x, x) = 0."""

    def __call__(self, x: Tensor, moved: Tensor) -> Tensor:
        """c(x_i, y_i), shape (B,)."""

    def feasible(self, x: Tensor, moved: Tensor) -> Tensor:
        """The nearest point of finite cost."""


def _positive(name: str, value: float) -> float:
    return real(name, value, positive=True)


class NormPower:
    """`L ‖y - x‖^q` (T5 b), q >= 1: below 1 the supremum over R^d is infinite already for linear losses."""

    def __init__(self, scale: float, power: float, norm: float = 2.0) -> None:
        self.scale = _positive("the cost's scale", scale)
        if not (math.isfinite(power) and power >= 1):
            raise InputError(f"the cost's power must be at least 1, not {power!r}")
        if norm not in (1.0, 2.0, math.inf):
            raise InputError(f"the cost's norm must be 1, 2 or inf, not {norm!r}")
        self.power, self.norm = float(power), float(norm)

    def __call__(self, x: Tensor, moved: Tensor) -> Tensor:
        """`L ‖y - x‖^q`, (B,)."""
        distance: Tensor = torch.linalg.vector_norm((moved - x).flatten(1), self.norm, dim=1)
        return self.scale * distance.pow(self.power)

    def feasible(self, x: Tensor, moved: Tensor) -> Tensor:  # noqa: ARG002
        """Every point."""
        return moved


class SoftBall:
    """`(L/2 tau) sum_k (|y_k - x_k| - r)_+^2` (T5 c, UDR): free inside the ℓ∞ ball, quadratic beyond."""

    def __init__(self, radius: float, tau: float, scale: float = 1.0) -> None:
        if not (math.isfinite(radius) and radius >= 0):
            raise InputError(f"the soft ball's radius must be finite and not negative, not {radius!r}")
        self.radius = float(radius)
        self.tau, self.scale = _positive("tau", tau), _positive("the cost's scale", scale)

    def __call__(self, x: Tensor, moved: Tensor) -> Tensor:
        """`(L/2 tau) sum (|y - x| - r)_+^2`, (B,)."""
        beyond = ((moved - x).abs() - self.radius).clamp(min=0.0)
        return (0.5 * self.scale / self.tau) * beyond.square().flatten(1).sum(1)

    def feasible(self, x: Tensor, moved: Tensor) -> Tensor:  # noqa: ARG002
        """Every point."""
        return moved


class Barrier:
    """`L z/(1 - z/delta)` for `z = ‖y - x‖_2 < delta`, infinite beyond (T5 d)."""

    def __init__(self, scale: float, delta: float) -> None:
        self.scale, self.delta = _positive("the cost's scale", scale), _positive("delta", delta)

    def __call__(self, x: Tensor, moved: Tensor) -> Tensor:
        """`L z/(1 - z/delta)`, (B,)."""
        z = torch.linalg.vector_norm((moved - x).flatten(1), dim=1)
        inside = z < self.delta
        safe = torch.where(inside, z, 0.0)
        return torch.where(inside, self.scale * safe / (1.0 - safe / self.delta), math.inf)

    def feasible(self, x: Tensor, moved: Tensor) -> Tensor:
        """Shrink the displacement just inside delta."""
        z = torch.linalg.vector_norm((moved - x).flatten(1), dim=1)
        limit = self.delta * (1.0 - 1e-4)
        share = torch.where(z > limit, limit / torch.where(z > 0, z, 1.0), 1.0)
        return x + (moved - x) * share.reshape(-1, *[1] * (x.ndim - 1))


class Flips:
    """`L · #{0 -> 1 flips}`, infinite if any 1 turns 0 (T5 e), on binary features."""

    def __init__(self, scale: float) -> None:
        self.scale = _positive("the cost's scale", scale)

    def __call__(self, x: Tensor, moved: Tensor) -> Tensor:
        """`L` times the number of features switched on, `inf` where one was switched off, (B,)."""
        change = (moved - x).flatten(1)
        lost = (change < 0).any(1)
        return torch.where(lost, math.inf, self.scale * change.sum(1))

    def feasible(self, x: Tensor, moved: Tensor) -> Tensor:
        """Switch nothing off."""
        return torch.maximum(x, moved)
