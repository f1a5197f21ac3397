"""Problems of KL whose costs lie so far apart that `e^-c` hides masses, and T8 from its own formula."""

import math

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from torch import Tensor

Problem = tuple[Tensor, Tensor, Tensor, float, float]  # losses, costs, weights, epsilon, kappa


def problems(count: int) -> list[Problem]:
    """Costs over 1 to 10,000, losses that make up for some of them, unreachable samples in every fifth."""
    draw = torch.Generator().manual_seed(0)

    def number(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=draw, dtype=torch.float64))

    made: list[Problem] = [
        (*torch.tensor([[0.0, 1e6], [0.0, 800.0], [0.5, 0.5]], dtype=torch.float64), 400.0, 0.0),
        (*torch.tensor([[0.0, 1e6], [0.0, 800.0], [0.5, 0.5]], dtype=torch.float64), 1e3, 0.0),
    ]
    for k in range(count):
        n, span = 2 + int(number(0, 30)), 10 ** number(0, 4)
        losses = torch.randn(n, generator=draw, dtype=torch.float64) * 10 ** number(-2, 5)
        costs = span * torch.rand(n, generator=draw, dtype=torch.float64)
        costs[torch.rand(n, generator=draw) < (0.2 if k % 5 == 0 else 0.0)] = math.inf
        costs[0] = 0.0
        weights = torch.rand(n, generator=draw, dtype=torch.float64)
        base = -math.log(float(weights[0] / weights.sum()))  # what the first sample alone would spend
        made.append((losses, costs, weights, base + number(0, span), (0.0, 0.3, 20.0)[k % 3]))
    return made


def dual_at(problem: Problem, mu: float) -> float:
    """`(mu - kappa) epsilon + mu log E_P exp(l/mu - c)`."""
    losses, costs, weights, epsilon, kappa = problem
    terms = losses.numpy() / mu - costs.numpy()
    return (mu - kappa) * epsilon + mu * float(logsumexp(terms, b=(weights / weights.sum()).numpy()))


def value(problem: Problem) -> float:
    """T8: the least of them, convex in mu."""
    losses, _, _, _, kappa = problem
    size = float(losses.abs().max())
    grid = np.log(np.geomspace(max(kappa, 1e-13 * size), max(kappa, size) * 1e4, 400))
    seen = [dual_at(problem, math.exp(x)) for x in grid]
    best = int(np.argmin(seen))
    ends = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
    found = minimize_scalar(
        lambda x: dual_at(problem, math.exp(x)), bounds=ends, method="bounded", options={"xatol": 1e-12}
    )
    return min(float(found.fun), seen[best])
