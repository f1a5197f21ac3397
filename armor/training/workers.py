"""Several processes that train one network (`torchrun`): N workers compute what one would.

Every worker takes its share of each batch. The per-sample losses are pooled before the objective is solved
(T21, `armor.objectives.pooling`), batch normalisation uses the statistics of the whole batch, gradients are
averaged.
The gradients are averaged here and not by DistributedDataParallel, whose hooks count one forward pass per
backward pass; a step of adversarial training makes many, most of them without parameter gradients.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from armor.errors import InputError

__all__ = ["ALONE", "Workers", "joined", "pool_batchnorm", "unpool_batchnorm"]


@dataclass(frozen=True)
class Workers:
    """This process among `world` ones; `rank` 0 writes files and speaks."""

    rank: int = 0
    world: int = 1

    @property
    def several(self) -> bool:
        """Whether there are others."""
        return self.world > 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the workers, in one exchange per dtype."""
        if not self.several:
            return
        for dtype in dict.fromkeys(t.dtype for t in tensors):
            mine = [t for t in tensors if t.dtype == dtype]
            flat = torch.cat([t.reshape(-1) for t in mine])
            dist.all_reduce(flat)
            flat /= self.world
            for t, part in zip(mine, torch.split(flat, [t.numel() for t in mine]), strict=True):
                t.copy_(part.view_as(t))

    def largest(self, tensor: Tensor) -> Tensor:
        """The elementwise maximum over the workers, in place."""
        if self.several:
            dist.all_reduce(tensor, op=dist.ReduceOp.MAX)
        return tensor

    def gather(self, tensor: Tensor) -> Tensor:
        """The tensors of all workers, of one shape, joined along the first axis in the order of the ranks."""
        if not self.several:
            return tensor
        mine = tensor.contiguous()
        parts = [torch.empty_like(mine) for _ in range(self.world)]
        dist.all_gather(parts, mine)
        return torch.cat(parts)

    def agree(self, value: Any) -> Any:
        """The first worker's value, on all workers."""
        if not self.several:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]


ALONE = Workers()


@contextmanager
def joined(device: torch.device) -> Iterator[tuple[Workers, torch.device]]:
    """This process's place among those that `torchrun` started, and its device; alone without torchrun.

    CUDA devices are dealt out by local rank. The exchange is NCCL on CUDA and gloo on the CPU.

    Raises:
        InputError: fewer CUDA devices than processes on this machine.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world < 2 or "RANK" not in os.environ:
        yield ALONE, device
        return
    if device.type == "cuda":
        local = int(os.environ.get("LOCAL_RANK", "0"))
        if local >= torch.cuda.device_count():
            raise InputError(
                f"{local + 1} or more processes on this machine, but {torch.cuda.device_count()} CUDA devices"
            )
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Workers(dist.get_rank(), dist.get_world_size()), device
        dist.barrier()  # who is done first waits: a group that loses a member may end the others
    finally:
        dist.destroy_process_group()


class _Mean(torch.autograd.Function):
    """The mean over the workers; its gradient is the mean of their gradients."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        out = x.clone()
        dist.all_reduce(out)
        return out / dist.get_world_size()

    @staticmethod
    def backward(_ctx: Any, grad: Tensor) -> Tensor:
        out = grad.contiguous().clone()
        dist.all_reduce(out)
        return out / dist.get_world_size()


def _mean(x: Tensor) -> Tensor:
    found: Tensor = _Mean.apply(x)  # type: ignore[no-untyped-call]
    return found


class PooledBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation whose statistics are those of the whole batch, in float32, on any device.

    The workers' shares have equal sizes.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalised (B, C, H, W)."""
        if not self.training:
            return super().forward(x)
        wide = x.float()
        mean = _mean(wide.mean((0, 2, 3)))
        centred = wide - mean[:, None, None]
        variance = _mean(centred.square().mean((0, 2, 3)))
        if self.track_running_stats and self.running_mean is not None and self.running_var is not None:
            with torch.no_grad():
                assert self.num_batches_tracked is not None
                self.num_batches_tracked += 1
                count = x.numel() // x.shape[1] * dist.get_world_size()
                momentum = self.momentum
                share = 1.0 / float(self.num_batches_tracked) if momentum is None else momentum
                self.running_mean.lerp_(mean, share)
                self.running_var.lerp_(variance * (count / (count - 1)), share)
        scale = torch.rsqrt(variance + self.eps) * self.weight
        out: Tensor = centred * scale[:, None, None] + self.bias[:, None, None]
        return out.to(x.dtype)


def pool_batchnorm(model: nn.Module) -> None:
    """Let the batch normalisation of `model` pool its statistics; its parameters and their names stay."""
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = PooledBatchNorm2d


def unpool_batchnorm(model: nn.Module) -> None:
    """Undo `pool_batchnorm`, so that one worker alone can use the model."""
    for module in model.modules():
        if type(module) is PooledBatchNorm2d:
            module.__class__ = nn.BatchNorm2d  # type: ignore[assignment]
