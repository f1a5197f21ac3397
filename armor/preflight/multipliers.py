"""The dual function at multipliers from elsewhere: a soft cost's, learned ones, carried ones (T6, T7, T21).

No certified interval holds the value at any multipliers but the optimal ones. There the interval judges;
elsewhere the judge is the table of `formulas`: it evaluates the dual at the returned rho, an upper bound of
the dual function, and the Lagrangian at the returned weights, a lower bound. Both are bounds whatever is
broken, so that a value between them is right as far as they are close, which is checked too.
"""

__all__ = ["check_at", "check_held", "representatives"]

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from armor.objectives import CarriedDual, LearnedDual, Objective
from armor.objectives.pooling import Pooled
from armor.preflight.certified import Certified
from armor.preflight.formulas import formula
from armor.preflight.judge import cancellation, gradients, statement
from armor.preflight.measure import Measured, measure, raised, tensors
from armor.preflight.report import Check
from armor.preflight.rounding import rounding_bound, unit_roundoff
from armor.preflight.witness import evaluate

Vector = NDArray[np.float64]
Solved = tuple[Certified, Measured]

_TINY = 2.0**-24  # of the losses' spread: the weights leave all but the largest of them
_DEAR = 2.0**14  # what an attack at a small mu may pay for every sample; powers of two are exact in bf16
_FAR = 2.0**-10  # of the losses' spread: a mu at which costs in the hundreds are paid, or nearly
_HELD = 1e-9  # relative: an integrand's terms, exponentials of numbers below 100


def representatives(solved: Sequence[Solved]) -> list[Solved]:
    """One solved instance per batch: the first whose radius binds under a penalty, or binds, or is solved."""
    found: dict[Any, tuple[int, Solved]] = {}
    for instance, result in solved:
        if not math.isfinite(result["value"]):
            continue
        rank = 2 * _binds(instance, result) + (instance.kappa > 0)
        key = (instance.losses, instance.costs, instance.weights)
        if key not in found or rank > found[key][0]:
            found[key] = rank, (instance, result)
    return [pair for _, pair in found.values()]


def _spread(instance: Certified) -> float:
    return max(instance.losses) - min(instance.losses) or 1.0


def _far(instance: Certified) -> tuple[float, ...]:
    """Costs from 0 to 896 by 128, exact in bf16, that rise with the losses."""
    low, spread = min(instance.losses), _spread(instance)
    return tuple(128.0 * math.floor(7.5 * (loss - low) / spread) for loss in instance.losses)


def _binds(instance: Certified, exact: Measured) -> bool:
    """Whether lambda* is positive, and no solver's stand-in for zero."""
    return bool(exact["lam"] > 1e-9 * _spread(instance))


def check_at(
    build: Callable[[float, float], Objective | Pooled],
    solved: Sequence[Solved],
    device: torch.device,
    dtype: torch.dtype,
    **options: Any,
) -> list[Check]:
    """`objective.at` of one instance per batch: at the optimal mu, at half and at twice of it, at a tiny one
    that no penalty forbids, with costs that no radius pays, and with costs that the losses all but pay for.

    build: the objective at a radius and a penalty.  solved: instances with their own solutions.
    options: of `measure`.
    """
    checks: list[Check] = []
    for instance, exact in representatives(solved):
        held = build(instance.epsilon, instance.kappa)
        optimal = exact["lam"] + instance.kappa
        usual = optimal if _binds(instance, exact) or instance.kappa > 0 else _spread(instance)
        cases = [(instance, held, max(k * usual, instance.kappa)) for k in (1.0, 0.5, 2.0)]
        free = replace(instance, id=f"{instance.id}@kappa=0", kappa=0.0)
        cases.append((free, build(instance.epsilon, 0.0), _TINY * _spread(instance)))
        if instance.costs is not None:
            dear = tuple(2.0 * _DEAR if cost > 0 else _DEAR for cost in instance.costs)
            cases.append((replace(instance, id=f"{instance.id}@dear", costs=dear), held, usual))
            far = replace(free, id=f"{instance.id}@far", costs=_far(instance))
            cases.append((far, build(instance.epsilon, 0.0), _FAR * _spread(instance)))
        for case, twin, mu in cases:
            result = measure(partial(twin.at, mu=mu), case, device, dtype, **options)
            at_optimum = case is instance and mu == optimal
            checks += _judge_at(held.spec, case, result, dtype, mu, at_optimum=at_optimum)
    return checks


def _judge_at(
    spec: Mapping[str, object],
    instance: Certified,
    result: Measured,
    dtype: torch.dtype,
    mu: float,
    *,
    at_optimum: bool,
) -> list[Check]:
    note, checks = _noting(instance, "at a given mu: ", "enclosed" if at_optimum else "bracketed")
    identity, value = statement(spec), result["value"]
    if not math.isfinite(value):
        note(identity, "value", False, f"value {value!r} at mu {mu!r} ({result['code']})")
        return checks
    lam, rho, w = mu - instance.kappa, result["rho"], result["weights"]
    losses, costs, weights = _arrays(instance)
    seen = evaluate(spec, losses, costs, weights, instance.epsilon, instance.kappa, lam, rho, w)
    bound = rounding_bound(
        instance.losses,
        value,
        epsilon=instance.epsilon,
        kappa=instance.kappa,
        lam=2.0 * lam,  # here lambda eps is no share of the value
        solve_dtype=result["solve_dtype"],
        value_dtype=result["value_dtype"],
    )
    bound += cancellation(lam, instance.kappa, rho)
    if costs is not None:  # the transformed losses are larger by the costs' price
        paid = mu * float(costs.max())
        bound += (losses.size + 24) * unit_roundoff(result["solve_dtype"]) * paid
    # lambda eps, the rest and their sum are rounded one by one.
    price = lam * instance.epsilon
    bound += unit_roundoff(result["value_dtype"]) * (price + abs(value - price))
    lagrangian = lam * instance.epsilon + float(w @ losses) - mu * seen.spent
    note(
        identity,
        "value",
        lagrangian - bound <= value <= seen.dual + bound,
        f"value {value!r} at mu {mu!r} is outside [{lagrangian!r}, {seen.dual!r}] widened by {bound:.1e}",
    )
    note(
        "T3",
        "re-weighting",
        seen.dual - lagrangian <= bound and abs(seen.mass - 1.0) <= 1e-9 and bool((w >= 0).all()),
        f"rho {rho!r} and the weights, of mass {seen.mass!r}, leave a gap of {seen.dual - lagrangian!r}",
    )
    if at_optimum:
        note(
            "T6",
            "value at the optimal mu",
            instance.lower - bound <= value <= instance.upper + bound,
            f"value {value!r} is outside [{instance.lower!r}, {instance.upper!r}] widened by {bound:.1e}",
        )
    note(
        "T6",
        "lambda",
        abs(result["lam"] - lam) <= 4.0 * unit_roundoff(result["solve_dtype"]) * mu,
        f"lambda {result['lam']!r} is not mu - kappa = {lam!r}",
    )
    for what, holds, detail in gradients(result, mu, dtype):
        note("T12", what, holds, detail)
    return checks


def check_held(
    held: LearnedDual | CarriedDual,
    solved: Iterable[Solved],
    device: torch.device,
    dtype: torch.dtype,
    **options: Any,
) -> list[Check]:
    """A learned or carried dual with the multipliers of each instance.

    A learned dual at the optimal multipliers, where lambda* > 0, and away from them, with the gradients that
    move it; a carried one, where mu* > 0, from the first batch to the solve on all samples.
    options: of `measure`.
    """
    checks: list[Check] = []
    for instance, exact in solved:
        if not math.isfinite(exact["value"]):
            continue
        if isinstance(held, LearnedDual):
            checks += _check_learned(held, instance, exact, device, dtype, **options)
        elif instance.kappa > 0 or _binds(instance, exact):
            checks += _check_carried(held, instance, exact, device, dtype, **options)
    return checks


def _check_learned(
    held: LearnedDual,
    instance: Certified,
    exact: Measured,
    device: torch.device,
    dtype: torch.dtype,
    **options: Any,
) -> list[Check]:
    checks: list[Check] = []
    base = held.objective.replace(epsilon=instance.epsilon, kappa=instance.kappa)
    binds = _binds(instance, exact)
    level = exact["lam"] if binds else _spread(instance)
    mu = level + instance.kappa
    for factor, shift in ((1.0, 0.0), (2.0, 0.25), (1.25, -0.25)) if binds else ((1.0, 0.1875),):
        lam, rho = factor * level, exact["rho"] + shift * mu
        twin = type(held)(base, lam=lam, rho=rho).to(device)
        result = measure(twin, instance, device, dtype, **options)
        slopes = [twin.log_lam.grad, twin.rho.grad]
        result["slopes"] = [math.nan if g is None else g.item() for g in slopes]
        lam, rho = twin.lam.item(), twin.rho.item()
        checks += _judge_held(base, "learned dual: ", instance, result, dtype, lam, rho, optimal=shift == 0.0)
    return checks


def _check_carried(
    held: CarriedDual,
    instance: Certified,
    exact: Measured,
    device: torch.device,
    dtype: torch.dtype,
    **options: Any,
) -> list[Check]:
    if instance.weights is not None:  # the samples of a data set count alike
        return []
    base = held.objective.replace(epsilon=instance.epsilon, kappa=instance.kappa)
    n = len(instance.losses)
    note, checks = _noting(instance, "carried dual: ", "enclosed")
    tol = _tolerance(instance, exact["lam"], exact["rho"], exact["value"], exact["value_dtype"])
    try:
        index = torch.arange(n, device=device).flip(0)
        parts = [part for part in (index[: n // 2], index[n // 2 :]) if part.numel() > 0]
        twin = type(held)(base, n, every=len(parts)).to(device)
        losses, costs, _ = tensors(instance, device, dtype)
        assert losses is not None
        first = twin(losses, costs).value.item()
        for part in parts:
            note("T21", "turn", not twin.solved, "it was solved before its turn")
            twin.observe(part, losses[part], None if costs is None else costs[part])
        note("T21", "turn", twin.solved, "it was not solved when its turn had come")
        lam, rho = twin.lam.item(), twin.rho.item()
        halves = [part.numel() * _value(twin, losses, costs, part) for part in parts]
    except Exception as error:  # as in `measure`
        note("T21", "value", False, f"it {raised(error)['code']}")
        return checks
    note(
        "T6",
        "value of the first batch",
        instance.lower - tol <= first <= instance.upper + tol,
        f"value {first!r} is outside [{instance.lower!r}, {instance.upper!r}] widened by {tol:.1e}",
    )
    result = measure(twin, instance, device, dtype, **options)
    if math.isfinite(result["value"]):
        # T21: a mean of terms, one per sample, so that batches of any size estimate it without bias.
        note(
            "T21",
            "mean of two batches",
            abs(sum(halves) / n - result["value"]) <= tol,
            f"the batches' mean {sum(halves) / n!r} is not the whole's value {result['value']!r}",
        )
    return checks + _judge_held(base, "carried dual: ", instance, result, dtype, lam, rho, optimal=True)


def _value(twin: CarriedDual, losses: Tensor, costs: Tensor | None, part: Tensor) -> float:
    return float(twin(losses[part], None if costs is None else costs[part]).value.item())


def _judge_held(
    objective: Objective,
    subject: str,
    instance: Certified,
    result: Measured,
    dtype: torch.dtype,
    lam: float,
    rho: float,
    *,
    optimal: bool,
) -> list[Check]:
    note, checks = _noting(instance, subject, "enclosed" if optimal else "bracketed")
    spec, kappa, epsilon = objective.spec, instance.kappa, instance.epsilon
    identity, value = statement(spec), result["value"]
    if not math.isfinite(value):
        note(identity, "value", False, f"value {value!r} ({result['code']})")
        return checks
    losses, costs, weights = _arrays(instance)
    w, mu = result["weights"], lam + kappa
    dual = evaluate(spec, losses, costs, weights, epsilon, kappa, lam, rho, w).dual
    tol = _tolerance(instance, lam, rho, dual, result["value_dtype"])
    low, high = (instance.lower, instance.upper) if optimal else (dual, dual)
    note(
        identity,
        "value",
        abs(value - dual) <= tol and low - tol <= value <= high + tol,
        f"value {value!r} at lambda {lam!r}, rho {rho!r} is not {dual!r}, in [{low!r}, {high!r}]",
    )
    note(
        "T7",
        "multipliers",
        result["lam"] == lam and result["rho"] == rho,
        f"it reports lambda {result['lam']!r}, rho {result['rho']!r}, not {lam!r}, {rho!r}",
    )
    p = np.full(losses.size, 1.0 / losses.size) if weights is None else weights / weights.sum()
    y = (losses - rho) / mu - (0.0 if costs is None else costs)
    f = formula(spec)
    live = w > 0  # a density that underflows is right too
    density = w[live] / p[live]
    with np.errstate(all="ignore"):
        star = f.conjugate(y)
        # Fenchel-Young: zero where the density is a subgradient of f* at y, else positive.
        excess = float(p[live] @ (f.f(density) + star[live] - y[live] * density))
    size = float(p[live] @ (np.abs(star[live]) + np.abs(y[live]) * density)) + 1.0
    note(
        "T4",
        "weights",
        bool((w >= 0).all()) and bool((w[p == 0] == 0).all()) and abs(excess) <= _HELD * size,
        f"the weights are not p (f*)' at these multipliers: Fenchel-Young leaves {excess!r}",
    )
    for what, holds, detail in gradients(result, mu, dtype, _HELD):
        note("T12", what, holds, detail)
    if "slopes" in result:
        stray = (losses - rho) / mu
        terms = epsilon + float(p @ star) - float(w @ stray)
        size = epsilon + float(p @ np.abs(star)) + float(w @ np.abs(stray))
        for name, got, wanted, scale in (
            ("log lambda", result["slopes"][0], lam * terms, lam * size),
            ("rho", result["slopes"][1], 1.0 - float(w.sum()), 1.0 + float(w.sum())),
        ):
            note(
                "T7",
                f"gradient of {name}",
                abs(got - wanted) <= _HELD * scale + 1e-15 * mu,
                f"the derivative with respect to {name} is {got!r}, not {wanted!r}",
            )
    return checks


def _noting(
    instance: Certified, subject: str, grade: str
) -> tuple[Callable[[str, str, bool, str], None], list[Check]]:
    checks: list[Check] = []

    def note(identity: str, what: str, holds: bool, detail: str) -> None:
        outcome = "holds" if holds else "fails"
        checks.append(Check(instance.id, identity, f"{subject}{what}", grade, outcome, detail))

    return note, checks


def _arrays(instance: Certified) -> tuple[Vector, Vector | None, Vector | None]:
    costs = None if instance.costs is None else np.array(instance.costs)
    return np.array(instance.losses), costs, None if instance.weights is None else np.array(instance.weights)


def _tolerance(instance: Certified, lam: float, rho: float, value: float, dtype: torch.dtype) -> float:
    losses = instance.losses
    scale = max(map(abs, losses)) + (max(losses) - min(losses)) + lam + instance.kappa + abs(rho)
    scale += lam * instance.epsilon + abs(value)
    return _HELD * scale + unit_roundoff(dtype) * abs(value)
