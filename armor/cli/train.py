"""`armor train`: a model from a recipe."""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType

from armor.errors import InputError, require

__all__ = ["configure", "run"]

_EPILOG = """examples:
  armor train cifar10-smoke --data ~/data
  armor train cifar10-smoke --data ~/data --set training.epochs=20 --set attack.radius=4/255 --out runs/longer
  armor train cifar10-smoke --data ~/data --resume
  torchrun --nproc-per-node 2 --no-python armor train cifar10-smoke --data ~/data

A run lives in one folder (runs/RECIPE unless --out names another): best.pt, chosen on validation images,
last.pt, metrics.jsonl and metrics.csv, recipe.json, curves.png (accuracies), reweighting.png (lambda and
weights) and contact.png (the most re-weighted and most moved images). Exit code 1: the pre-flight refused the
objective, an audit found it wrong, or training diverged.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.epilog = _EPILOG
    parser.add_argument("recipe", nargs="?", help="name of a shipped recipe (see --list), or a .toml file")
    parser.add_argument("--list", action="store_true", help="print the shipped recipes and stop")
    parser.add_argument("--data", metavar="DIR", help="folder of the data set (default: $ARMOR_DATA)")
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="change one entry of the recipe"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="continue the run in that folder")
    parser.add_argument(
        "--audit", metavar="EVERY", type=int, default=0, help="certify the objective on every EVERY-th batch"
    )
    parser.add_argument("--tensorboard", action="store_true", help="write TensorBoard event files too")
    parser.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 (default: cuda if present)")


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM, so that the run stops between two steps with its checkpoint written."""
    caught: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        if len(caught) > 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(args: argparse.Namespace) -> int:
    """Train; the result table goes to standard output."""
    from armor import recipes

    if args.list:
        for name in recipes.names():
            print(f"{name:<24}{recipes.find(name).title}")
        return 0
    if args.recipe is None:
        raise InputError(f"which recipe? known are {', '.join(recipes.names())}")
    recipe = recipes.find(args.recipe, args.set)

    if args.audit < 0:
        raise InputError(f"--audit {args.audit} is not a number of steps")
    if args.audit:
        for module in ("verification.solve", "flint"):
            require(module)

    from armor import data
    from armor.preflight import PreflightRefusal
    from armor.training.audit import AuditBreach
    from armor.training.exclusive import exclusive
    from armor.training.progress import Progress
    from armor.training.report import render
    from armor.training.run import device_of, train
    from armor.training.trainer import Diverged, Stopped
    from armor.training.workers import joined

    if args.tensorboard:
        require("tensorboard")
    require("matplotlib")  # for the learning curves: missed now, not after the last epoch
    device = device_of(args.device)
    folder = args.out or Path("runs") / recipe.name
    images = data.load(recipe.data.name, args.data)
    with (
        joined(device) as (workers, device),
        exclusive(folder) if workers.first else nullcontext(),
        _signals() as caught,
        Progress(recipe.training.epochs, quiet=not workers.first) as progress,
    ):
        try:
            outcome = train(
                recipe,
                images,
                folder,
                device=device,
                again=args.resume,
                audit_every=args.audit,
                hooks=progress.hooks(lambda: bool(caught)),
                workers=workers,
                tensorboard=args.tensorboard,
            )
        except PreflightRefusal as refusal:
            print(f"armor: the pre-flight refuses to train: {refusal}", file=sys.stderr)
            return 1
        except (Diverged, AuditBreach) as error:
            print(f"armor: {error}", file=sys.stderr)
            return 1
        except Stopped:
            print(f"armor: stopped; continue with --resume ({folder / 'last.pt'})", file=sys.stderr)
            return 130
    if workers.first:
        print(render(recipe, outcome, device))
    return 0
