"""Normalisation as part of the model, so that every attack works on pixels in [0, 1]."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["Normalise"]


class Normalise(nn.Module):
    """(x − mean) / std per channel, x (B, C, H, W) in [0, 1]; the constants are in the state dict."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(list(mean)).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(list(std)).view(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Normalised images, of the shape of `x`."""
        return (x - self.mean) / self.std
