"""TRADES per sample (T17): `CE(f(x), y) + beta KL(f(x)‖f(x'))`."""

__all__ = ["kl_divergence", "trades"]

import torch
from torch import Tensor

from armor.losses.classification import cross_entropy
from armor.losses.logits import checked
from armor.numbers import real


def kl_divergence(logits_p: Tensor, logits_q: Tensor) -> Tensor:
    """`KL(softmax(logits_p)‖softmax(logits_q))`, shape (B,), in [0, inf); gradients flow into both.

    Summed as `q - p + p (log p - log q)`, whose terms are nonnegative and do not cancel: near p = q, where
    the TRADES attack starts, the plain sum loses value and sign in single precision.
    """
    log_p = checked(logits_p, name="logits_p").log_softmax(1)
    log_q = checked(logits_q, name="logits_q").log_softmax(1)
    p, delta = log_p.exp(), log_q - log_p
    near = delta.clamp(max=1.0)
    terms = torch.where(delta < 1.0, p * (torch.expm1(near) - near), log_q.exp() - p - p * delta)
    return terms.sum(1)


def trades(logits_nat: Tensor, logits_adv: Tensor, y: Tensor, beta: float, smoothing: float = 0.0) -> Tensor:
    """`CE(f(x), y) + beta KL(f(x)‖f(x'))`, shape (B,).

    logits_nat, logits_adv: (B, K) at x and at x'; y: (B,); beta >= 0; smoothing: of the labels, in [0, 1).
    """
    real("beta of TRADES", beta, positive=False)
    return cross_entropy(logits_nat, y, smoothing) + beta * kl_divergence(logits_nat, logits_adv)
