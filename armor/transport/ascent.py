"""Projected gradient ascent on `φ(x') - μ c(x, x')`, per sample, keeping the best point seen."""

__all__ = ["Ascent", "Transported"]

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from armor.errors import InputError, NotANumberError
from armor.numbers import real, whole
from armor.restarts import check_restarts
from armor.transport.balls import Ball, draw

Loss = Callable[[Tensor], Tensor]

_STARTS = ("uniform", "gaussian", "none")
_KEEPS = ("best", "last")
_SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda _: 1.0,
    "linear": lambda done: 1.0 - done,
    "cosine": lambda done: 0.5 * (1.0 + math.cos(math.pi * done)),
}


@dataclass(frozen=True)
class Transported:
    """Where the samples went.

    x: (B, ...), detached.  costs: c(x, x') (B,), or None where the cost is zero inside a hard ball.
    objective: the maximised `φ - μ c` at x (B,), None when only the last iterate was kept (it saves a pass).
    unmoved: `φ` at the samples before they moved (B,), where the attack has computed it; else None.
    """

    x: Tensor
    costs: Tensor | None
    objective: Tensor | None
    unmoved: Tensor | None = None


class Ascent:
    """Projected ascent for a hard ball.

    ball:     the set; box: the range of a pixel, or None.
    step:     size of a step, steps: their number, schedule: "constant", "linear" or "cosine" decay.
    start:    "uniform" in the ball, "gaussian" (standard deviation 0.001, as TRADES publishes), or "none".
    restarts: independent runs; more than one needs keep="best" and a random start.
    keep:     "best" iterate per sample, the sample itself among them (one pass more without gradient, two
              with a random start), or the "last" one.
    Raises `armor.errors.InputError` for values out of range.
    """

    def __init__(
        self,
        ball: Ball,
        *,
        step: float,
        steps: int,
        restarts: int = 1,
        start: str = "uniform",
        keep: str = "best",
        schedule: str = "constant",
        box: tuple[float, float] | None = (0.0, 1.0),
    ) -> None:
        self.step = real("the attack's step", step, positive=False)
        self.steps = whole("the attack's steps", steps, least=0)
        for name, value, known in (
            ("start", start, _STARTS),
            ("keep", keep, _KEEPS),
            ("schedule", schedule, tuple(_SCHEDULES)),
        ):
            if value not in known:
                raise InputError(f"{name} must be one of {', '.join(known)}, not {value!r}")
        check_restarts(restarts, random=start != "none", keeps_best=keep == "best")
        self.ball, self.restarts, self.box = ball, restarts, checked_box(box)
        self.start, self.keep, self.schedule = start, keep, schedule

    def __repr__(self) -> str:
        return f"Ascent({self.ball}, step={self.step}, steps={self.steps}, restarts={self.restarts})"

    def __call__(self, phi: Loss, x: Tensor, *, generator: torch.Generator | None = None) -> Transported:
        """Transport `x` (B, ...); `phi` maps such a batch to losses (B,).

        Raises `InputError` if a random start lacks a generator or x lies outside the box.
        """
        if self.start != "none" and generator is None:
            raise InputError(f"a random start ({self.start!r}) needs an explicit generator")
        x = x.detach()
        check_inside(x, self.box)
        best_x, best = x, x.new_full(x.shape[:1], -math.inf, dtype=torch.float32)
        if self.keep == "best" and self.start != "none":  # else the first step measures x itself
            with torch.no_grad():
                best = checked_losses(phi(x), x).to(best.dtype)
        for _ in range(self.restarts):
            moved = self._project(x, self._begin(x, generator))
            for index in range(self.steps):
                value, gradient = _value_and_gradient(phi, moved)
                if self.keep == "best":
                    best_x, best = _better(best_x, best, moved, value)
                size = self.step * _SCHEDULES[self.schedule](index / self.steps)
                moved = self._project(x, moved + size * self.ball.direction(gradient))
            if self.keep == "last":
                return Transported(moved, None, None)
            with torch.no_grad():
                best_x, best = _better(best_x, best, moved, checked_losses(phi(moved), moved))
        return Transported(best_x, None, best)

    def _begin(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        if self.start == "none" or generator is None:
            return x
        if self.start == "gaussian":
            return x + 0.001 * draw(x, generator, gaussian=True)
        return x + self.ball.random(x, generator)

    def _project(self, x: Tensor, moved: Tensor) -> Tensor:
        moved = self.ball.project(x, moved)
        # For a box that contains x, clamping afterwards stays inside an lp ball: every coordinate moves to x.
        return moved if self.box is None else moved.clamp(*self.box)


def checked_box(box: tuple[float, float] | None) -> tuple[float, float] | None:
    """The range of a pixel; `InputError` unless it is two numbers, the lower first."""
    if box is None:
        return None
    try:
        low, high = (float(end) for end in box)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not low < high:
        raise InputError(f"the pixel box must be an interval (low, high), not {box!r}")
    return low, high


def check_inside(x: Tensor, box: tuple[float, float] | None) -> None:
    """`InputError` unless the samples lie in the box; on an accelerator nobody looks, it would wait."""
    if box is None or x.device.type != "cpu" or torch.compiler.is_compiling() or not x.numel():
        return
    low, high = float(x.min()), float(x.max())
    if not (low >= box[0] - 1e-6 and high <= box[1] + 1e-6):
        raise InputError(
            f"samples must lie in the pixel box [{box[0]:g}, {box[1]:g}] before they are attacked, "
            f"but range over [{low:g}, {high:g}]"
        )


def checked_losses(value: Tensor, x: Tensor) -> Tensor:
    """The losses; `InputError` unless one per sample, `NotANumberError` (on the CPU) if not all finite."""
    if value.shape != x.shape[:1]:
        raise InputError(
            f"the attacked loss must have one number per sample, shape ({x.shape[0]},), "
            f"not {tuple(value.shape)}"
        )
    if value.device.type == "cpu" and not torch.compiler.is_compiling():
        wrong = ~torch.isfinite(value.detach())
        if bool(wrong.any()):
            sample = int(wrong.nonzero()[0])
            odd = float(value.detach()[sample])
            raise NotANumberError(f"the attacked loss of sample {sample} is not a finite number ({odd})")
    return value


def _value_and_gradient(phi: Loss, x: Tensor) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        value = checked_losses(phi(leaf), leaf)
        gradient = gradient_of(value, leaf)
    return value.detach(), gradient


def gradient_of(value: Tensor, leaf: Tensor) -> Tensor:
    """Of the sum of `value` in `leaf`; `InputError` where it carries none."""
    if not value.requires_grad:
        raise InputError("the attacked loss carries no gradient: it does not depend on the samples")
    (gradient,) = torch.autograd.grad(value.sum(), leaf)
    return gradient


def _better(best_x: Tensor, best: Tensor, x: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    value = value.detach().to(best.dtype)
    gain = value > best
    mask = gain.reshape(-1, *[1] * (x.ndim - 1))
    return torch.where(mask, x, best_x), torch.where(gain, value, best)
