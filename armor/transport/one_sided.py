"""A transport that may move some of the samples only: malware hides, benign programs have no reason to."""

__all__ = ["OneSided"]

from collections.abc import Callable

import torch
from torch import Tensor

from armor.errors import InputError
from armor.transport.ascent import Transported


class OneSided:
    """The soft `transport` where `movable` (B,), bool; the other samples stay, at no cost.

    The cost of T5 with `c(x, y) = inf` for `y != x` wherever a sample must not move, which is data (trap 5).
    """

    def __init__(self, transport: Callable[..., Transported], movable: Tensor) -> None:
        if movable.ndim != 1 or movable.dtype != torch.bool:
            raise InputError(
                f"movable must hold a truth value per sample, not {movable.dtype} of shape "
                f"{tuple(movable.shape)}"
            )
        self.transport, self.movable = transport, movable

    def __call__(
        self,
        phi: Callable[[Tensor], Tensor],
        x: Tensor,
        *,
        mu: Tensor | float,
        generator: torch.Generator | None = None,
    ) -> Transported:
        """Transport `x` (B, ...) at the multiplier `mu > 0`; `InputError` for another B than movable's."""
        if x.shape[:1] != self.movable.shape:
            raise InputError(f"movable holds {self.movable.numel()} samples, the batch {x.shape[0]}")
        found = self.transport(phi, x, mu=mu, generator=generator)
        moved = torch.where(self.movable.view(-1, *[1] * (x.ndim - 1)), found.x, x.detach())
        costs = None if found.costs is None else torch.where(self.movable, found.costs, 0.0)
        value, unmoved = found.objective, found.unmoved
        if value is not None:
            if unmoved is None:
                with torch.no_grad():
                    unmoved = phi(x)
            value = torch.where(self.movable, value, unmoved.to(value.dtype))
        return Transported(moved, costs, value, unmoved)
