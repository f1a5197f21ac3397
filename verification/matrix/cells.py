"""The vocabulary of the check matrix: cells, checks, what a check records, and the result of one cell."""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from theory.evidence import Grade, Outcome
from verification.generate import COSTS, SUPPORTS, Draw, draw

if TYPE_CHECKING:
    from verification.matrix.formulas import Formulas
    from verification.matrix.members import Member

__all__ = [
    "KAPPAS",
    "LAYERS",
    "NONE",
    "Cell",
    "CellResult",
    "Check",
    "Context",
    "Evidence",
    "InapplicableCell",
    "SkipCell",
    "UnfitSample",
    "always",
    "kappa_value",
    "seed_of",
]

NONE = "-"  # an axis that a check does not have
KAPPAS = ("k0", "k+")  # κ = 0 and κ > 0
LAYERS = ("formal", "theory", "verification", "armor")


@dataclass(frozen=True, order=True)
class Cell:
    """One square of the matrix. Its `id` is stable: statement/divergence/cost/support/kappa/layer."""

    statement: str
    divergence: str
    cost: str
    support: str
    kappa: str
    layer: str

    @property
    def id(self) -> str:
        return "/".join((self.statement, self.divergence, self.cost, self.support, self.kappa, self.layer))


def seed_of(cell_id: str, seed: int) -> np.random.Generator:
    """The generator of a cell: a function of its id and `seed` alone, never of order or worker."""
    digest = hashlib.sha256(cell_id.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


@dataclass(frozen=True)
class Evidence:
    """What a reader needs to judge one sample: the instance, its numbers and, in the plane, its points."""

    claim: str
    gap: float
    tolerance: float
    holds: bool
    grade: Grade
    numbers: Mapping[str, object] = field(default_factory=dict)
    background: bool = False


@dataclass(frozen=True)
class CellResult:
    """Outcome, grade and numbers of one cell.

    `effective` of `tried` samples met the statement's hypotheses; `gap` and `tolerance` belong to the
    sample that came closest to failing (or failed worst), whose `numbers` are kept; `width` is the widest
    certified interval.
    """

    cell: Cell
    outcome: Outcome
    grade: Grade | None
    effective: int
    tried: int
    gap: float
    tolerance: float
    width: float | None
    note: str
    claim: str
    numbers: Mapping[str, object]
    seconds: float
    seed: int


class InapplicableCell(Exception):
    """Raised by a check that finds out only while running that its statement does not apply; with the
    reason.
    """


class SkipCell(Exception):
    """Raised by a check whose layer is not available here; the message is the reason."""


class UnfitSample(Exception):
    """Raised where a random instance turns out to lie outside what can be checked; with the reason."""


@dataclass
class Context:
    """What a check function gets: its cell, the divergence, a generator, the effort, and where to record."""

    cell: Cell
    member: "Member"
    make: Callable[["Member"], "Formulas"]
    rng: np.random.Generator
    samples: int
    tried: int = 0
    evidence: list[Evidence] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)
    remark: str = ""  # said of the cell when it holds

    @property
    def formulas(self) -> "Formulas":
        """The formulas under test: those of the text, or a mutant's."""
        return _built(self.make, self.member)

    def draw(
        self,
        low: int,
        high: int,
        *,
        cost: str | None = None,
        kappa: float | None = None,
        epsilon: float | None = None,
        ties: bool = False,
        tiny: bool = False,
        zeros: int | None = None,
    ) -> Draw:
        """A random instance of this cell on `low` to `high - 1` points; else as `verification.generate.draw`.

        cost, kappa: the cell's own by default.
        """
        n = int(self.rng.integers(low, high))
        return draw(
            self.rng,
            self.member.spec,
            cost or self.cell.cost,
            self.cell.support,
            n=n,
            kappa=kappa_value(self.cell.kappa, self.rng) if kappa is None else kappa,
            epsilon=epsilon,
            ties=ties,
            tiny=tiny,
            zeros=zeros,
        )

    def claim(
        self,
        words: str,
        gap: float,
        tolerance: float,
        grade: Grade = Grade.BRACKETED,
        numbers: Mapping[str, object] | None = None,
        *,
        background: bool = False,
    ) -> bool:
        """Record that the claim `words` is off by `gap >= 0`; it holds when `gap <= tolerance`. NaN fails."""
        holds = not math.isnan(gap) and gap <= tolerance
        self.evidence.append(Evidence(words, gap, tolerance, holds, grade, dict(numbers or {}), background))
        return holds

    @property
    def substantial(self) -> bool:
        """Whether the statement itself was checked on some sample, not only the intervals around it."""
        return any(not item.background for item in self.evidence)

    def miss(self, reason: str) -> None:
        """Record that a sample does not satisfy the hypotheses of the statement, and why."""
        self.misses.append(reason)

    def result(self, seconds: float, seed: int) -> CellResult:
        """Fold the records into the cell's result: vacuous without a sample, failing when any claim fails."""
        base = {"cell": self.cell, "tried": self.tried, "seconds": seconds, "seed": seed}
        width = max(self.widths, default=None)
        if not self.substantial and all(item.holds for item in self.evidence):
            note = "; ".join(sorted(set(self.misses))) or "no sample satisfied the hypotheses"
            return CellResult(
                outcome=Outcome.VACUOUS,
                grade=None,
                effective=0,
                gap=math.nan,
                tolerance=math.nan,
                width=width,
                note=note,
                claim="",
                numbers={},
                **base,  # type: ignore[arg-type]
            )
        # What the statement itself claims counts before the width of the intervals that it is held against.
        worst = max(self.evidence, key=lambda item: (not item.holds, not item.background, _severity(item)))
        failing = [item for item in self.evidence if not item.holds]
        grade = max((item.grade for item in self.evidence), key=lambda item: item.rank)
        note = f"{len(failing)} of {len(self.evidence)} claims fail" if failing else self.remark
        return CellResult(
            outcome=Outcome.FAILS if failing else Outcome.HOLDS,
            grade=grade,
            effective=self.tried - len(self.misses),
            gap=worst.gap,
            tolerance=worst.tolerance,
            width=width,
            note=note,
            claim=worst.claim,
            numbers=worst.numbers,
            **base,  # type: ignore[arg-type]
        )


@lru_cache(maxsize=64)
def _built(make: Callable[["Member"], "Formulas"], member: "Member") -> "Formulas":
    return make(member)


def _severity(item: Evidence) -> float:
    if math.isnan(item.gap):
        return math.inf
    return item.gap / item.tolerance if item.tolerance > 0 else (math.inf if item.gap > 0 else 0.0)


def always(member: "Member", support: str) -> str | None:
    """Applicability without conditions."""
    del member, support
    return None


def kappa_value(kappa: str, rng: np.random.Generator) -> float:
    """The penalty of a cell: 0, or a power of two between 1/32 and 2."""
    return 0.0 if kappa != "k+" else float(2.0 ** rng.integers(-5, 2))


@dataclass(frozen=True)
class Check:
    """One statement in one layer: where it applies and the function that checks a cell.

    `applies(member, support)` returns None, or the reason why the statement does not apply. `breadth` is
    the number of (cost, kappa) squares taken per divergence and support by `--quick` and by `--full`;
    `samples` likewise the number of random instances per cell.
    """

    statement: str
    words: str
    run: Callable[[Context], None]
    layer: str = "verification"
    costs: tuple[str, ...] = tuple(COSTS)
    supports: tuple[str, ...] = SUPPORTS
    kappas: tuple[str, ...] = KAPPAS
    applies: Callable[["Member", str], str | None] = always
    breadth: tuple[int, int] = (2, 16)
    samples: tuple[int, int] = (2, 4)

    def cells(self, label: str, support: str, effort: str) -> list[Cell]:
        """The squares that this effort takes for one divergence and support, in an order fixed by their
        ids.
        """
        every = [
            Cell(self.statement, label, cost, support, kappa, self.layer)
            for cost in self.costs
            for kappa in self.kappas
        ]
        if effort == "all":
            return every
        ranked = sorted(every, key=lambda cell: hashlib.sha256(cell.id.encode()).digest())
        return ranked[: self.breadth[effort == "full"]]
