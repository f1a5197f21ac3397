"""Statements T1-T29 as data, and the derivations that follow from them for one divergence."""

import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from theory.coq import Coverage, coverage
from theory.derivation import Derivation, Formula, Step
from theory.errors import InputError
from theory.fdivergence import FDivergence
from theory.renyi import Renyi

__all__ = ["CORE", "ForRenyi", "NotApplicable", "Statement", "derive", "statement", "statements"]

# What `armor derive` prints unless it is asked for more: the dual formulas and what they give.
CORE = ("T2", "T3", "T4", "T6", "T7", "T8", "T9", "T10", "T11", "T17", "T19")


class NotApplicable(Exception):
    """Raised while steps are built when the statement does not apply; the message is the reason."""


@dataclass(frozen=True)
class ForRenyi:
    """A statement for a Renyi divergence: its steps (a string says instead why it does not apply), and its
    formula and hypotheses where they differ.
    """

    steps: Callable[[Renyi], tuple[Step, ...]] | str
    formula: Formula | None = None
    hypotheses: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Statement:
    """A statement of the mathematics: `steps` derives it for a divergence, or raises `NotApplicable`.

    `formula_for` gives the formula for one f-divergence where it is not the same for all. `renyi` does the
    same as `steps` for a Renyi divergence, or says why it does not apply. `formal` names its
    machine-checked theorems, qualified as in `theory.coq`; a derivation keeps those that cover its
    divergence. `involves_divergence` is False where the steps are the same for every divergence.
    """

    id: str
    title: str
    hypotheses: tuple[str, ...]
    formula: Formula
    source: str
    steps: Callable[[FDivergence], tuple[Step, ...]]
    formal: tuple[str, ...] = ()
    renyi: ForRenyi = ForRenyi("Rényi divergences are not f-divergences; T10 is their form")
    involves_divergence: bool = True
    formula_for: Callable[[FDivergence], Formula] | None = None

    def _steps_for(self, d: FDivergence | Renyi) -> tuple[Step, ...]:
        if isinstance(d, FDivergence):
            return self.steps(d)
        if isinstance(self.renyi.steps, str):
            raise NotApplicable(self.renyi.steps)
        return self.renyi.steps(d)

    def derive(self, d: FDivergence | Renyi) -> Derivation:
        """The derivation for `d` (checks are run on first use)."""
        own = self.renyi if isinstance(d, Renyi) else None
        formula = self.formula_for(d) if self.formula_for and isinstance(d, FDivergence) else self.formula
        reason = ""
        steps: tuple[Step, ...] = ()
        try:
            steps = self._steps_for(d)
        except NotApplicable as answer:
            reason = str(answer)
        covered = Coverage() if reason else coverage(self.id, self.formal, d)
        return Derivation(
            statement=self.id,
            title=self.title,
            divergence=d.title,
            hypotheses=own.hypotheses or self.hypotheses if own else self.hypotheses,
            formula=own.formula or formula if own else formula,
            source=self.source,
            steps=steps,
            not_applicable=reason,
            formal=covered.theorems,
            formal_scope=covered.scope,
            formal_grade=covered.grade,
        )


@cache
def statements() -> Mapping[str, str]:
    """Module of each statement by id, in order: "T2" -> "theory.statements.t02_dual"."""
    import theory.statements as package

    found = sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.name[0] == "t")
    return {f"T{int(name[1:3])}": f"theory.statements.{name}" for name in found}


def statement(name: str) -> Statement:
    """The statement with this id; `InputError` for an unknown one."""
    known = statements()
    if name not in known:
        raise InputError(f"unknown statement {name!r} (known: {', '.join(known)})")
    found: Statement = import_module(known[name]).STATEMENT
    return found


def derive(
    spec: str | Mapping[str, object] | FDivergence | Renyi, only: Iterable[str] | None = None
) -> list[Derivation]:
    """The derivations of the statements `only` (all by default) for the divergence that `spec` names.

    Raises `InputError` for an unknown divergence or statement, and for an f that violates a hypothesis.
    """
    from theory.catalogue import any_divergence

    d = spec if isinstance(spec, FDivergence | Renyi) else any_divergence(spec)
    if isinstance(d, FDivergence):
        try:
            d.check_hypotheses()
        except InputError as error:
            raise InputError(f"the divergence {d.name!r} violates a hypothesis: {error}") from None
    return [statement(name).derive(d) for name in (statements() if only is None else only)]
