"""PGD against the exact worst case of small ReLU networks on the ℓ∞ ball, by mixed-integer programming."""

import numpy as np
import pytest
import torch
from torch import nn

from armor.losses import margin
from armor.transport import pgd

cp = pytest.importorskip("cvxpy")


def _network(seed: int) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).double()


def _worst_margin(model: nn.Sequential, x: np.ndarray, y: int, radius: float) -> float:
    """max over the ball and the box of max_{k != y} z_k - z_y; big-M from interval arithmetic."""
    w1, b1, w2, b2 = (
        p.detach().numpy() for p in (model[0].weight, model[0].bias, model[2].weight, model[2].bias)
    )
    low, high = np.maximum(x - radius, 0.0), np.minimum(x + radius, 1.0)
    below = b1 + np.minimum(w1 * low, w1 * high).sum(1)
    above = b1 + np.maximum(w1 * low, w1 * high).sum(1)
    point, hidden, on = cp.Variable(4), cp.Variable(6), cp.Variable(6, boolean=True)
    before = w1 @ point + b1
    up, down = np.maximum(above, 0.0), np.minimum(below, 0.0)
    constraints = [
        point >= low,
        point <= high,
        hidden >= before,
        hidden >= 0,
        hidden <= cp.multiply(up, on),
        hidden <= before - cp.multiply(down, 1 - on),
    ]
    logits = w2 @ hidden + b2
    return max(
        float(cp.Problem(cp.Maximize(logits[k] - logits[y]), constraints).solve(solver=cp.HIGHS))
        for k in range(3)
        if k != y
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_pgd_with_restarts_finds_the_exact_worst_case(seed: int) -> None:
    """Never above the optimum; at it for most samples, near it for all: the margin's kinks stop some runs."""
    model = _network(seed)
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(5, 4, generator=generator, dtype=torch.float64)
    y = torch.randint(0, 3, (5,), generator=generator)
    attack = pgd(0.25, step=0.1, steps=40, restarts=10, schedule="linear")
    moved = attack(lambda z: margin(model(z), y), x, generator=generator)
    reached = margin(model(moved.x), y).detach().numpy()
    exact = np.array([_worst_margin(model, x[i].numpy(), int(y[i]), 0.25) for i in range(5)])
    assert bool((reached <= exact + 1e-6).all())
    assert (exact - reached).max() <= 0.05
    assert np.sum(exact - reached <= 1e-4) >= 3
    start = margin(model(x), y).detach().numpy()
    assert bool((exact >= start).all())
    assert bool((reached > start).all())
