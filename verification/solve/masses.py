"""Exact plans as sparse masses: their cost in ball arithmetic, mixtures, and the way back to feasibility."""

from fractions import Fraction

from flint import arb, fmpq

from verification.certificate.build import stated
from verification.certificate.formulas import Formula, formula
from verification.instance import Instance
from verification.solution import Plan

__all__ = ["ExactCost", "Masses", "as_fmpq", "as_plan", "feasible", "mix"]

# (row, column) -> mass; row -1 stands for the singular mass created in the column
Masses = dict[tuple[int, int], Fraction]


def mix(a: Masses, b: Masses, share: Fraction) -> Masses:
    """`(1 - share) a + share b`, entries that vanish left out."""
    keys = sorted({*a, *b})
    zero = Fraction(0)
    mixed = {k: (1 - share) * a.get(k, zero) + share * b.get(k, zero) for k in keys}
    return {k: v for k, v in mixed.items() if v > 0}


class ExactCost:
    """Ball arithmetic cost `D(eta||P) + <c, pi>` of exact plans."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.formula: Formula = formula(stated(instance.divergence))
        self.rows = [i for i, p in enumerate(instance.p_exact) if p > 0]
        self.p = [as_fmpq(instance.p_exact[i]) for i in self.rows]

    def __call__(self, masses: Masses) -> arb:
        eta = dict.fromkeys(self.rows, Fraction(0))
        transport = singular = Fraction(0)
        for (i, j), mass in masses.items():
            if i < 0:
                singular += mass
                continue
            cost = self.instance.cost_exact[i][j]
            assert cost is not None
            eta[i] += mass
            transport += mass * cost
        values = [as_fmpq(eta[i]) for i in self.rows]
        return self.formula.information(self.p, values, as_fmpq(singular)) + arb(as_fmpq(transport))


def as_fmpq(x: Fraction) -> fmpq:
    """`x` for python-flint."""
    return fmpq(x.numerator, x.denominator)


def as_plan(masses: Masses, shape: tuple[int, int]) -> Plan:
    """The masses as a `Plan`, the singular ones apart."""
    singular = [Fraction(0)] * shape[1]
    entries = []
    for (i, j), mass in masses.items():
        if i < 0:
            singular[j] += mass
        else:
            entries.append((i, j, mass))
    return Plan(tuple(entries), tuple(singular) if any(singular) else (), shape)


def feasible(
    cost: ExactCost,
    masses: Masses,
    cheap: Masses,
    epsilon: Fraction,
) -> Masses | None:
    """`masses` moved towards `cheap` by the least power of two that makes it provably feasible."""
    radius = arb(as_fmpq(epsilon))
    if cost(masses) <= radius:
        return masses
    for k in range(60, -1, -1):
        mixed = mix(masses, cheap, Fraction(1, 2**k))
        if cost(mixed) <= radius:
            return mixed
    return None
