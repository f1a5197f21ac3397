"""MART per sample (T17), with the complements taken as log-masses so that no constant is needed.

The published code shifts two complements to avoid `log 0` and a vanishing weight; `complement_shift=1e-4`
and `weight_shift=1e-7` reproduce its `log(1.0001 - max f_k)` and `(1.0000001 - f_y)`.
"""

__all__ = ["boosted_cross_entropy", "mart"]

import math

import torch
from torch import Tensor

from armor.errors import InputError
from armor.losses.classification import cross_entropy
from armor.losses.logits import checked, log_complement_of_label, log_complement_of_runner_up
from armor.losses.trades import kl_divergence
from armor.numbers import real


def boosted_cross_entropy(
    logits: Tensor, y: Tensor, *, complement_shift: float = 0.0, smoothing: float = 0.0
) -> Tensor:
    """`CE(f(x'), y) - log(1 + shift - max_{k != y} f_k(x'))`, shape (B,)."""
    if not complement_shift >= 0:
        raise InputError(f"complement_shift must be zero or positive, not {complement_shift!r}")
    logits = checked(logits, y)
    log_rest = log_complement_of_runner_up(logits, y)
    if complement_shift > 0:
        log_rest = torch.logaddexp(log_rest, torch.full_like(log_rest, math.log(complement_shift)))
    return cross_entropy(logits, y, smoothing) - log_rest


def mart(
    logits_nat: Tensor,
    logits_adv: Tensor,
    y: Tensor,
    beta: float,
    *,
    complement_shift: float = 0.0,
    weight_shift: float = 0.0,
    smoothing: float = 0.0,
) -> Tensor:
    """`CE(f(x'), y) - log(1 - max_{k != y} f_k(x')) + beta KL(f(x)‖f(x')) (1 - f_y(x))`, shape (B,).

    logits_nat, logits_adv: (B, K) at x and at x'; y: (B,); beta >= 0; the shifts as in the module's text;
    smoothing: of the labels in the cross-entropy, in [0, 1).
    """
    real("beta of MART", beta, positive=False)
    if not weight_shift >= 0:
        raise InputError(f"weight_shift must be zero or positive, not {weight_shift!r}")
    weight = log_complement_of_label(checked(logits_nat, y), y).exp() + weight_shift
    boosted = boosted_cross_entropy(logits_adv, y, complement_shift=complement_shift, smoothing=smoothing)
    return boosted + beta * kl_divergence(logits_nat, logits_adv) * weight
