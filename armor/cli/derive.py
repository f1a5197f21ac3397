"""`armor derive`: the derivation of a divergence's dual formulas, step by step."""

import argparse
import sys

__all__ = ["configure", "run"]

_PATIENCE = 90  # seconds of processor time; the catalogue needs under 2, or 5 for every statement


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a divergence of the catalogue, such as kl")
    parser.add_argument("--f", metavar="EXPR", help='a function of t of your own, such as "(sqrt(t) - 1)**2"')
    parser.add_argument("--alpha", metavar="A", help="the parameter of alpha and renyi")
    parser.add_argument("--beta", metavar="B", help="the level of cvar, in (0, 1]")
    parser.add_argument("--format", default="text", choices=("text", "latex", "markdown", "json"))
    parser.add_argument(
        "--only", metavar="T8,T11", help="the statements to derive (default: the dual formulas)"
    )
    parser.add_argument("--all", action="store_true", help="derive every statement, T1 to T29")
    parser.epilog = (
        "examples:\n"
        "  armor derive kl\n"
        "  armor derive alpha --alpha 2.5 --format markdown\n"
        '  armor derive --f "(t - 1)**2*(t + 1)/t" --only T3,T7\n\n'
        "exit code: 0 all steps hold; 1 a step's check fails; 2 bad input"
    )


def run(args: argparse.Namespace) -> int:
    """Print the derivation; 0 when every step's check holds, 1 otherwise."""
    from theory.budget import OutOfTime, cpu_limit
    from theory.catalogue import any_divergence
    from theory.errors import InputError
    from theory.evidence import Outcome
    from theory.render import render
    from theory.statement import CORE, derive, statements

    if (args.name is None) == (args.f is None):
        raise InputError("name one divergence, or give one --f \"EXPR\": try 'armor derive kl'")
    if args.only and args.all:
        raise InputError("--only and --all exclude each other")
    spec: dict[str, object] = {"name": args.name} if args.f is None else {"f": args.f}
    spec |= {key: value for key in ("alpha", "beta") if (value := getattr(args, key)) is not None}
    d = any_divergence(spec)
    known = statements()
    if args.only:
        only = [name.strip().upper() for name in args.only.split(",")]
    else:
        only = [name for name in known if args.all or name in CORE]
    try:
        with cpu_limit(_PATIENCE):
            derivations = derive(d, only)
            if not args.only and not args.all:
                derivations = [item for item in derivations if not item.not_applicable]
            text = render(d, derivations, args.format)
    except OutOfTime:
        raise InputError(
            f"the derivation took more than {_PATIENCE} s of processor time: ask for fewer statements with "
            f"--only"
        ) from None
    sys.stdout.write(text)
    outcomes = {item.outcome for item in derivations}
    return 1 if outcomes & {Outcome.FAILS, Outcome.VACUOUS} else 0
