"""A batch norm with running statistics as part of the convolution before it, made once while weights rest."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["folded", "folds_kept"]


@dataclass(frozen=True)
class _Fold:
    """`weight` and `bias` of a convolution with its batch norm in it, and what they were made from.

    sources: the tensors, versions: their counters of in-place changes, low: the dtype of autocast, if any.
    """

    sources: tuple[Tensor | None, ...]
    versions: tuple[int, ...]
    low: torch.dtype | None
    weight: Tensor
    bias: Tensor


_kept: ContextVar[dict[nn.BatchNorm2d, _Fold] | None] = ContextVar("kept", default=None)


@contextmanager
def folds_kept() -> Iterator[None]:
    """Inside, in this thread, `folded` answers from memory as long as nothing it was made from has changed.

    An attack passes the same weights many times. Writing past torch's version counters (`tensor.data`,
    a fused optimiser's step, `vector_to_parameters`) goes unseen. What is kept is dropped at the end; a
    context inside another shares its memory.
    """
    if _kept.get() is not None:
        yield
        return
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def folded(conv: nn.Conv2d, norm: nn.BatchNorm2d, device: torch.device) -> tuple[Tensor, Tensor]:
    """Weight and bias with which `conv` alone computes `norm(conv(x))` from running statistics.

    Inside `folds_kept` already in the dtype to which autocast on `device` would turn them in every pass;
    the same numbers. A compiled graph makes its own: it fuses these operations, and reads no memory of ours.
    """
    kept = None if torch.compiler.is_compiling() else _kept.get()
    if kept is None:
        return _fold(conv, norm)
    # The last one is a witness: batch norm moves its statistics past torch's counters, and counts that here.
    sources = (
        *(conv.weight, conv.bias, norm.weight, norm.bias),
        *(norm.running_mean, norm.running_var, norm.num_batches_tracked),
    )
    if torch.is_inference_mode_enabled() or any(s is not None and s.is_inference() for s in sources):
        return _fold(conv, norm)  # such tensors count nothing, and serve no gradient
    versions = tuple(source._version for source in sources if source is not None)
    low = torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else None
    found = kept.get(norm)
    if (
        found is None
        or found.low is not low
        or found.versions != versions
        or any(a is not b for a, b in zip(found.sources, sources, strict=True))
    ):
        weight, bias = _fold(conv, norm)
        if low is not None and weight.dtype == torch.float32:
            weight, bias = weight.to(low), bias.to(low)
        found = kept[norm] = _Fold(sources, versions, low, weight, bias)
    return found.weight, found.bias


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    mean = norm.running_mean if conv.bias is None else norm.running_mean - conv.bias
    return conv.weight * scale[:, None, None, None], norm.bias - mean * scale
