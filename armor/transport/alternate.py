"""Alternate the two mechanisms: transport at mu, then a better mu (trap 10).

The dual function g is convex with slope `eps - F(mu)`, F what the re-weighted transport at mu spends, so the
best mu spends eps (or is kappa). F falls like `mu^-2` where re-weighting and a quadratic cost are small
(T29), hence the step `mu (F/eps)^{1/2}`, kept inside the bracket of the signs seen.
"""

__all__ = ["Alternated", "alternate"]

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from armor.errors import InputError
from armor.objectives import Objective
from armor.objectives.pooling import Pooled
from armor.transport.ascent import Transported

SoftTransport = Callable[..., Transported]
_SMALLEST = 1e-12  # mu = 0 has no transport problem; reached only when the radius is not binding


@dataclass(frozen=True)
class Alternated:
    """The last round, and how far the value can be off.

    moved, mu: the transport and the multiplier it was made for.  following: the next round's (or batch's) mu.
    upper: smallest dual value seen, at a round's own mu (an upper bound up to the attack's own weakness);
    lower: largest value of a batch transported once and for all, a rigorous lower bound for the
    candidates seen.  gap = upper - lower, () each.
    """

    moved: Transported
    mu: Tensor
    following: Tensor
    upper: Tensor
    lower: Tensor
    rounds: int

    @property
    def gap(self) -> Tensor:
        """upper - lower."""
        return self.upper - self.lower


def alternate(
    objective: Objective | Pooled,
    transport: SoftTransport,
    phi: Callable[[Tensor], Tensor],
    x: Tensor,
    *,
    mu: Tensor | float,
    rounds: int,
    reference_weights: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Alternated:
    """`rounds` rounds of transport at mu and of solving for mu, starting from `mu = lambda + kappa > 0`.

    Without host synchronisation: the number of rounds is fixed and the gap is a tensor.
    """
    if rounds < 1:
        raise InputError(f"alternation needs at least one round, not {rounds!r}")
    current = torch.as_tensor(mu, dtype=torch.float64, device=x.device).detach()
    upper = torch.full((), float("inf"), dtype=torch.float64, device=x.device)
    lower = -upper
    low, high = 0.0 * current, upper
    for _ in range(rounds):
        used = current
        moved = transport(phi, x, mu=used.to(torch.float32), generator=generator)
        with torch.no_grad():
            losses = phi(moved.x).double()
        costs = None if moved.costs is None else moved.costs.detach().double()
        bound = objective.at(losses, costs, reference_weights, mu=used)
        frozen = objective(losses, costs, reference_weights)
        upper, lower = torch.minimum(upper, bound.value), torch.maximum(lower, frozen.value)
        gained = objective.total((bound.weights * losses).sum())
        spent = (gained + bound.lam * objective.epsilon - bound.value) / used
        low, high = (
            torch.where(spent > objective.epsilon, used, low),
            torch.where(spent > objective.epsilon, high, used),
        )
        aim = used * torch.sqrt(torch.clamp(spent, min=0.0) / objective.epsilon).clamp(0.1, 10.0)
        inside = (aim > low) & (aim < high)
        middle = torch.where(low > 0, torch.sqrt(low * high), 0.5 * high)
        current = torch.where(inside, aim, middle).clamp(min=max(objective.kappa, _SMALLEST))
    return Alternated(moved, used, current, upper, lower, rounds)
