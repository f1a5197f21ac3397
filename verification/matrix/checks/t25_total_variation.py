"""T25: total variation with transport is transport at a truncated cost."""

import numpy as np

from theory.evidence import Grade
from verification.generate import draw
from verification.matrix.applies import named
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.exact import certified_divergence, evidence_of, pair_of, without_losses
from verification.matrix.linear import transport_cost

__all__ = ["CHECKS"]


def run(context: Context) -> None:
    cell = context.cell
    for _ in range(context.samples):
        context.tried += 1
        n = int(context.rng.integers(2, 8))
        sample = draw(context.rng, context.member.spec, cell.cost, cell.support, n=n)
        mapping = without_losses(sample.mapping)
        found = certified_divergence(context, mapping)
        cost, p, q = pair_of(mapping)
        ceiling = np.ones(n) if cell.support == "space" else 1.0 + cost.min(axis=0)
        value = transport_cost(np.minimum(cost, ceiling[None, :]), p, q)
        numbers = evidence_of(mapping, found, value, sample.points)
        context.claim(
            "TV^c is the truncated transport cost", found.outside(value), 1e-8, Grade.ENCLOSED, numbers
        )


CHECKS = (
    Check(
        "T25",
        'TV^c = C_{min(c, 1)}; in mode "reference" the cost min(c, 1 + min c(z, y))',
        run,
        applies=named("tv"),
        kappas=(NONE,),
        breadth=(4, 8),
        samples=(4, 8),
    ),
)
