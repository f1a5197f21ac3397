"""Shared pieces: precision, validation, and log-probabilities of complements without cancellation."""

__all__ = ["checked", "log_complement_of_label", "log_complement_of_runner_up", "without"]

import torch
from torch import Tensor

from armor.errors import InputError


def checked(logits: Tensor, y: Tensor | None = None, *, name: str = "logits") -> Tensor:
    """`logits` (B, K), at least in float32, after checking the shapes against the labels `y` (B,)."""
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise InputError(f"{name} must have the shape (B, K) with K >= 2 classes, not {tuple(logits.shape)}")
    if y is not None and y.shape != logits.shape[:1]:
        raise InputError(f"labels of shape {tuple(y.shape)} do not fit {name} of shape {tuple(logits.shape)}")
    if y is not None and (y.is_floating_point() or y.dtype == torch.bool):
        raise InputError(f"labels must be class indices (integers), not {y.dtype}")
    if y is not None and y.device.type == "cpu" and y.numel() and not torch.compiler.is_compiling():
        low, high = int(y.min()), int(y.max())
        if low < 0 or high >= logits.shape[1]:
            wrong = low if low < 0 else high
            raise InputError(f"label {wrong} is out of range: {name} have {logits.shape[1]} classes")
    return logits if logits.dtype == torch.float64 else logits.float()


def without(logits: Tensor, index: Tensor) -> Tensor:
    """`logits` with the entry `index` (B,) of each row at minus infinity."""
    return logits.scatter(1, index.unsqueeze(1), float("-inf"))


def log_complement_of_label(logits: Tensor, y: Tensor) -> Tensor:
    """log(1 - f_y) as the log-mass of the other classes: exact where f_y rounds to one."""
    return without(logits, y).logsumexp(1) - logits.logsumexp(1)


def log_complement_of_runner_up(logits: Tensor, y: Tensor) -> Tensor:
    """log(1 - max_{k != y} f_k), again as the log-mass of all other classes."""
    runner_up = without(logits.detach(), y).argmax(1)
    return log_complement_of_label(logits, runner_up)
