"""Averages of weights: exponential after every step (EMA), or plain after every epoch (SWA)."""

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["EpochAverage", "StepAverage", "estimate_statistics"]


class _Average:
    def __init__(self, model: nn.Module) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def _towards(self, model: nn.Module, share: float) -> None:
        for mine, other in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(other, share)
            else:
                mine.copy_(other)


class StepAverage(_Average):
    """A copy of a model whose floating-point tensors follow it: a ← d a + (1 − d) w after every step.

    Early on the decay is min(decay, (1 + t) / (10 + t)), so that the random start is soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__(model)
        self.decay = decay

    def update(self, model: nn.Module, step: int) -> None:
        """Follow `model` after step number `step` (from 0)."""
        self._towards(model, 1.0 - min(self.decay, (1 + step) / (10 + step)))


class EpochAverage(_Average):
    """The plain mean of the weights after the epochs `start`, `start` + 1, … (arXiv 1803.05407).

    Its batch statistics are not averaged but estimated anew (`estimate_statistics`).
    """

    def __init__(self, model: nn.Module, start: int) -> None:
        super().__init__(model)
        self.start = start

    def update(self, model: nn.Module, epoch: int) -> bool:
        """Follow `model` after epoch number `epoch` (from 1); whether it has begun."""
        if epoch < self.start:
            return False
        self._towards(model, 1.0 / (epoch - self.start + 1))
        return True


@torch.no_grad()
def estimate_statistics(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set the running statistics of batch normalisation to their means over the images of `batches`."""
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    training = network.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
    network.train()
    for images in batches:
        network(images)
    network.train(training)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
