"""Observed orders of convergence: what a sequence of gaps says about the rate at which it vanishes."""

import math
from collections.abc import Sequence

__all__ = ["least_order", "observed_orders"]


def observed_orders(steps: Sequence[float], gaps: Sequence[float], noise: float) -> list[float]:
    """`log(gap_k / gap_{k+1}) / log(step_k / step_{k+1})` of consecutive gaps; inf once within `noise`.

    `steps` are positive and decreasing, `gaps` nonnegative.
    """
    orders = []
    for k in range(len(gaps) - 1):
        if gaps[k + 1] <= noise:
            orders.append(math.inf)
        else:
            orders.append(math.log(max(gaps[k], noise) / gaps[k + 1]) / math.log(steps[k] / steps[k + 1]))
    return orders


def least_order(curvature: float | None, smooth: float) -> float:
    """What an order must reach: `smooth` where `0 < f''(1) < ∞` or `f` is sharper still, a tenth for flatter
    `f`, less what the next term of an expansion may take away.
    """
    return 0.1 if curvature is not None and curvature <= 0 else 0.85 * smooth
