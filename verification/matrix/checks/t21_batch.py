"""T21: the objective on a mini-batch underestimates, and for KL the bias times the batch size has a known
limit.
"""

import math
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from theory.evidence import Grade
from verification.generate import draw, weights
from verification.matrix.applies import f_divergence
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.exact import certified_dro, evidence_of, problem_of
from verification.matrix.formulas import Problem

__all__ = ["CHECKS", "batches", "kl_values"]

Array = NDArray[np.float64]


def batches(p: Array, size: int) -> tuple[Array, Array]:
    """All empirical distributions of `size` draws from `p (n,)`, `(R, n)`, and their probabilities `(R,)`."""
    counts = np.array(
        [np.bincount(c, minlength=len(p)) for c in combinations_with_replacement(range(len(p)), size)]
    )
    logs = math.lgamma(size + 1) - np.vectorize(math.lgamma)(counts + 1.0).sum(axis=1) + counts @ np.log(p)
    return counts / size, np.exp(logs)


def kl_values(h: Array, many: Array, epsilon: float) -> Array:
    """T8 on a hard ball for many references `(R, n)` at once: a zooming grid in `log λ`, `λ = 0` included."""
    reach = np.where(many > 0, h, -np.inf).max(axis=1)
    left, right = np.full(len(many), math.log(1e-9)), np.full(len(many), math.log(1e9))
    best: Array = reach.copy()
    rows = np.arange(len(many))
    for _ in range(11):
        grid = left[:, None] + (right - left)[:, None] * np.linspace(0, 1, 17)
        lam = np.exp(grid)
        with np.errstate(over="ignore"):  # points without weight may lie far above the reach
            tilt = np.exp((h[None, None, :] - reach[:, None, None]) / lam[:, :, None])
            values = (
                lam * epsilon
                + reach[:, None]
                + lam * np.log(np.einsum("rkn,rn->rk", np.minimum(tilt, 1e300), many))
            )
        k = values.argmin(axis=1)
        best = np.minimum(best, values[rows, k])
        left, right = grid[rows, np.maximum(k - 1, 0)], grid[rows, np.minimum(k + 1, 16)]
    return best


def _constant(context: Context) -> None:
    """`B·bias → −(λ*/2)[Var_P(w) + Var_P(w(1+ε−log w))/Var_{Q*}(log w)]`, extrapolated from exact biases."""
    rng = context.rng
    p = np.array([0.25, 0.5, 0.25])[rng.permutation(3)]
    h = np.round(np.sort(rng.uniform(-1, 1, 3)) * 64) / 64 + np.array([0.0, 0.5, 1.0])
    epsilon = 2.0**-5
    cost = np.where(np.eye(3) > 0, 0.0, np.inf)
    point = context.formulas.kl_dro(Problem(h, cost, p, epsilon, 0.0, "reference"))
    w = np.exp((h - h.max()) / point.lam)
    w /= p @ w
    log_w = np.log(w)

    def variance(x: Array, q: Array) -> float:
        return float(q @ x**2 - (q @ x) ** 2)

    expected = (
        -0.5 * point.lam * (variance(w, p) + variance(w * (1 + epsilon - log_w), p) / variance(log_w, p * w))
    )
    measured = []
    for size in (48, 96):
        many, chance = batches(p, size)
        measured.append(size * float(chance @ (kl_values(h, many, epsilon) - point.value)))
    limit = 2 * measured[1] - measured[0]  # the next term is of order 1/B
    words = "B·bias tends to the stated constant (KL)"
    numbers = {"extra": {"stated": expected, "extrapolated": limit, "B=48": measured[0], "B=96": measured[1]}}
    context.claim(words, abs(limit - expected) / abs(expected), 0.08, Grade.BRACKETED, numbers)


def run(context: Context) -> None:
    rng = context.rng
    for _ in range(context.samples):
        context.tried += 1
        sample = draw(rng, context.member.spec, "reweighting", "reference", n=3, zeros=0, epsilon=2.0**-4)
        sample.mapping["p"] = weights(rng, 3).tolist()
        problem = problem_of(sample.mapping)
        found = certified_dro(context, sample.mapping)
        means, numbers = [], evidence_of(sample.mapping, found, points=sample.points)
        sizes = (1, 2) if context.samples == 1 else (1, 2, 3)
        for size in sizes:
            many, chance = batches(problem.p, size)
            values = []
            for q in many:
                kept = q > 0
                batch = Problem(
                    problem.phi[kept], problem.cost[kept][:, kept], q[kept], problem.epsilon, 0.0, "reference"
                )
                values.append(context.formulas.dro(batch).value)
            means.append(float(chance @ np.array(values)))
        over = max(means[-1] - found.upper, 0.0) / found.scale
        numbers = {**numbers, "extra": {f"mean over batches of {sizes}": means}}
        context.claim("E V(P_B) ≤ V(P), all batches enumerated", over, 1e-8, Grade.BRACKETED, numbers)
        fall = max(*(-np.diff(means)), 0.0) / found.scale
        context.claim("E V(P_B) is nondecreasing in B", fall, 1e-8, Grade.BRACKETED, numbers)
    if context.member.name == "kl":
        _constant(context)


CHECKS = (
    Check(
        "T21",
        "A mini-batch underestimates: E V(P_B) ≤ V(P), increasing in B, for KL with its rate",
        run,
        applies=f_divergence,
        costs=("reweighting",),
        supports=("reference",),
        kappas=(NONE,),
        breadth=(1, 1),
        samples=(1, 3),
    ),
)
