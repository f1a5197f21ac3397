"""`armor reproduce`: every row of a table, resumable, into one table and plots."""

import argparse
import json
import shlex
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from armor.errors import InputError

if TYPE_CHECKING:
    from armor.recipes.tables import Row

__all__ = ["configure", "run"]

_EPILOG = """examples:
  armor reproduce cifar10 --scale smoke --data ~/data --jobs 2
  armor reproduce cifar10 --scale full --list | tr '\\n' '\\0' | xargs -0 -P 4 -I{} sh -c '{}'
  armor reproduce cifar10 --scale full --list | sed -n "${SLURM_ARRAY_TASK_ID}p" | sh
  armor reproduce cifar10 --scale full --collect

Tables: cifar10, cifar100 (every row at 8/255 and at 0.01), mnist, fashion_mnist, and cifar10-duals (TRADES
without ARMOR and with its dual solved exactly, learned, carried over). Scales: smoke (one seed, a small
ResNet, 2,000 images), cpu (three seeds, a small ResNet, 6,000 images), full (three seeds, the recipes as they
are, AutoAttack on the whole test set). Finished rows are kept, interrupted ones continue where they were.
Exit code 1: a row failed.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.epilog = _EPILOG
    parser.add_argument("table", help="cifar10, cifar100, mnist, fashion_mnist or cifar10-duals")
    parser.add_argument("--scale", default="smoke", help="smoke, cpu or full (default: smoke)")
    parser.add_argument("--data", metavar="DIR", help="folder of the data set (default: $ARMOR_DATA)")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="folder (default: runs/reproduce/TABLE-SCALE)"
    )
    parser.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 (default: cuda if present)")
    parser.add_argument(
        "--jobs", metavar="N", type=int, default=1, help="rows at a time, each in a process (default: 1)"
    )
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
        "--resume",
        *more,
    ]
    if row.images is not None:
        evaluate += ["--n", str(row.images)]
    return train, evaluate


def run(args: argparse.Namespace) -> int:
    """Compute what is missing; the table goes to standard output and, with plots, into the folder."""
    from armor.recipes.tables import SCALES, rows

    found = rows(args.table, args.scale)
    if args.jobs < 1:
        raise InputError(f"--jobs {args.jobs} is not a positive number of rows")
    root = args.out or Path("runs") / "reproduce" / f"{args.table}-{args.scale}"
    more = [] if args.data is None else ["--data", args.data]
    more += [] if args.device is None else ["--device", args.device]
    if args.list:
        for row in found:
            print(" && ".join(shlex.join(["armor", *words]) for words in _commands(row, root, more)))
        return 0
    failed = [] if args.collect else _compute(found, root, more, args.jobs)

    import torch

    from armor.evaluation.plots import table_plot
    from armor.evaluation.table import NOT_BEGUN, collect
    from armor.files import write_atomically

    title = f"{args.table}, scale {args.scale}"
    if not SCALES[args.scale].faithful:
        title += " (reduced: not comparable with published numbers)"
    table = collect(title, found, root)
    if SCALES[args.scale].faithful and not torch.cuda.is_available():
        because = {NOT_BEGUN: f"{NOT_BEGUN}: this machine has no CUDA"}
        told = {folder: because.get(reason, reason) for folder, reason in table.missing.items()}
        table = replace(table, missing=told)
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


def _compute(found: "tuple[Row, ...]", root: Path, more: list[str], jobs: int) -> list[str]:
    """Run the rows that are not finished; the folders of those that failed."""
    from armor.errors import require
    from armor.evaluation.table import is_done

    require("matplotlib")  # for the plots: missed now, not after the last row
    if any("autoattack" in row.attacks for row in found):
        require("pyautoattack")
    todo = [(number, row) for number, row in enumerate(found, start=1) if not is_done(row, root)]
    one = _here if jobs == 1 else _apart
    stop = threading.Event()

    def compute(item: "tuple[int, Row]") -> int:
        if stop.is_set():
            return 0
        number, row = item
        print(f"row {number} of {len(found)}: {row.label}, seed {row.seed}", file=sys.stderr, flush=True)
        for words in _commands(row, root, more):
            code = one(words)
            if code in (2, 130):  # bad input or an interruption concerns all rows
                stop.set()
            if code:
                return code
        return 0

    try:
        if jobs == 1:
            codes = [compute(item) for item in todo]
        else:
            with ThreadPoolExecutor(jobs) as pool:
                codes = list(pool.map(compute, todo))
    except KeyboardInterrupt:
        stop.set()
        raise
    final = next((code for code in (130, 2) if code in codes), 0)
    if final:
        raise SystemExit(final)
    return [row.folder for (_, row), code in zip(todo, codes, strict=True) if code]


def _here(words: list[str]) -> int:
    """Run a command in this process; standard output is for the table alone."""
    from contextlib import redirect_stdout

    from armor.cli.main import main

    with redirect_stdout(sys.stderr):
        return main(words)


def _apart(words: list[str]) -> int:
    """Run a command in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "armor.cli.main", *words], stdout=sys.stderr, check=False)
    if done.returncode in (-signal.SIGINT, -signal.SIGTERM):
        return 130
    return 1 if done.returncode < 0 else done.returncode
