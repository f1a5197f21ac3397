"""Finds the checks (one file per statement under `checks/`) and lays out the cells of a run."""

import difflib
import pkgutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module

from theory.errors import InputError
from verification.generate import COSTS, SUPPORTS
from verification.matrix import checks as package
from verification.matrix.armor_layer import armor_checks
from verification.matrix.cells import KAPPAS, LAYERS, NONE, Cell, Check
from verification.matrix.formal_layer import formal_checks
from verification.matrix.members import Member
from verification.matrix.theory_layer import theory_checks

__all__ = ["Plan", "check_of", "checks", "plan"]

MUTANTS = "mutants"  # the token of `--only` that asks for the kill table


@lru_cache
def checks() -> tuple[Check, ...]:
    """Every registered check, by statement number and then by layer."""
    found: list[Check] = []
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        found.extend(import_module(f"{package.__name__}.{module}").CHECKS)
    found.extend(formal_checks() + theory_checks() + armor_checks())
    return tuple(sorted(found, key=lambda check: (int(check.statement[1:]), LAYERS.index(check.layer))))


def check_of(cell: Cell) -> Check:
    """The check that a cell belongs to; `InputError` when there is none."""
    for check in checks():
        if (check.statement, check.layer) == (cell.statement, cell.layer):
            return check
    raise InputError(f"no check is registered for the cell {cell.id!r}")


@dataclass(frozen=True)
class Plan:
    """The cells to run, the cells that do not apply (with the reason), and whether the mutants run too."""

    cells: tuple[Cell, ...]
    inapplicable: tuple[tuple[Cell, str], ...]
    mutants: bool


def _every(effort: str, axis: Sequence[Member]) -> tuple[list[Cell], list[tuple[Cell, str]]]:
    cells: list[Cell] = []
    inapplicable: list[tuple[Cell, str]] = []
    for check in checks():
        for member in axis:
            for support in check.supports:
                reason = check.applies(member, support)
                if reason is None:
                    cells.extend(check.cells(member.label, support, effort))
                else:
                    blank = Cell(check.statement, member.label, NONE, support, NONE, check.layer)
                    inapplicable.append((blank, reason))
    return cells, inapplicable


def _tokens(axis: Iterable[Member]) -> dict[str, dict[str, set[str]]]:
    """token (lower case) -> axis name -> the values it stands for."""
    table: dict[str, dict[str, set[str]]] = {}

    def add(token: str, field: str, value: str) -> None:
        table.setdefault(token.lower(), {}).setdefault(field, set()).add(value)

    for number in sorted({check.statement for check in checks()}):
        add(number, "statement", number)
    for member in axis:
        add(member.label, "divergence", member.label)
        add(str(member.spec.get("name", member.label)), "divergence", member.label)
    for field, values in (("cost", COSTS), ("support", SUPPORTS), ("kappa", KAPPAS), ("layer", LAYERS)):
        for value in values:
            add(value, field, value)
    return table


def _selection(
    only: Sequence[str], axis: Sequence[Member], known: dict[str, Cell]
) -> tuple[dict[str, set[str]], set[str]]:
    table = _tokens(axis)
    wanted: dict[str, set[str]] = {}
    ids: set[str] = set()
    for token in only:
        if token in known:
            ids.add(token)
        elif token.lower() in table:
            for field, values in table[token.lower()].items():
                wanted.setdefault(field, set()).update(values)
        elif token != MUTANTS:
            near = difflib.get_close_matches(token.lower(), [*table, MUTANTS], n=1, cutoff=0.0)
            near = difflib.get_close_matches(token, known, n=1) or near if "/" in token else near
            raise InputError(
                f"unknown cell or axis value {token!r} in --only; the nearest known is {near[0]!r}"
            )
    return wanted, ids


def _has_axes(check: Check, wanted: dict[str, set[str]]) -> bool:
    """Whether the check has squares on the chosen costs and penalties at all."""
    axes = {"cost": check.costs, "kappa": check.kappas}
    return all(wanted[name] & set(values) for name, values in axes.items() if name in wanted)


def plan(effort: str, axis: Sequence[Member], only: Sequence[str] = ()) -> Plan:
    """The cells of a run. Tokens of `only` on one axis add up, tokens on different axes restrict each
    other, full cell ids are taken as they are (from the whole matrix, whatever the effort). `InputError`
    for an unknown token or an empty choice.
    """
    cells, inapplicable = _every(effort, axis)
    if not only:
        return Plan(tuple(cells), tuple(inapplicable), mutants=True)
    known = {cell.id: cell for cell in _every("all", axis)[0]}
    wanted, ids = _selection(only, axis, known)

    def chosen(cell: Cell, skip: frozenset[str] = frozenset()) -> bool:
        return bool(wanted) and all(
            getattr(cell, f) in values for f, values in wanted.items() if f not in skip
        )

    blank = frozenset({"cost", "kappa"})
    picked = [cell for cell in cells if chosen(cell)]
    if (
        wanted and not picked and effort != "full"
    ):  # a square that quick leaves out: take it from the whole matrix
        picked = [cell for cell in known.values() if chosen(cell)]
    picked += [known[name] for name in sorted(ids) if known[name] not in picked]
    reasons = [
        (cell, reason)
        for cell, reason in inapplicable
        if chosen(cell, blank) and _has_axes(check_of(cell), wanted)
    ]
    if not picked and not reasons and MUTANTS not in only:
        raise InputError(f"--only {','.join(only)} leaves no cell of the matrix")
    return Plan(tuple(picked), tuple(reasons), mutants=MUTANTS in only)
