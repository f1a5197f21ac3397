"""Derivations as data: ordered steps, each with the rule it uses, a grade and an executable check."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from theory.evidence import Grade, Outcome

__all__ = ["Derivation", "Finding", "Formula", "Step", "StepResult"]


@dataclass(frozen=True)
class Formula:
    """A displayed formula: LaTeX, and a line for the terminal where the LaTeX does not convert well."""

    latex: str
    text: str = ""


@dataclass(frozen=True)
class Finding:
    """What a check found, and the grade it actually reached."""

    outcome: Outcome
    grade: Grade
    detail: str = ""


@dataclass(frozen=True)
class Step:
    """One inference. `text` is prose with formulas between `$`; `formula` is displayed; its LaTeX may be
    empty.

    `grade` is what the step claims. A step that cites a theorem (`Grade.CITED`) names it in `reference`
    with its `hypotheses`, and its `check` tests a finite-dimensional instance of it; otherwise `check`
    tests the step itself.
    """

    text: str
    formula: Formula
    rule: str
    grade: Grade
    check: Callable[[], Finding]
    reference: str = ""
    hypotheses: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepResult:
    """A step with the outcome of its check.

    `grade` is the grade that counts: that of the check, but never better than the step claims. For a cited
    step it stays `CITED`, and `instance` is the grade that its finite-dimensional instance reached.
    """

    number: int
    step: Step
    grade: Grade
    outcome: Outcome
    detail: str
    instance: Grade | None


def _run(number: int, step: Step) -> StepResult:
    finding = step.check()
    cited = step.grade is Grade.CITED
    grade = step.grade if cited else max(step.grade, finding.grade, key=lambda g: g.rank)
    instance = finding.grade if cited else None
    return StepResult(number, step, grade, finding.outcome, finding.detail, instance)


@dataclass(frozen=True)
class Derivation:
    """How one statement follows for one divergence. `not_applicable` gives the reason when it does not apply.

    `hypotheses` and `title` are prose with formulas between `$`. `formal` names the machine-checked
    theorems that cover it; `formal_scope` and `formal_grade` are those of their `Coverage` (`theory.coq`).
    """

    statement: str
    title: str
    divergence: str
    hypotheses: tuple[str, ...]
    formula: Formula
    source: str
    steps: tuple[Step, ...]
    not_applicable: str = ""
    formal: tuple[str, ...] = ()
    formal_scope: str = ""
    formal_grade: Grade = Grade.FORMAL

    @cached_property
    def results(self) -> tuple[StepResult, ...]:
        """The results of all checks, run once and kept."""
        return tuple(_run(number, step) for number, step in enumerate(self.steps, start=1))

    def run_checks(self) -> tuple[StepResult, ...]:
        """Run the check of every step (once; later calls return the same results)."""
        return self.results

    @property
    def outcome(self) -> Outcome:
        """HOLDS when every step's check holds; NOT_APPLICABLE when the statement does not apply."""
        if self.not_applicable:
            return Outcome.NOT_APPLICABLE
        found = {result.outcome for result in self.run_checks()}
        for outcome in (Outcome.FAILS, Outcome.VACUOUS, Outcome.SKIPPED):
            if outcome in found:
                return outcome
        return Outcome.HOLDS

    def grades(self) -> Mapping[Grade, int]:
        """How many steps reached each grade."""
        return Counter(result.grade for result in self.run_checks())
