"""Jeffreys divergence: its conjugate's derivative by the Wright omega function instead of a bracketed search.

`f(t) = (t - 1) log t`, `f'(t) = log t + 1 - 1/t = y` becomes `omega + log omega = 1 - y` with `omega = 1/t`.
In `v = log omega` the equation `e^v + v = x` is convex and increasing, and both starts (`v = x` below one,
`v = log x` above) lie to the right of the root: Newton descends to it without a safeguard.
"""

__all__ = ["Jeffreys"]

import dataclasses
from functools import partial

from armor.objectives.arrays import Array, Ops, numpy_ops, torch_ops
from armor.objectives.fdivergence import FDivergenceObjective

_STEPS = 7


def _log_omega(xp: Ops, x: Array) -> Array:
    x = xp.minimum(x, 1e300)
    v = xp.where(x < 1.0, x, xp.log(xp.maximum(x, 1.0)))
    for _ in range(_STEPS):
        e = xp.exp(v)
        v = v - (e + v - x) / (e + 1.0)
    return v


def _density(xp: Ops, y: Array) -> Array:
    return xp.exp(-_log_omega(xp, 1.0 - y))


def _response(xp: Ops, y: Array) -> Array:
    t = _density(xp, y)
    return t / (1.0 + 1.0 / t)  # 1/f''(t) = t²/(1 + t), without overflow


class Jeffreys(FDivergenceObjective):
    """`f(t) = (t - 1) log t`, as `FDivergenceObjective` solves it, an order of magnitude sooner."""

    def __init__(self, *, epsilon: float, kappa: float = 0.0, iterations: int = 24) -> None:
        super().__init__({"name": "jeffreys"}, epsilon=epsilon, kappa=kappa, iterations=iterations)
        self.functions = dataclasses.replace(
            self.functions,
            density={ops.name: partial(_density, ops) for ops in (numpy_ops, torch_ops)},
            response={ops.name: partial(_response, ops) for ops in (numpy_ops, torch_ops)},
        )
