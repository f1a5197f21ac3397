"""T29: the optimal potential is the derivative of `D^c` in `Q`, and `−f*(g*^c)` the one in `P`."""

import numpy as np

from theory.evidence import Grade
from verification.generate import draw, weights
from verification.matrix.applies import f_divergence
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.exact import certified_divergence, evidence_of, pair_of, without_losses

__all__ = ["CHECKS"]

SLACK = 1e-8


def run(context: Context) -> None:
    cell, rng, formulas = context.cell, context.rng, context.formulas
    for _ in range(context.samples):
        context.tried += 1
        n = int(rng.integers(3, 6))
        sample = draw(rng, context.member.spec, cell.cost, cell.support, n=n, zeros=0)
        mapping = without_losses(sample.mapping)
        mapping["q"] = weights(rng, n).tolist()
        found = certified_divergence(context, mapping)
        if found.g is None or not np.isfinite(found.lower) or not np.all(np.isfinite(found.g)):
            context.miss("no finite potential")
            continue
        cost, p, q = pair_of(mapping)
        numbers = evidence_of(mapping, found, points=sample.points, g=found.g.tolist())
        for toward in (weights(rng, n), 0.9 * q + 0.1 * weights(rng, n)):
            other = certified_divergence(context, {**mapping, "q": toward.tolist()})
            tangent = found.lower + float(found.g @ (toward - q))
            over = (
                max(tangent - other.upper, 0.0) / max(1.0, abs(tangent)) if np.isfinite(other.upper) else 0.0
            )
            context.claim("D^c(Q'‖P) ≥ D^c(Q‖P) + g*·(Q' − Q)", over, SLACK, Grade.ENCLOSED, numbers)
        with np.errstate(all="ignore"):
            transformed = (found.g[None, :] - cost).max(axis=1)
            top = found.g.max() if cell.support == "space" else transformed.max()
            value, rho = formulas.reweighting(transformed[None, :], p, np.ones(1), np.array([top]))
            price = -(rho[0] + formulas.conjugate(transformed - rho[0]))
        del value
        if not np.all(np.isfinite(price)):
            context.miss("f* is infinite at the potential")
            continue
        toward = 0.5 * (p + weights(rng, n))
        other = certified_divergence(context, {**mapping, "p": toward.tolist()})
        tangent = found.lower + float(price @ (toward - p))
        over = max(tangent - other.upper, 0.0) / max(1.0, abs(tangent)) if np.isfinite(other.upper) else 0.0
        context.claim("D^c(Q‖P') ≥ D^c(Q‖P) − f*(g*^c)·(P' − P)", over, SLACK, Grade.ENCLOSED, numbers)


CHECKS = (
    Check(
        "T29",
        "∇_Q D^c = g* and ∇_P D^c = −f*(g*^c): the tangents lie below D^c",
        run,
        applies=f_divergence,
        costs=("power", "soft_ball", "matrix"),
        kappas=(NONE,),
        breadth=(1, 3),
        samples=(1, 4),
    ),
)
