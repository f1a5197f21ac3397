"""One launch on a CUDA device: a whole batch of duals solved by a Triton kernel, one program per problem.

The eager search of a device takes a fixed number of steps, hundreds of launches. The kernels stop as soon as
they may, certify their answer by the primal-dual gap as every solver does, and never wait for the host.
Triton comes with the CUDA builds of torch; without it, or where a kernel cannot be compiled, the eager
search serves. `ARMOR_NATIVE=0` keeps the kernels out.
"""

__all__ = ["LIMIT", "Kernel", "active", "launch", "power", "runs_on", "shape", "usable"]

import struct
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from armor.native.build import allowed
from armor.objectives.solution import Dual, Solution

LIMIT = 65_536  # samples of a problem; a longer one has work for more than one multiprocessor
LONG = 8_192  # from here on the first steps run in single precision
_READ = (torch.float64, torch.float32, torch.bfloat16, torch.float16)  # widened by the kernels themselves


@dataclass(frozen=True)
class Kernel:
    """A family's kernel: "kl", "power" without costs (`fused/power.py`), or a smooth divergence's own name.

    order: alpha of Rényi or, where `renyi` is False, one minus the order of an alpha divergence.
    stretch: the multiple of that divergence.  gauge: f'(1) less that multiple's.
    key: the specification of a smooth f-divergence as JSON, for `fused/f.py`, and `inner` its steps for rho.
    """

    name: str
    order: float | None = None
    renyi: bool = True
    stretch: float = 1.0
    gauge: float = 0.0
    key: str | None = None
    inner: int = 0


_refused: set[Kernel] = set()


def power(order: float, *, renyi: bool, stretch: float = 1.0, gauge: float = 0.0) -> Kernel | None:
    """The kernel of powers, where its one equation keeps its digits.

    Near the orders 0 and 1 (KL and its reverse) it does not; beyond -2 the weights rise upright from zero.
    """
    covered = (-2.0 <= order <= -0.1 or 0.1 <= order <= 10.0) and abs(order - 1.0) >= 0.01
    return Kernel("power", order, renyi, stretch, gauge) if covered else None


def runs_on(device: torch.device) -> bool:
    """Whether problems on this device are the kernels' business."""
    return device.type == "cuda"


def active() -> bool:
    """Whether kernels are there, allowed, and none has failed."""
    return not _refused and allowed() and _has_triton()


def usable(kernel: Kernel, losses: Tensor, costs: Tensor | None) -> bool:
    """Whether `launch` covers this problem."""
    return (
        runs_on(losses.device)
        and 0 < losses.shape[-1] <= LIMIT
        and losses.numel() > 0
        and (costs is None or kernel.order is None)
        and kernel not in _refused
        and allowed()
        and _has_triton()
        and (kernel.key is None or _source().printed(kernel.key) is not None)
    )


def launch(
    kernel: Kernel,
    losses: Tensor,
    costs: Tensor | None,
    weights: Tensor | None,
    epsilon: float | Tensor,
    kappa: float | Tensor,
    steps: int,
    *,
    twice: bool,
) -> tuple[Solution, Dual | None] | None:
    """Solve for losses (..., B), detached, of any dtype; arguments as in `Objective.evaluate`.

    twice: with the dual that derivatives are taken from.  None where the kernel failed: it says so in one
    warning and is not tried again, unless what failed was the capture of a graph.
    """
    device, wide = losses.device, torch.float64
    count = losses.shape[-1]
    shapes = [losses.shape[:-1], *(x.shape[:-1] for x in (epsilon, kappa) if isinstance(x, Tensor))]
    lead: torch.Size = torch.broadcast_shapes(*shapes)  # type: ignore[no-untyped-call]
    rows = lead.numel()

    def each(x: Tensor) -> Tensor:
        x = x.to(device, None if x.dtype in _READ else wide)
        return x.expand(*lead, count).contiguous()

    def per_problem(x: float | Tensor) -> Tensor | None:
        return x.to(device, wide).expand(*lead, 1).contiguous() if isinstance(x, Tensor) else None

    given = each(losses)
    paid = None if costs is None else each(costs)
    carried = None if weights is None else each(weights)
    epsilons, kappas = per_problem(epsilon), per_problem(kappa)
    numbers = torch.empty((7, *lead), dtype=wide, device=device)
    short = torch.empty(lead, dtype=wide if losses.dtype == wide else torch.float32, device=device)
    codes = torch.empty(lead, dtype=torch.int64, device=device)
    masses = torch.empty((*lead, count), dtype=wide, device=device)
    curvature = torch.empty_like(masses) if twice else masses
    ranked = kernel.order is not None and kernel.renyi
    direction = torch.empty_like(masses) if twice and ranked else None
    tile, options = shape(count, lean=kernel.key is None)
    family: tuple[object, ...] = (given, given if paid is None else paid)
    if kernel.order is not None:
        family = (given,)
    out = (curvature,) if kernel.order is None else (curvature, masses if direction is None else direction)
    try:
        program, order, extra = _program(kernel, count, device)
        if kernel.order is None:
            extra["COSTLY"] = paid is not None
        # A launch runs on the current device, whatever device its tensors are on.
        with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
            program[(rows,)](
                *family,
                given if carried is None else carried,
                numbers if epsilons is None else epsilons,
                numbers if kappas is None else kappas,
                _bits(0.0 if isinstance(epsilon, Tensor) else epsilon),
                _bits(0.0 if isinstance(kappa, Tensor) else kappa),
                *order,
                count,
                steps,
                numbers,
                short,
                codes,
                masses,
                *out,
                RADII=epsilons is not None,
                PENALTIES=kappas is not None,
                WEIGHTED=carried is not None,
                TWICE=twice,
                TILE=tile,
                **extra,
                **options,
            )
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # whatever a compiler or driver says: the eager search answers instead
        if not capturing(device):  # where nothing may be loaded: a launch before it would have done so
            _refused.add(kernel)
        warnings.warn(
            f"the fused {kernel.name} solver cannot run here, so the slower eager one serves "
            f"({type(error).__name__}: {error})",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    value, mu, rho, primal, lam, gap, gamma = numbers.unbind()
    solution = Solution(short, lam, rho, masses, gap, codes, steps)
    if not twice:
        return solution, None
    return solution, Dual(
        value=value.unsqueeze(-1),
        mu=mu.unsqueeze(-1),
        rho=rho.unsqueeze(-1),
        weights=masses,
        primal=primal.unsqueeze(-1),
        status=codes.unsqueeze(-1),
        iterations=steps,
        curvature=curvature,
        direction=direction,
        gamma=None if direction is None else gamma.unsqueeze(-1),
    )


def capturing(device: torch.device) -> bool:
    """Whether the current stream records a CUDA graph."""
    return device.type == "cuda" and torch.cuda.is_current_stream_capturing()


def shape(count: int, *, lean: bool = True) -> tuple[int, dict[str, int]]:
    """Samples of a tile, and the launch's options: few samples a thread, so that registers hold all.

    lean: KL and the powers need few.  Products may fuse with sums, as in the C solver: no step relies on the
    rounding between them.
    """
    tile, warps = (128, 1 if lean else 2) if count <= 128 else (512, 16 if lean else 8)
    registers = min(255, 2048 // warps)
    return tile, {"num_warps": warps, "num_stages": 1, "maxnreg": registers, "enable_fp_fusion": True}


def _bits(x: float) -> int:
    """The bits of a double as a whole number: a launch would round the number itself to single precision."""
    bits: int = struct.unpack("<q", struct.pack("<d", x))[0]
    return bits


@cache
def _has_triton() -> bool:
    return find_spec("triton") is not None


def _program(
    kernel: Kernel, count: int, device: torch.device
) -> tuple[Any, tuple[object, ...], dict[str, object]]:
    """The Triton function, its arguments after the penalty, and what it is compiled for."""
    if kernel.key is not None:
        divergence = _source().printed(kernel.key)
        order = (_source().numbers_on(kernel.key, device), kernel.inner)
        return _kernel("f"), order, {"EDGED": divergence.edged, **divergence.functions}
    extra: dict[str, object] = {"LONG": count >= LONG}
    if kernel.order is None:
        return _kernel(kernel.name), (), extra
    extra |= {"CLOSE": abs(kernel.order - 1.0) < 0.05, "RENYI": kernel.renyi}
    return _kernel(kernel.name), (_bits(kernel.order), _bits(kernel.stretch), _bits(kernel.gauge)), extra


def _source() -> Any:
    return import_module("armor.objectives.fused.printed")


def _kernel(name: str) -> Any:
    return getattr(import_module(f"armor.objectives.fused.{name}"), name)
