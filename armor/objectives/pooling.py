"""Distributed exactness (T21): workers pool their losses, so N workers give the one-worker number.

An average of per-worker objectives is another objective: each worker would re-weight its own shard only.
"""

__all__ = ["Pooled"]

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from armor.errors import InputError
from armor.objectives.base import Objective
from armor.objectives.solution import Solution


class _Gather(torch.autograd.Function):
    """All workers' rows, padded to a common length; backward hands every worker its own rows' gradient.

    The gradient is multiplied by the number of workers, since data-parallel wrappers average gradients:
    after their average the parameters receive the gradient of the pooled value itself.
    """

    @staticmethod
    def forward(ctx: Any, local: Tensor, width: int, group: Any, scale: float) -> Tensor:
        world, rank = dist.get_world_size(group), dist.get_rank(group)
        padded = local.new_zeros(width)
        padded[: local.numel()] = local
        rows = [torch.empty_like(padded) for _ in range(world)]
        dist.all_gather(rows, padded, group=group)
        ctx.slice, ctx.scale = slice(rank * width, rank * width + local.numel()), scale
        return torch.cat(rows)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        return grad[ctx.slice] * ctx.scale, None, None, None


class Pooled:
    """An objective over the batches of all workers of a process group.

    Called like an objective, with this worker's losses (b,), b >= 0 and not the same everywhere; every worker
    gets the pooled value, lambda and rho, and the weights of its own samples (their sum is its share).

    averaging: True for wrappers that average gradients over the workers (DistributedDataParallel), False
    for code that sums them.
    """

    def __init__(self, objective: Objective, *, group: Any = None, averaging: bool = True) -> None:
        if not (dist.is_available() and dist.is_initialized()):
            raise InputError("a pooled objective needs an initialised process group (torchrun)")
        self.objective, self.group, self.averaging = objective, group, averaging

    @property
    def spec(self) -> dict[str, object]:
        """The divergence, as `Objective.spec`."""
        return self.objective.spec

    @property
    def kappa(self) -> float:
        """The penalty."""
        return self.objective.kappa

    @property
    def epsilon(self) -> float:
        """The radius."""
        return self.objective.epsilon

    def __call__(
        self, losses: Tensor, costs: Tensor | None = None, reference_weights: Tensor | None = None
    ) -> Solution:
        """Pool, solve on every worker alike, and hand back this worker's part.

        losses, costs, reference_weights: (b,) of this worker; costs and weights on all workers or on none.
        """
        return self._solve(self.objective, losses, costs, reference_weights)

    def at(
        self,
        losses: Tensor,
        costs: Tensor | None = None,
        reference_weights: Tensor | None = None,
        *,
        mu: Tensor | float,
    ) -> Solution:
        """`Objective.at` of all workers' losses."""
        return self._solve(partial(self.objective.at, mu=mu), losses, costs, reference_weights)

    def total(self, part: Tensor) -> Tensor:
        """The sum over the workers of a number that each has a part of, ()."""
        whole = part.detach().clone()
        dist.all_reduce(whole, group=self.group)
        return whole

    def _solve(
        self,
        solve: Callable[..., Solution],
        losses: Tensor,
        costs: Tensor | None,
        reference_weights: Tensor | None,
    ) -> Solution:
        if losses.ndim != 1:
            raise InputError(f"pooled losses must have the shape (b,), not {tuple(losses.shape)}")
        world, rank = dist.get_world_size(self.group), dist.get_rank(self.group)
        count = torch.tensor([losses.numel()], device=losses.device)
        counts = [torch.empty_like(count) for _ in range(world)]
        dist.all_gather(counts, count, group=self.group)
        sizes: list[int] = torch.cat(counts).tolist()  # the one wait for a device
        width = max(sizes)
        if width == 0:
            raise InputError("no worker holds a sample")
        scale = float(world) if self.averaging else 1.0

        def pool(x: Tensor) -> Tensor:
            gathered: Tensor = _Gather.apply(x, width, self.group, scale)  # type: ignore[no-untyped-call]
            # Compact, in the order of the workers: the very vector that one worker would have held.
            rows = gathered.view(world, width)
            return torch.cat([row[:size] for row, size in zip(rows, sizes, strict=True)])

        solution = solve(
            pool(losses),
            None if costs is None else pool(costs),
            None if reference_weights is None else pool(reference_weights.detach()),
        )
        start = sum(sizes[:rank])
        own = solution.weights[start : start + losses.numel()]
        return dataclasses.replace(solution, weights=own)
