"""Evaluate whatever a run calls on one instance: in its dtype, on its device, alone or among its workers."""

__all__ = ["Measured", "Solve", "compiled_network", "measure", "measure_compiled", "raised", "tensors"]

import math
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
import torch.distributed as dist
from torch import Tensor

from armor.objectives import Objective, Solution, Status
from armor.objectives.pooling import Pooled
from armor.preflight.certified import Certified, InstanceSet

Measured: TypeAlias = dict[str, Any]
Solve: TypeAlias = Callable[[Tensor, Tensor | None, Tensor | None], Solution]

_WIDTH = 256  # of the compiled network's output; instances are smaller


def compiled_network() -> Callable[[Tensor], Tensor]:
    """A compiled function that leaves losses (n,) as they are, so that they come out of a compiled graph."""
    network = torch.compile(lambda z: 2.0 * (0.5 * z))

    def front(losses: Tensor) -> Tensor:
        # One shape, so one compilation.
        n = losses.shape[0]
        found: Tensor = network(torch.nn.functional.pad(losses, (0, max(_WIDTH - n, 0))))[:n]
        return found

    return front


def measure(
    solve: Solve,
    instance: Certified,
    device: torch.device,
    dtype: torch.dtype,
    *,
    pooled: Pooled | None = None,
    front: Callable[[Tensor], Tensor] | None = None,
) -> Measured:
    """Value, multipliers, weights and gradients that `solve` gives on an instance, as numbers.

    pooled: whose workers solve it together, each holding a share of its own size; the result is that of all.
    front: what the losses pass through on their way.
    An exception is a result too, whose value is NaN: a refusal, not a traceback.
    """
    rows = tensors(instance, device, dtype)
    mine = slice(None) if pooled is None else _share(len(instance.losses), pooled)
    losses, costs, weights = (None if x is None else x[mine].clone() for x in rows)
    assert losses is not None
    losses.requires_grad_()
    if costs is not None:
        costs.requires_grad_()
    failed: Measured | None = None
    with torch.enable_grad():
        try:
            solution = solve(losses if front is None else front(losses), costs, weights)
            if bool(torch.isfinite(solution.value)):
                torch.autograd.backward(solution.value)
        except Exception as error:  # whatever a broken objective raises
            failed = raised(error)
    anywhere = failed is not None if pooled is None else _failed_anywhere(failed is not None, pooled, device)
    if anywhere:
        return failed or {"value": math.nan, "code": "raised an error on another worker"}
    whole: Callable[[Tensor], Tensor] = lambda x: x.double()  # noqa: E731
    scale = 1.0
    if pooled is not None:
        whole = lambda x: _joined(x, len(instance.losses), mine, pooled)  # noqa: E731
        scale = 1.0 / dist.get_world_size(pooled.group) if pooled.averaging else 1.0
    found: Measured = {
        "value": solution.value.item(),
        "lam": solution.lam.item(),
        "rho": solution.rho.item(),
        "gap": solution.gap.item(),
        "weights": whole(solution.weights.detach()).cpu().numpy(),
        "code": solution.status.name,
        "value_dtype": solution.value.dtype,
        "solve_dtype": solution.weights.dtype,
        "costly": costs is not None,
    }
    for name, x in (("gradient", losses), ("cost_gradient", costs)):
        if x is None or (x.grad is None and pooled is None):
            found[name] = None
        else:
            found[name] = whole(torch.zeros_like(x) if x.grad is None else x.grad).mul(scale).cpu().numpy()
    return found


def _share(n: int, pooled: Pooled) -> slice:
    """This worker's samples: the later a worker, the more, and none where there are too few."""
    world, rank = dist.get_world_size(pooled.group), dist.get_rank(pooled.group)
    ends = [n * r * (r + 1) // (world * (world + 1)) for r in range(world + 1)]
    return slice(ends[rank], ends[rank + 1])


def _failed_anywhere(mine: bool, pooled: Pooled, device: torch.device) -> bool:
    """Whether the call failed on any worker; all ask, so that none waits for one that failed."""
    flag = torch.tensor(float(mine), device=device)
    dist.all_reduce(flag, group=pooled.group)
    return bool(flag > 0)


def _joined(part: Tensor, n: int, mine: slice, pooled: Pooled) -> Tensor:
    """The row (n,) of which every worker holds a share, in float64."""
    row = torch.zeros(n, dtype=torch.float64, device=part.device)
    row[mine] = part.double()
    dist.all_reduce(row, group=pooled.group)
    return row


def raised(error: Exception) -> Measured:
    """The result of a call that failed."""
    reason = (str(error).splitlines() or [""])[0]
    return {"value": math.nan, "code": f"raised {type(error).__name__}: {reason}"}


def tensors(
    instance: Certified, device: torch.device, dtype: torch.dtype
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Losses and costs in `dtype` and reference weights in float64, (n,) each."""

    def tensor(row: tuple[float, ...] | None, kind: torch.dtype) -> Tensor | None:
        return None if row is None else torch.tensor(row, dtype=kind).to(device)

    losses = tensor(instance.losses, dtype)
    assert losses is not None
    weights = tensor(instance.weights, torch.float32 if device.type == "mps" else torch.float64)
    return losses, tensor(instance.costs, dtype), weights


def measure_compiled(
    objective: Objective, found: InstanceSet, device: torch.device, dtype: torch.dtype
) -> tuple[list[Measured], float]:
    """All instances in one compiled call, padded with masked samples; first call compiles, second counts."""
    wide = torch.float32 if device.type == "mps" else torch.float64
    size = max(len(i.losses) for i in found.instances)
    count = len(found.instances)
    losses = torch.zeros(count, size, dtype=dtype)
    costs = torch.zeros(count, size, dtype=dtype)
    weights = torch.zeros(count, size, dtype=wide)
    for k, i in enumerate(found.instances):
        n = len(i.losses)
        losses[k, :n] = torch.tensor(i.losses, dtype=dtype)
        weights[k, :n] = 1.0 / n if i.weights is None else torch.tensor(i.weights, dtype=wide)
        if i.costs is not None:
            costs[k, :n] = torch.tensor(i.costs, dtype=dtype)
    epsilon = torch.tensor([[i.epsilon] for i in found.instances], dtype=wide, device=device)
    kappa = torch.tensor([[i.kappa] for i in found.instances], dtype=wide, device=device)
    losses, costs, weights = (x.to(device) for x in (losses, costs, weights))
    losses.requires_grad_()
    costs.requires_grad_()
    step = torch.compile(objective.evaluate, fullgraph=True)
    begin = time.perf_counter()
    with torch.enable_grad():
        try:
            solution = step(losses, costs, weights, epsilon, kappa)
            torch.autograd.backward(torch.where(torch.isfinite(solution.value), solution.value, 0.0).sum())
        except Exception as error:  # as in `measure`; a graph that breaks counts too
            return [raised(error)] * count, time.perf_counter() - begin
    seconds = time.perf_counter() - begin
    # None where a broken objective has lost its gradient.
    slopes, cost_slopes = losses.grad, costs.grad
    results = []
    for k, i in enumerate(found.instances):
        n = len(i.losses)
        results.append(
            {
                "value": solution.value[k].item(),
                "lam": solution.lam[k].item(),
                "rho": solution.rho[k].item(),
                "gap": solution.gap[k].item(),
                "weights": solution.weights[k, :n].double().cpu().numpy(),
                "code": Status(int(solution.code[k])).name,
                "value_dtype": solution.value.dtype,
                "solve_dtype": solution.weights.dtype,
                "gradient": None if slopes is None else slopes[k, :n].double().cpu().numpy(),
                "costly": i.costs is not None,
                "cost_gradient": None
                if i.costs is None or cost_slopes is None
                else cost_slopes[k, :n].double().cpu().numpy(),
            }
        )
    return results, seconds
