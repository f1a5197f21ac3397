"""Gradients of an attack on their way through a float16 network, in units that float16 holds."""

__all__ = ["Scale"]

from typing import Any

import torch
from torch import Tensor

# A gradient enters the network with its largest number near 2^10: on its way it may grow by 2^6 before it
# leaves float16 at 2^16, and what is 2^34 times smaller is still told from zero.
_EXPONENT = 10


class Scale:
    """A power of two for each sample, known once the gradient comes back: `undo` the images, then `enlarge`
    the logits, of one forward pass.

    factors: (B,).  sound: (B,), whether the gradient was finite when it came.
    """

    factors: Tensor
    sound: Tensor

    def undo(self, x: Tensor) -> Tensor:
        """The images; their gradient is divided again. What overflowed inside stays finite."""
        found: Tensor = _Undo.apply(x, self)  # type: ignore[no-untyped-call]
        return found

    def enlarge(self, logits: Tensor) -> Tensor:
        """The logits; their gradient is multiplied, so that its largest number is about 2^10."""
        found: Tensor = _Enlarge.apply(logits, self)  # type: ignore[no-untyped-call]
        return found


class _Enlarge(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, scale: Scale) -> Tensor:
        ctx.scale = scale
        return logits.view_as(logits)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        largest = gradient.detach().abs().flatten(1).amax(1)
        sound = torch.isfinite(largest)
        usable = sound & (largest > 0)
        exponent = torch.log2(torch.where(usable, largest, 1.0)).floor()
        factors = torch.where(usable, torch.exp2((_EXPONENT - exponent).clamp(-60.0, 60.0)), 1.0)
        ctx.scale.factors, ctx.scale.sound = factors, sound
        return gradient * _column(factors, gradient), None


class _Undo(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Scale) -> Tensor:
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        factors, sound = (_column(values, gradient) for values in (ctx.scale.factors, ctx.scale.sound))
        largest = torch.finfo(torch.float16).max
        finite = torch.nan_to_num(gradient, nan=0.0, posinf=largest, neginf=-largest)
        # A loss that was no number before it came here is none afterwards.
        return torch.where(sound, finite, gradient) / factors, None


def _column(values: Tensor, like: Tensor) -> Tensor:
    return values.view(-1, *[1] * (like.ndim - 1))
