"""T26: a Markov kernel that does not spread costs does not increase `D^c`."""

import numpy as np

from theory.evidence import Grade
from verification.generate import draw, weights
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.exact import certified_divergence, evidence_of, without_losses
from verification.matrix.linear import transport_cost

__all__ = ["CHECKS"]


def run(context: Context) -> None:
    cell, rng = context.cell, context.rng
    for _ in range(context.samples):
        context.tried += 1
        n, m = int(rng.integers(3, 6)), int(rng.integers(2, 5))
        target = without_losses(draw(rng, context.member.spec, cell.cost, cell.support, n=m, zeros=0).mapping)
        fine = np.array([[np.inf if c is None else c for c in row] for row in target["cost"]])
        kernel = np.stack([weights(rng, m) for _ in range(n)])
        # The cheapest cost on X that the kernel respects, rounded up.
        coarse = np.array([[transport_cost(fine, a, b) for b in kernel] for a in kernel])
        coarse = np.where(np.isfinite(coarse), np.ceil(coarse * 2**20 + 1e-3) / 2**20, np.inf)
        np.fill_diagonal(coarse, 0.0)
        p, q = weights(rng, n), weights(rng, n)
        source = {
            **target,
            "p": p.tolist(),
            "q": q.tolist(),
            "cost": [[None if np.isinf(c) else float(c) for c in row] for row in coarse],
        }
        before = certified_divergence(context, source)
        after = certified_divergence(
            context, {**target, "p": (p @ kernel).tolist(), "q": (q @ kernel).tolist()}
        )
        numbers = evidence_of(source, before, after.middle)
        over = max(after.lower - before.upper, 0.0) / before.scale if np.isfinite(before.upper) else 0.0
        context.claim("D^{c_Y}(QK‖PK) ≤ D^c(Q‖P)", over, 1e-8, Grade.ENCLOSED, numbers)


CHECKS = (
    Check(
        "T26",
        "Data processing: D^{c_Y}(QK‖PK) ≤ D^c(Q‖P) for kernels with C_Y(K_x, K_x') ≤ c(x, x')",
        run,
        costs=("power", "soft_ball", "label_rigid"),
        kappas=(NONE,),
        breadth=(1, 3),
        samples=(1, 4),
    ),
)
