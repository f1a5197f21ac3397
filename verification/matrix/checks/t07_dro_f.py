"""T7: the f-divergence form of the DRO dual, minimised over `λ` and `ρ` without the solver, hits the
certified interval.
"""

from theory.evidence import Grade
from verification.generate import radii
from verification.matrix.applies import f_divergence
from verification.matrix.cells import Check, Context
from verification.matrix.exact import certified_dro, evidence_of, problem_of

__all__ = ["CHECKS"]

TOLERANCE = 1e-8


def run(context: Context) -> None:
    for k, epsilon in enumerate(radii(context.rng, context.samples + 1)):
        context.tried += 1
        sample = context.draw(2, 8, epsilon=epsilon, ties=k % 2 == 0, tiny=k % 3 == 1)
        found = certified_dro(context, sample.mapping)
        point = context.formulas.dro(problem_of(sample.mapping))
        numbers = evidence_of(sample.mapping, found, point.value, sample.points, λ=point.lam, ρ=point.rho)
        words = "inf over λ, ρ of λε + ρ + (λ+κ) E f*((φ^c − ρ)/(λ+κ)) lies in the interval"
        context.claim(words, found.outside(point.value), TOLERANCE, Grade.ENCLOSED, numbers)


CHECKS = (
    Check(
        "T7",
        "For an f-divergence the dual is λε + ρ + (λ+κ) E f*((φ^c_{λ+κ} − ρ)/(λ+κ)), minimised over λ and ρ",
        run,
        applies=f_divergence,
        breadth=(1, 12),
    ),
)
