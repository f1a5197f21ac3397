"""Adversarial weight perturbation (D. Wu, S. Xia, Y. Wang, *Adversarial Weight Perturbation Helps Robust
Generalization*, arXiv 2004.05884): the gradient is taken at the worst weights nearby.

The published code finds them by one step of a copy of the network; the direction of that step is the
gradient, so no copy is needed here.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

__all__ = ["perturbed"]


@contextmanager
def perturbed(
    model: nn.Module,
    loss: Callable[[], Tensor],
    gamma: float,
    average: Callable[[Sequence[Tensor]], None] = lambda _gradients: None,
    *,
    scale: float = 1.0,
) -> Iterator[None]:
    """Inside, every weight tensor of two or more dimensions has moved by `gamma ‖w‖` along its gradient.

    Args:
        model: in training mode. loss: the scalar whose gradient counts; its evaluation leaves the batch
            statistics as they were.
        gamma: relative size, > 0.
        average: makes the gradients of all workers one, in place.
        scale: of the loss while it is differentiated, so that small gradients do not vanish in float16; a
            tensor whose gradient overflows is not moved.

    Afterwards the weights are bit for bit what they were.
    """
    weights = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    statistics = [(buffer, buffer.clone()) for buffer in model.buffers()]
    gradients = torch.autograd.grad(scale * loss(), weights)
    with torch.no_grad():
        for buffer, value in statistics:
            buffer.copy_(value)
        average(gradients)
        before = [w.detach().clone() for w in weights]
        for weight, gradient in zip(weights, gradients, strict=True):
            # A gradient of zero moves nothing, nor does one that overflowed; their norms must not divide.
            norm = gradient.norm()
            length = gamma * weight.norm() / norm.clamp(min=torch.finfo(gradient.dtype).tiny)
            weight.add_(torch.where(torch.isfinite(norm), gradient * length, 0.0))
    try:
        yield
    finally:
        with torch.no_grad():
            for weight, value in zip(weights, before, strict=True):
                weight.copy_(value)
