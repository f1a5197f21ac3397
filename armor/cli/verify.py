"""`armor verify`: the check matrix, live progress on standard error, a table (or JSON) on standard output."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from armor.errors import InputError, require
from armor.files import check_target, write_atomically

if TYPE_CHECKING:
    from verification.matrix.runner import Run

__all__ = ["configure", "run"]

_EPILOG = """examples:
  armor verify                              the quick matrix: every statement, divergence and support
  armor verify --only T8,kl,hard_ball       one statement, one divergence, one cost
  armor verify --only theory                the derivations alone (starts without torch and cvxpy)
  armor verify --full --html report.html    the full matrix, with a report to open in a browser
  armor verify --f "t*log(t)" --preflight mine.json
                                            certified instances for a divergence of your own
  armor verify --against my.module:solve    hold somebody's DRO or D^c solver against the certified intervals
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = _EPILOG
    effort = parser.add_mutually_exclusive_group()
    effort.add_argument("--quick", action="store_true", help="within a minute on two cores (default)")
    effort.add_argument("--full", action="store_true", help="within ten minutes on two cores")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="A,B",
        help="statements, divergences, costs, supports, layers, 'mutants' or full cell ids; "
        "one axis adds up, different axes restrict",
    )
    parser.add_argument(
        "--f", metavar="EXPR", help="check a divergence of your own, f(t) as a SymPy expression in t"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the random instances (default 0)")
    parser.add_argument("--jobs", type=int, default=0, help="processes (default: one per core)")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="take over the cells that an interrupted run of the same code finished",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="FILE",
        help="where finished cells are kept (default: the user's cache folder)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--json-file", type=Path, metavar="F", help="write the JSON to a file as well")
    parser.add_argument("--html", type=Path, metavar="F", help="write a self-contained HTML report")
    parser.add_argument("--list", action="store_true", help="list the ids of the cells and stop")
    parser.add_argument(
        "--preflight", type=Path, metavar="FILE", help="write certified instances for training and stop"
    )
    parser.add_argument(
        "--divergence",
        metavar="NAME",
        help="the divergence of --preflight: a name or a JSON object (default kl)",
    )
    parser.add_argument(
        "--against",
        metavar="MODULE:FUNCTION",
        help="run foreign code against the certified intervals and stop",
    )
    parser.add_argument(
        "--points",
        type=int,
        metavar="N",
        help="points of each instance of --against (default 5, at most 500)",
    )


def _tokens(only: list[str]) -> list[str]:
    tokens = [token.strip() for words in only for token in words.split(",") if token.strip()]
    if only and not tokens:
        raise InputError(
            "--only names no cell: give statements, divergences, costs, supports, layers or cell ids"
        )
    return tokens


def _preflight(args: argparse.Namespace) -> int:
    import json

    require("verification.solve")
    from verification.preflight import as_text, write

    spec: str | dict[str, object] = {"f": args.f} if args.f else args.divergence or "kl"
    if isinstance(spec, str) and spec.lstrip().startswith("{"):
        try:
            spec = dict(json.loads(spec))
        except ValueError as error:
            raise InputError(f"--divergence {args.divergence!r} is not a JSON object: {error}") from None
    mapping = write(spec, sys.stderr)
    write_atomically(args.preflight, as_text(mapping))
    print(f"{len(mapping['instances'])} certified instances for {mapping['divergence']} in {args.preflight}")
    return 0


def _against(args: argparse.Namespace) -> int:
    require("verification.solve")
    from verification import against

    points = 5 if args.points is None else args.points
    findings = against.run(
        args.against, seed=args.seed, full=args.full, only=_tokens(args.only), points=points
    )
    print(against.as_json(findings) if args.json else against.as_text(findings))
    if args.json_file:
        write_atomically(args.json_file, against.as_json(findings))
    return 0 if against.holds(findings) else 1


def run(args: argparse.Namespace) -> int:
    """Run what was asked for; returns the exit code."""
    if args.seed < 0:
        raise InputError(f"--seed must be at least 0, but is {args.seed}")
    if args.jobs < 0:
        raise InputError(f"--jobs must be at least 1, but is {args.jobs}")
    if args.f is not None and not args.f.strip():
        raise InputError('--f is empty: give f(t), such as "t*log(t)"')
    for path in (args.html, args.json_file, args.preflight):
        if path is not None:
            check_target(path)
    if args.cache is not None and (args.cache.is_dir() or not args.cache.parent.is_dir()):
        raise InputError(f"--cache {str(args.cache)!r} is no file in a folder that exists")
    if args.preflight:
        if args.f and args.divergence:
            raise InputError("--f and --divergence exclude each other: --preflight is for one divergence")
        return _preflight(args)
    if args.divergence:
        raise InputError("--divergence goes with --preflight; to check one divergence: --only NAME")
    if args.against:
        if args.f or args.html:
            raise InputError(f"{'--f' if args.f else '--html'} does not go with --against")
        return _against(args)
    if args.points is not None:
        raise InputError("--points goes with --against")
    for module in ("numpy", "joblib"):
        require(module)
    from verification.matrix import registry
    from verification.matrix.members import members

    effort = "full" if args.full else "quick"
    axis = members(args.f)
    if args.f:
        _ = axis[0].divergence  # a user's f that violates a hypothesis is bad input, not a failing cell
    plan = registry.plan(effort, axis, _tokens(args.only))
    if args.list:
        print("\n".join(cell.id for cell in plan.cells))
        return 0
    if any(cell.layer == "verification" for cell in plan.cells) or plan.mutants:
        require("cvxpy")
        require("flint")
    return _finish(args, _run(args, plan, effort))


def _run(args: argparse.Namespace, plan: object, effort: str) -> "Run":
    from verification.matrix import runner
    from verification.matrix.cache import Cache, default_path
    from verification.matrix.registry import Plan

    assert isinstance(plan, Plan)
    cache = Cache(args.cache or default_path(), args.resume)
    jobs = (
        args.jobs or len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else args.jobs or os.cpu_count() or 1
    )
    return runner.run(
        plan, seed=args.seed, effort=effort, jobs=jobs, cache=cache, expression=args.f, stream=sys.stderr
    )


def _finish(args: argparse.Namespace, result: "Run") -> int:
    from verification.matrix import report
    from verification.matrix.page import as_html

    if args.html:
        write_atomically(args.html, as_html(result))
    if args.json_file:
        write_atomically(args.json_file, report.as_json(result))
    print(report.as_json(result) if args.json else report.as_text(result))
    if result.interrupted:
        return 130
    return 0 if report.holds(result) else 1
