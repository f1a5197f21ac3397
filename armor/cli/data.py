"""`armor data`: get the original files of a data set, make synthetic ones."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from armor.errors import InputError

__all__ = ["configure", "run"]

_EPILOG = """examples:
  armor data get cifar10 --data ~/data
  armor data make malware --data ~/data --samples 6000 --features 512

Downloads from the authors' address, resumes a broken transfer, checks the published md5 and reads the
images once.
Known: cifar10, cifar100, mnist, fashion_mnist; malware, binary features, is made, not downloaded, or brought
along as malware.npz: x_train, x_test (N, D) of 0 and 1, y_train, y_test (N,) of 0 (benign) and 1 (malicious);
rows packed by numpy.packbits(x, axis=1) come with features = D.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "action", choices=("get", "make"), help="get: download and verify; make: write synthetic data"
    )
    parser.add_argument("name", metavar="NAME", help="data set")
    parser.add_argument("--data", metavar="DIR", help="folder for it (default: $ARMOR_DATA)")
    parser.add_argument("--samples", type=int, default=6000, metavar="N", help="make: samples (default 6000)")
    parser.add_argument("--features", type=int, default=512, metavar="D", help="make: features (default 512)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="make: seed (default 0)")


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
    if args.action == "make":
        return _make(args, root)
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


def _make(args: argparse.Namespace, root: Path) -> int:
    from armor import data
    from armor.data import malware
    from armor.files import write_atomically

    if args.name != "malware":
        raise InputError(
            f"{args.name} is real data: get it (armor data get {args.name}); malware can be made"
        )
    place = root / malware.FILE
    if place.exists():
        raise InputError(f"{place} exists already: it is not overwritten")
    if args.seed < 0:
        raise InputError(f"--seed {args.seed} is negative")
    content = malware.pack(malware.synthesise(args.samples, args.features, seed=args.seed))
    root.mkdir(parents=True, exist_ok=True)
    write_atomically(place, content)
    arrays = data.load("malware", place).arrays
    print(place)
    print(f"synthetic binary features: {arrays.y_train.size} training and {arrays.y_test.size} test samples, "
          f"{args.features} features, seed {args.seed}")  # fmt: skip
    return 0
