"""Layers of the residual networks, as fast as the layout in memory and the missing graph allow."""

import torch
from torch import Tensor, nn

__all__ = ["conv_norm", "pooled"]


def conv_norm(conv: nn.Conv2d, norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """`norm(conv(x))`, (B, C, H, W).

    With running statistics and no graph for the parameters (an attack, an evaluation) batch norm is an affine
    map per channel that goes into the convolution's weights: the same function up to rounding, without its
    passes over the activations, forth and back.
    """
    graph = torch.is_grad_enabled() and (conv.weight.requires_grad or norm.weight.requires_grad)
    if norm.training or graph or norm.running_mean is None or norm.running_var is None:
        result: Tensor = norm(conv(x))
        return result
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    mean = norm.running_mean if conv.bias is None else norm.running_mean - conv.bias
    weight, bias = conv.weight * scale[:, None, None, None], norm.bias - mean * scale
    folded: Tensor = conv._conv_forward(x, weight, bias)
    return folded


def pooled(x: Tensor) -> Tensor:
    """The mean over the places, (B, C), of x (B, C, H, W); its gradient comes in the layout of x."""
    if x.is_contiguous(memory_format=torch.channels_last):
        return x.permute(0, 2, 3, 1).flatten(1, 2).mean(1)
    return x.mean((2, 3))
