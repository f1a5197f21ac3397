"""`armor evaluate`: natural and robust accuracy of a checkpoint."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from armor.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from armor.evaluation.attacks import AttackSpec
    from armor.evaluation.evaluate import Evaluation
    from armor.evaluation.record import Conditions
    from armor.evaluation.subject import Subject

__all__ = ["configure", "run"]

_EPILOG = """example:
  armor evaluate runs/cifar10-smoke/best.pt --data ~/data --attack fgsm,pgd20 --radius 8/255 --n 1000
  armor evaluate their_resnet18.pt --model resnet18 --data ~/data --attack pgd20
  armor evaluate runs/a --attack pgd20,autoattack@200 --record a.json --resume
  armor evaluate runs/a --against runs/b --attack pgd20

Attacks: fgsm, pgdK (K steps of a quarter of the radius, from a random start), pgdKxR (R restarts), cwK and
cwKxR (the same on the margin of the logits), autoattack (the standard version; needs the extra `attack`); for
binary features rfgsmK and rfgsmKxR (K steps, R roundings; it only switches features on), and with -malicious
behind it the same on malicious samples alone. An image counts as broken if any point that the attack tries,
of all its steps and restarts, breaks it. NAME@M attacks the first M images only. Images are the first N of
the test set, by default all. With --record and --resume an interrupted evaluation goes on where it was,
and attacks are added to those of a finished one; the answers are the same as in one go. A record of another
evaluation (of other weights, images or --seed) becomes FILE.old, FILE.old2, ...; without --resume none is
touched.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "checkpoint", type=Path, help="a checkpoint, the folder of a run, or a bare state dict"
    )
    parser.add_argument("--attack", metavar="LIST", default="pgd20", help="comma-separated (default: pgd20)")
    parser.add_argument("--norm", default="linf", help="norm of the ball (default: linf)")
    parser.add_argument("--radius", default="8/255", help="its radius, exactly as written (default: 8/255)")
    parser.add_argument("--n", type=int, metavar="N", help="only the first N test images")
    parser.add_argument("--data", metavar="DIR", help="folder of the data set (default: $ARMOR_DATA)")
    parser.add_argument("--dataset", metavar="NAME", help="data set, if not that of the checkpoint's recipe")
    parser.add_argument("--model", metavar="NAME", help="architecture of a bare state dict")
    parser.add_argument(
        "--normalise",
        action="store_true",
        help="a bare state dict wants pixels normalised by the data set's mean and deviation",
    )
    parser.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 (default: cuda if present)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random starts (default: 0)")
    parser.add_argument("--batch", type=int, default=250, help="images at a time (default: 250)")
    parser.add_argument("--record", metavar="FILE", type=Path, help="also write a record, for --against")
    parser.add_argument("--resume", action="store_true", help="go on with the evaluation in --record")
    parser.add_argument(
        "--against",
        metavar="OTHER",
        type=Path,
        help="compare, image by image, with another checkpoint, or with a record (.json) of one",
    )
    parser.add_argument(
        "--sanity", action="store_true", help="also look for masked gradients (exit 1 if found)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")


def run(args: argparse.Namespace) -> int:
    """Evaluate; the result goes to standard output."""
    from armor.evaluation.attacks import parse
    from armor.evaluation.record import refuse_to_overwrite
    from armor.numbers import ratio

    radius = ratio(args.radius, "radius")
    if radius > 0 and float(radius) == 0.0:
        raise InputError(f"radius = {args.radius!r} is too small: it rounds to zero")
    attacks = parse(args.attack, norm=args.norm, radius=radius)
    if args.n is not None and args.n < 1:
        raise InputError(f"--n {args.n} is not a positive number of images")
    if args.batch < 1:
        raise InputError(f"--batch {args.batch} is not a positive number of images")
    if not 0 <= args.seed < 2**31:
        raise InputError(f"--seed {args.seed} is outside 0 ... 2^31 - 1")
    if args.resume and args.record is None:
        raise InputError("--resume needs the --record to go on with")
    if args.record is not None and args.record.is_dir():
        raise InputError(f"--record {args.record} is a folder: name a file in it")
    if args.record is not None and not args.resume:
        refuse_to_overwrite(args.record)

    import torch

    from armor import data
    from armor.evaluation.compare import paired_with
    from armor.evaluation.record import Conditions, as_record, read_record, write_record
    from armor.evaluation.report import error_rates, render, render_paired, render_rates, render_sanity
    from armor.evaluation.sanity import sanity
    from armor.training.machine import described
    from armor.training.run import device_of

    device = device_of(args.device)
    theirs = other = None
    if args.against is not None and args.against.suffix == ".json":
        theirs = read_record(args.against)
    elif args.against is not None:
        other = _subject(args.against, args)
    subject = _subject(args.checkpoint, args)
    if other is not None and other.dataset != subject.dataset:
        raise InputError(f"{args.against} belongs to {other.dataset}, {args.checkpoint} to {subject.dataset}")
    images = data.load(subject.dataset, args.data)
    total = images.arrays.y_test.size
    count = total if args.n is None else args.n
    if count > total:
        raise InputError(f"--n {count} exceeds the {total} images of the {images.reader.title} test set")
    for spec in attacks:
        if (spec.kind == "rfgsm") != images.reader.binary:
            fit = "rfgsmK attacks those" if images.reader.binary else "rfgsmK attacks binary features"
            raise InputError(f"attack {spec.name!r} does not fit {images.reader.title}; {fit}")
        if spec.images is not None and spec.images > count:
            raise InputError(f"attack {spec.name!r} exceeds the {count} images of this evaluation")
    if args.sanity and images.reader.binary:
        raise InputError("--sanity looks at images in a ball, not at binary features")
    x = torch.from_numpy(images.arrays.x_test[:count]).to(device).float().div_(255)
    y = torch.from_numpy(images.arrays.y_test[:count]).to(device)
    seen = data.digest(images.arrays.x_test[:count], images.arrays.y_test[:count])
    conditions = Conditions(subject.digest, subject.dataset, seen, count, total, args.seed, args.batch)
    result = _measure(subject, x, y, attacks, conditions, args, args.record)
    if other is not None:
        theirs = as_record(_measure(other, x, y, attacks, conditions, args, None))
    paired = None if theirs is None else paired_with(result, theirs, conditions)
    checks = sanity(subject.model, x, y, radius) if args.sanity else None
    if args.record is not None:
        machine = described(device)
        write_record(args.record, result, subject.preflight, subject.described, conditions, machine)
    rates = error_rates(result, y.cpu()) if images.reader.binary else None
    if args.json:
        content = result.to_mapping(subject.preflight)
        if rates is not None:
            content["rates"] = rates
        if paired is not None:
            content["against"] = {name: seen.to_mapping() for name, seen in paired.items()}
        if checks is not None:
            content["sanity"] = [check.to_mapping() for check in checks]
        print(json.dumps(content))
    else:
        print(render(result, subject, images.reader.title, total))
        if rates is not None:
            print(render_rates(rates))
        if paired is not None:
            print(render_paired(paired, str(args.against)))
        if checks is not None:
            print(render_sanity(checks))
    return 0 if checks is None or all(check.holds for check in checks) else 1


def _subject(path: Path, args: argparse.Namespace) -> "Subject":
    from armor.evaluation.subject import load_subject

    return load_subject(
        path,
        architecture=args.model,
        dataset=args.dataset,
        normalise=args.normalise,
        paired=args.against is not None,
    )


def _measure(
    subject: "Subject",
    x: "Tensor",
    y: "Tensor",
    attacks: "Sequence[AttackSpec]",
    conditions: "Conditions",
    args: argparse.Namespace,
    record: Path | None,
) -> "Evaluation":
    """Evaluate with a progress bar, keeping the answers so far beside `record`."""
    from tqdm import tqdm

    from armor.evaluation.evaluate import evaluate
    from armor.evaluation.record import Progress

    count = y.numel()
    progress = None if record is None else Progress(record, conditions, attacks)
    known = progress.find() if progress is not None and args.resume else {}
    work = sum(spec.count(count) for spec in attacks)
    with tqdm(total=work, unit="image", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:

        def tick(name: str, done: int) -> None:
            bar.set_description_str(name, refresh=False)
            bar.update(done)

        return evaluate(
            subject.model.to(x.device),
            x,
            y,
            attacks,
            seed=args.seed,
            batch=args.batch,
            known=known,
            keep=(lambda _name, _right: None) if progress is None else progress.keep,
            tick=tick,
            note=lambda text: bar.set_postfix_str(text[:60]),
        )
