"""`armor bench`: ratios measured side by side in one run."""

__all__ = ["configure", "run"]

import argparse
import inspect
import json
import sys
from dataclasses import asdict
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from armor.errors import InputError

# A benchmark is a module of armor.bench whose `run` yields rows (dataclasses).
_KNOWN = ("divergence", "objectives", "training")


def _found() -> list[str]:
    return [name for name in _KNOWN if find_spec(f"armor.bench.{name}") is not None]


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `armor bench`."""
    parser.add_argument("what", nargs="?", default="objectives", choices=_found(), help="what to measure")
    parser.add_argument("--repeats", type=int, metavar="N", help="runs of each side")
    parser.add_argument("--sizes", metavar="N,N", help="problem sizes, for example 200,2000,10000")
    parser.add_argument("--data", metavar="DIR", help="training: folder of CIFAR-10 (default: $ARMOR_DATA)")
    parser.add_argument("--model", metavar="NAME", help="training: network of the timed steps")
    parser.add_argument(
        "--steps", type=int, metavar="N", help="training: steps before accuracies are compared"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 (default cpu)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.epilog = (
        "examples:\n  armor bench divergence --sizes 200,2000\n  armor bench objectives --repeats 10\n"
        "  armor bench training --data ~/data"
    )


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--sizes must be whole numbers separated by commas, not {text!r}") from None
    if min(sizes) < 2:
        raise InputError(f"--sizes must be at least 2, not {min(sizes)}")
    return sizes


def _checked_device(name: str) -> str:
    """The device, one that is here; without torch for the CPU, which not every benchmark needs."""
    if name == "cpu":
        return name
    from armor.training.run import device_of

    device = device_of(name)
    return "cpu" if device.type == "cpu" else name


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0e}" if 0 < abs(value) < 1e-3 else f"{value:.4g}"
    return str(value)


def run(args: argparse.Namespace) -> int:
    """Print one row per comparison; 0 when all were measured."""
    if args.repeats is not None and args.repeats < 1:
        raise InputError(f"--repeats must be at least 1, not {args.repeats}")
    device = _checked_device(args.device)
    module = import_module(f"armor.bench.{args.what}")
    options: dict[str, Any] = {"device": device}
    if args.repeats is not None:
        options["repeats"] = args.repeats
    if args.sizes is not None:
        options["sizes"] = _sizes(args.sizes)
    for name in ("data", "model", "steps"):
        if getattr(args, name) is not None:
            options[name] = getattr(args, name)
    accepted = inspect.signature(module.run).parameters
    for name in options:
        if name not in accepted and not (name == "device" and device == "cpu"):
            raise InputError(f"armor bench {args.what} has no option --{name}")
    rows: list[dict[str, Any]] = []
    widths: list[int] = []
    for row in module.run(**{key: value for key, value in options.items() if key in accepted}):
        fields = asdict(row)
        rows.append(fields)
        if args.json:
            print(f"measured {_cell(next(iter(fields.values())))}", file=sys.stderr)
            continue
        if not widths:
            widths = [max(len(name), 9, len(_cell(value))) for name, value in fields.items()]
            print("  ".join(name.ljust(w) for name, w in zip(fields, widths, strict=True)))
        cells = (_cell(v).ljust(w) for v, w in zip(fields.values(), widths, strict=True))
        print("  ".join(cells).rstrip(), flush=True)
    machine = module.machine() if hasattr(module, "machine") else {}
    if args.json:
        print(json.dumps({"machine": machine, "rows": rows}, indent=2))
    elif machine:
        print("  ".join(f"{key}: {value}" for key, value in machine.items()))
    return 0
