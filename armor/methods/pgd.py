"""Adversarial training: cross-entropy at the transported sample (T17: hard ball)."""

__all__ = ["Pgd"]

import torch
from torch import Tensor, nn

from armor.losses import cross_entropy
from armor.methods.base import Method
from armor.transport import Transported


class Pgd(Method):
    """`φ(x') = CE(f(x'), y)`."""

    name = "pgd"
    needs_natural = False

    def _attack(self, model: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Transported:
        return self.transport(
            lambda moved: cross_entropy(model(moved), y, self.smoothing), x, generator=generator
        )

    def _losses(self, logits: Tensor | None, adversarial_logits: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002
        return cross_entropy(adversarial_logits, y, self.smoothing)
