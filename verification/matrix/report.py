"""The outcome of a run as text and as JSON; `page` makes the HTML."""

import json
import math
import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib import metadata
from typing import cast

from theory.evidence import Grade, Outcome
from verification.matrix.cache import code_hash, code_meaning
from verification.matrix.cells import LAYERS, CellResult
from verification.matrix.registry import checks
from verification.matrix.runner import Run, encode

__all__ = ["as_json", "as_mapping", "as_text", "holds", "reproduce", "verdict"]

_GRADES = (Grade.FORMAL, Grade.PROVED, Grade.ENCLOSED, Grade.BRACKETED, Grade.SAMPLED, Grade.CITED)
_REST = (Outcome.FAILS, Outcome.VACUOUS, Outcome.NOT_APPLICABLE, Outcome.SKIPPED)
_LISTED = 60  # derivations shown one by one
_SHORT = {Outcome.NOT_APPLICABLE: "n/a"}


def holds(run: Run) -> bool:
    """Whether no cell fails or is vacuous, every mutant is killed and something was checked."""
    outcomes = {result.outcome for result in run.results}
    if outcomes & {Outcome.FAILS, Outcome.VACUOUS} or not all(mutant.killed for mutant in run.mutants):
        return False
    # Cells that were all skipped verify nothing.
    return Outcome.SKIPPED not in outcomes or Outcome.HOLDS in outcomes


def reproduce(result: CellResult, run: Run) -> str:
    """The command that runs this cell alone."""
    own = f" --f '{run.expression}'" if run.expression else ""
    effort = " --full" if run.effort == "full" else ""
    return f"armor verify{own} --only {result.cell.id} --seed {result.seed}{effort}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def verdict(run: Run) -> str:
    """One line: what holds, by grade, what does not, and how long it took."""
    outcomes = Counter(result.outcome for result in run.results)
    grades = Counter(
        result.grade for result in run.results if result.outcome is Outcome.HOLDS and result.grade
    )
    parts = ", ".join(f"{grades[grade]} {grade.value}" for grade in _GRADES if grades[grade])
    checked = sum(outcomes[item] for item in (Outcome.HOLDS, Outcome.FAILS, Outcome.VACUOUS))
    text = f"{outcomes[Outcome.HOLDS]} of {_count(checked, 'cell')} hold" + (f" ({parts})" if parts else "")
    text += "".join(f", {outcomes[item]} {item.value}" for item in _REST if outcomes[item])
    if run.mutants:
        text += f"; {sum(m.killed for m in run.mutants)} of {_count(len(run.mutants), 'mutant')} killed"
    text += f"; {run.seconds:.0f} s on {_count(run.jobs, 'process')}".replace("processs", "processes")
    text += f", seed {run.seed}" + (f", {run.reused} taken over from an earlier run" if run.reused else "")
    if run.interrupted:
        lead = "INTERRUPTED"
    elif not holds(run):
        lead = "FALLS SHORT" if checked or any(not m.killed for m in run.mutants) else "NOTHING CHECKED"
    else:
        lead = "ALL HOLD" if checked or run.mutants else "NOTHING APPLIES"
    return f"{lead}: {text}"


def _number(value: float | None) -> str:
    if value is None or math.isnan(value):
        return ""
    return "0" if value == 0 else f"{value:.1e}"


def _words() -> dict[str, str]:
    """Each statement in words: those of its check on instances where it has one, else of its derivation."""
    words: dict[str, str] = {}
    for check in sorted(checks(), key=lambda each: each.layer != "verification"):
        words.setdefault(check.statement, check.words)
    return {check.statement: words[check.statement] for check in checks()}


def _row(words: str, results: list[CellResult]) -> list[str]:
    grades = Counter(r.grade for r in results if r.outcome is Outcome.HOLDS)
    outcomes = Counter(r.outcome for r in results)
    measured = [r for r in results if not math.isnan(r.gap)]
    worst = max(
        measured,
        key=lambda r: r.gap / r.tolerance if r.tolerance else (math.inf if r.gap else 0.0),
        default=None,
    )
    widths = [r.width for r in results if r.width is not None]
    return [
        words,
        *(str(grades[grade] or "") for grade in _GRADES),
        *(str(outcomes[item] or "") for item in _REST),
        _number(worst.gap) if worst else "",
        _number(worst.tolerance) if worst else "",
        _number(max(widths)) if widths else "",
    ]


def _aligned(rows: list[list[str]]) -> Iterable[str]:
    keep = [k for k in range(len(rows[0])) if k == 0 or any(row[k] for row in rows[1:] if len(row) > 1)]
    width = {k: max(len(row[k]) for row in rows if len(row) > 1) for k in keep}
    for row in rows:
        if len(row) == 1:
            yield row[0]
        else:
            yield "  ".join(
                row[k].ljust(width[k]) if k == 0 else row[k].rjust(width[k]) for k in keep
            ).rstrip()


def _table(run: Run) -> Iterable[str]:
    head = ["", *(grade.value for grade in _GRADES), *(_SHORT.get(item, item.value) for item in _REST)]
    rows = [[*head, "worst gap", "allowed", "interval"]]
    titled: set[str] = set()
    for check in checks():
        found = [r for r in run.results if (r.cell.statement, r.cell.layer) == (check.statement, check.layer)]
        if found:
            if check.statement not in titled:  # one title for all layers of a statement
                titled.add(check.statement)
                rows.append([f"{check.statement:<4}{_words()[check.statement]}"])
            rows.append(_row(f"      {check.layer}", found))
    return _aligned(rows)


def _derivations(run: Run) -> Iterable[str]:
    """Steps of the derivations by grade: a line for each, or for each statement where there are many."""
    theory = [
        r for r in run.results if r.cell.layer == "theory" and isinstance(r.numbers.get("steps"), Mapping)
    ]
    if not theory:
        return ()
    merge = len(theory) > _LISTED
    steps: dict[str, Counter[str]] = {}
    members: Counter[str] = Counter()
    for result in theory:
        name = f"  {result.cell.statement:<4}" + ("" if merge else result.cell.divergence)
        steps.setdefault(name, Counter()).update(cast(Mapping[str, int], result.numbers["steps"]))
        members[name] += 1
    rows = [["derivation", *(grade.value for grade in _GRADES), "steps", "divergences" if merge else ""]]
    for name, counts in steps.items():
        counted = [str(counts[grade.value] or "") for grade in _GRADES]
        rows.append([name, *counted, str(sum(counts.values())), str(members[name]) if merge else ""])
    return ["", "Derivations, steps by grade", *_aligned(rows)]


def _mutants(run: Run) -> Iterable[str]:
    if not run.mutants:
        return ()
    rows = [["mutant", "outcome", "off by", "allowed", "killed by"]]
    rows += [
        [
            f"  {m.name}: {m.words}",
            "dies" if m.killed else "SURVIVES",
            _number(m.gap),
            _number(m.tolerance),
            m.check,
        ]
        for m in run.mutants
    ]
    return ["", "Mutants: wrong formulas, each run through the check that must notice", *_aligned(rows)]


def _complaints(run: Run) -> Iterable[str]:
    for result in run.results:
        if result.outcome in (Outcome.FAILS, Outcome.VACUOUS):
            yield ""
            yield f"{result.outcome.value.upper()}: {result.cell.id}"
            if result.claim:
                yield f"  {result.claim}: off by {_number(result.gap)}, allowed {_number(result.tolerance)}"
            if result.note:
                yield f"  {result.note}"
            yield f"  {reproduce(result, run)}"
    for mutant in run.mutants:
        if not mutant.killed:
            yield ""
            yield f"SURVIVES: the mutant {mutant.name} ({mutant.words}); {mutant.check} did not notice"
            yield f"  armor verify --only mutants --seed {run.seed}"


def _reasons(run: Run) -> Iterable[str]:
    lines: Counter[str] = Counter()
    for result in run.results:
        if result.outcome in (Outcome.NOT_APPLICABLE, Outcome.SKIPPED):
            lines[
                f"  {result.cell.statement:<4}{result.cell.layer}: {result.outcome.value}: {result.note}"
            ] += 1
    if lines:
        yield ""
        yield "Not applicable or skipped"
        for line, count in lines.items():
            yield f"{line} ({_count(count, 'cell')})"


def _in_part(run: Run) -> Iterable[str]:
    """What the machine-checked theorems are about where that is not the whole statement."""
    lines: Counter[str] = Counter()
    for result in run.results:
        if result.cell.layer == "formal" and result.outcome is Outcome.HOLDS and result.note:
            lines[f"  {result.cell.statement:<4}{result.note}"] += 1
    if lines:
        yield ""
        yield "Machine-checked in part"
        for line, count in lines.items():
            yield f"{line} ({_count(count, 'cell')})"


def as_text(run: Run) -> str:
    """The table per statement, the derivations, the kill table, what is machine-checked in part, what fails
    with its command, and the verdict.
    """
    blocks = [
        *_table(run),
        *_derivations(run),
        *_mutants(run),
        *_in_part(run),
        *_reasons(run),
        *_complaints(run),
        "",
        verdict(run),
    ]
    return "\n".join(blocks)


def as_mapping(run: Run) -> dict[str, object]:
    """Everything the run found, as JSON-able data (`nan` and `inf` as None and "inf")."""
    packages = ("numpy", "scipy", "cvxpy", "clarabel", "highspy", "python-flint", "sympy", "torch")
    versions = {"python": platform.python_version()}
    for name in packages:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    words = _words()
    cells = [
        {**encode(result), "words": words[result.cell.statement], "reproduce": reproduce(result, run)}
        for result in run.results
    ]
    data: dict[str, object] = {
        "schema": 1,
        "verdict": verdict(run),
        "holds": holds(run),
        "interrupted": run.interrupted,
        "effort": run.effort,
        "seed": run.seed,
        "jobs": run.jobs,
        "seconds": round(run.seconds, 3),
        "reused": run.reused,
        "planned": run.planned,
        "code": code_hash(),
        "sources": code_meaning(),
        "versions": versions,
        "statements": words,
        "layers": list(LAYERS),
        "cells": cells,
        "mutants": [asdict(mutant) for mutant in run.mutants],
    }
    clean: dict[str, object] = _clean(data)  # type: ignore[assignment]
    return clean


def _clean(value: object) -> object:
    if isinstance(value, float):
        return (
            None if math.isnan(value) else (("inf" if value > 0 else "-inf") if math.isinf(value) else value)
        )
    if isinstance(value, Mapping):
        return {str(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value


def as_json(run: Run) -> str:
    """`as_mapping` as text."""
    return json.dumps(as_mapping(run), indent=1, ensure_ascii=False, allow_nan=False)
