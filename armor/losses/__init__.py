"""Per-sample losses `(B,)` from logits: the `φ` of the objectives."""

from armor.losses.classification import cross_entropy, margin
from armor.losses.mart import boosted_cross_entropy, mart
from armor.losses.trades import kl_divergence, trades

__all__ = ["boosted_cross_entropy", "cross_entropy", "kl_divergence", "margin", "mart", "trades"]
