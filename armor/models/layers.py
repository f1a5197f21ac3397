"""Layers of the residual networks, as fast as the layout in memory and the missing graph allow."""

import torch
from torch import Tensor, nn

from armor.models.folding import folded

__all__ = ["conv_norm", "pooled"]


def conv_norm(conv: nn.Conv2d, norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """`norm(conv(x))`, (B, C, H, W).

    With running statistics and no graph for the parameters (an attack, an evaluation) batch norm is an affine
    map per channel that goes into the convolution's weights: the same function up to rounding, without its
    passes over the activations, forth and back. The weights are made once per attack (`folds_kept`).
    """
    parameters = (conv.weight, conv.bias, norm.weight, norm.bias)
    graph = torch.is_grad_enabled() and any(p is not None and p.requires_grad for p in parameters)
    apart = norm.training or graph or norm.running_mean is None or norm.running_var is None
    result: Tensor = norm(conv(x)) if apart else conv._conv_forward(x, *folded(conv, norm, x.device))
    return result


def pooled(x: Tensor) -> Tensor:
    """The mean over the places, (B, C), of x (B, C, H, W); its gradient comes in the layout of x."""
    if x.is_contiguous(memory_format=torch.channels_last):
        return x.permute(0, 2, 3, 1).flatten(1, 2).mean(1)
    return x.mean((2, 3))
