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

__all__ = ["DUAL_MODES", "CarriedDual", "LearnedDual", "hold", "integrand"]

import dataclasses
import math
from typing import Any

import torch
from torch import Tensor, nn

from armor.errors import InputError
from armor.objectives.base import Objective, check_shapes
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
    check_shapes(losses, costs, weights)
    if losses.ndim != 1:
        raise InputError(f"held dual variables take losses (B,), not shape {tuple(losses.shape)}")
    p, sound = _masses(losses, weights)
    live = p > 0
    finite = torch.isfinite(losses) | ~live
    safe = torch.where(live & finite, losses.double(), 0.0)
    paid = None if costs is None else torch.where(live, costs.double(), 0.0)
    if costs is not None and paid is not None:
        wrong = torch.isnan(paid) | (paid < 0)
        finite, paid = finite & ~wrong, torch.where(wrong, 0.0, paid)
        if paid.device.type == "cpu" and bool(wrong.any()):
            raise InputError(
                f"costs must be transport costs in [0, inf], but hold {costs[wrong][0].item()!r}"
            )
    terms = integrand(f, safe, paid, lam, rho, epsilon=objective.epsilon, kappa=objective.kappa)
    value = (p * torch.where(live, terms, 0.0)).sum()
    fine = finite.all()
    code = torch.where(fine, int(Status.INTERIOR), int(Status.NOT_FINITE))
    code = torch.where(fine & ~(value < math.inf), int(Status.UNCONVERGED), code)  # lambda, rho say nothing
    # f(0) = inf and a sample out of reach: no re-weighting has a finite divergence.
    code = torch.where(fine & (value == -math.inf), int(Status.INFEASIBLE), code)
    code = torch.where(sound, code, int(Status.BAD_WEIGHTS))
    with torch.no_grad():
        y = (safe - rho) / (lam + objective.kappa) - (0.0 if paid is None else paid)
        masses = torch.where(live, p * f.density["torch"](y), 0.0)
    value = torch.where(fine & sound, value, math.nan)
    return Solution(
        value=value,
        lam=lam.detach(),
        rho=rho.detach(),
        weights=masses,
        gap=torch.full_like(value.detach(), math.nan),
        code=code,
        iterations=0,
    )


def _masses(losses: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """The reference masses (B,), and whether they are a distribution (); on the CPU that or an error."""
    n = losses.shape[0]
    if weights is None:
        return losses.new_full((n,), 1.0 / n, dtype=torch.float64), torch.ones_like(
            losses[0], dtype=torch.bool
        )
    wide = weights.double()
    total = wide.sum()
    sound = (total > 0) & torch.isfinite(total) & (wide >= 0).all()
    if weights.device.type == "cpu" and not bool(sound):
        seen = wide[~(wide >= 0) | ~torch.isfinite(wide)].tolist() or [f"a sum of {total.item()!r}"]
        raise InputError(f"reference_weights must be a distribution after scaling, but hold {seen[0]!r}")
    return torch.where(sound, wide / total, 1.0 / n), sound


class _Held(nn.Module):
    """What both kinds share: they are described by the objective whose dual variables they hold."""

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        self.objective, self.functions = objective, _usable(objective)

    @property
    def spec(self) -> dict[str, object]:
        """The divergence, as `Objective.spec`."""
        return self.objective.spec

    @property
    def epsilon(self) -> float:
        """The radius."""
        return self.objective.epsilon

    @property
    def kappa(self) -> float:
        """The penalty."""
        return self.objective.kappa

    @property
    def name(self) -> str:
        """The divergence's name."""
        return self.objective.name


class LearnedDual(_Held):
    """lambda > 0 and rho as parameters: put them into an optimiser beside the model's.

    Called like an objective. The value bounds the data set's objective from above for any lambda and rho, and
    its gradient moves them down; `weights` are `p (f*)'(y)`, whose sum is 1 only when rho has settled; the
    gap is not known here (NaN).

    lam, rho: where they start.  Raises `armor.errors.InputError` for lam <= 0 or an unfit divergence.
    """

    def __init__(self, objective: Objective, *, lam: float = 1.0, rho: float = 0.0) -> None:
        super().__init__(objective)
        if not (math.isfinite(lam) and lam > 0 and math.isfinite(rho)):
            raise InputError(f"a learned dual starts from lam > 0 and a finite rho, not {lam!r} and {rho!r}")
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


class CarriedDual(_Held):
    """lambda and rho of the whole data set, solved on the last known loss (and cost) of every sample.

    After a batch call `observe(index, losses, costs)`, which remembers them and lets the multipliers follow
    every `every` batches by one solve over the remembered samples. Everything travels with `state_dict`.

    size: of the data set; index runs over [0, size).  every: batches between two solves, at least 1.
    Raises `armor.errors.InputError` for values out of range or an unfit divergence.
    """

    losses: Tensor
    costs: Tensor
    seen: Tensor
    lam: Tensor
    rho: Tensor

    def __init__(self, objective: Objective, size: int, *, every: int = 1) -> None:
        super().__init__(objective)
        if size < 1:
            raise InputError(f"the data set must hold at least one sample, not {size!r}")
        if every < 1:
            raise InputError(f"a carried dual follows every 1 or more batches, not {every!r}")
        self.every = int(every)
        self._batches, self._solved = 0, False  # on the host: asking the device would wait for it
        self.register_buffer("losses", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("costs", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("seen", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("lam", torch.tensor(math.nan, dtype=torch.float64))
        self.register_buffer("rho", torch.tensor(math.nan, dtype=torch.float64))

    @property
    def solved(self) -> bool:
        """Whether multipliers of the data set are there to be carried."""
        return self._solved

    def remember(self, index: Tensor, losses: Tensor, costs: Tensor | None = None) -> None:
        """Store the losses (B,) of the samples `index` (B,).

        Raises `InputError` for shapes that do not fit and, on the CPU, for an index outside the data set.
        """
        check_shapes(losses, costs, None)
        if index.shape != losses.shape or index.is_floating_point() or index.is_complex():
            raise InputError(
                f"the index must hold the places of the {losses.numel()} losses, "
                f"not {index.dtype} of shape {tuple(index.shape)}"
            )
        size = self.losses.numel()
        outside = None if index.device.type != "cpu" else index[(index < 0) | (index >= size)]
        if outside is not None and outside.numel():
            raise InputError(f"the data set holds {size} samples: there is no sample {outside[0].item()}")
        self.losses[index] = losses.detach().to(self.losses)
        if costs is not None:
            self.costs[index] = costs.detach().to(self.costs)
        self.seen[index] = 1.0

    def observe(self, index: Tensor, losses: Tensor, costs: Tensor | None = None) -> None:
        """`remember`, and `refresh` when its turn has come."""
        self.remember(index, losses, costs)
        self._batches += 1
        if self._batches % self.every == 0:
            self.refresh()

    def get_extra_state(self) -> dict[str, Any]:
        """What `state_dict` holds besides the buffers."""
        return {"batches": self._batches, "solved": self._solved}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore it."""
        self._batches, self._solved = int(state["batches"]), bool(state["solved"])

    def refresh(self) -> Solution:
        """Solve on everything remembered; returns that solution, its value the data set's objective."""
        on_host = self.losses.device.type == "cpu"
        costs = None if on_host and not bool(self.costs.any()) else self.costs
        solution = self.objective(self.losses, costs, self.seen)
        if on_host and float(solution.lam) + self.objective.kappa <= 0:
            raise InputError("the radius is not binding on the data set (lambda = 0): nothing can be carried")
        self.lam, self.rho = solution.lam.clone(), solution.rho.clone()
        self._solved = True
        return solution

    def forward(
        self, losses: Tensor, costs: Tensor | None = None, reference_weights: Tensor | None = None
    ) -> Solution:
        """The mean of the integrand over the batch at the carried multipliers.

        Before the first `refresh` the batch's own multipliers serve: its exact objective.
        """
        if not self._solved:
            return self.objective(losses, costs, reference_weights)
        solution = _solution(
            self.functions, self.objective, losses, costs, reference_weights, self.lam, self.rho
        )
        return dataclasses.replace(solution, lam=self.lam, rho=self.rho)


DUAL_MODES = ("exact", "learned", "carried")


def hold(
    objective: Objective,
    mode: str,
    *,
    size: int | None = None,
    lam: float = 1.0,
    rho: float = 0.0,
    every: int = 1,
) -> Objective | LearnedDual | CarriedDual:
    """The objective with its dual variables solved per batch ("exact"), "learned" or "carried".

    size: samples of the data set, needed by "carried".  lam, rho: where "learned" starts.
    every: batches between two solves of "carried".

    Raises `armor.errors.InputError` for an unknown mode, an unfit divergence or a value out of range.
    """
    if mode not in DUAL_MODES:
        raise InputError(f"the dual must be one of {', '.join(DUAL_MODES)}, not {mode!r}")
    if mode == "exact":
        return objective
    if mode == "learned":
        return LearnedDual(objective, lam=lam, rho=rho)
    if size is None:
        raise InputError("a carried dual needs the number of samples of the data set")
    return CarriedDual(objective, size, every=every)
