"""rFGSM: the attack on binary features that may only switch features on.

A. Al-Dujaili, A. Huang, E. Hemberg, U.-M. O'Reilly, *Adversarial Deep Learning for Robust Detection of
Binary Encoded Malware*, arXiv 1801.02950: sign-gradient steps on the features relaxed to [0, 1], then each is
rounded up with its own value as the probability.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from armor.errors import InputError
from armor.transport import Transported

__all__ = ["Rfgsm"]


class Rfgsm:
    """rFGSM-`steps`, of which the worst of `restarts` roundings counts, the sample itself among them.

    Args:
        steps: of size 1/`steps` each, so that every feature can be reached.
        restarts: random roundings tried of the one relaxed point.
    """

    def __init__(self, steps: int, restarts: int = 1) -> None:
        if steps < 1 or restarts < 1:
            raise InputError(f"rFGSM needs at least one step and one rounding, not {steps} and {restarts}")
        self.steps, self.restarts = int(steps), int(restarts)

    def __call__(
        self, loss: Callable[[Tensor], Tensor], x: Tensor, *, generator: torch.Generator
    ) -> Transported:
        """Switch features of binary `x` (B, ...) on so that `loss` (B,) is large.

        Raises:
            InputError: a feature that is neither 0 nor 1.
        """
        x = x.detach()
        if bool(((x != 0) & (x != 1)).any()):
            raise InputError("rfgsm attacks binary features, 0 or 1; these samples have other values")
        relaxed = x
        for _ in range(self.steps):
            with torch.enable_grad():
                leaf = relaxed.detach().requires_grad_()
                (gradient,) = torch.autograd.grad(loss(leaf).sum(), leaf)
            # Features that are on stay on: a program keeps working when it imports more, not less.
            relaxed = torch.maximum(x, (relaxed + gradient.sign() / self.steps).clamp(0, 1))
        with torch.no_grad():
            best_x, best = x, loss(x)
            for _ in range(self.restarts):
                chance = torch.rand(x.shape, generator=generator).to(x.device)
                moved = torch.maximum(x, (chance < relaxed).to(x.dtype))
                value = loss(moved)
                better = value > best
                best_x = torch.where(better.view(-1, *[1] * (x.ndim - 1)), moved, best_x)
                best = torch.where(better, value, best)
        costs = (best_x - x).flatten(1).sum(1)
        return Transported(best_x, costs, best)
