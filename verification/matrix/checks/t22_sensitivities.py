"""T22: the penalty as a cut of the radius, and the multiplier as a derivative."""

from typing import Any

import numpy as np

from theory.evidence import Grade
from verification.generate import draw, radius
from verification.matrix.applies import f_divergence
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.exact import Certified, certified_dro, evidence_of, problem_of

__all__ = ["CHECKS"]

TOLERANCE = 1e-8
STEP = 2.0**-5


def _penalty(context: Context, mapping: dict[str, Any], exact: Certified, kappa: float) -> None:
    """`∂V/∂κ = −D^c(Q*‖P)`: what the witness spends lies between the difference quotients of the convex
    `κ ↦ V_κ`.
    """
    if exact.plan is None or exact.weights is None:
        return
    problem, carried = problem_of(mapping), np.array(mapping["p"]) > 0
    plan = exact.plan[carried]
    used = plan > 0
    singular = float(exact.singular.sum()) if exact.singular is not None else 0.0
    spent = context.formulas.information(exact.weights[carried], problem.p, singular)
    spent += float((plan[used] * problem.cost[used]).sum())
    numbers = evidence_of(mapping, exact, κ=kappa, spent=spent)
    for step in (-STEP * kappa, STEP * kappa):
        other = certified_dro(context, {**mapping, "kappa": kappa + step})
        short = max(exact.lower - step * spent - other.upper, 0.0) / exact.scale
        words = "V_{κ'} ≥ V_κ − (κ' − κ) D^c(Q*‖P): the derivative in κ"
        context.claim(words, short, TOLERANCE * STEP, Grade.ENCLOSED, numbers)


def run(context: Context) -> None:
    cell, rng = context.cell, context.rng
    for _ in range(context.samples):
        context.tried += 1
        epsilon = radius(rng)
        sample = draw(
            rng, context.member.spec, cell.cost, cell.support, n=int(rng.integers(3, 7)), epsilon=epsilon
        )
        free = context.formulas.dro(problem_of(sample.mapping))
        base = certified_dro(context, sample.mapping)
        numbers = evidence_of(sample.mapping, base, free.value, sample.points, λ=free.lam)
        # λ* is a supergradient of the concave ε ↦ V(ε): its tangent lies above V at every other radius, at
        # the near ones, between whose difference quotients it lies.
        for factor in (1.0 - STEP, 1.0 + STEP, 4.0):
            other = certified_dro(context, {**sample.mapping, "epsilon": factor * epsilon})
            tangent = base.upper + free.lam * (factor - 1.0) * epsilon
            excess = max(other.lower - tangent, 0.0) / other.scale
            words = (
                "V(e) ≤ V(ε) + λ*(e − ε): λ* is the derivative in ε"
                if factor > 2
                else "λ* lies between the difference quotients in ε"
            )
            quotient = (other.middle - base.middle) / ((factor - 1.0) * epsilon)
            seen = {**numbers, "extra": {"λ*": free.lam, "quotient": quotient, "radius × ": factor}}
            context.claim(words, excess, TOLERANCE * (1 if factor > 2 else STEP), Grade.ENCLOSED, seen)
        # Below κ = λ*_0 the penalty takes over part of the multiplier and costs κε; above it the radius no
        # longer binds.
        part = 0.5 * free.lam
        mixed = certified_dro(context, {**sample.mapping, "kappa": part})
        shifted = max(
            mixed.lower - (base.upper - part * epsilon), (base.lower - part * epsilon) - mixed.upper, 0.0
        )
        context.claim(
            "V_κ(ε) = V_0(ε) − κε for κ ≤ λ*_0", shifted / base.scale, TOLERANCE, Grade.ENCLOSED, numbers
        )
        over = 2.0 * free.lam + 0.25
        problem = problem_of({**sample.mapping, "kappa": over})
        penal = context.formulas.dro(problem)
        context.claim(
            "λ*_κ = (λ*_0 − κ)_+ is 0 for κ > λ*_0",
            penal.lam / max(1.0, over),
            1e-6,
            Grade.BRACKETED,
            numbers,
        )
        exact = certified_dro(context, {**sample.mapping, "kappa": over})
        _penalty(context, sample.mapping, exact, over)
        for part in (0.25, 1.0):
            inner = certified_dro(context, {**sample.mapping, "epsilon": part * epsilon})
            excess = max(inner.lower - over * part * epsilon - exact.upper, 0.0) / exact.scale
            context.claim("V_κ(ε) ≥ V_0(e) − κe for every e ≤ ε", excess, TOLERANCE, Grade.ENCLOSED, numbers)


CHECKS = (
    Check(
        "T22",
        "V_κ(ε) = max over e ≤ ε of V_0(e) − κe, λ*_κ = (λ*_0 − κ)_+, and λ* is the derivative in ε",
        run,
        applies=f_divergence,
        kappas=(NONE,),
        breadth=(1, 4),
        samples=(1, 2),
    ),
)
