"""Dual variables that outlive the batch (T21): learned by gradient, or carried over the data set.

With lambda and rho held, the integrand of T7,

    m(l, c) = lambda eps + rho + mu f*((l - rho)/mu - c),   mu = lambda + kappa,

is a loss per sample: its mean over a batch is an unbiased estimate of its mean over the data set, while the
exact objective of a batch is biased downwards. `LearnedDual` moves (lambda, rho) by gradient, as the first
version of the paper did; `CarriedDual` remembers the last loss of every sample and solves for (lambda, rho)
on all of them.

Both need f'(inf) = inf: with a finite recession slope one loss above `rho + mu f'(inf)` makes the integrand
infinite, so that only multipliers of the batch itself would do.
"""

__all__ = ["CarriedDual", "LearnedDual", "integrand"]

import dataclasses
import math

import torch
from torch import Tensor, nn

from armor.errors import InputError
from armor.objectives.base import Objective
from armor.objectives.functions import Functions, functions
from armor.objectives.solution import Solution
from armor.status import Status


def _usable(objective: Objective) -> Functions:
    if objective.name in ("renyi", "none"):
        raise InputError(f"held dual variables need an f-divergence, not {objective.name!r}")
    f = functions(objective.spec)
    if f.recession < math.inf:
        raise InputError(
            f"held dual variables need f'(inf) = inf, but {objective.name!r} has {f.recession:g}: one large "
            "loss would make its dual infinite; solve per batch, or take kl, pearson, jeffreys or alpha > 1"
        )
    return f


def integrand(
    f: Functions,
    losses: Tensor,
    costs: Tensor | None,
    lam: Tensor,
    rho: Tensor,
    *,
    epsilon: float,
    kappa: float,
) -> Tensor:
    """`m(l, c)`, (B,) in float64, differentiable in the losses, the costs, lambda and rho."""
    mu = lam + kappa
    y = (losses.double() - rho) / mu
    if costs is not None:
        y = y - costs.double()
    values: Tensor = lam * epsilon + rho + mu * f.conjugate["torch"](y)
    return values


def _solution(
    f: Functions,
    objective: Objective,
    losses: Tensor,
    costs: Tensor | None,
    weights: Tensor | None,
    lam: Tensor,
    rho: Tensor,
) -> Solution:
    n = losses.shape[-1]
    p = (
        losses.new_full((n,), 1.0 / n, dtype=torch.float64)
        if weights is None
        else weights.double() / weights.sum()
    )
    live = p > 0
    safe = torch.where(live, losses.double(), 0.0)
    terms = integrand(f, safe, costs, lam, rho, epsilon=objective.epsilon, kappa=objective.kappa)
    value = (p * torch.where(live, terms, 0.0)).sum()
    with torch.no_grad():
        y = (safe - rho) / (lam + objective.kappa) - (0.0 if costs is None else costs.double())
        masses = torch.where(live, p * f.density["torch"](y), 0.0)
    zero = torch.zeros((), dtype=torch.int64, device=losses.device)
    return Solution(
        value=value,
        lam=lam.detach(),
        rho=rho.detach(),
        weights=masses,
        gap=torch.full_like(value.detach(), math.nan),
        code=zero + int(Status.INTERIOR),
        iterations=0,
    )


class LearnedDual(nn.Module):
    """lambda > 0 and rho as parameters: put them into an optimiser beside the model's.

    Called like an objective. The value bounds the data set's objective from above for any lambda and rho, and
    its gradient moves them down; `weights` are `p (f*)'(y)`, whose sum is 1 only when rho has settled; the
    gap is not known here (NaN).

    lam, rho: where they start.  Raises `armor.errors.InputError` for lam <= 0 or an unfit divergence.
    """

    def __init__(self, objective: Objective, *, lam: float = 1.0, rho: float = 0.0) -> None:
        super().__init__()
        if not (math.isfinite(lam) and lam > 0 and math.isfinite(rho)):
            raise InputError(f"a learned dual starts from lam > 0 and a finite rho, not {lam!r} and {rho!r}")
        self.objective, self.functions = objective, _usable(objective)
        self.log_lam = nn.Parameter(torch.tensor(math.log(lam), dtype=torch.float64))
        self.rho = nn.Parameter(torch.tensor(float(rho), dtype=torch.float64))

    @property
    def lam(self) -> Tensor:
        """The multiplier, differentiable."""
        return self.log_lam.exp()

    def forward(
        self, losses: Tensor, costs: Tensor | None = None, reference_weights: Tensor | None = None
    ) -> Solution:
        """The mean of the integrand over the batch."""
        return _solution(self.functions, self.objective, losses, costs, reference_weights, self.lam, self.rho)


class CarriedDual(nn.Module):
    """lambda and rho of the whole data set, solved on the last known loss (and cost) of every sample.

    Call `remember(index, losses, costs)` after a batch and `refresh()` when the multipliers should follow
    (once per some steps; one solve over the remembered samples). Buffers travel with `state_dict`.
    """

    losses: Tensor
    costs: Tensor
    seen: Tensor
    lam: Tensor
    rho: Tensor

    def __init__(self, objective: Objective, size: int) -> None:
        super().__init__()
        if size < 1:
            raise InputError(f"the data set must hold at least one sample, not {size!r}")
        self.objective, self.functions = objective, _usable(objective)
        self.register_buffer("losses", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("costs", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("seen", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("lam", torch.tensor(math.nan, dtype=torch.float64))
        self.register_buffer("rho", torch.tensor(math.nan, dtype=torch.float64))

    def remember(self, index: Tensor, losses: Tensor, costs: Tensor | None = None) -> None:
        """Store the losses (B,) of the samples `index` (B,)."""
        self.losses[index] = losses.detach().to(self.losses)
        if costs is not None:
            self.costs[index] = costs.detach().to(self.costs)
        self.seen[index] = 1.0

    def refresh(self) -> Solution:
        """Solve on everything remembered; returns that solution, its value the data set's objective."""
        costs = self.costs if bool((self.costs > 0).any()) else None
        solution = self.objective(self.losses, costs, self.seen)
        if float(solution.lam) + self.objective.kappa <= 0:
            raise InputError("the radius is not binding on the data set (lambda = 0): nothing can be carried")
        self.lam, self.rho = solution.lam.clone(), solution.rho.clone()
        return solution

    def forward(
        self, losses: Tensor, costs: Tensor | None = None, reference_weights: Tensor | None = None
    ) -> Solution:
        """The mean of the integrand over the batch at the carried multipliers.

        Before the first `refresh` the batch's own multipliers serve: its exact objective.
        """
        if bool(self.lam.isnan()):
            return self.objective(losses, costs, reference_weights)
        solution = _solution(
            self.functions, self.objective, losses, costs, reference_weights, self.lam, self.rho
        )
        return dataclasses.replace(solution, lam=self.lam, rho=self.rho)
