"""UDR and every other soft transport cost: attack and dual share one mu and one cost (T17, trap 10)."""

__all__ = ["Udr"]

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from armor.errors import InputError
from armor.losses import cross_entropy
from armor.methods.base import Dual, Method, StepResult, mixture
from armor.numbers import real, whole
from armor.objectives import CarriedDual, LearnedDual
from armor.transport import Ascent, FlipAscent, OneSided, SoftAscent, Transported, attack_mode
from armor.transport.alternate import Alternated, alternate


class Udr(Method):
    """`φ(x') = CE(f(x'), y)` under a soft cost; UDR's is `SoftBall(r, tau)`.

    With an exact dual every step alternates `rounds` times: transport at mu, then a better mu
    (`transport.alternate`). The loss is the dual function at the mu of the last transport,
    `lambda eps + mu Λ[φ/mu - c]`, whose gradient in the parameters is `E_w ∇φ` (T12), with `(1 - t)` and
    `t · mean natural` as in `Method`. The multiplier carries over to the next batch; `alternation` holds the
    last step's gap. A learned or carried dual gives the mu of the attack and the loss that follows.

    objective: from `armor.objective`, "none" for optimal-transport DRO alone, or held (`objectives.hold`).
    mu: where the first batch starts; anything positive above kappa.
    only: label of the samples that the adversary may move, None for all (re-weighting concerns all).
    Raises `armor.errors.InputError` for values out of range.
    """

    name = "udr"
    needs_natural = False

    def __init__(
        self,
        transport: SoftAscent | FlipAscent,
        *,
        objective: Dual,
        mu: float = 1.0,
        rounds: int = 1,
        only: int | None = None,
        natural_weight: float = 0.0,
        batchnorm: str = "eval",
        smoothing: float = 0.0,
    ) -> None:
        if not isinstance(objective, Dual):
            raise InputError(f"a soft cost needs an objective for its multiplier, not {objective!r}")
        given: object = transport
        if isinstance(given, Ascent):
            raise InputError("a soft cost needs a soft transport: a hard ball takes no multiplier")
        if real("mu", mu, positive=True) < objective.kappa:
            raise InputError(f"mu must be at least kappa = {objective.kappa}, not {mu!r}")
        super().__init__(
            transport,
            objective=objective,
            natural_weight=natural_weight,
            batchnorm=batchnorm,
            smoothing=smoothing,
        )
        self.dual, self.rounds, self.only = objective, whole("rounds", rounds), only
        self.mu = torch.tensor(float(mu), dtype=torch.float64)
        self.alternation: Alternated | None = None

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs besides the model: the multiplier and held dual variables."""
        return {**super().state_dict(), "mu": self.mu.detach().cpu()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore `state_dict`."""
        self.mu = state["mu"].to(torch.float64)
        super().load_state_dict({key: value for key, value in state.items() if key != "mu"})

    def multiplier(self) -> Tensor:
        """The `mu = lambda + kappa` of the next attack, () in float64."""
        dual = self.dual
        if isinstance(dual, LearnedDual) or (isinstance(dual, CarriedDual) and dual.solved):
            return dual.lam.detach() + dual.kappa
        return self.mu

    def attack(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        generator: torch.Generator,
        reference_weights: Tensor | None = None,
    ) -> Alternated:
        """Alternate from the multiplier, which stays as it is; the model comes back unchanged.

        With a held dual the multiplier is not searched: one round, without bounds (NaN).
        """
        with attack_mode(model, self.batchnorm):
            if not isinstance(self.dual, LearnedDual | CarriedDual):
                return alternate(
                    self.dual,
                    self._transport(y),
                    lambda moved: cross_entropy(model(moved), y, self.smoothing),
                    x,
                    mu=self.mu,
                    rounds=self.rounds,
                    reference_weights=reference_weights,
                    generator=generator,
                )
            mu = self.multiplier().to(x.device)
            moved = self._attack(model, x, y, generator)
        unknown = torch.full_like(mu, math.nan)
        return Alternated(moved, mu, mu, unknown, unknown, 1)

    def _transport(self, y: Tensor) -> Callable[..., Transported]:
        return self.transport if self.only is None else OneSided(self.transport, y == self.only)

    def _attack(self, model: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Transported:
        moved: Transported = self._transport(y)(
            lambda moved: cross_entropy(model(moved), y, self.smoothing),
            x,
            mu=self.multiplier().to(x.device),
            generator=generator,
        )
        return moved

    def _losses(self, logits: Tensor | None, adversarial_logits: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002
        return cross_entropy(adversarial_logits, y, self.smoothing)

    def loss(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        moved: Alternated,
        reference_weights: Tensor | None = None,
        index: Tensor | None = None,
        *,
        observe: bool = True,
    ) -> StepResult:
        """As `Method.loss`; moves the multiplier."""
        found = moved
        if observe:
            self.alternation, self.mu = found, found.following
        natural = model(x) if self.natural_weight > 0 else None
        adversarial = model(found.moved.x)
        losses = cross_entropy(adversarial, y, self.smoothing)
        if not isinstance(self.dual, LearnedDual | CarriedDual):
            solution = self.dual.at(losses, found.moved.costs, reference_weights, mu=found.mu)
        else:
            solution = self.dual(losses, found.moved.costs, reference_weights)
        if observe:
            self._observe(index, losses, found.moved.costs)
        return StepResult(
            loss=mixture(solution.value, natural, y, self.natural_weight, reference_weights, self.smoothing),
            losses=losses.detach(),
            solution=solution.detach(),
            logits=None if natural is None else natural.detach(),
            adversarial_logits=adversarial.detach(),
            x=found.moved.x,
            costs=found.moved.costs,
        )
