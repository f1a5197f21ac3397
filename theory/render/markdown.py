"""Derivations as Markdown with LaTeX formulas."""

from collections.abc import Iterator, Sequence

from theory.derivation import Derivation, Formula, StepResult
from theory.facts import facts
from theory.fdivergence import FDivergence
from theory.render.plain import symbol, typeset
from theory.renyi import Renyi

__all__ = ["render"]


def _prose(text: str) -> str:
    parts = text.split("$")  # formulas between dollars stay LaTeX
    parts[::2] = map(typeset, parts[::2])
    return "$".join(parts)


def _step(result: StepResult) -> Iterator[str]:
    step = result.step
    head = f"**{step.rule}** — *{result.grade.value}*, {result.outcome.value}"
    yield f"{result.number}. {head}. {_prose(step.text)}"
    if step.formula.latex:
        yield ""
        yield f"   $$ {step.formula.latex} $$"
    yield ""
    if step.reference:
        yield f"   Cited: {step.reference}. Needs: {_prose('; '.join(step.hypotheses))}."
        yield f"   Finite instance (*{result.instance.value if result.instance else ''}*): {result.detail}."
    else:
        yield f"   Check: {result.detail}."
    yield ""


def _derivation(item: Derivation) -> Iterator[str]:
    yield f"## {item.statement} {_prose(item.title)}"
    yield ""
    if item.not_applicable:
        yield f"Not applicable: {_prose(item.not_applicable)}."
        return
    yield f"$$ {item.formula.latex} $$"
    yield ""
    yield from (f"- Given: {_prose(hypothesis)}" for hypothesis in item.hypotheses)
    yield f"- Source: {item.source}"
    if item.formal:
        scope = f" ({_prose(item.formal_scope)})" if item.formal_scope else ""
        yield f"- Machine-checked in Coq{scope}: {', '.join(f'`{name}`' for name in item.formal)}"
    yield ""
    for result in item.run_checks():
        yield from _step(result)


def _cell(fact: Formula | str) -> str:
    if isinstance(fact, str):
        return fact.replace("|", r"\|").replace("_", r"\_").replace("*", r"\*")
    return f"$ {fact.latex.replace('|', chr(92) + 'vert ')} $"


def render(d: FDivergence | Renyi, derivations: Sequence[Derivation]) -> str:
    """A page: a table of facts, then one section per derivation."""
    lines = [f"# {d.title}", "", "| | |", "|---|---|"]
    lines += [f"| $ {symbol(label)} $ | {_cell(fact)} |" for label, fact in facts(d)]
    for item in derivations:
        lines += ["", *_derivation(item)]
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"
