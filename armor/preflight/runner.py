"""The pre-flight: the run's own objective, on its own device, against the certified instances."""

__all__ = ["run"]

import copy
import hashlib
import inspect
import math
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

import armor.native
import armor.objectives
from armor.errors import InputError
from armor.objectives import CarriedDual, LearnedDual, Objective
from armor.objectives.pooling import Pooled
from armor.preflight.certified import Certified, InstanceSet, find
from armor.preflight.judge import judge
from armor.preflight.measure import compiled_network, measure, measure_compiled, raised
from armor.preflight.multipliers import check_at, check_held
from armor.preflight.report import Check, PreflightRefusal, PreflightReport


def run(
    held: Objective | Pooled | LearnedDual | CarriedDual,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    compile: bool = False,
    network: bool = False,
    world_size: int = 1,
    soft: bool = False,
    instances: Path | None = None,
) -> PreflightReport:
    """Measure what a training step calls on certified instances of its divergence, before the first step.

    The objective, on every instance: the value lies in the certified interval widened by `rounding_bound`;
    the weights are masses that respect the radius and reach the interval's lower end (T11); the multipliers'
    dual value stays below its upper end; the gradient equals the weights, and `-mu` times them for the
    costs (T12). Then the run's own radius and penalty, bracketed by the witnesses on the same losses. Then
    what else the run uses, see `multipliers`: `soft`, the dual function at a given mu (`Objective.at`), and
    learned or carried dual variables.

    held: the objective itself, or pooled, or with held dual variables.
    dtype: of the losses as the training step hands them over.
    compile: whether the objective itself runs compiled, all instances in one graph.
    network: whether the losses come out of a compiled network, as an objective that is not compiled itself
    gets them in training.
    world_size: workers that pool their losses, each holding a part of every instance; all call this alike.
    instances: a file of certified instances instead of the shipped ones.
    Takes about a second, compilation apart; needs neither cvxpy nor flint.

    Raises `PreflightRefusal` when a check fails, `armor.errors.InputError` when there are no instances, or
    for several workers without a process group.
    """
    device = torch.device(device)
    objective = held if isinstance(held, Objective) else held.objective
    pooled = held if isinstance(held, Pooled) else None
    if pooled is None and world_size > 1:
        pooled = Pooled(objective)
    found = find(objective.spec, instances)
    for instance in found.instances:
        _check_exact(instance, dtype)

    def build(epsilon: float, kappa: float) -> Objective | Pooled:
        twin = objective.replace(epsilon=epsilon, kappa=kappa)
        if pooled is None:
            return twin
        together = copy.copy(pooled)
        together.objective = twin
        return together

    begin = time.perf_counter()
    front = compiled_network() if network else None
    compile_seconds = 0.0
    if front is not None:
        try:
            leaf = torch.ones(1, dtype=dtype, device=device, requires_grad=True)
            torch.autograd.backward(front(leaf).sum())
        except Exception as error:
            raise InputError(f"the compiler does not work here: {raised(error)['code']}") from None
        compile_seconds = time.perf_counter() - begin
    together: dict[str, Any] = {"pooled": pooled, "front": front}
    if compile:
        measured, compile_seconds = measure_compiled(objective, found, device, dtype)
    else:
        measured = [measure(build(i.epsilon, i.kappa), i, device, dtype, **together) for i in found.instances]
    solved = list(zip(found.instances, measured, strict=True))
    subject = "" if pooled is None else "pooled: "
    checks: list[Check] = []
    for instance, result in solved:
        checks += judge(objective.spec, instance, result, dtype, certified=True, subject=subject)
    for instance in _own(objective, found):
        result = measure(build(objective.epsilon, objective.kappa), instance, device, dtype, **together)
        checks += judge(objective.spec, instance, result, dtype, certified=False, subject=subject)
    if soft:
        checks += check_at(build, solved, device, dtype, **together)
    if isinstance(held, LearnedDual | CarriedDual):
        checks += check_held(held, solved, device, dtype, front=front)
    failures = [check for check in checks if check.outcome == "fails"]
    if pooled is not None:
        failures = _of_all(failures, pooled)
    report = PreflightReport(
        outcome="fails" if failures else "holds",
        grade="enclosed",
        objective=objective.to_mapping(),
        dual=_kind(held, soft=soft),
        device=_device_name(device),
        dtype=str(dtype).removeprefix("torch."),
        compile=compile,
        network=network,
        world_size=1 if pooled is None else dist.get_world_size(pooled.group),
        source=found.source,
        instances=len(found.instances),
        checks=len(checks),
        failures=tuple(failures),
        instances_sha256=found.sha256,
        code_sha256=code_hash(objective),
        seconds=time.perf_counter() - begin - compile_seconds,
        compile_seconds=compile_seconds,
    )
    if failures:
        raise PreflightRefusal(report)
    return report


def _of_all(failures: list[Check], pooled: Pooled) -> list[Check]:
    """What fails on any worker, so that all refuse together; what fails on several counts once."""
    everywhere: list[list[Check]] = [[] for _ in range(dist.get_world_size(pooled.group))]
    dist.all_gather_object(everywhere, failures, group=pooled.group)
    found: dict[tuple[str, str, str], Check] = {}
    for check in (check for each in everywhere for check in each):
        found.setdefault((check.instance, check.statement, check.subject), check)
    return list(found.values())


def _kind(held: object, *, soft: bool) -> str:
    if isinstance(held, LearnedDual):
        return "learned"
    if isinstance(held, CarriedDual):
        return "carried"
    return "at a given mu" if soft else "exact"


def code_hash(objective: Objective) -> str:
    """SHA-256 over the sources of the objectives and their kernels, of the symbolic layer that prints their
    functions, the class's own source file and the versions used.
    """
    folder = Path(armor.objectives.__file__).parent
    native = Path(armor.native.__file__).parent
    files = sorted([*folder.rglob("*.py"), *native.glob("*.[ch]"), native / "build.py", *_symbolic()])
    own = inspect.getsourcefile(type(objective))
    if own is not None and Path(own) not in files:
        files.append(Path(own))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    digest.update(f"torch {torch.__version__} numpy {np.__version__} python {sys.version_info[:2]}".encode())
    digest.update(f"sympy {_version('sympy')} triton {_version('triton')}".encode())
    return digest.hexdigest()


def _symbolic() -> list[Path]:
    """The sources of the symbolic layer, which need not be imported."""
    found = find_spec("theory")
    assert found is not None
    assert found.origin is not None
    return list(Path(found.origin).parent.rglob("*.py"))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


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
