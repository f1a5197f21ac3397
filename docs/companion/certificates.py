"""Certificates behind the worked instances: written, re-checked by the checker that imports no solver, offered as
files beside what their intervals prove together.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from companion.offers import OFFERS, Claim, load

__all__ = ["Certificate", "Offered", "consequence", "offer"]


@dataclass(frozen=True)
class Certificate:
    """A certificate file, the interval that re-checking it proved, and what `armor check` prints (`verdict`)."""

    file: str
    kind: str
    lower: Fraction
    upper: Fraction
    verdict: str

    @property
    def command(self) -> str:
        """What a reader types to re-check it."""
        return f"armor check {self.file}"


@dataclass(frozen=True)
class Offered:
    """The certificates of one statement, and the sentences that their intervals prove."""

    certificates: tuple[Certificate, ...]
    consequences: tuple[str, ...]


def _shown(name: str, coefficient: Fraction) -> str:
    sign, size = ("−" if coefficient < 0 else "+"), abs(coefficient)
    return f"{sign} {'' if size == 1 else f'{size} · '}`{name}`"


def consequence(claim: Claim, proved: Mapping[str, Certificate]) -> str:
    """What the claim's combination of the proved intervals says; `SystemExit` when it does not prove the claim."""
    constant = Fraction(claim.constant)
    low = high = -constant
    for name, number in claim.terms.items():
        factor, found = Fraction(number), proved[name]
        ends = sorted((factor * found.lower, factor * found.upper))
        low, high = low + ends[0], high + ends[1]
    terms = " ".join(_shown(proved[name].file, Fraction(number)) for name, number in claim.terms.items())
    terms = terms.removeprefix("+ ")
    if constant:
        terms += f" {'−' if constant > 0 else '+'} {abs(float(constant)):.12g}"
    if claim.within is None:
        if low <= 0:
            raise SystemExit(f"the certificates do not prove {claim.words!r}: {terms} >= {float(low):.3e}")
        return f"{claim.words}: {terms} ≥ {float(low):.6g} > 0"
    away = max(abs(low), abs(high))
    if away > claim.within:
        raise SystemExit(
            f"the certificates do not prove {claim.words!r}: |{terms}| <= {float(away):.3e} only"
        )
    return f"{claim.words}: |{terms}| ≤ {float(away):.1e}"


def offer(folder: Path) -> dict[str, Offered]:
    """Write the certificates and re-check each; `SystemExit` when the checker rejects one or a claim does not follow."""
    from armor.cli.check import accepted
    from verification import solve
    from verification.certificate import checker

    folder.mkdir(parents=True, exist_ok=True)
    done = {}
    for statement, offered in OFFERS.items():
        proved: dict[str, Certificate] = {}
        for name, (kind, data) in offered.files.items():
            solution = getattr(solve, kind)(load(data))
            file = folder / f"{statement.lower()}_{name or 'certificate'}.json"
            file.write_text(json.dumps(solution.certificate(), indent=1), encoding="utf-8")
            certificate = json.loads(file.read_text(encoding="utf-8"))
            verdict = checker.check(certificate)
            if not verdict.accepted:
                raise SystemExit(f"the checker rejects {file.name}: {verdict.reason}")
            printed = accepted(str(certificate["kind"]), verdict)
            proved[name] = Certificate(
                file.name, kind, Fraction(verdict.lower), Fraction(verdict.upper), printed
            )
        sentences = tuple(consequence(claim, proved) for claim in offered.claims)
        done[statement] = Offered(tuple(proved.values()), sentences)
    return done
