"""What a solved instance must satisfy: its interval, and the statements on weights and gradients."""

__all__ = ["cancellation", "gradients", "judge", "statement"]

import math
from collections.abc import Iterator, Mapping

import numpy as np
import torch

from armor.preflight.certified import Certified
from armor.preflight.measure import Measured
from armor.preflight.report import Check
from armor.preflight.rounding import rounding_bound, unit_roundoff
from armor.preflight.witness import evaluate


def statement(spec: Mapping[str, object]) -> str:
    """The T-id of a divergence's dual form."""
    return {"kl": "T8", "alpha": "T9", "renyi": "T10"}.get(str(spec.get("name")), "T7")


def cancellation(lam: float, kappa: float, rho: float) -> float:
    """What rounding may add where terms of size mu and rho cancel, as in the dual value of a small radius."""
    return 64 * unit_roundoff(torch.float64) * (lam + kappa + abs(rho)) * (1 + abs(math.log(lam + 1)))


def judge(
    spec: Mapping[str, object],
    instance: Certified,
    result: Measured,
    dtype: torch.dtype,
    *,
    certified: bool,
    subject: str,
) -> list[Check]:
    """The checks of an exactly solved instance: value, multipliers, weights and gradients.

    certified: whether the instance's interval judges; else the result's own witnesses do.
    dtype: of the losses.  subject: what was measured, in front of what is checked of it.
    """
    value_id = statement(spec)
    grade = "enclosed" if certified else "bracketed"
    checks: list[Check] = []

    def note(identity: str, what: str, holds: bool, detail: str) -> None:
        outcome = "holds" if holds else "fails"
        checks.append(Check(instance.id, identity, f"{subject}{what}", grade, outcome, detail))

    value = result["value"]
    if instance.lower == instance.upper == -math.inf:
        note("T6", "infeasible radius", value == -math.inf, f"value {value!r} should be -inf")
        return checks
    if not math.isfinite(value):
        note(value_id, "value", False, f"value {value!r} ({result['code']})")
        return checks
    bound = rounding_bound(
        instance.losses,
        value,
        epsilon=instance.epsilon,
        kappa=instance.kappa,
        lam=result["lam"],
        solve_dtype=result["solve_dtype"],
        value_dtype=result["value_dtype"],
    )
    losses = np.array(instance.losses)
    costs = None if instance.costs is None else np.array(instance.costs)
    weights = None if instance.weights is None else np.array(instance.weights)
    lam, rho, w = result["lam"], result["rho"], result["weights"]
    seen = evaluate(spec, losses, costs, weights, instance.epsilon, instance.kappa, lam, rho, w)
    cancel = cancellation(lam, instance.kappa, rho)
    solver = 1e-6 if result["solve_dtype"] == torch.float64 else 1e-2
    lower = instance.lower if certified else seen.primal
    upper = instance.upper if certified else seen.dual
    note(
        value_id,
        "value",
        lower - bound <= value <= upper + bound + (0.0 if certified else cancel),
        f"value {value!r} is outside [{lower!r}, {upper!r}] widened by {bound:.1e}",
    )
    note(
        value_id,
        "multipliers",
        lam >= 0 and seen.dual <= (upper if certified else value) + bound + cancel,
        f"the dual value {seen.dual!r} at lambda {lam!r}, rho {rho!r} exceeds "
        f"{instance.upper if certified else value!r} by more than rounding",
    )
    mass_error = (w.size + 8) * unit_roundoff(result["solve_dtype"])
    note(
        "T11",
        "weights are masses",
        bool((w >= 0).all()) and abs(seen.mass - 1) <= mass_error,
        f"the smallest weight is {w.min()!r}, their sum {seen.mass!r}",
    )
    slack = instance.epsilon * solver + 1e-12
    note(
        "T11",
        "weights respect the radius",
        seen.spent <= instance.epsilon + slack,
        f"they spend {seen.spent!r} of {instance.epsilon!r}",
    )
    note(
        "T11",
        "weights reach the value",
        seen.primal >= (instance.lower if certified else value) - bound - slack * (lam + instance.kappa),
        f"their value {seen.primal!r} stays below {instance.lower if certified else value!r}",
    )
    for what, holds, detail in gradients(result, lam + instance.kappa, dtype):
        note("T12", what, holds, detail)
    return checks


def gradients(
    result: Measured, mu: float, dtype: torch.dtype, slack: float = 0.0
) -> Iterator[tuple[str, bool, str]]:
    """T12 of a result: the gradient is the weights, and `-mu` times them with respect to the costs.

    slack: allowed besides rounding to `dtype`, relative to a weight or to 1e-6, where two formulas compute
    gradient and weights.
    """
    w, gradient = result["weights"], result["gradient"]
    extra = slack * np.maximum(np.abs(w), 1e-6) if slack else 0.0 * w
    allowed = unit_roundoff(dtype) * np.abs(w) * 2 + 1e-45 + extra
    yield (
        "gradient is the weights",
        gradient is not None and bool((np.abs(gradient - w) <= allowed + _subnormal(dtype)).all()),
        "the gradient with respect to the losses is not the vector of weights",
    )
    if result["costly"]:
        wanted, got = -mu * w, result["cost_gradient"]
        allowed = (unit_roundoff(dtype) * 2 + 1e-14) * np.abs(wanted) + _subnormal(dtype) + mu * extra
        yield (
            "gradient of the costs",
            got is not None and bool((np.abs(got - wanted) <= allowed).all()),
            "the gradient with respect to the costs is not -(lambda + kappa) times the weights",
        )


def _subnormal(dtype: torch.dtype) -> float:
    return float(torch.finfo(dtype).smallest_normal)
