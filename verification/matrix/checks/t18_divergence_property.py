"""T18: `D^c(Q‖P) = 0` only for `Q = P`, with the counterexamples where a hypothesis fails."""

import numpy as np

from theory.evidence import Grade
from verification.generate import draw, weights
from verification.matrix.applies import f_divergence
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.exact import certified_divergence, evidence_of, without_losses

__all__ = ["CHECKS"]


def run(context: Context) -> None:
    cell = context.cell
    for _ in range(context.samples):
        context.tried += 1
        n = int(context.rng.integers(3, 7))
        sample = draw(context.rng, context.member.spec, cell.cost, cell.support, n=n, zeros=0)
        mapping = without_losses(sample.mapping)
        mapping["q"] = mapping["p"]
        same = certified_divergence(context, mapping)
        numbers = evidence_of(mapping, same, points=sample.points)
        context.claim("D^c(P‖P) = 0", max(abs(same.lower), abs(same.upper)), 1e-9, Grade.ENCLOSED, numbers)
        cost = np.array([[np.inf if c is None else c for c in row] for row in mapping["cost"]])
        free = (cost == 0) & ~np.eye(n, dtype=bool)
        if free.any():
            # A counterexample: mass moved along an arc of cost 0 changes Q and leaves D^c at 0.
            i, j = np.argwhere(free)[0]
            q = np.array(mapping["p"])
            q[j] += q[i] / 2
            q[i] /= 2
            mapping["q"] = q.tolist()
            other = certified_divergence(context, mapping)
            words = "moved along an arc of cost 0, Q ≠ P has D^c = 0"
            context.claim(
                words,
                abs(other.upper),
                1e-9,
                Grade.ENCLOSED,
                evidence_of(mapping, other, points=sample.points),
            )
            continue
        if not context.member.strictly_convex:
            context.miss("f is not strictly convex at 1")
            continue
        mapping["q"] = weights(context.rng, n).tolist()
        other = certified_divergence(context, mapping)
        numbers = evidence_of(mapping, other, points=sample.points)
        positive = 0.0 if other.lower > 0 or mapping["q"] == mapping["p"] else 1.0
        context.claim("Q ≠ P has D^c > 0: the lower end is positive", positive, 0.0, Grade.ENCLOSED, numbers)


CHECKS = (
    Check(
        "T18",
        "D^c(Q‖P) = 0 only for Q = P, if f is strictly convex at 1 and c > 0 off the diagonal",
        run,
        applies=f_divergence,
        costs=("power", "matrix", "hard_ball"),
        kappas=(NONE,),
        breadth=(1, 3),
        samples=(1, 3),
    ),
)
