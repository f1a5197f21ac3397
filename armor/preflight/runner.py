"""The pre-flight: the run's own objective, on its own device, against the certified instances."""

__all__ = ["run"]

import hashlib
import inspect
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import armor.native
import armor.objectives
from armor.errors import InputError
from armor.objectives import Objective
from armor.preflight.certified import Certified, InstanceSet, find
from armor.preflight.report import Check, PreflightRefusal, PreflightReport
from armor.preflight.rounding import rounding_bound, unit_roundoff
from armor.preflight.witness import evaluate

Measured = dict[str, Any]


def run(
    objective: Objective,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    compile: bool = False,
    world_size: int = 1,
    instances: Path | None = None,
) -> PreflightReport:
    """Measure `objective` on certified instances of its divergence, before the first training step.

    Checked on every instance: the value lies in the certified interval widened by `rounding_bound`; the
    weights are masses that respect the radius and reach the interval's lower end (T11); the multipliers'
    dual value stays below its upper end; the gradient equals the weights, and `-mu` times them for the
    costs (T12). Then the run's own radius and penalty, bracketed by the witnesses on the same losses.

    dtype: of the losses as the training step hands them over.  instances: a file of certified instances
    instead of the shipped ones.  Takes about a second, compilation apart; needs neither cvxpy nor flint.

    Raises `PreflightRefusal` when a check fails, `armor.errors.InputError` when there are no instances.
    """
    device = torch.device(device)
    found = find(objective.spec, instances)
    for instance in found.instances:
        _check_exact(instance, dtype)
    compile_seconds = 0.0
    begin = time.perf_counter()
    if compile:
        measured, compile_seconds = _measure_compiled(objective, found, device, dtype)
    else:
        measured = [
            _measure(objective.replace(epsilon=i.epsilon, kappa=i.kappa), i, device, dtype)
            for i in found.instances
        ]
    checks: list[Check] = []
    for instance, result in zip(found.instances, measured, strict=True):
        checks += _judge(objective.spec, instance, result, dtype, certified=True)
    for instance in _own(objective, found):
        result = _measure(objective, instance, device, dtype)
        checks += _judge(objective.spec, instance, result, dtype, certified=False)
    failures = tuple(check for check in checks if check.outcome == "fails")
    report = PreflightReport(
        outcome="fails" if failures else "holds",
        grade="enclosed",
        objective=objective.to_mapping(),
        device=_device_name(device),
        dtype=str(dtype).removeprefix("torch."),
        compile=compile,
        world_size=world_size,
        source=found.source,
        instances=len(found.instances),
        checks=len(checks),
        failures=failures,
        instances_sha256=found.sha256,
        code_sha256=code_hash(objective),
        seconds=time.perf_counter() - begin - compile_seconds,
        compile_seconds=compile_seconds,
    )
    if failures:
        raise PreflightRefusal(report)
    return report


def code_hash(objective: Objective) -> str:
    """SHA-256 over the sources of the objectives, the class's own source file and the versions used."""
    folder = Path(armor.objectives.__file__).parent
    native = Path(armor.native.__file__).parent
    files = sorted([*folder.glob("*.py"), *native.glob("*.[ch]"), native / "build.py"])
    own = inspect.getsourcefile(type(objective))
    if own is not None and Path(own) not in files:
        files.append(Path(own))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    digest.update(f"torch {torch.__version__} numpy {np.__version__} python {sys.version_info[:2]}".encode())
    return digest.hexdigest()


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


def _check_exact(instance: Certified, dtype: torch.dtype) -> None:
    for row in (instance.losses, instance.costs):
        if row is not None:
            wide = torch.tensor(row, dtype=torch.float64)
            if not torch.equal(wide.to(dtype).double(), wide):
                raise InputError(
                    f"instance {instance.id} holds numbers that {dtype} cannot represent exactly"
                )


def _own(objective: Objective, found: InstanceSet) -> list[Certified]:
    """The same losses at the run's own radius and penalty; no interval is known, the witnesses bracket."""
    return [
        Certified(
            f"{i.id}@own", i.losses, None, i.weights, objective.epsilon, objective.kappa, -math.inf, math.inf
        )
        for i in found.instances
    ]


def _measure(objective: Objective, instance: Certified, device: torch.device, dtype: torch.dtype) -> Measured:
    losses, costs, weights = _tensors(instance, device, dtype)
    losses.requires_grad_()
    if costs is not None:
        costs.requires_grad_()
    with torch.enable_grad():
        try:
            solution = objective(losses, costs, weights)
            if not bool(torch.isfinite(solution.value)):
                return {"value": solution.value.item(), "code": solution.status.name}
            torch.autograd.backward(solution.value)
        except Exception as error:  # whatever a broken objective raises: a refusal, not a traceback
            return _raised(error)
    return {
        "value": solution.value.item(),
        "lam": solution.lam.item(),
        "rho": solution.rho.item(),
        "gap": solution.gap.item(),
        "weights": solution.weights.double().cpu().numpy(),
        "code": solution.status.name,
        "value_dtype": solution.value.dtype,
        "solve_dtype": solution.weights.dtype,
        "gradient": None if losses.grad is None else losses.grad.double().cpu().numpy(),
        "cost_gradient": None if costs is None or costs.grad is None else costs.grad.double().cpu().numpy(),
    }


def _raised(error: Exception) -> Measured:
    reason = (str(error).splitlines() or [""])[0]
    return {"value": math.nan, "code": f"raised {type(error).__name__}: {reason}"}


def _tensors(
    instance: Certified, device: torch.device, dtype: torch.dtype
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    def tensor(row: tuple[float, ...] | None, kind: torch.dtype) -> Tensor | None:
        return None if row is None else torch.tensor(row, dtype=kind).to(device)

    losses = tensor(instance.losses, dtype)
    assert losses is not None
    weights = tensor(instance.weights, torch.float32 if device.type == "mps" else torch.float64)
    return losses, tensor(instance.costs, dtype), weights


def _measure_compiled(
    objective: Objective, found: InstanceSet, device: torch.device, dtype: torch.dtype
) -> tuple[list[Measured], float]:
    """All instances in one compiled call, padded with masked samples; first call compiles, second counts."""
    wide = torch.float32 if device.type == "mps" else torch.float64
    size = max(len(i.losses) for i in found.instances)
    count = len(found.instances)
    losses = torch.zeros(count, size, dtype=dtype)
    costs = torch.zeros(count, size, dtype=dtype)
    weights = torch.zeros(count, size, dtype=wide)
    for k, i in enumerate(found.instances):
        n = len(i.losses)
        losses[k, :n] = torch.tensor(i.losses, dtype=dtype)
        weights[k, :n] = 1.0 / n if i.weights is None else torch.tensor(i.weights, dtype=wide)
        if i.costs is not None:
            costs[k, :n] = torch.tensor(i.costs, dtype=dtype)
    epsilon = torch.tensor([[i.epsilon] for i in found.instances], dtype=wide, device=device)
    kappa = torch.tensor([[i.kappa] for i in found.instances], dtype=wide, device=device)
    losses, costs, weights = (x.to(device) for x in (losses, costs, weights))
    losses.requires_grad_()
    costs.requires_grad_()
    step = torch.compile(objective.evaluate, fullgraph=True)
    begin = time.perf_counter()
    with torch.enable_grad():
        try:
            solution = step(losses, costs, weights, epsilon, kappa)
            torch.autograd.backward(torch.where(torch.isfinite(solution.value), solution.value, 0.0).sum())
        except Exception as error:  # as in `_measure`; a graph that breaks counts too
            return [_raised(error)] * count, time.perf_counter() - begin
    seconds = time.perf_counter() - begin
    assert losses.grad is not None
    assert costs.grad is not None
    results = []
    for k, i in enumerate(found.instances):
        n = len(i.losses)
        results.append(
            {
                "value": solution.value[k].item(),
                "lam": solution.lam[k].item(),
                "rho": solution.rho[k].item(),
                "gap": solution.gap[k].item(),
                "weights": solution.weights[k, :n].double().cpu().numpy(),
                "code": armor.objectives.Status(int(solution.code[k])).name,
                "value_dtype": solution.value.dtype,
                "solve_dtype": solution.weights.dtype,
                "gradient": losses.grad[k, :n].double().cpu().numpy(),
                "cost_gradient": None if i.costs is None else costs.grad[k, :n].double().cpu().numpy(),
            }
        )
    return results, seconds


def _judge(
    spec: Any, instance: Certified, result: Measured, dtype: torch.dtype, *, certified: bool
) -> list[Check]:
    value_id = {"kl": "T8", "alpha": "T9", "renyi": "T10"}.get(str(spec.get("name")), "T7")
    grade = "enclosed" if certified else "bracketed"
    checks: list[Check] = []

    def note(statement: str, subject: str, holds: bool, detail: str) -> None:
        checks.append(Check(instance.id, statement, subject, grade, "holds" if holds else "fails", detail))

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
    # Terms of size mu and rho cancel in the dual value of a small radius.
    cancel = (
        64 * unit_roundoff(torch.float64) * (lam + instance.kappa + abs(rho)) * (1 + abs(math.log(lam + 1)))
    )
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
    gradient = result["gradient"]
    allowed = unit_roundoff(dtype) * np.abs(w) * 2 + 1e-45
    note(
        "T12",
        "gradient is the weights",
        gradient is not None and bool((np.abs(gradient - w) <= allowed + _subnormal(dtype)).all()),
        "the gradient with respect to the losses is not the vector of weights",
    )
    if costs is not None:
        wanted = -(lam + instance.kappa) * w
        got = result["cost_gradient"]
        allowed = (unit_roundoff(dtype) * 2 + 1e-14) * np.abs(wanted) + _subnormal(dtype)
        note(
            "T12",
            "gradient of the costs",
            got is not None and bool((np.abs(got - wanted) <= allowed).all()),
            "the gradient with respect to the costs is not -(lambda + kappa) times the weights",
        )
    return checks


def _subnormal(dtype: torch.dtype) -> float:
    return float(torch.finfo(dtype).smallest_normal)
