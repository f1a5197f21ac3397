"""MART, with its published attack and with the exact one (T17: they differ)."""

__all__ = ["Mart"]

from typing import Any

import torch
from torch import Tensor, nn

from armor.errors import InputError
from armor.losses import cross_entropy, mart
from armor.methods.base import Method
from armor.transport import Ascent, Transported

ATTACKS = ("published", "exact")


class Mart(Method):
    """`φ(x') = CE(f(x'), y) - log(1 - max_{k != y} f_k(x')) + beta KL(f(x)‖f(x')) (1 - f_y(x))`.

    attack: "published" maximises plain cross-entropy, "exact" the whole loss, whose supremum is the `φ^c`
    of the duality; complement_shift, weight_shift: the published code's constants, see `armor.losses.mart`.
    """

    name = "mart"
    needs_natural = True

    def __init__(
        self,
        transport: Ascent,
        *,
        beta: float,
        attack: str = "published",
        complement_shift: float = 0.0,
        weight_shift: float = 0.0,
        **options: Any,
    ) -> None:
        if not beta >= 0:
            raise InputError(f"beta of MART must be zero or positive, not {beta!r}")
        if attack not in ATTACKS:
            raise InputError(f"MART's attack must be one of {', '.join(ATTACKS)}, not {attack!r}")
        super().__init__(transport, **options)
        self.beta = float(beta)
        self.attack_name = attack
        self.shifts = {"complement_shift": float(complement_shift), "weight_shift": float(weight_shift)}

    def _attack(self, model: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Transported:
        if self.attack_name == "published":
            return self.transport(lambda moved: cross_entropy(model(moved), y), x, generator=generator)
        with torch.no_grad():
            natural = model(x)
        return self.transport(lambda moved: self._losses(natural, model(moved), y), x, generator=generator)

    def _losses(self, logits: Tensor | None, adversarial_logits: Tensor, y: Tensor) -> Tensor:
        assert logits is not None
        return mart(logits, adversarial_logits, y, self.beta, smoothing=self.smoothing, **self.shifts)
