"""T27: with additive costs KL is additive over products; the others are smaller than the sum on examples."""

from typing import Any

import numpy as np

from theory.evidence import Grade
from verification.generate import draw, weights
from verification.matrix.applies import f_divergence
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.exact import certified_divergence, evidence_of, without_losses

__all__ = ["CHECKS"]


def _product(context: Context, cost: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Two random instances on three points, and their product with the sum of their costs."""
    rng, halves = context.rng, []
    for _ in range(2):
        mapping = without_losses(
            draw(rng, context.member.spec, cost, context.cell.support, n=3, zeros=0).mapping
        )
        halves.append({**mapping, "q": weights(rng, 3).tolist()})
    costs = [np.array([[np.inf if c is None else c for c in row] for row in half["cost"]]) for half in halves]
    joint = (costs[0][:, None, :, None] + costs[1][None, :, None, :]).reshape(9, 9)
    product = {
        **halves[0],
        "cost": [[None if np.isinf(c) else float(c) for c in row] for row in joint],
        **{key: np.kron(halves[0][key], halves[1][key]).tolist() for key in ("p", "q")},
    }
    return halves, product


def _example(context: Context) -> float:
    """By how much the sum exceeds the divergence of the product, at most over a few examples."""
    gains = []
    for _ in range(4):
        halves, product = _product(context, "reweighting")
        parts = [certified_divergence(context, half) for half in halves]
        gains.append(parts[0].lower + parts[1].lower - certified_divergence(context, product).upper)
    return max(gains)


def run(context: Context) -> None:
    cell = context.cell
    for _ in range(context.samples):
        context.tried += 1
        halves, product = _product(context, cell.cost)
        parts = [certified_divergence(context, half) for half in halves]
        whole = certified_divergence(context, product)
        total = parts[0].upper + parts[1].upper
        if not np.isfinite(total):
            context.miss("one factor is infinite")
            continue
        numbers = evidence_of(product, whole, total)
        if context.member.name == "kl":
            apart = max(whole.lower - total, parts[0].lower + parts[1].lower - whole.upper, 0.0) / whole.scale
            context.claim("KL^{c1 ⊕ c2} of products is the sum", apart, 1e-8, Grade.ENCLOSED, numbers)
        elif context.member.name == "tv":
            over = max(whole.lower - total, 0.0) / whole.scale
            context.claim("TV^{c1 ⊕ c2} of products is at most the sum", over, 1e-8, Grade.ENCLOSED, numbers)
        else:
            # Nothing is claimed in general but what the definition gives: at least each factor (T26,
            # projections).
            short = max(max(part.lower for part in parts) - whole.upper, 0.0) / whole.scale
            context.claim("at least the divergence of each factor", short, 1e-8, Grade.ENCLOSED, numbers)
    if context.member.name == "tv":
        words = "strictly smaller than the sum on an example (no transport)"
        gap = 0.0 if _example(context) > 1e-3 else 1.0
        context.claim(words, gap, 0.0, Grade.ENCLOSED)


CHECKS = (
    Check(
        "T27",
        "Over products with additive costs KL is additive, TV smaller, and no factor is lost",
        run,
        applies=f_divergence,
        costs=("power", "soft_ball"),
        kappas=(NONE,),
        breadth=(1, 2),
        samples=(1, 3),
    ),
)
