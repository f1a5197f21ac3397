"""One training step: attack, per-sample losses, objective, mixture."""

__all__ = ["Method", "StepResult", "mixture"]

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from armor.errors import InputError
from armor.losses import cross_entropy
from armor.objectives import Objective, Solution
from armor.transport import Ascent, Transported, attack_mode


@dataclass(frozen=True)
class StepResult:
    """What one step computed; only `loss` carries a graph.

    loss: scalar, `t · mean natural CE + (1 - t) · robust`.  losses: robust per-sample losses (B,).
    solution: the objective's solution, None when no objective re-weights (robust = weighted mean).
    logits: at the untransported samples, None if the method never needed them.
    adversarial_logits, x: at and of the transported samples.
    """

    loss: Tensor
    losses: Tensor
    solution: Solution | None
    logits: Tensor | None
    adversarial_logits: Tensor
    x: Tensor


class Method(ABC):
    """A loss with its attack.

    transport: the attack.  objective: from `armor.objective`, or None for the plain mean.
    natural_weight: t in [0, 1), the share of the mean natural cross-entropy.
    batchnorm: the model's mode during the attack, see `armor.transport.attack_mode`.
    """

    name: ClassVar[str]
    needs_natural: ClassVar[bool]

    def __init__(
        self,
        transport: Ascent,
        *,
        objective: Objective | None = None,
        natural_weight: float = 0.0,
        batchnorm: str = "eval",
    ) -> None:
        if not 0.0 <= natural_weight < 1.0:
            raise InputError(f"natural_weight must lie in [0, 1), not {natural_weight!r}")
        self.transport = transport
        self.objective = objective
        self.natural_weight = float(natural_weight)
        self.batchnorm = batchnorm

    @abstractmethod
    def _attack(self, model: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Transported:
        """Transport the batch; called with the model in its attack mode."""

    @abstractmethod
    def _losses(self, logits: Tensor | None, adversarial_logits: Tensor, y: Tensor) -> Tensor:
        """The robust per-sample losses (B,), differentiable."""

    def attack(self, model: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Transported:
        """The transported batch; the model's modes, flags and gradients stay as they were."""
        with attack_mode(model, self.batchnorm):
            return self._attack(model, x, y, generator)

    def step(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        generator: torch.Generator,
        reference_weights: Tensor | None = None,
    ) -> StepResult:
        """Loss of one batch, ready for `result.loss.backward()`.

        x: (B, ...) pixels; y: (B,) labels; generator: drives the attack's random start;
        reference_weights: (B,) masses of P (zero masks a sample), None for uniform.
        """
        moved = self.attack(model, x, y, generator)
        natural = model(x) if self.needs_natural or self.natural_weight > 0 else None
        adversarial = model(moved.x)
        losses = self._losses(natural, adversarial, y)
        solution = None
        if self.objective is None:
            robust = _mean(losses, reference_weights)
        else:
            solution = self.objective(losses, moved.costs, reference_weights)
            robust = solution.value
        return StepResult(
            loss=mixture(robust, natural, y, self.natural_weight, reference_weights),
            losses=losses.detach(),
            solution=None if solution is None else solution.detach(),
            logits=None if natural is None else natural.detach(),
            adversarial_logits=adversarial.detach(),
            x=moved.x,
        )


def mixture(
    robust: Tensor, natural: Tensor | None, y: Tensor, natural_weight: float, weights: Tensor | None
) -> Tensor:
    """`t · mean natural CE + (1 - t) · robust`, from the natural logits (None while t = 0)."""
    if natural is None or natural_weight == 0:
        return robust
    clean = _mean(cross_entropy(natural, y), weights)
    return natural_weight * clean + (1.0 - natural_weight) * robust


def _mean(losses: Tensor, weights: Tensor | None) -> Tensor:
    if weights is None:
        return losses.mean()
    live = weights > 0
    return (torch.where(live, losses, 0.0) * weights).sum() / weights.sum()
