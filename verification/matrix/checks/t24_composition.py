"""T24: two transports in a row are one with the infimal convolution of their costs."""

import numpy as np

from theory.evidence import Grade
from verification.generate import draw, weights
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.exact import certified_divergence, evidence_of, without_losses
from verification.matrix.linear import transport_cost

__all__ = ["CHECKS"]

SLACK = 2e-8


def _rows(cost: np.ndarray) -> list[list[float | None]]:
    return [[None if np.isinf(value) else float(value) for value in row] for row in cost]


def run(context: Context) -> None:
    cell, rng = context.cell, context.rng
    for _ in range(context.samples):
        context.tried += 1
        n = int(rng.integers(3, 6))
        draws = [
            draw(rng, context.member.spec, kind, cell.support, n=n, zeros=0) for kind in (cell.cost, "matrix")
        ]
        mapping = without_losses(draws[0].mapping)
        mapping["q"] = weights(rng, n).tolist()
        costs = [
            np.array([[np.inf if c is None else c for c in row] for row in each.mapping["cost"]])
            for each in draws
        ]
        through = costs[0][:, :, None] + costs[1][None, :, :]
        joint, by = through.min(axis=1), through.argmin(axis=1)
        whole = certified_divergence(context, {**mapping, "cost": _rows(joint)})
        numbers = evidence_of({**mapping, "cost": _rows(joint)}, whole)
        q = np.array(mapping["q"])
        if whole.plan is None or not np.isfinite(whole.lower):
            context.miss("Q is out of reach")
            continue
        between = np.zeros(n)
        for i, j in np.argwhere(whole.plan > 0):
            between[by[i, j]] += whole.plan[i, j]
        between += whole.singular if whole.singular is not None else 0.0
        between /= between.sum()
        # The optimal plan stops over at Q': there the two steps cost no more than the one.
        stop = certified_divergence(context, {**mapping, "cost": _rows(costs[0]), "q": between.tolist()})
        steps = stop.lower + transport_cost(costs[1], between, q)
        over = max(steps - whole.upper, 0.0) / whole.scale
        context.claim("(D^{c1})^{c2} ≤ D^{c1 □ c2}", over, SLACK, Grade.BRACKETED, numbers)
        for _ in range(2):
            elsewhere = weights(rng, n)
            other = certified_divergence(
                context, {**mapping, "cost": _rows(costs[0]), "q": elsewhere.tolist()}
            )
            least = other.upper + transport_cost(costs[1], elsewhere, q)
            short = max(whole.lower - least, 0.0) / whole.scale if np.isfinite(least) else 0.0
            context.claim("no stop-over is cheaper: ≥", short, SLACK, Grade.BRACKETED, numbers)
        # With the triangle inequality the cost is its own composition.
        metric = costs[0].copy()
        for k in range(n):
            metric = np.minimum(metric, metric[:, k : k + 1] + metric[k : k + 1, :])
        once = certified_divergence(context, {**mapping, "cost": _rows(metric)})
        if np.isfinite(once.lower):
            near = certified_divergence(context, {**mapping, "cost": _rows(metric), "q": between.tolist()})
            bound = near.upper + transport_cost(metric, between, q)
            over = max(once.lower - bound, 0.0) / once.scale if np.isfinite(bound) else 0.0
            words = "D^c(Q‖P) ≤ D^c(Q'‖P) + C(Q', Q) for a metric"
            context.claim(words, over, SLACK, Grade.BRACKETED, numbers)


CHECKS = (
    Check(
        "T24",
        "(D^{c1})^{c2} = D^{c1 □ c2}, and D^c is Lipschitz in C when c is a metric",
        run,
        costs=("power", "hard_ball", "soft_ball"),
        kappas=(NONE,),
        breadth=(1, 3),
        samples=(1, 3),
    ),
)
