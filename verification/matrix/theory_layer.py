"""The theory layer of the matrix: the symbolic derivation of each statement, every step run through its own
check.
"""

import math
import pkgutil
import re
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec

from theory.derivation import Derivation
from theory.errors import InputError
from theory.evidence import Outcome
from verification.matrix.applies import once
from verification.matrix.cells import NONE, Check, Context, InapplicableCell, always
from verification.matrix.members import Member

__all__ = ["derivation_of", "derived_statements", "theory_checks"]


@lru_cache(maxsize=64)
def _derivations(member: Member) -> tuple[Derivation, ...]:
    from theory.statement import derive

    return tuple(derive(dict(member.spec)))


def derivation_of(context: Context) -> Derivation:
    """The derivation of a cell's statement for its divergence; `InapplicableCell` where there is none."""
    try:
        found = [d for d in _derivations(context.member) if d.statement == context.cell.statement]
    except InputError as error:
        raise InapplicableCell(str(error)) from None
    if not found:
        raise InapplicableCell("no derivation of this statement for this divergence")
    if found[0].not_applicable:
        raise InapplicableCell(found[0].not_applicable)
    return found[0]


def _run(context: Context) -> None:
    derivation = derivation_of(context)
    results = derivation.run_checks()
    listing = [
        f"{each.number}. [{each.grade.value}] {each.outcome.value}: {each.step.text}"
        + (f" ({each.detail})" if each.detail else "")
        for each in results
    ]
    counts = {grade.value: count for grade, count in derivation.grades().items()}
    for each in results:
        context.tried += 1
        if each.outcome is Outcome.VACUOUS:
            context.miss(f"step {each.number}: {each.detail}")
        holds = each.outcome is Outcome.HOLDS
        context.claim(
            f"step {each.number}: {each.detail or each.step.rule}",
            0.0 if holds else math.inf,
            0.0,
            each.grade,
            {"steps": counts, "listing": listing},
        )


@lru_cache
def derived_statements() -> tuple[tuple[str, str, tuple[str, ...], bool], ...]:
    """Number, title, machine-checked theorems of the statements of the derivation layer, and whether each
    involves the divergence, by file name.
    """
    spec = find_spec("theory.statements")
    if spec is None or find_spec("theory.statement") is None:
        return ()
    found = []
    for info in pkgutil.iter_modules(spec.submodule_search_locations):
        if match := re.match(r"t(\d+)_", info.name):
            statement = import_module(f"theory.statements.{info.name}").STATEMENT
            found.append(
                (
                    f"T{int(match[1])}",
                    statement.title.replace("$", ""),
                    statement.formal,
                    statement.involves_divergence,
                )
            )
    return tuple(found)


@lru_cache
def theory_checks() -> tuple[Check, ...]:
    """One check per statement that the derivation layer holds, found by the names of its files."""
    return tuple(
        Check(
            number,
            title,
            _run,
            layer="theory",
            costs=(NONE,),
            supports=(NONE,),
            kappas=(NONE,),
            breadth=(1, 1),
            samples=(1, 1),
            applies=always if involves else once,
        )
        for number, title, _, involves in derived_statements()
    )
