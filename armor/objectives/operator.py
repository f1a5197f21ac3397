"""The dual's solution as one operator of its own, which `torch.compile` takes whole.

Traced step by step, a search with a fixed budget unrolls into thousands of nodes and minutes of
compilation. As an operator it is one node, runs the very code that runs without compilation, and may be
captured in a CUDA graph, since it never waits for the device.
"""

__all__ = ["opaque", "register"]

import itertools
import math
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from armor.objectives.solution import Dual

if TYPE_CHECKING:
    from armor.objectives.base import Objective

_known: "WeakValueDictionary[str, Objective]" = WeakValueDictionary()
_keys = itertools.count()


def register(solver: "Objective") -> str:
    """A key by which the operator finds the solver as long as it lives."""
    key = str(next(_keys))  # text: a number would become a symbol when the graph is traced again
    _known[key] = solver
    return key


@torch.library.custom_op("armor_d::worst_weights", mutates_args=())
def _worst_weights(
    key: str,
    losses: Tensor,
    costs: Tensor | None,
    weights: Tensor | None,
    epsilon: float,
    kappa: float,
    epsilons: Tensor | None,
    kappas: Tensor | None,
) -> list[Tensor]:
    solver = _known[key]
    dual = solver.solve_dual(
        losses, costs, weights, epsilon if epsilons is None else epsilons, kappa if kappas is None else kappas
    )
    parts = [dual.value, dual.mu, dual.rho, dual.weights, dual.primal, dual.status.long(), dual.curvature]
    if dual.direction is not None and dual.gamma is not None:
        parts += [dual.direction, dual.gamma]
    return [
        part.clone() for part in parts
    ]  # an operator's results share no memory, with each other or the input


@_worst_weights.register_fake
def _(
    key: str,
    losses: Tensor,
    costs: Tensor | None,
    weights: Tensor | None,
    epsilon: float,
    kappa: float,
    epsilons: Tensor | None,
    kappas: Tensor | None,
) -> list[Tensor]:
    del epsilon, kappa
    shapes = [x.shape[:-1] for x in (losses, costs, weights, epsilons, kappas) if x is not None]
    lead: torch.Size = torch.broadcast_shapes(*shapes)  # type: ignore[no-untyped-call]

    def one() -> Tensor:
        return losses.new_empty((*lead, 1))

    def each() -> Tensor:
        return losses.new_empty((*lead, losses.shape[-1]))

    code = losses.new_empty((*lead, 1), dtype=torch.int64)
    extra = [each(), one()] if _known[key].rank_one else []
    return [one(), one(), one(), each(), one(), code, each(), *extra]


def opaque(
    solver: "Objective",
    losses: Tensor,
    costs: Tensor | None,
    weights: Tensor | None,
    epsilon: float | Tensor,
    kappa: float | Tensor,
) -> Dual:
    """`solver.solve_dual` as one node of a traced graph; `iterations` is then the budget."""
    single = not isinstance(epsilon, Tensor), not isinstance(kappa, Tensor)
    parts = _worst_weights(
        solver.key,
        losses,
        costs,
        weights,
        epsilon if single[0] else math.nan,
        kappa if single[1] else math.nan,
        None if single[0] else epsilon,
        None if single[1] else kappa,
    )
    value, mu, rho, masses, primal, code, curvature, *extra = parts
    direction, gamma = extra if extra else (None, None)
    return Dual(
        value=value,
        mu=mu,
        rho=rho,
        weights=masses,
        primal=primal,
        status=code,
        iterations=solver.iterations,
        curvature=curvature,
        direction=direction,
        gamma=gamma,
        twice=solver.differentiable_twice(costs),
    )
