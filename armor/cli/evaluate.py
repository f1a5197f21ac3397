"""`armor evaluate`: natural and robust accuracy of a checkpoint."""

import argparse
import json
import sys
from pathlib import Path

from armor.errors import InputError

__all__ = ["configure", "run"]

_EPILOG = """example:
  armor evaluate runs/cifar10-smoke/best.pt --data ~/data --attack fgsm,pgd20 --radius 8/255 --n 1000
  armor evaluate their_resnet18.pt --model resnet18 --data ~/data --attack pgd20

Attacks: fgsm, pgdK (K steps of a quarter of the radius, from a random start), pgdKxR (R restarts), cwK and
cwKxR (the same on the margin of the logits), autoattack (the standard version; needs the extra `attack`).
Images are the first N of the test set, by default all.
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
    parser.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 (default: cuda if present)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random starts (default: 0)")
    parser.add_argument("--batch", type=int, default=250, help="images at a time (default: 250)")
    parser.add_argument("--record", metavar="FILE", type=Path, help="also write a record, for --against")
    parser.add_argument(
        "--against", metavar="FILE", type=Path, help="compare with that record, image by image"
    )
    parser.add_argument(
        "--sanity", action="store_true", help="also look for masked gradients (exit 1 if found)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")


def run(args: argparse.Namespace) -> int:
    """Evaluate; the result goes to standard output."""
    from armor.evaluation.attacks import parse
    from armor.numbers import ratio

    radius = ratio(args.radius, "radius")
    attacks = parse(args.attack, norm=args.norm, radius=radius)
    if args.n is not None and args.n < 1:
        raise InputError(f"--n {args.n} is not a positive number of images")
    if args.batch < 1:
        raise InputError(f"--batch {args.batch} is not a positive number of images")

    import torch
    from tqdm import tqdm

    from armor import data
    from armor.evaluation.compare import paired_with
    from armor.evaluation.evaluate import evaluate
    from armor.evaluation.record import read_record, write_record
    from armor.evaluation.report import render, render_paired, render_sanity
    from armor.evaluation.sanity import sanity
    from armor.evaluation.subject import load_subject
    from armor.training.run import device_of

    device = device_of(args.device)
    other = None if args.against is None else read_record(args.against)
    subject = load_subject(args.checkpoint, architecture=args.model, dataset=args.dataset)
    images = data.load(subject.dataset, args.data)
    total = images.arrays.y_test.size
    count = total if args.n is None else args.n
    if count > total:
        raise InputError(f"--n {count} exceeds the {total} images of the {images.reader.title} test set")
    x = torch.from_numpy(images.arrays.x_test[:count]).to(device).float().div_(255)
    y = torch.from_numpy(images.arrays.y_test[:count]).to(device)
    work = count * len(attacks)
    with tqdm(total=work, unit="image", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:

        def tick(name: str, done: int) -> None:
            bar.set_description_str(name, refresh=False)
            bar.update(done)

        result = evaluate(
            subject.model.to(device),
            x,
            y,
            attacks,
            seed=args.seed,
            batch=args.batch,
            tick=tick,
            note=lambda text: bar.set_postfix_str(text[:60]),
        )
    paired = None if other is None else paired_with(result, other)
    checks = sanity(subject.model, x, y, radius) if args.sanity else None
    if args.record is not None:
        write_record(args.record, result, subject.preflight, subject.described)
    if args.json:
        content = result.to_mapping(subject.preflight)
        if paired is not None:
            content["against"] = {name: seen.to_mapping() for name, seen in paired.items()}
        if checks is not None:
            content["sanity"] = [check.to_mapping() for check in checks]
        print(json.dumps(content))
    else:
        print(render(result, subject, images.reader.title, total))
        if paired is not None:
            print(render_paired(paired, str(args.against)))
        if checks is not None:
            print(render_sanity(checks))
    return 0 if checks is None or all(check.holds for check in checks) else 1
