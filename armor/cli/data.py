"""`armor data get`: the original files of a data set."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from armor.errors import InputError

__all__ = ["configure", "run"]

_EPILOG = """example:
  armor data get cifar10 --data ~/data

Downloads from the authors' address, resumes a broken transfer, checks the published md5 and reads the
images once.
Known: cifar10, cifar100, mnist, fashion_mnist.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.epilog = _EPILOG
    parser.add_argument("action", choices=("get",), help="get: download and verify")
    parser.add_argument("name", metavar="NAME", help="data set")
    parser.add_argument("--data", metavar="DIR", help="folder for it (default: $ARMOR_DATA)")


def run(args: argparse.Namespace) -> int:
    """Download; the path of every verified file goes to standard output."""
    from tqdm import tqdm

    from armor import data
    from armor.data.download import fetch, remotes

    found = data.reader(args.name)
    given = args.data or os.environ.get("ARMOR_DATA")
    if not given:
        raise InputError(f"where to put {found.title}? give --data DIR or set ARMOR_DATA")
    root = Path(given).expanduser()
    for remote in remotes(args.name):
        with tqdm(
            desc=Path(remote.place).name,
            unit="B",
            unit_scale=True,
            file=sys.stderr,
            disable=not sys.stderr.isatty(),
        ) as bar:

            def tick(done: int, total: int | None, bar: Any = bar) -> None:
                bar.total = total
                bar.update(done - bar.n)

            print(fetch(remote, root, tick))
    arrays = data.load(args.name, root).arrays
    print(f"{found.title}: {arrays.y_train.size} training and {arrays.y_test.size} test images, verified")
    return 0
