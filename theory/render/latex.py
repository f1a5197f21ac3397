"""Derivations as a LaTeX document that compiles with pdflatex, amsmath and geometry."""

from collections.abc import Iterator, Sequence

from theory.derivation import Derivation, Formula, StepResult
from theory.facts import facts
from theory.fdivergence import FDivergence
from theory.render.plain import escaped, symbol
from theory.renyi import Renyi

__all__ = ["render"]

_HEAD = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[a4paper,margin=2cm]{geometry}
\usepackage{amsmath,amssymb}
\setlength{\emergencystretch}{4em}
\raggedright
\begin{document}
"""


def _step(result: StepResult) -> Iterator[str]:
    step = result.step
    yield rf"\item \textbf{{{escaped(step.rule)}}} (\emph{{{result.grade.value}}}, {result.outcome.value}). "
    yield escaped(step.text).replace(r"; \ ", r";\allowbreak\ ")  # long enumerations within a formula
    if step.formula.latex:
        yield rf"\[ {step.formula.latex} \]"
    if step.reference:
        yield escaped(f"Cited: {step.reference}. Needs: {'; '.join(step.hypotheses)}.")
        instance = result.instance.value if result.instance else ""
        yield escaped(f"Finite instance ({instance}): {result.detail}.")
    else:
        yield escaped(f"Check: {result.detail}.")


def _derivation(item: Derivation) -> Iterator[str]:
    yield rf"\section*{{{item.statement} {escaped(item.title)}}}"
    if item.not_applicable:
        yield escaped(f"Not applicable: {item.not_applicable}.")
        return
    yield rf"\[ {item.formula.latex} \]"
    yield r"\begin{itemize}"
    yield from (rf"\item Given: {escaped(hypothesis)}" for hypothesis in item.hypotheses)
    yield rf"\item Source: {escaped(item.source)}"
    if item.formal:
        names = ", ".join(rf"\texttt{{{escaped(name)}}}" for name in item.formal)
        scope = f" ({escaped(item.formal_scope)})" if item.formal_scope else ""
        yield rf"\item Machine-checked in Coq{scope}: {names}"
    yield r"\end{itemize}"
    yield r"\begin{enumerate}"
    for result in item.run_checks():
        yield from _step(result)
    yield r"\end{enumerate}"


def _fact(fact: Formula | str) -> str:
    return escaped(fact) if isinstance(fact, str) else f"${fact.latex}$"


def render(d: FDivergence | Renyi, derivations: Sequence[Derivation]) -> str:
    """A whole document."""
    lines = [_HEAD + rf"\title{{{escaped(d.title)}}}\date{{}}\maketitle", r"\begin{itemize}"]
    lines += [rf"\item ${symbol(label)}$: {_fact(fact)}" for label, fact in facts(d)]
    lines.append(r"\end{itemize}")
    for item in derivations:
        lines += ["", *_derivation(item)]
    return "\n".join(lines) + "\n\\end{document}\n"
