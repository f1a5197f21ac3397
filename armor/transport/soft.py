"""Transport under a soft cost: ascent on `φ(y) - μ c(x, y)` with the μ of the dual that follows (trap 10)."""

__all__ = ["FlipAscent", "SoftAscent"]

import math

import torch
from torch import Tensor

from armor.errors import InputError
from armor.numbers import real, whole
from armor.restarts import check_restarts
from armor.transport.ascent import (
    _SCHEDULES,
    Loss,
    Transported,
    _better,
    check_inside,
    checked_box,
    checked_losses,
    gradient_of,
)
from armor.transport.balls import draw
from armor.transport.costs import Cost, Flips

_RULES = ("sign", "unit", "gradient")


class SoftAscent:
    """Gradient ascent on the penalised loss; the best iterate counts, the sample itself among them.

    cost: `c(x, y)`.  step, steps, schedule as in `Ascent`.  rule: "sign" (as the published attacks), "unit"
    (normalised gradient) or "gradient" (as it is).  start: displacement of the first step, standard
    deviation of a Gaussian; 0 for none.  restarts: independent runs of which the best point counts; more
    than one needs a random start.  box: the range of a pixel, or None.
    """

    def __init__(
        self,
        cost: Cost,
        *,
        step: float,
        steps: int,
        rule: str = "sign",
        schedule: str = "constant",
        start: float = 0.0,
        restarts: int = 1,
        box: tuple[float, float] | None = (0.0, 1.0),
    ) -> None:
        self.step = real("the attack's step", step, positive=True)
        self.steps = whole("the attack's steps", steps, least=0)
        self.start = real("start", start, positive=False)
        for name, value, known in (("rule", rule, _RULES), ("schedule", schedule, tuple(_SCHEDULES))):
            if value not in known:
                raise InputError(f"{name} must be one of {', '.join(known)}, not {value!r}")
        check_restarts(restarts, random=start > 0)
        self.cost, self.rule, self.schedule = cost, rule, schedule
        self.restarts, self.box = restarts, checked_box(box)

    def __call__(
        self, phi: Loss, x: Tensor, *, mu: Tensor | float, generator: torch.Generator | None = None
    ) -> Transported:
        """Transport `x` (B, ...) at the multiplier `mu = lambda + kappa > 0`, () or a number.

        Raises `InputError` for a mu that is none, a start without a generator, samples outside the box.
        """
        check_multiplier(mu)
        if self.start > 0 and generator is None:
            raise InputError("a random start needs an explicit generator")
        x = x.detach()
        check_inside(x, self.box)
        with torch.no_grad():
            unmoved = checked_losses(phi(x), x)
        best_x, best = x, unmoved.float()
        for _ in range(self.restarts):
            moved = x
            if self.start > 0 and generator is not None:
                noise = torch.randn(x.shape, generator=generator, device=generator.device).to(x)
                moved = self._feasible(x, x + self.start * noise)
            for index in range(self.steps):
                with torch.enable_grad():
                    leaf = moved.detach().requires_grad_()
                    value = phi(leaf) - mu * self.cost(x, leaf)
                    gradient = gradient_of(value, leaf)
                if index > 0 or self.start > 0:  # without a random start this is x, which counts already
                    best_x, best = _better(best_x, best, moved, value)
                size = self.step * _SCHEDULES[self.schedule](index / self.steps)
                moved = self._feasible(x, moved + size * self._direction(gradient))
            if self.steps > 0:
                with torch.no_grad():
                    best_x, best = _better(best_x, best, moved, phi(moved) - mu * self.cost(x, moved))
        return Transported(best_x, self.cost(x, best_x), best, unmoved)

    def _direction(self, gradient: Tensor) -> Tensor:
        if self.rule == "sign":
            return gradient.sign()
        if self.rule == "gradient":
            return gradient
        norms = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
        return gradient / torch.where(norms > 0, norms, 1.0).reshape(-1, *[1] * (gradient.ndim - 1))

    def _feasible(self, x: Tensor, moved: Tensor) -> Tensor:
        if self.box is not None:
            moved = moved.clamp(*self.box)
        return self.cost.feasible(x, moved)


def check_multiplier(mu: Tensor | float) -> None:
    """`InputError` unless positive and finite; on an accelerator nobody looks, it would wait."""
    if not isinstance(mu, Tensor):
        real("mu", mu, positive=True)
    elif mu.device.type == "cpu" and not torch.compiler.is_compiling():
        wrong = mu[~(torch.isfinite(mu) & (mu > 0))]
        if wrong.numel():
            raise InputError(f"mu must be finite and positive, not {wrong.flatten()[0].item()!r}")


class FlipAscent:
    """One-way flips of binary features (T5 e), `per_step` at a time, by first-order gain above `mu L`.

    Exact for linear losses in one step with `per_step=None` (every feature that gains). The best point met
    counts, the sample itself among them.

    restarts: runs; the first begins at the sample, each further one at `start` >= 1 random flips of it, of
    which it may take back those that do not pay.
    """

    def __init__(
        self,
        scale: float,
        *,
        steps: int = 1,
        per_step: int | None = None,
        restarts: int = 1,
        start: int = 0,
    ) -> None:
        self.steps = whole("steps of flips", steps)
        self.per_step = None if per_step is None else whole("per_step", per_step)
        self.start = whole("start, a number of flips,", start, least=0)
        check_restarts(restarts, random=start > 0)
        self.cost, self.restarts = Flips(scale), restarts

    def __call__(
        self,
        phi: Loss,
        x: Tensor,
        *,
        mu: Tensor | float,
        generator: torch.Generator | None = None,
    ) -> Transported:
        """Transport binary `x` (B, ...) at the multiplier `mu > 0`.

        Raises `InputError` unless x is binary, for a mu that is none, or if restarts lack a generator.
        """
        check_multiplier(mu)
        if self.restarts > 1 and generator is None:
            raise InputError("a random start needs an explicit generator")
        x = x.detach()
        if x.device.type == "cpu" and bool(((x != 0) & (x != 1)).any()):
            raise InputError("flips need binary features, 0 or 1")
        with torch.no_grad():
            unmoved = checked_losses(phi(x), x)
        best_x, best = x, unmoved.float()
        for run in range(self.restarts):
            moved = x
            if run > 0 and generator is not None:
                moved = self._begin(x, generator)
                with torch.no_grad():
                    best_x, best = _better(best_x, best, moved, phi(moved) - mu * self.cost(x, moved))
            for _ in range(self.steps):
                with torch.enable_grad():
                    leaf = moved.detach().requires_grad_()
                    gradient = gradient_of(phi(leaf), leaf)
                gain = gradient - mu * self.cost.scale
                # What x holds stays; what a random start has flipped may go back.
                back = torch.where(x > 0, -math.inf, -gain) if run > 0 else -math.inf
                gain = torch.where(moved > 0, back, gain).flatten(1)
                flip = gain > 0
                if self.per_step is not None and self.per_step < gain.shape[1]:
                    chosen = gain.topk(self.per_step, dim=1).indices  # of equal gains not more than asked for
                    flip = flip & torch.zeros_like(flip).scatter(1, chosen, True)
                moved = torch.where(flip.reshape(x.shape), 1.0 - moved, moved)
                with torch.no_grad():
                    best_x, best = _better(best_x, best, moved, phi(moved) - mu * self.cost(x, moved))
        return Transported(best_x, self.cost(x, best_x), best, unmoved)

    def _begin(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """`x` with `start` of its zeros, chosen at random, switched on (fewer where it has fewer)."""
        flat = x.flatten(1)
        order = draw(flat, generator).masked_fill(flat > 0, -1.0)
        chosen = order.topk(min(self.start, flat.shape[1]), dim=1).indices
        return flat.scatter(1, chosen, 1.0).reshape(x.shape)
