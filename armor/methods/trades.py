"""TRADES: attacking the KL term maximises the whole loss, as the first term does not depend on x' (T17)."""

__all__ = ["Trades"]

from typing import Any

import torch
from torch import Tensor, nn

from armor.errors import InputError
from armor.losses import kl_divergence, trades
from armor.methods.base import Method
from armor.transport import Ascent, Transported


class Trades(Method):
    """`φ(x') = CE(f(x), y) + beta KL(f(x)‖f(x'))`."""

    name = "trades"
    needs_natural = True

    def __init__(self, transport: Ascent, *, beta: float, **options: Any) -> None:
        if not beta >= 0:
            raise InputError(f"beta of TRADES must be zero or positive, not {beta!r}")
        if transport.start == "none":
            raise InputError(
                "TRADES' attack needs a random start: at x' = x the gradient of its KL term is zero"
            )
        super().__init__(transport, **options)
        self.beta = float(beta)

    def _attack(self, model: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Transported:  # noqa: ARG002
        with torch.no_grad():
            target = model(x)  # once: it does not depend on x'
        return self.transport(lambda moved: kl_divergence(target, model(moved)), x, generator=generator)

    def _losses(self, logits: Tensor | None, adversarial_logits: Tensor, y: Tensor) -> Tensor:
        assert logits is not None
        return trades(logits, adversarial_logits, y, self.beta, self.smoothing)
