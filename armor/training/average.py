"""Exponential moving average of weights and batch statistics."""

import copy

import torch
from torch import nn

__all__ = ["Average"]


class Average:
    """A copy of a model whose floating-point tensors follow it: a ← d a + (1 − d) w after every step.

    Early on the decay is min(decay, (1 + t) / (10 + t)), so that the random start is soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Follow `model` after step number `step` (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for mine, other in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(other, 1.0 - decay)
            else:
                mine.copy_(other)
