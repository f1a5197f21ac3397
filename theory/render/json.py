"""Derivations as JSON."""

import json
from collections.abc import Sequence
from typing import Any

from theory.derivation import Derivation, Formula, StepResult
from theory.facts import facts
from theory.fdivergence import FDivergence
from theory.render.plain import escaped, plain
from theory.renyi import Renyi

__all__ = ["render"]


def _formula(formula: Formula | str) -> dict[str, str]:
    if isinstance(formula, str):
        return {"latex": rf"\text{{{escaped(formula)}}}", "text": formula}
    return {"latex": formula.latex, "text": formula.text or plain(formula.latex)}


def _step(result: StepResult) -> dict[str, Any]:
    step = result.step
    return {
        "number": result.number,
        "rule": step.rule,
        "text": step.text,
        "formula": _formula(step.formula),
        "grade": result.grade.value,
        "outcome": result.outcome.value,
        "detail": result.detail,
        "reference": step.reference or None,
        "hypotheses": list(step.hypotheses),
        "instance_grade": result.instance.value if result.instance else None,
    }


def _derivation(item: Derivation) -> dict[str, Any]:
    return {
        "statement": item.statement,
        "title": item.title,
        "hypotheses": list(item.hypotheses),
        "formula": _formula(item.formula),
        "source": item.source,
        "formal": list(item.formal),
        "formal_scope": item.formal_scope,
        "formal_grade": item.formal_grade.value,
        "outcome": item.outcome.value,
        "not_applicable": item.not_applicable or None,
        "steps": [_step(result) for result in item.run_checks()],
    }


def render(d: FDivergence | Renyi, derivations: Sequence[Derivation]) -> str:
    """One object: the divergence, its facts, its derivations."""
    document = {
        "divergence": {"title": d.title, **dict(d.spec)},
        "facts": {label: _formula(formula) for label, formula in facts(d)},
        "derivations": [_derivation(item) for item in derivations],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
