"""`armor reproduce`: every row of a table, resumable, into one table and plots."""

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from armor.recipes.tables import Row

__all__ = ["configure", "run"]

_EPILOG = """examples:
  armor reproduce cifar10 --scale smoke --data ~/data
  armor reproduce cifar10 --scale full --list | xargs -P 4 -I{} sh -c '{}'
  armor reproduce cifar10 --scale full --collect

Scales: smoke (one seed, a small ResNet, 2,000 images), cpu (three seeds, a small ResNet, all images), full
(three seeds, the recipes as they are). Finished rows are kept, interrupted ones continue. Exit code 1: a row
failed.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.epilog = _EPILOG
    parser.add_argument("table", help="cifar10 or cifar100")
    parser.add_argument("--scale", default="smoke", help="smoke, cpu or full (default: smoke)")
    parser.add_argument("--data", metavar="DIR", help="folder of the data set (default: $ARMOR_DATA)")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="folder (default: runs/reproduce/TABLE-SCALE)"
    )
    parser.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 (default: cuda if present)")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--list", action="store_true", help="print one independent command per row and stop")
    action.add_argument("--collect", action="store_true", help="only make the table of what is there")


def _commands(row: "Row", root: Path, more: list[str]) -> tuple[list[str], list[str]]:
    """The words of the two commands that compute a row: train (or go on), evaluate."""
    folder = str(root / row.folder)
    train = ["train", row.recipe, "--out", folder, "--resume", *more]
    for setting in row.settings:
        train += ["--set", setting]
    record = str(root / row.folder / "evaluation.json")
    evaluate = [
        "evaluate",
        folder,
        "--attack",
        row.attacks,
        "--radius",
        row.radius,
        "--record",
        record,
        *more,
    ]
    if row.images is not None:
        evaluate += ["--n", str(row.images)]
    return train, evaluate


def run(args: argparse.Namespace) -> int:
    """Compute what is missing; the table goes to standard output and, with plots, into the folder."""
    from armor.recipes.tables import SCALES, rows

    found = rows(args.table, args.scale)
    root = args.out or Path("runs") / "reproduce" / f"{args.table}-{args.scale}"
    more = [] if args.data is None else ["--data", args.data]
    more += [] if args.device is None else ["--device", args.device]
    if args.list:
        for row in found:
            print(" && ".join(shlex.join(["armor", *words]) for words in _commands(row, root, more)))
        return 0
    failed = [] if args.collect else _compute(found, root, more)

    from armor.evaluation.plots import table_plot
    from armor.evaluation.table import collect
    from armor.training.checkpoint import write_atomically

    title = f"{args.table}, scale {args.scale}"
    if not SCALES[args.scale].faithful:
        title += " (reduced: not comparable with published numbers)"
    table = collect(title, found, root)
    if table.entries:
        root.mkdir(parents=True, exist_ok=True)
        write_atomically(root / "table.md", table.markdown().encode())
        content = {
            "title": title,
            "entries": [e.to_mapping() for e in table.entries],
            "missing": table.missing,
        }
        write_atomically(root / "table.json", (json.dumps(content, indent=1) + "\n").encode())
        table_plot(table, root / "table.png")
    print(table.markdown(), end="")
    if failed:
        print(f"armor: {len(failed)} rows failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _compute(found: "tuple[Row, ...]", root: Path, more: list[str]) -> list[str]:
    """Run the rows that lack an evaluation; the folders of those that failed."""
    from contextlib import redirect_stdout

    from armor.cli.main import main

    failed = []
    for number, row in enumerate(found, start=1):
        if (root / row.folder / "evaluation.json").is_file():
            continue
        print(f"row {number} of {len(found)}: {row.label}, seed {row.seed}", file=sys.stderr, flush=True)
        for words in _commands(row, root, more):
            # Standard output is for the table alone.
            with redirect_stdout(sys.stderr):
                code = main(words)
            if code in (2, 130):  # bad input or an interruption concerns all rows
                raise SystemExit(code)
            if code:
                failed.append(row.folder)
                break
    return failed
