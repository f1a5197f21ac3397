"""UDR and every other soft transport cost: attack and dual share one mu and one cost (T17, trap 10)."""

__all__ = ["Udr"]

import math
from typing import Any

import torch
from torch import Tensor, nn

from armor.errors import InputError
from armor.losses import cross_entropy
from armor.methods.base import StepResult, mixture
from armor.objectives import Objective
from armor.transport import FlipAscent, SoftAscent, attack_mode
from armor.transport.alternate import Alternated, alternate


class Udr:
    """`φ(x') = CE(f(x'), y)` under a soft cost; UDR's is `SoftBall(r, tau)`.

    Every step alternates `rounds` times: transport at mu, then a better mu (`transport.alternate`). The
    loss is the dual function at the mu of the last transport, `lambda eps + mu Λ[φ/mu - c]`, whose gradient
    in the parameters is `E_w ∇φ` (T12), with `(1 - t)` and `t · mean natural` as in `Method`. The multiplier
    carries over to the next batch; `alternation` holds the last step's gap.

    objective: from `armor.objective`, "none" for optimal-transport DRO alone.
    mu: where the first batch starts; anything positive above kappa.
    Raises `armor.errors.InputError` for values out of range.
    """

    name = "udr"

    def __init__(
        self,
        transport: SoftAscent | FlipAscent,
        *,
        objective: Objective,
        mu: float = 1.0,
        rounds: int = 1,
        natural_weight: float = 0.0,
        batchnorm: str = "eval",
    ) -> None:
        if not (math.isfinite(mu) and mu > 0 and mu >= objective.kappa):
            raise InputError(
                f"mu must be positive, finite and at least kappa = {objective.kappa}, not {mu!r}"
            )
        if rounds < 1:
            raise InputError(f"rounds must be at least 1, not {rounds!r}")
        if not 0.0 <= natural_weight < 1.0:
            raise InputError(f"natural_weight must lie in [0, 1), not {natural_weight!r}")
        self.transport, self.objective, self.rounds = transport, objective, int(rounds)
        self.natural_weight, self.batchnorm = float(natural_weight), batchnorm
        self.mu = torch.tensor(float(mu), dtype=torch.float64)
        self.alternation: Alternated | None = None

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs besides the model: the multiplier."""
        return {"mu": self.mu.detach().cpu()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore `state_dict`."""
        self.mu = state["mu"].to(torch.float64)

    def attack(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        generator: torch.Generator,
        reference_weights: Tensor | None = None,
    ) -> Alternated:
        """Alternate from the carried multiplier, which stays as it is; the model comes back unchanged."""
        with attack_mode(model, self.batchnorm):
            return alternate(
                self.objective,
                self.transport,
                lambda moved: cross_entropy(model(moved), y),
                x,
                mu=self.mu,
                rounds=self.rounds,
                reference_weights=reference_weights,
                generator=generator,
            )

    def step(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        generator: torch.Generator,
        reference_weights: Tensor | None = None,
    ) -> StepResult:
        """Loss of one batch, as `Method.step`; moves the carried multiplier."""
        found = self.attack(model, x, y, generator, reference_weights)
        self.alternation, self.mu = found, found.following
        natural = model(x) if self.natural_weight > 0 else None
        adversarial = model(found.moved.x)
        losses = cross_entropy(adversarial, y)
        solution = self.objective.at(losses, found.moved.costs, reference_weights, mu=found.mu)
        return StepResult(
            loss=mixture(solution.value, natural, y, self.natural_weight, reference_weights),
            losses=losses.detach(),
            solution=solution.detach(),
            logits=None if natural is None else natural.detach(),
            adversarial_logits=adversarial.detach(),
            x=found.moved.x,
        )
