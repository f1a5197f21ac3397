"""The armor layer of the matrix: the torch objective that trains, held against the certified intervals.

The only module of `verification` that imports `armor`, and only while a cell runs: without torch its cells
are skipped.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.evidence import Grade
from verification.generate import draw, radii, radius
from verification.matrix.cells import Check, Context, SkipCell, kappa_value
from verification.matrix.exact import Certified, certified_dro, evidence_of, problem_of
from verification.matrix.formulas import Problem
from verification.matrix.members import Member

__all__ = ["armor_checks"]

Array = NDArray[np.float64]
# Of float64 losses, and of float32 losses: relative to the size of losses, radius and penalty.
TOLERANCE = {"float64": 1e-9, "float32": 2e-5}


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise SkipCell("torch is not installed: pip install 'armor-d[train]'") from None
    return torch


def _solve(context: Context, problem: Problem, losses: Any, costs: Array | None) -> Any:
    """The objective's solution on a batch of losses (a tensor) at transport costs."""
    torch = _torch()
    from armor.errors import InputError
    from armor.objectives import objective

    try:
        made = objective(dict(context.member.spec), epsilon=problem.epsilon, kappa=problem.kappa)
    except InputError as error:
        raise SkipCell(f"no objective for this divergence: {error}") from None
    return made(
        losses,
        costs=None if costs is None else torch.tensor(costs, dtype=losses.dtype),
        reference_weights=torch.tensor(problem.p, dtype=torch.float64),
    )


def _moved(problem: Problem, found: Certified) -> tuple[Array, Array, bool]:
    """Losses and costs at the transport of the certified multiplier, and whether that transport is unique."""
    mu = (found.lam or 0.0) + problem.kappa
    price = np.where(np.isinf(problem.cost), np.inf, mu * np.where(np.isinf(problem.cost), 0.0, problem.cost))
    value = problem.phi[None, :] - price
    target = value.argmax(axis=1)
    rows = np.arange(len(target))
    costs = problem.cost[rows, target]
    tied = value >= value[rows, target][:, None] - 1e-6
    # Tied targets at one cost have one loss, and leave the batch as it is; at different costs Q* mixes them.
    unique = not np.any(tied & (problem.cost != costs[:, None]))
    return problem.phi[target], costs, unique


def _batch(
    context: Context, epsilon: float, **options: bool
) -> tuple[Problem, Certified, dict[str, object], Array, Array, bool]:
    cell = context.cell
    sample = draw(
        context.rng,
        context.member.spec,
        cell.cost,
        "reference",
        n=int(context.rng.integers(2, 9)),
        kappa=kappa_value(cell.kappa, context.rng),
        epsilon=epsilon,
        zeros=0,
        **options,
    )
    found = certified_dro(context, sample.mapping)
    problem = problem_of(sample.mapping)
    losses, costs, unique = _moved(problem, found)
    return problem, found, evidence_of(sample.mapping, found, points=sample.points), losses, costs, unique


def _scale(problem: Problem) -> float:
    return float(np.abs(problem.phi).max() + problem.span + problem.kappa)


def _value(context: Context) -> None:
    """T7 and T8: the value in float64 and in float32, from radius 1e-6 to beyond `λ* = 0`."""
    torch = _torch()
    for k, epsilon in enumerate(radii(context.rng, context.samples + 2)):
        context.tried += 1
        problem, found, numbers, losses, costs, unique = _batch(
            context, epsilon, ties=k % 2 == 1, tiny=k % 3 == 2
        )
        moving = bool(costs.any())
        for name, tolerance in TOLERANCE.items():
            s = _solve(
                context, problem, torch.tensor(losses, dtype=getattr(torch, name)), costs if moving else None
            )
            value = float(s.value)
            numbers = {**numbers, "value": value}
            above = max(value - found.upper, 0.0) / _scale(problem)
            context.claim(
                f"the objective in {name} is no larger than the value",
                above,
                tolerance,
                Grade.ENCLOSED,
                numbers,
            )
            if unique:
                below = max(found.lower - value, 0.0) / _scale(problem)
                context.claim(
                    f"the objective in {name} is no smaller", below, tolerance, Grade.ENCLOSED, numbers
                )


def _weights(context: Context) -> None:
    """T11: the objective's weights have mass 1, respect the radius and reach the value."""
    torch = _torch()
    for _ in range(context.samples + 1):
        context.tried += 1
        problem, found, numbers, losses, costs, unique = _batch(context, radius(context.rng))
        if not unique:
            context.miss("the transport is not unique: a batch cannot hold its mixture")
            continue
        s = _solve(
            context, problem, torch.tensor(losses, dtype=torch.float64), costs if costs.any() else None
        )
        w = s.weights.double().numpy()
        context.claim("the weights have mass 1", abs(float(w.sum()) - 1), 1e-9, Grade.ENCLOSED, numbers)
        if not context.member.is_f_divergence:
            continue
        spent = context.formulas.information(w, problem.p) + float(w @ costs)
        over = max(spent - problem.epsilon, 0.0) / max(1.0, problem.epsilon)
        context.claim("D(w‖P) + E_w[c] ≤ ε", over, 1e-7, Grade.ENCLOSED, numbers)
        value = float(w @ losses) - problem.kappa * spent
        short = max(found.lower - value, 0.0) / _scale(problem)
        context.claim("E_w[φ] − κ D^c of the weights reaches the value", short, 1e-7, Grade.ENCLOSED, numbers)


def _gradient(context: Context) -> None:
    """T12: autograd gives the weights, and these are a subgradient of the certified value."""
    torch = _torch()
    for _ in range(context.samples):
        context.tried += 1
        problem, found, numbers, losses, costs, unique = _batch(context, radius(context.rng))
        if not unique:
            context.miss("the transport is not unique")
            continue
        tensor = torch.tensor(losses, dtype=torch.float64, requires_grad=True)
        s = _solve(context, problem, tensor, costs if costs.any() else None)
        s.value.backward()
        gradient = tensor.grad.numpy()
        apart = float(np.abs(gradient - s.weights.double().numpy()).max())
        context.claim("the gradient in the losses is the weights", apart, 1e-9, Grade.ENCLOSED, numbers)
        if context.cell.cost != "reweighting":
            continue
        # V is convex in the losses: every chord lies above the tangent.
        step = context.rng.normal(0.0, 0.25, len(losses)).round(6)
        mapping: Any = numbers["instance"]
        other = certified_dro(context, {**mapping, "phi": (np.array(mapping["phi"]) + step).tolist()})
        excess = max(found.lower + float(gradient @ step) - other.upper, 0.0) / _scale(problem)
        context.claim("V(φ + d) ≥ V(φ) + E_{Q*}[d]", excess, 1e-8, Grade.ENCLOSED, numbers)


def _equivariance(context: Context) -> None:
    """T20 of the objective itself: `a φ + b` with `aκ`, and permutations."""
    torch = _torch()
    for _ in range(context.samples):
        context.tried += 1
        problem, _, numbers, losses, _, _ = _batch(context, radius(context.rng))
        base = float(_solve(context, problem, torch.tensor(losses, dtype=torch.float64), None).value)
        a, b = float(2.0 ** context.rng.integers(-4, 5)), float(context.rng.integers(-3, 4))
        scaled = Problem(
            problem.phi, problem.cost, problem.p, problem.epsilon, a * problem.kappa, "reference"
        )
        value = float(_solve(context, scaled, torch.tensor(a * losses + b, dtype=torch.float64), None).value)
        gap = abs(value - a * base - b) / (a * _scale(problem) + abs(b))
        context.claim("V_{aκ}(aφ + b) = a V_κ(φ) + b", gap, 1e-9, Grade.BRACKETED, numbers)
        order = context.rng.permutation(len(losses))
        shuffled = Problem(
            problem.phi, problem.cost, problem.p[order], problem.epsilon, problem.kappa, "reference"
        )
        value = float(_solve(context, shuffled, torch.tensor(losses[order], dtype=torch.float64), None).value)
        gap = abs(value - base) / _scale(problem)
        context.claim("invariant under permutations", gap, 1e-9, Grade.BRACKETED, numbers)


def _reference_only(member: Member, support: str) -> str | None:
    del member
    return 'training knows the mode "reference" only' if support == "space" else None


def armor_checks() -> tuple[Check, ...]:
    """The checks of the torch objective."""
    soft = ("hard_ball", "power", "soft_ball", "barrier", "matrix", "label_rigid", "reweighting")
    return (
        Check(
            "T7",
            "The objective's value is the DRO value",
            _value,
            layer="armor",
            costs=soft,
            applies=_reference_only,
            breadth=(1, 8),
            samples=(1, 3),
        ),
        Check(
            "T11",
            "The objective's weights are the worst-case distribution",
            _weights,
            layer="armor",
            costs=soft,
            applies=_reference_only,
            breadth=(1, 6),
            samples=(1, 3),
        ),
        Check(
            "T12",
            "The gradient of the value is E_{Q*}[∇φ]",
            _gradient,
            layer="armor",
            costs=("hard_ball", "reweighting"),
            applies=_reference_only,
            breadth=(1, 4),
            samples=(1, 3),
        ),
        Check(
            "T20",
            "The objective is equivariant",
            _equivariance,
            layer="armor",
            costs=("hard_ball",),
            applies=_reference_only,
            breadth=(1, 2),
            samples=(1, 3),
        ),
    )
