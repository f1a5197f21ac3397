"""Runs the cells of a plan through joblib, as they finish, deterministic and resumable."""

import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, TextIO

from joblib import Parallel, delayed, parallel_config

from theory.evidence import Grade, Outcome
from verification.matrix.cache import Cache
from verification.matrix.cells import (
    Cell,
    CellResult,
    Context,
    InapplicableCell,
    SkipCell,
    UnfitSample,
    seed_of,
)
from verification.matrix.formulas import Formulas
from verification.matrix.members import Member, members
from verification.matrix.progress import Progress
from verification.matrix.registry import Plan, check_of

__all__ = ["Run", "decode", "encode", "execute", "run"]

_ATTEMPTS = 6
_CHUNK = 100  # cells that one worker takes at a time, at most


@dataclass(frozen=True)
class Run:
    """What a run found: cells in the order of the plan, the kill table, and how it went.

    `reused` counts the cells taken over from the cache of an earlier run of the same code.
    """

    results: tuple[CellResult, ...]
    mutants: tuple[Any, ...]
    seconds: float
    seed: int
    effort: str
    jobs: int
    reused: int
    planned: int
    interrupted: bool
    expression: str | None = None


def _member(label: str, expression: str | None) -> Member:
    return next(member for member in members(expression) if member.label == label)


def execute(
    cell: Cell,
    seed: int,
    effort: str,
    expression: str | None = None,
    formulas: Callable[[Member], Formulas] = Formulas,
) -> CellResult:
    """Check one cell. A check that raises fails, with the exception as its note."""
    begin = time.perf_counter()
    check = check_of(cell)
    member = _member(cell.divergence, expression)
    samples = check.samples[effort == "full"]
    context = Context(cell, member, formulas, seed_of(cell.id, seed), samples)
    try:
        for _ in range(_ATTEMPTS):  # more samples, from the same stream, while none meets the hypotheses
            try:
                check.run(context)
            except UnfitSample as reason:
                context.miss(str(reason))
            if context.substantial or not context.misses:
                break
    except (SkipCell, InapplicableCell) as reason:
        outcome = Outcome.SKIPPED if isinstance(reason, SkipCell) else Outcome.NOT_APPLICABLE
        return replace(context.result(time.perf_counter() - begin, seed), outcome=outcome, note=str(reason))
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        note = f"raised {type(error).__name__}: {error} ({where.name}, line {where.lineno})"
        context.claim("the check runs to its end", float("inf"), 0.0)
        return replace(context.result(time.perf_counter() - begin, seed), note=note)
    return context.result(time.perf_counter() - begin, seed)


def encode(result: CellResult) -> dict[str, object]:
    """A result as JSON-able data."""
    data = asdict(result)
    data["cell"] = result.cell.id
    data["outcome"] = result.outcome.value
    data["grade"] = result.grade.value if result.grade else None
    return data


def decode(data: Mapping[str, Any]) -> CellResult:
    """The inverse of `encode`."""
    fields = dict(data)
    fields["cell"] = Cell(*fields["cell"].split("/"))
    fields["outcome"] = Outcome(fields["outcome"])
    fields["grade"] = Grade(fields["grade"]) if fields["grade"] else None
    return CellResult(**fields)


def _task(
    kind: str, name: str, seed: int, effort: str, expression: str | None
) -> tuple[str, str, dict[str, object]]:
    if kind == "mutant":
        from verification import mutants

        return kind, name, mutants.encode(mutants.kill(name, seed))
    return kind, name, encode(execute(Cell(*name.split("/")), seed, effort, expression))


def _tasks(
    chunk: list[tuple[str, str]], seed: int, effort: str, expression: str | None
) -> list[tuple[str, str, dict[str, object]]]:
    return [_task(kind, name, seed, effort, expression) for kind, name in chunk]


def _chunks(tasks: list[tuple[str, str]], jobs: int) -> list[list[tuple[str, str]]]:
    """The tasks of one divergence together, so that few workers derive the same divergence; mutants, alone,
    come last and even out what the workers have left to do.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for kind, name in tasks:
        key = name.split("/")[1] if kind == "cell" else ""
        groups.setdefault(key, []).append((kind, name))
    mutants = groups.pop("", [])
    longest = max(4, min(_CHUNK, len(tasks) // (4 * jobs)))
    chunks = [
        group[start : start + longest]
        for group in sorted(groups.values(), key=len, reverse=True)
        for start in range(0, len(group), longest)
    ]
    return chunks + [[task] for task in mutants]


def _finished(
    tasks: list[tuple[str, str]], seed: int, effort: str, jobs: int, expression: str | None
) -> Iterator[tuple[str, str, dict[str, object]]]:
    if jobs == 1 or len(tasks) == 1:
        for kind, name in tasks:
            yield _task(kind, name, seed, effort, expression)
        return
    # Workers get one thread each: the instances are small, and BLAS threads would fight over the cores.
    with parallel_config(backend="loky", inner_max_num_threads=1):
        finished = Parallel(
            n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs"
        )(delayed(_tasks)(chunk, seed, effort, expression) for chunk in _chunks(tasks, jobs))
        for results in finished:
            yield from results


def _inapplicable(plan: Plan, seed: int) -> list[CellResult]:
    nan = float("nan")
    return [
        CellResult(cell, Outcome.NOT_APPLICABLE, None, 0, 0, nan, nan, None, reason, "", {}, 0.0, seed)
        for cell, reason in plan.inapplicable
    ]


def _depends_on_code(task: tuple[str, str]) -> bool:
    """Whether code and versions alone decide the task; a formal cell is about the compiled Coq library."""
    kind, name = task
    return kind != "cell" or not name.endswith("/formal")


def run(
    plan: Plan,
    *,
    seed: int,
    effort: str,
    jobs: int,
    cache: Cache | None = None,
    expression: str | None = None,
    stream: TextIO | None = None,
) -> Run:
    """Run every cell of `plan` (and the mutants) on `jobs` processes. An interruption returns what is
    finished.
    """
    begin = time.perf_counter()
    names = [("cell", cell.id) for cell in plan.cells]
    if plan.mutants:
        from verification import mutants

        names += [("mutant", name) for name in mutants.MUTANTS]
    done: dict[tuple[str, str], Mapping[str, Any]] = {}
    if cache is not None:
        for task in (task for task in names if _depends_on_code(task)):
            kept = cache.get(cache.key("/".join(task), seed, effort))
            if kept is not None:
                done[task] = kept
    reused = len(done)
    todo = [task for task in names if task not in done]
    progress = Progress(len(todo), stream or sys.stderr)
    interrupted = False
    try:
        for kind, name, data in _finished(todo, seed, effort, jobs, expression) if todo else ():
            done[kind, name] = data
            if cache is not None and _depends_on_code((kind, name)):
                cache.put(cache.key(f"{kind}/{name}", seed, effort), data)
            failed = data.get("outcome") == Outcome.FAILS.value or data.get("killed") is False
            progress.step(name, failed)
    except KeyboardInterrupt:
        interrupted = True
        _stop_workers()
    finally:
        progress.close()
    results = [decode(done["cell", cell.id]) for cell in plan.cells if ("cell", cell.id) in done]
    killed: tuple[Any, ...] = ()
    if plan.mutants:
        from verification import mutants

        killed = tuple(mutants.decode(done["mutant", n]) for n in mutants.MUTANTS if ("mutant", n) in done)
    return Run(
        tuple(results + _inapplicable(plan, seed)),
        killed,
        time.perf_counter() - begin,
        seed,
        effort,
        jobs,
        reused,
        len(names),
        interrupted,
        expression,
    )


def _stop_workers() -> None:
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=False, kill_workers=True)
