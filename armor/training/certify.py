"""What a training batch's objective said, held against the exact solver on that batch's losses and costs."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from armor.objectives import Objective
from armor.preflight import rounding_bound
from armor.preflight.rounding import unit_roundoff
from armor.preflight.witness import evaluate

__all__ = ["Verdict", "instance_of", "judge"]


@dataclass(frozen=True)
class Verdict:
    """One batch: the value used, the certified interval of its DRO value, and whether they agree.

    outside: how far the value is from where it must lie.  reason: what fails, as a sentence; empty when
    nothing does.
    """

    value: float
    lower: float
    upper: float
    outside: float
    reason: str

    @property
    def gap(self) -> float:
        """`value - lower`: what the multipliers used can cost at most."""
        return self.value - self.lower


def instance_of(objective: Objective, losses: Tensor, costs: Tensor | None) -> dict[str, Any]:
    """The batch as an instance (T6): each sample may only go where its attack has put it.

    losses, costs: (B,) of a batch with equal reference weights.
    """
    size = losses.numel()
    paid = [0.0] * size if costs is None else costs.double().cpu().tolist()
    return {
        "divergence": dict(objective.spec),
        "cost": [
            [paid[i] if i == j and paid[i] < math.inf else None for j in range(size)] for i in range(size)
        ],
        "p": [f"1/{size}"] * size,
        "phi": losses.double().cpu().tolist(),
        "epsilon": objective.epsilon,
        "kappa": objective.kappa,
        "support": "reference",
    }


def judge(
    objective: Objective,
    losses: Tensor,
    costs: Tensor | None,
    *,
    value: float,
    lam: float,
    rho: float,
    solve_dtype: torch.dtype = torch.float64,
    optimal: bool,
) -> Verdict:
    """Hold value, lambda and rho of a batch against the certified interval of its DRO value (T6, T7).

    losses, costs: (B,).  optimal: the value is meant to be the batch's own optimum and must lie in the
    interval; otherwise it is the dual function at these multipliers (T7), which must equal its formula and
    not lie below the interval.  Needs the extra `verify`.
    """
    from verification.instance import from_mapping
    from verification.solve import dro

    certified = dro(from_mapping(instance_of(objective, losses, costs)))
    numbers = losses.double().cpu().numpy()
    bound = rounding_bound(
        tuple(numbers.tolist()),
        value,
        epsilon=objective.epsilon,
        kappa=objective.kappa,
        lam=lam,
        solve_dtype=solve_dtype,
        value_dtype=torch.float64 if losses.dtype == torch.float64 else torch.float32,
    )
    lower, upper = certified.lower, certified.upper
    interval = f"its certified interval [{lower!r}, {upper!r}]"
    if optimal:
        # An infeasible batch has the value -inf on both sides.
        outside = 0.0 if value == upper == lower else max(lower - value, value - upper, 0.0)
        where = f"outside {interval}"
    else:
        paid = None if costs is None else costs.double().cpu().numpy()
        idle = np.zeros_like(numbers)
        spec, epsilon, kappa = objective.spec, objective.epsilon, objective.kappa
        dual = evaluate(spec, numbers, paid, None, epsilon, kappa, lam, rho, idle).dual
        # Terms of size mu and rho cancel where the radius is small.
        bound += 64 * unit_roundoff(torch.float64) * (lam + kappa + abs(rho)) * (1 + abs(math.log(lam + 1)))
        off, below = abs(value - dual), lower - value
        outside = max(off, below)
        where = (
            f"below {interval}" if below >= off else f"from the dual value {dual!r} at its own multipliers"
        )
    reason = ""
    if not outside <= bound:
        reason = f"the objective's value {value!r} lies {outside:.3g} {where}, rounding explains {bound:.3g}"
    return Verdict(value, lower, upper, outside, reason)
