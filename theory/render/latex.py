"""Derivations as a LaTeX document that compiles with amsmath alone."""

from collections.abc import Iterator, Sequence

from theory.derivation import Derivation, StepResult
from theory.facts import facts
from theory.fdivergence import FDivergence
from theory.renyi import Renyi

__all__ = ["render"]

_HEAD = r"""\documentclass{article}
\usepackage[utf8]{inputenc}
\usepackage{amsmath,amssymb}
\begin{document}
"""
_ESCAPES = {
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "^": r"\^{}",
    "~": r"\~{}",
    "<": "$<$",
    ">": "$>$",
}


def _escaped(text: str) -> str:
    """Plain words for LaTeX; formulas between `$` pass untouched."""
    parts = text.split("$")
    parts[::2] = ["".join(_ESCAPES.get(c, c) for c in part) for part in parts[::2]]
    return "$".join(parts)


def _step(result: StepResult) -> Iterator[str]:
    step = result.step
    yield rf"\item \textbf{{{_escaped(step.rule)}}} (\emph{{{result.grade.value}}}, {result.outcome.value}). "
    yield _escaped(step.text)
    if step.formula.latex:
        yield rf"\[ {step.formula.latex} \]"
    if step.reference:
        yield _escaped(f"Cited: {step.reference}. Needs: {'; '.join(step.hypotheses)}.")
        instance = result.instance.value if result.instance else ""
        yield _escaped(f"Finite instance ({instance}): {result.detail}.")
    else:
        yield _escaped(f"Check: {result.detail}.")


def _derivation(item: Derivation) -> Iterator[str]:
    yield rf"\section*{{{item.statement} {_escaped(item.title)}}}"
    if item.not_applicable:
        yield _escaped(f"Not applicable: {item.not_applicable}.")
        return
    yield rf"\[ {item.formula.latex} \]"
    yield r"\begin{itemize}"
    yield from (rf"\item Given: {_escaped(hypothesis)}" for hypothesis in item.hypotheses)
    yield rf"\item Source: {_escaped(item.source)}"
    if item.formal:
        names = ", ".join(rf"\texttt{{{_escaped(name)}}}" for name in item.formal)
        yield rf"\item Machine-checked in Coq: {names}"
    yield r"\end{itemize}"
    yield r"\begin{enumerate}"
    for result in item.run_checks():
        yield from _step(result)
    yield r"\end{enumerate}"


def render(d: FDivergence | Renyi, derivations: Sequence[Derivation]) -> str:
    """A whole document."""
    lines = [_HEAD + rf"\title{{{_escaped(d.title)}}}\date{{}}\maketitle", r"\begin{itemize}"]
    lines += [rf"\item {_escaped(label)}: ${formula.latex}$" for label, formula in facts(d)]
    lines.append(r"\end{itemize}")
    for item in derivations:
        lines += ["", *_derivation(item)]
    return "\n".join(lines) + "\n\\end{document}\n"
