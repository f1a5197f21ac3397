"""`armor dro`: the worst-case expectation over a D^c ball of an instance file, with its proved interval."""

import argparse

from armor.errors import require

__all__ = ["configure", "run"]

_EPILOG = """examples:
  armor dro instance.json
  armor dro instance.json --json
  armor dro instance.json --certificate proof.json && armor check proof.json

The instance needs divergence, cost (or the points x, y and a named cost), p, phi, epsilon and support:
  {"divergence": {"name": "kl"}, "cost": [[0, 1.2], [null, 0]], "p": [0.5, 0.5], "phi": [1, 2],
   "epsilon": 0.1, "kappa": 0, "support": "reference"}
Exit code 0: the interval is as narrow as asked; 1: it is wider; 2: bad input.
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
    from armor.cli.large import large_instance, run_dro

    check_options(args)
    large = large_instance(args.file)
    if large is not None:
        return run_dro(args, large)
    from armor.cli.intervals import masses, number, present, report
    from verification.instance import load
    from verification.solve import dro

    instance = load(args.file)
    solution = dro(instance)

    def text() -> list[str]:
        title = (
            f"Worst case of E_Q[phi] - kappa D^c(Q||P) over D^c(Q||P) <= epsilon, "
            f"epsilon = {number(instance.epsilon)}, kappa = {number(instance.kappa)}"
        )
        lines = report(title, solution, {"lambda*": solution.lam, "rho*": solution.rho})
        if solution.plan is None:
            return lines
        created = solution.singular if solution.singular is not None and solution.singular.any() else None
        p = instance.p if instance.same_space else None
        lines += ["", "  Worst-case distribution Q* on the columns"]
        lines += masses(("phi", "p", "created", "Q*"), (instance.phi, p, created, solution.worst_case))
        lines += ["", "  Re-weighting of the rows before transport"]
        return lines + masses(("p", "eta"), (instance.p, solution.weights))

    return present(args, solution, solution.lam, solution.rho, text)
