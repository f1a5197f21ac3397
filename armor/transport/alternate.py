"""Alternate the two mechanisms: transport at mu, then a better mu (trap 10).

The dual function g is convex with slope `eps - F(mu)`, F what the re-weighted transport at mu spends, so the
best mu spends eps (or is kappa). F falls like `mu^-2` where re-weighting and a quadratic cost are small
(T29), hence the step `mu (F/eps)^{1/2}`, kept inside the bracket of the signs seen.
"""

__all__ = ["Alternated", "alternate"]

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from armor.numbers import whole
from armor.objectives import Objective
from armor.objectives.pooling import Pooled
from armor.transport.ascent import Transported

SoftTransport = Callable[..., Transported]
_ROUNDOFF = 2.0**-53
_SMALLEST = 1e-12  # mu = 0 has no transport problem; reached only when the radius is not binding


@dataclass(frozen=True)
class Alternated:
    """The last round, and how far the value can be off.

    moved, mu: the transport and the multiplier it was made for.  following: the next round's (or batch's) mu.
    upper: smallest dual value seen, at a round's own mu (an upper bound up to the attack's own weakness);
    lower: largest value of a witness, a distribution on the points seen that respects the radius: a rigorous
    lower bound for them (`_witnessed`).  gap = upper - lower, () each.
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
    whole("the rounds of an alternation", rounds)
    current = torch.as_tensor(mu, dtype=torch.float64, device=x.device).detach()
    unmoved: Tensor | None = None
    upper = torch.full((), float("inf"), dtype=torch.float64, device=x.device)
    lower = -upper
    low, high = 0.0 * current, upper
    for _ in range(rounds):
        used = current
        moved = transport(phi, x, mu=used, generator=generator)
        with torch.no_grad():
            losses = phi(moved.x).double()
            if unmoved is None:
                unmoved = (phi(x) if moved.unmoved is None else moved.unmoved).double()
        costs = None if moved.costs is None else moved.costs.detach().double()
        bound = objective.at(losses, costs, reference_weights, mu=used)
        gained = objective.total((bound.weights * losses).sum())
        spent = (gained + bound.lam * objective.epsilon - bound.value) / used
        # The weights' own spending: a gap of the search, or rounding, may make `spent` understate it.
        rounding = 4.0 * _ROUNDOFF * (gained.abs() + bound.value.abs())
        paid = spent + (bound.gap.clamp(min=0.0) + rounding) / used
        found = _witnessed(objective, unmoved, losses, costs, reference_weights, gained, paid)
        upper, lower = torch.minimum(upper, bound.value), torch.maximum(lower, found)
        low, high = (
            torch.where(spent > objective.epsilon, used, low),
            torch.where(spent > objective.epsilon, high, used),
        )
        aim = used * torch.sqrt(torch.clamp(spent, min=0.0) / objective.epsilon).clamp(0.1, 10.0)
        inside = (aim > low) & (aim < high)
        middle = torch.where(low > 0, torch.sqrt(low * high), 0.5 * high)
        current = torch.where(inside, aim, middle).clamp(min=max(objective.kappa, _SMALLEST))
    return Alternated(moved, used, current, upper, lower, rounds)


def _witnessed(
    objective: Objective | Pooled,
    unmoved: Tensor,
    losses: Tensor,
    costs: Tensor | None,
    reference_weights: Tensor | None,
    gained: Tensor,
    paid: Tensor,
) -> Tensor:
    """The larger value of two distributions on the samples and their transported twins, ().

    The transported batch alone respects no radius when its transport costs more than epsilon, so part of the
    mass stays where it was (`c(x, x) = 0`), in two ways:

    * The dual's own worst case, value `gained`, spending `paid`, is mixed with P itself: D^c is convex in Q
      and zero at P (T14), so the share `eps/paid` of the one spends at most eps.
    * A share t of every sample moves: the objective of the losses `(1-t) φ(x) + t φ(x')` at the costs `t c`.
      t = 1 while the mean cost is within the radius, beyond it such that transport costs half of it.

    unmoved, losses, costs: (B,), of this worker; gained, paid: () of all.
    """
    p = torch.ones_like(losses) if reference_weights is None else reference_weights.to(losses)
    live = p > 0
    mass = objective.total(p.sum())

    def mean(values: Tensor) -> Tensor:
        return objective.total((p * torch.where(live, values, 0.0)).sum()) / mass

    epsilon, kappa = objective.epsilon, objective.kappa
    share = torch.where(paid > epsilon, epsilon / paid, 1.0)
    mixed = share * gained + (1.0 - share) * mean(unmoved) - (kappa * share * paid if kappa > 0 else 0.0)
    mixed = torch.where(torch.isfinite(paid), mixed, -math.inf)
    if costs is None:
        return torch.maximum(mixed, objective(losses, None, reference_weights).value)
    stays = torch.isinf(costs)
    losses, costs = torch.where(stays, unmoved, losses), torch.where(stays, 0.0, costs)
    cost = mean(costs)
    moving = torch.where(cost > epsilon, 0.5 * epsilon / cost, 1.0)
    partly = torch.where(live, (1.0 - moving) * unmoved + moving * losses, 0.0)
    solved = objective(partly, moving * torch.where(live, costs, 0.0), reference_weights)
    return torch.maximum(mixed, solved.value)
