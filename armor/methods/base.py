"""One training step: attack, per-sample losses, objective, mixture."""

__all__ = ["Dual", "Method", "StepResult", "mixture"]

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import torch
from torch import Tensor, nn

from armor.errors import InputError
from armor.losses import cross_entropy
from armor.numbers import real
from armor.objectives import CarriedDual, LearnedDual, Objective, Solution
from armor.objectives.pooling import Pooled
from armor.transport import Transported, attack_mode
from armor.transport.mode import MODES

Dual: TypeAlias = Objective | Pooled | LearnedDual | CarriedDual


@dataclass(frozen=True)
class StepResult:
    """What one step computed; only `loss` carries a graph.

    loss: scalar, `t · mean natural CE + (1 - t) · robust`.  losses: robust per-sample losses (B,).
    solution: the objective's solution, None when no objective re-weights (robust = weighted mean).
    logits: at the untransported samples, None if the method never needed them.
    adversarial_logits, x: at and of the transported samples.  costs: of their transport (B,), None where it
    is free.
    """

    loss: Tensor
    losses: Tensor
    solution: Solution | None
    logits: Tensor | None
    adversarial_logits: Tensor
    x: Tensor
    costs: Tensor | None = None


class Method(ABC):
    """A loss with its attack.

    transport: the attack.  objective: from `armor.objective` (solved exactly per batch), the same with
    learned or carried dual variables (`armor.objectives.hold`), or None for the plain mean.
    natural_weight: t in [0, 1), the share of the mean natural cross-entropy.
    batchnorm: the model's mode during the attack, see `armor.transport.attack_mode`.
    smoothing: share of the label's mass that the cross-entropy terms spread over all classes, in [0, 1).
    """

    name: ClassVar[str]
    needs_natural: ClassVar[bool]

    def __init__(
        self,
        transport: Callable[..., Transported],
        *,
        objective: Dual | None = None,
        natural_weight: float = 0.0,
        batchnorm: str = "eval",
        smoothing: float = 0.0,
    ) -> None:
        for name, share in (("label smoothing", smoothing), ("natural_weight", natural_weight)):
            if not real(name, share, positive=False) < 1.0:
                raise InputError(f"{name} must lie in [0, 1), not {share!r}")
        if batchnorm not in MODES:
            raise InputError(f"batchnorm must be one of {', '.join(MODES)}, not {batchnorm!r}")
        self.transport = transport
        self.objective = objective
        self.natural_weight = float(natural_weight)
        self.batchnorm = batchnorm
        self.smoothing = float(smoothing)

    @abstractmethod
    def _attack(self, model: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Transported:
        """Transport the batch; called with the model in its attack mode."""

    @abstractmethod
    def _losses(self, logits: Tensor | None, adversarial_logits: Tensor, y: Tensor) -> Tensor:
        """The robust per-sample losses (B,), differentiable."""

    @property
    def exact_objective(self) -> Objective | None:
        """The objective itself, neither pooled nor held: what pre-flight and audit judge."""
        held = self.objective
        return held if held is None or isinstance(held, Objective) else held.objective

    def dual_parameters(self) -> list[nn.Parameter]:
        """lambda and rho where they are learned (give them to an optimiser), else nothing."""
        return list(self.objective.parameters()) if isinstance(self.objective, LearnedDual) else []

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs besides the model: held dual variables."""
        held = self.objective
        return held.state_dict() if isinstance(held, LearnedDual | CarriedDual) else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore `state_dict`."""
        if isinstance(self.objective, LearnedDual | CarriedDual):
            self.objective.load_state_dict(state)

    def to(self, device: torch.device | str) -> "Method":
        """Held dual variables on `device`; returns itself."""
        if isinstance(self.objective, LearnedDual | CarriedDual):
            self.objective.to(device)
        return self

    def attack(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        generator: torch.Generator,
        reference_weights: Tensor | None = None,  # noqa: ARG002
    ) -> Any:
        """The transported batch, for `loss`; the model's modes, flags and gradients stay as they were."""
        with attack_mode(model, self.batchnorm):
            return self._attack(model, x, y, generator)

    def step(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        generator: torch.Generator,
        reference_weights: Tensor | None = None,
        index: Tensor | None = None,
    ) -> StepResult:
        """Loss of one batch, ready for `result.loss.backward()`.

        x: (B, ...) pixels; y: (B,) labels; generator: drives the attack's random start;
        reference_weights: (B,) masses of P, None for uniform; zero masks a sample's loss, its pixels must be
        pixels all the same.
        index: (B,) the samples' places in the data set, needed where the dual is carried over it.

        Raises `armor.errors.InputError` where a carried dual misses the index, or weights are no masses.
        """
        self._check_index(index)
        _check_weights(reference_weights, x, pooled=isinstance(self.objective, Pooled))
        moved = self.attack(model, x, y, generator, reference_weights)
        return self.loss(model, x, y, moved, reference_weights, index)

    def loss(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        moved: Any,
        reference_weights: Tensor | None = None,
        index: Tensor | None = None,
        *,
        observe: bool = True,
    ) -> StepResult:
        """The second half of `step`, at what `attack` returned.

        observe: whether dual variables that outlive the batch may follow it; a second look at a batch, as
        adversarial weight perturbation takes one, must not move them twice.
        """
        natural = model(x) if self.needs_natural or self.natural_weight > 0 else None
        adversarial = model(moved.x)
        losses = self._losses(natural, adversarial, y)
        solution = None
        if self.objective is None:
            robust = _mean(losses, reference_weights)
        else:
            solution = self.objective(losses, moved.costs, reference_weights)
            robust = solution.value
            if observe:
                self._observe(index, losses, moved.costs)
        return StepResult(
            loss=mixture(robust, natural, y, self.natural_weight, reference_weights, self.smoothing),
            losses=losses.detach(),
            solution=None if solution is None else solution.detach(),
            logits=None if natural is None else natural.detach(),
            adversarial_logits=adversarial.detach(),
            x=moved.x,
            costs=moved.costs,
        )

    def _check_index(self, index: Tensor | None) -> None:
        if index is None and isinstance(self.objective, CarriedDual):
            raise InputError("a dual carried over the data set needs the index of every sample of the batch")

    def _observe(self, index: Tensor | None, losses: Tensor, costs: Tensor | None) -> None:
        """A carried dual follows the data set; after the loss, so that it never sees its own batch first."""
        if index is not None and isinstance(self.objective, CarriedDual):
            self.objective.observe(index, losses, costs)


def _check_weights(weights: Tensor | None, x: Tensor, *, pooled: bool) -> None:
    """One mass per sample; their values are asked on the CPU alone. pooled: all workers judge together."""
    if weights is None:
        return
    if weights.shape != x.shape[:1]:
        raise InputError(
            f"reference_weights must hold one mass per sample, shape ({x.shape[0]},), not "
            f"{tuple(weights.shape)}"
        )
    if pooled or weights.device.type != "cpu":
        return
    if not bool(((weights >= 0) & torch.isfinite(weights)).all()):
        raise InputError("reference_weights must be finite and not negative")
    if not float(weights.sum()) > 0:
        raise InputError("reference_weights must not all be zero")


def mixture(
    robust: Tensor,
    natural: Tensor | None,
    y: Tensor,
    natural_weight: float,
    weights: Tensor | None,
    smoothing: float = 0.0,
) -> Tensor:
    """`t · mean natural CE + (1 - t) · robust`, from the natural logits (None while t = 0)."""
    if natural is None or natural_weight == 0:
        return robust
    clean = _mean(cross_entropy(natural, y, smoothing), weights)
    return natural_weight * clean + (1.0 - natural_weight) * robust


def _mean(losses: Tensor, weights: Tensor | None) -> Tensor:
    if weights is None:
        return losses.mean()
    live = weights > 0
    return (torch.where(live, losses, 0.0) * weights).sum() / weights.sum()
