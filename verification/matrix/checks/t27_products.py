"""T27: with additive costs KL is additive over products, its DRO value a sup-convolution in `ε`; the other
divergences are not additive: an enclosed example for each.
"""

from typing import Any

import numpy as np

from theory.evidence import Grade
from verification.generate import draw, radius, weights
from verification.matrix.applies import f_divergence
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.exact import certified_divergence, certified_dro, evidence_of, without_losses

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


def _apart(context: Context, cost: str) -> tuple[float, dict[str, object]]:
    """Sum less product, over a random example: negative where the product is larger."""
    halves, product = _product(context, cost)
    parts = [certified_divergence(context, half) for half in halves]
    whole = certified_divergence(context, product)
    if not np.isfinite(parts[0].upper + parts[1].upper + whole.upper):
        return 0.0, {}
    smaller = parts[0].lower + parts[1].lower - whole.upper
    larger = whole.lower - parts[0].upper - parts[1].upper
    numbers = evidence_of(product, whole, parts[0].middle + parts[1].middle)
    return (max(smaller, 0.0) or -max(larger, 0.0)), numbers


def _examples(context: Context) -> None:
    """No other divergence is additive: some product is strictly smaller or larger than the sum."""
    best: tuple[float, dict[str, object]] = (0.0, {})
    for k in range(6):
        found = _apart(context, "reweighting" if k % 2 else context.cell.cost)
        best = max(best, found, key=lambda pair: abs(pair[0]))
        if abs(best[0]) > 1e-4:
            break
    words = f"not additive: an example where the product is strictly {'smaller' if best[0] > 0 else 'larger'}"
    context.claim(words, 0.0 if abs(best[0]) > 1e-7 else 1.0, 0.0, Grade.ENCLOSED, best[1])


def _sup_convolution(context: Context) -> None:
    """KL: the value of a separable loss on a product is the sup-convolution of the values in `ε`."""
    halves, product = _product(context, context.cell.cost)
    losses = [np.round(context.rng.normal(0.0, 1.0, 3) * 256) / 256 for _ in halves]
    epsilon = radius(context.rng)
    whole = certified_dro(
        context, {**product, "phi": np.add.outer(*losses).ravel().tolist(), "epsilon": epsilon}
    )
    sides = [{**half, "phi": phi.tolist()} for half, phi in zip(halves, losses, strict=True)]

    def split(share: float) -> float:
        shares = (share * epsilon, (1.0 - share) * epsilon)
        return sum(
            certified_dro(context, {**side, "epsilon": part}).middle
            for side, part in zip(sides, shares, strict=True)
        )

    best = max((split(k / 4), k / 4) for k in range(5))
    step = 0.25
    while step > 1e-5:  # the sum of the values is concave in the share
        step /= 2
        near = [(split(x), x) for x in (best[1] - step, best[1] + step) if 0.0 <= x <= 1.0]
        best = max(best, *near)
    numbers = evidence_of({**product, "epsilon": epsilon}, whole, best[0], share=best[1])
    over = max(best[0] - whole.upper, 0.0) / whole.scale
    context.claim("no split of ε exceeds the value on the product", over, 1e-8, Grade.ENCLOSED, numbers)
    short = max(whole.lower - best[0], 0.0) / whole.scale
    context.claim("the best split of ε reaches it: sup-convolution", short, 1e-7, Grade.ENCLOSED, numbers)


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
        else:
            # Projections are Markov kernels (T26); with an independent coupling TV also stays below the sum.
            short = max(max(part.lower for part in parts) - whole.upper, 0.0) / whole.scale
            context.claim("at least the divergence of each factor", short, 1e-8, Grade.ENCLOSED, numbers)
        if context.member.name == "tv":
            over = max(whole.lower - total, 0.0) / whole.scale
            context.claim("TV^{c1 ⊕ c2} of products is at most the sum", over, 1e-8, Grade.ENCLOSED, numbers)
    if context.member.name == "kl":
        _sup_convolution(context)
    else:
        _examples(context)


CHECKS = (
    Check(
        "T27",
        "Over products with additive costs KL alone is additive, its DRO value a sup-convolution in ε",
        run,
        applies=f_divergence,
        costs=("power", "soft_ball"),
        kappas=(NONE,),
        breadth=(1, 2),
        samples=(1, 3),
    ),
)
