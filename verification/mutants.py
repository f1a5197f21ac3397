"""Formulas with one thing wrong. Each runs through a named check of the matrix, which must fail; the same
check with the right formulas must hold. A mutant that lives would show a check that cannot fail.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from theory.evidence import Outcome
from verification import mutant_formulas as wrong
from verification.generate import COSTS
from verification.matrix.cells import Cell, Check
from verification.matrix.formulas import Formulas
from verification.matrix.members import Member, members
from verification.matrix.registry import checks
from verification.matrix.runner import execute

__all__ = ["MUTANTS", "Mutant", "MutantResult", "decode", "encode", "kill"]


@dataclass(frozen=True)
class Mutant:
    """A wrong formula: what is wrong in words, the class that computes it, and the check that must notice.

    `check` reads "statement divergence cost support kappa"; a cost `*` means any cost of T5.
    """

    name: str
    words: str
    formulas: Callable[[Member], Formulas]
    check: str


@dataclass(frozen=True)
class MutantResult:
    """Whether the check noticed: `gap` against `tolerance` is the claim that failed worst."""

    name: str
    words: str
    check: str
    killed: bool
    claim: str
    gap: float
    tolerance: float
    seconds: float


_EVERY = (
    Mutant("radius-sign", "−λε for +λε", wrong.RadiusSign, "T7 kl matrix reference k0"),
    Mutant("radius-dropped", "the term λε forgotten", wrong.RadiusDropped, "T7 kl power reference k0"),
    Mutant("penalty-in-radius", "(λ+κ)ε for λε", wrong.PenaltyInRadius, "T7 kl power reference k+"),
    Mutant("penalty-omitted", "κ forgotten", wrong.PenaltyOmitted, "T7 kl hard_ball reference k+"),
    Mutant("rho-dropped", "the term ρ forgotten", wrong.RhoDropped, "T3 pearson - reference -"),
    Mutant(
        "multiplier-dropped", "E f* for (λ+κ) E f*", wrong.MultiplierDropped, "T7 kl hard_ball reference k0"
    ),
    Mutant(
        "argument-unscaled",
        "f*(φ^c − ρ) for f*((φ^c − ρ)/(λ+κ))",
        wrong.ArgumentUnscaled,
        "T7 pearson hard_ball reference k0",
    ),
    Mutant(
        "constant-forgotten",
        "exp(y) for exp(y − 1) as the conjugate of KL",
        wrong.ConstantForgotten,
        "T3 kl - reference -",
    ),
    Mutant(
        "gauge-mixed",
        "f* in one gauge, its constant in another",
        wrong.GaugeMixed,
        "T7 pearson soft_ball reference k0",
    ),
    Mutant("clamp-dropped", "y + y²/4 below y = −2 too", wrong.ClampDropped, "T3 pearson - reference -"),
    Mutant(
        "half-for-quarter",
        "y²/2 for y²/4 in the conjugate of Pearson",
        wrong.HalfForQuarter,
        "T3 pearson - space -",
    ),
    Mutant("base-two", "log₂ for log in T8", wrong.BaseTwo, "T8 kl hard_ball reference k0"),
    Mutant(
        "transform-multiplier", "φ^c_λ for φ^c_{λ+κ}", wrong.WrongTransformMultiplier, "T7 kl * reference k+"
    ),
    Mutant(
        "stale-multiplier",
        "a c-transform whose λ is not the dual's",
        wrong.StaleMultiplier,
        "T7 kl * space k0",
    ),
    Mutant("cost-sign", "φ + (λ+κ)c for φ − (λ+κ)c", wrong.CostSign, "T7 pearson * reference k+"),
    Mutant("infinity-finite", "an infinite cost replaced by 10", wrong.InfinityFinite, "T8 kl * space k0"),
    Mutant("transport-dropped", "φ for φ^c", wrong.TransportDropped, "T8 kl * reference k0"),
    Mutant("lambda-clipped", "λ ≤ 10", wrong.Clipped, "T7 kl reweighting reference k0"),
    Mutant("lambda-floored", "λ ≥ 0.01", wrong.FlooredMultiplier, "T8 kl reweighting reference k0"),
    Mutant(
        "reference-uniform",
        "1/n for p in the expectation",
        wrong.UniformReference,
        "T7 kl barrier reference k0",
    ),
    Mutant("weights-unnormalised", "weights without ρ*", wrong.Unnormalised, "T11 kl hard_ball reference k0"),
    Mutant(
        "weights-reference", "weights that forget p", wrong.ReferenceForgotten, "T11 kl power reference k0"
    ),
    Mutant(
        "weights-at-lambda", "weights at λ* for λ* + κ", wrong.WeightsAtLambda, "T11 kl power reference k+"
    ),
    Mutant(
        "worst-loss-ignored",
        "the mean for the maximum at λ = 0",
        wrong.WorstLossIgnored,
        "T7 kl hard_ball reference k0",
    ),
    Mutant("arguments-swapped", "D(P‖η) for D(η‖P)", wrong.ArgumentsSwapped, "T1 kl power reference -"),
    Mutant(
        "density-unweighted",
        "Σ f(η/p) for Σ p f(η/p)",
        wrong.DensityUnweighted,
        "T1 pearson power reference -",
    ),
    Mutant(
        "potential-untransformed",
        "a c-transform that ignores c in T2",
        wrong.PotentialUntransformed,
        "T2 kl power reference -",
    ),
    Mutant("recession-dropped", "ρ unconstrained", wrong.RecessionDropped, "T3 tv - space -"),
    Mutant(
        "support-restricted",
        'S over supp P in mode "space"',
        wrong.SupportRestricted,
        "T3 hellinger - space -",
    ),
    Mutant(
        "support-widened",
        'S over X in mode "reference"',
        wrong.SupportWidened,
        "T3 reverse_kl - reference -",
    ),
    Mutant(
        "floor-unscaled",
        "ρ ≥ S − f'(∞) for ρ ≥ S − (λ+κ) f'(∞)",
        wrong.FloorUnscaled,
        "T7 hellinger * space k0",
    ),
    Mutant(
        "singular-forgotten",
        "no price on singular mass in T1",
        wrong.SingularForgotten,
        "T1 hellinger * space -",
    ),
    Mutant(
        "expansion-sign", "+f'''(1) K₃ for −f'''(1) K₃ in T19", wrong.ExpansionSign, "T19 kl * reference k0"
    ),
    Mutant("expansion-penalty", "κ forgotten in T19", wrong.ExpansionPenaltyDropped, "T19 kl * reference k+"),
    Mutant(
        "expansion-factor",
        "√(ε/f''(1)) for √(2ε/f''(1)) in T19",
        wrong.ExpansionFactor,
        "T19 pearson * space k0",
    ),
)

_LABELS = {member.label for member in members()}
MUTANTS: Mapping[str, Mutant] = {each.name: each for each in _EVERY if each.check.split()[1] in _LABELS}


def _check(statement: str) -> Check:
    """The check of a statement on instances."""
    return next(c for c in checks() if (c.statement, c.layer) == (statement, "verification"))


def _cells(mutant: Mutant) -> list[Cell]:
    """The cells of the mutant's check; `*` stands for every cost, tried in turn."""
    statement, label, cost, support, kappa = mutant.check.split()
    costs = [c for c in COSTS if c in _check(statement).costs] if cost == "*" else [cost]
    return [Cell(statement, label, each, support, kappa, "verification") for each in costs]


def kill(name: str, seed: int) -> MutantResult:
    """Run one mutant through its check, on few samples and then on more, until a cell notices."""
    mutant, seconds = MUTANTS[name], 0.0
    for effort, cell in product(("quick", "full"), _cells(mutant)):
        right = execute(cell, seed, effort)
        other = execute(cell, seed, effort, formulas=mutant.formulas)
        seconds += right.seconds + other.seconds
        sound = right.outcome is Outcome.HOLDS
        killed = sound and other.outcome is Outcome.FAILS and not other.note.startswith("raised")
        claim = other.claim if sound else f"the check itself does not hold: {right.note}"
        if killed or not sound:
            break
    return MutantResult(name, mutant.words, cell.id, killed, claim, other.gap, other.tolerance, seconds)


def encode(result: MutantResult) -> dict[str, object]:
    """A result as JSON-able data."""
    return asdict(result)


def decode(data: Mapping[str, Any]) -> MutantResult:
    """The inverse of `encode`."""
    return MutantResult(**data)
