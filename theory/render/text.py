"""Derivations as text for a terminal."""

import textwrap
from collections.abc import Iterator, Sequence

from theory.derivation import Derivation, Formula, StepResult
from theory.evidence import Outcome
from theory.facts import facts
from theory.fdivergence import FDivergence
from theory.render.plain import plain, prose
from theory.renyi import Renyi

__all__ = ["render"]

_WIDTH = 100
_MARKS = {Outcome.HOLDS: "✓", Outcome.FAILS: "✗", Outcome.VACUOUS: "?", Outcome.SKIPPED: "-"}


def _line(formula: Formula | str) -> str:
    return formula if isinstance(formula, str) else formula.text or plain(formula.latex)


def _wrapped(text: str, indent: str) -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False
    )


def _step(result: StepResult) -> Iterator[str]:
    step = result.step
    head = f"{result.number}. [{result.grade.value}] {_MARKS.get(result.outcome, '?')} {prose(step.rule)}"
    yield f"  {head}"
    yield _wrapped(prose(step.text), "     ")
    if step.formula.latex:
        yield f"         {_line(step.formula)}"
    if step.reference:
        yield _wrapped(f"cited: {step.reference}; needs: {prose('; '.join(step.hypotheses))}", "     ")
        instance = result.instance.value if result.instance else ""
        yield _wrapped(f"finite instance [{instance}]: {result.detail}", "     ")
    else:
        yield _wrapped(f"check: {result.detail}", "     ")


def _derivation(item: Derivation) -> Iterator[str]:
    yield f"{item.statement}  {prose(item.title)}"
    if item.not_applicable:
        yield f"  not applicable: {prose(item.not_applicable)}"
        return
    yield f"      {_line(item.formula)}"
    for hypothesis in item.hypotheses:
        yield _wrapped(f"given: {prose(hypothesis)}", "  ")
    if item.formal:
        scope = f" ({prose(item.formal_scope)})" if item.formal_scope else ""
        yield _wrapped(f"machine-checked in Coq{scope}: {', '.join(item.formal)}", "  ")
    for result in item.run_checks():
        yield from _step(result)


def render(d: FDivergence | Renyi, derivations: Sequence[Derivation]) -> str:
    """The facts of the divergence, then one block per derivation."""
    lines = [d.title, "=" * len(d.title)]
    width = max(len(label) for label, _ in facts(d))
    lines += [f"  {label:<{width}}  {_line(formula)}" for label, formula in facts(d)]
    for item in derivations:
        lines += ["", *_derivation(item)]
    return "\n".join(lines) + "\n"
