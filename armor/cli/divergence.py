"""`armor divergence`: D^c(Q||P) of an instance file with its proved interval."""

import argparse

from armor.errors import require

__all__ = ["configure", "run"]

_EPILOG = """examples:
  armor divergence instance.json
  armor divergence instance.json --json
  armor divergence instance.json --certificate proof.json && armor check proof.json

The instance needs divergence, cost (or the points x, y and a named cost), p, q and support:
  {"divergence": {"name": "kl"}, "cost": [[0, 1.2], [null, 0]], "p": [0.5, 0.5], "q": ["1/3", "2/3"],
   "support": "reference"}
Exit code 0: the interval is as narrow as asked (an infinite value included); 1: it is wider; 2: bad input.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from armor.cli.intervals import add_options

    parser.epilog = _EPILOG
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Solve, print, and write the certificate; 0 when the interval is narrow, 1 when it is wide."""
    for module in ("flint", "scipy"):
        require(module)
    from armor.cli.intervals import check_options
    from armor.cli.large import large_instance, run_divergence

    check_options(args)
    large = large_instance(args.file)
    if large is not None:
        return run_divergence(args, large)
    from armor.cli.intervals import masses, present, report
    from verification.instance import load
    from verification.solve import divergence

    instance = load(args.file)
    solution = divergence(instance)

    def text() -> list[str]:
        lines = report("D^c(Q||P), optimal-transport-regularized divergence", solution, {})
        if solution.plan is None:
            return lines
        lines += [
            "",
            "  Optimal intermediate distribution eta on the rows (P -> eta by D, eta -> Q by transport)",
        ]
        lines += masses(("p", "eta"), (instance.p, solution.weights))
        if solution.singular is not None and solution.singular.any():
            lines += ["", "  Mass of eta created off the support of P, on the columns"]
            lines += masses(("q", "created"), (instance.q, solution.singular))
        return lines

    return present(args, solution, None, None, text)
