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
) -> Iterator[None]:
    """Inside, every weight tensor of two or more dimensions has moved by `gamma ‖w‖` along its gradient.

    Args:
        model: in training mode. loss: the scalar whose gradient counts; its evaluation leaves the batch
            statistics as they were.
        gamma: relative size, > 0.
        average: makes the gradients of all workers one, in place.

    Afterwards the weights are bit for bit what they were.
    """
    weights = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    statistics = [(buffer, buffer.clone()) for buffer in model.buffers()]
    gradients = torch.autograd.grad(loss(), weights)
    with torch.no_grad():
        for buffer, value in statistics:
            buffer.copy_(value)
        average(gradients)
        before = [w.detach().clone() for w in weights]
        for weight, gradient in zip(weights, gradients, strict=True):
            # A gradient of zero moves nothing; its norm must not divide.
            scale = gamma * weight.norm() / gradient.norm().clamp(min=torch.finfo(gradient.dtype).tiny)
            weight.add_(gradient * scale)
    try:
        yield
    finally:
        with torch.no_grad():
            for weight, value in zip(weights, before, strict=True):
                weight.copy_(value)
