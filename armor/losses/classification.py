"""Cross-entropy and the margin of Carlini and Wagner."""

__all__ = ["cross_entropy", "margin"]

import torch.nn.functional as F
from torch import Tensor

from armor.errors import InputError
from armor.losses.logits import checked, without


def cross_entropy(logits: Tensor, y: Tensor, smoothing: float = 0.0) -> Tensor:
    """`-log f_y(x)`, shape (B,), in [0, inf).  logits: (B, K); y: (B,) class indices.

    smoothing: s in [0, 1): `-(1 - s) log f_y(x) - (s/K) sum_k log f_k(x)`.
    """
    if not 0.0 <= smoothing < 1.0:
        raise InputError(f"label smoothing must lie in [0, 1), not {smoothing!r}")
    return F.cross_entropy(checked(logits, y), y, reduction="none", label_smoothing=smoothing)


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """`max_{k != y} z_k - z_y`, shape (B,): positive exactly where the sample is misclassified."""
    logits = checked(logits, y)
    return without(logits, y).amax(1) - logits.gather(1, y.unsqueeze(1)).squeeze(1)
