"""What `armor divergence` and `armor dro` share: options, JSON, the text report, certificate files."""

import argparse
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from armor.errors import InputError
from armor.files import check_target, replacing

if TYPE_CHECKING:
    from armor.exact.solution import Solution as LargeSolution
    from armor.exact.worst_case import DroSolution
    from verification.solution import Solution

__all__ = [
    "add_options",
    "check_options",
    "masses",
    "number",
    "present",
    "report",
    "solution_json",
    "write_json",
]

_LONGEST = 12  # rows of a table in the text report; --json has them all


def add_options(parser: argparse.ArgumentParser) -> None:
    """The instance file and the two output options."""
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="instance file (JSON, or .npz for large ones)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the report")
    parser.add_argument(
        "--certificate", type=Path, metavar="F", help="write a certificate that `armor check F` re-checks"
    )


def check_options(args: argparse.Namespace) -> None:
    """Refuse, before any work, a certificate that cannot be written or would overwrite its own instance."""
    if args.certificate is None:
        return
    if args.certificate.resolve() == args.file.resolve():
        raise InputError(f"--certificate {str(args.certificate)!r} is the instance file itself.")
    check_target(args.certificate)


def _jsonable(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_jsonable(v) for v in value.tolist()]
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def solution_json(
    solution: "Solution | LargeSolution | DroSolution",
    *,
    lower: float,
    upper: float,
    gap: float,
    rigorous: bool,
    lam: float | None,
    rho: float | None,
    weights: Any,
    worst_case: Any,
    notes: Sequence[str],
) -> str:
    """One JSON object, the same for every solver: null for what does not apply, infinities as text."""
    fields = {
        "value": solution.value,
        "lower": lower,
        "upper": upper,
        "gap": gap,
        "rigorous": rigorous,
        "grade": "enclosed" if rigorous else "bracketed",
        "lambda": lam,
        "rho": rho,
        "weights": weights,
        "singular": solution.singular,
        "worst_case": worst_case,
        "iterations": solution.iterations,
        "seconds": round(solution.seconds, 6),
        "tolerance": solution.tolerance,
        "status": solution.status.name.lower(),
        "message": solution.status.value,
        "notes": list(notes),
    }
    return json.dumps({key: _jsonable(value) for key, value in fields.items()}, allow_nan=False)


def _as_json(solution: "Solution", lam: float | None, rho: float | None) -> str:
    return solution_json(
        solution,
        lower=solution.lower,
        upper=solution.upper,
        gap=solution.gap,
        rigorous=solution.rigorous,
        lam=lam,
        rho=rho,
        weights=solution.weights,
        worst_case=solution.worst_case,
        notes=solution.instance.notes,
    )


def number(value: float | None) -> str:
    """A double as the report shows it."""
    if value is None:
        return "-"
    return f"{value:.15g}"


def report(title: str, solution: "Solution", multipliers: Mapping[str, float | None]) -> list[str]:
    """The head of the text report: value, interval, grade, multipliers and notes."""
    n, m = solution.instance.shape
    spec = solution.instance.divergence
    named = ", ".join([spec.get("name", "f"), *(f"{k} = {v}" for k, v in spec.items() if k != "name")])
    lines = [
        title,
        f"  divergence   {named}",
        f"  instance     {n} x {m}, support {solution.instance.support}",
        f"  value        {number(solution.value)}",
    ]
    if math.isfinite(solution.value):
        lines += [
            f"  interval     [{solution.lower!r}, {solution.upper!r}]",
            f"               width {solution.gap:.1e}, enclosed (both witnesses in ball arithmetic)",
        ]
    lines += [f"  {name:<12} {number(value)}" for name, value in multipliers.items() if value is not None]
    lines += [f"  note         {note}" for note in solution.instance.notes]
    lines.append(f"  {solution.status.value}")
    return lines


def masses(heading: tuple[str, ...], columns: tuple[np.ndarray[Any, Any] | None, ...]) -> list[str]:
    """A table of the points with the largest mass in the last column; columns that are None are left out."""
    shown = [(name, values) for name, values in zip(heading, columns, strict=True) if values is not None]
    order = np.argsort(-shown[-1][1], kind="stable")
    chosen = np.sort(order[:_LONGEST])
    lines = ["  " + "point".rjust(7) + "".join(name.rjust(16) for name, _ in shown)]
    for k in chosen.tolist():
        lines.append("  " + str(k).rjust(7) + "".join(f"{v[k]:.8g}".rjust(16) for _, v in shown))
    left = len(order) - len(chosen)
    if left > 0:
        rest = float(shown[-1][1][order[_LONGEST:]].sum())
        lines.append(f"  ... {left} more points with mass {rest:.3g} in all (--json lists them)")
    return lines


def present(
    args: argparse.Namespace,
    solution: "Solution",
    lam: float | None,
    rho: float | None,
    text: Callable[[], list[str]],
) -> int:
    """Write the certificate where one is asked for, print JSON or `text`; the exit code."""
    from verification.solution import Status

    if args.certificate is not None:
        write_json(args.certificate, solution.certificate())
    print(_as_json(solution, lam, rho) if args.json else "\n".join(text()))
    if args.certificate is not None:
        print(f"certificate written to {args.certificate}", file=sys.stderr)
    return 1 if solution.status is Status.WIDE else 0


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON to `path` so that a reader sees the old file or the whole new one, never a part.

    Raises:
        InputError: the folder does not exist, `path` is a folder, or the disk is full.
    """
    with replacing(path) as stream:
        text = json.JSONEncoder(separators=(",", ":")).iterencode(content)
        stream.writelines(part.encode() for part in text)
        stream.write(b"\n")
