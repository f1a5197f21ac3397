"""T21: the objective on a mini-batch underestimates (Rényi above 1 need not), and for KL the bias as a
function of the batch size has known constants: λ solved anew or carried over, with or without replacement.
"""

import math
from itertools import combinations_with_replacement, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.evidence import Grade
from verification.generate import draw, weights
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.checks.t10_dro_renyi import renyi_dro
from verification.matrix.exact import certified_dro, evidence_of, problem_of
from verification.matrix.formulas import Problem
from verification.matrix.members import Member

__all__ = ["CHECKS", "batches", "kl_values", "without_replacement"]

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


def without_replacement(counts: Array, size: int) -> tuple[Array, Array]:
    """All batches of `size` draws without replacement from `counts (n,)` equal points each."""
    picks = [
        pick
        for pick in product(*(range(min(int(c), size) + 1) for c in counts[:-1]))
        if 0 <= size - sum(pick) <= counts[-1]
    ]
    many = np.array([[*pick, size - sum(pick)] for pick in picks])
    total = math.comb(int(counts.sum()), size)
    chance = [math.prod(math.comb(int(c), int(k)) for c, k in zip(counts, row, strict=True)) for row in many]
    return many / size, np.array([each / total for each in chance])


def _variance(x: Array, q: Array) -> float:
    return float(q @ x**2 - (q @ x) ** 2)


def _limit(sizes: tuple[int, ...], scaled: list[float]) -> float:
    """`B·bias` at `B = ∞` from three doubling sizes: terms in `1/B` and `1/B²` removed."""
    first, second, third = scaled
    assert sizes[2] == 2 * sizes[1] == 4 * sizes[0]
    return (8 * third - 6 * second + first) / 3


def _constant(context: Context) -> None:
    """The bias of KL as a function of the batch size, against the constants that T21 states."""
    rng = context.rng
    p = np.array([0.25, 0.5, 0.25])[rng.permutation(3)]
    h = np.round(np.sort(rng.uniform(-1, 1, 3)) * 64) / 64 + np.array([0.0, 0.5, 1.0])
    epsilon = 2.0**-5
    cost = np.where(np.eye(3) > 0, 0.0, np.inf)
    point = context.formulas.kl_dro(Problem(h, cost, p, epsilon, 0.0, "reference"))
    w = np.exp((h - h.max()) / point.lam)
    w /= p @ w
    log_w = np.log(w)
    spread = _variance(w, p)
    stated = -0.5 * point.lam * (spread + _variance(w * (1 + epsilon - log_w), p) / _variance(log_w, p * w))
    sizes = (24, 48, 96)
    biases, frozen = [], []
    for size in sizes:
        many, chance = batches(p, size)
        biases.append(float(chance @ (kl_values(h, many, epsilon) - point.value)))
        frozen.append(float(chance @ (point.lam * np.log(many @ w))))  # λ* carried over, ρ solved anew
    order = math.log(biases[1] / biases[2]) / math.log(2)
    limit = _limit(sizes, [b * size for b, size in zip(biases, sizes, strict=True)])
    numbers = {"extra": {"bias": dict(zip(map(str, sizes), biases, strict=True)), "order in 1/B": order}}
    numbers["extra"] |= {"B·bias stated": stated, "B·bias measured": limit}
    words = "B·bias → −(λ*/2)[Var_P(w) + Var_P(w(1+ε−log w))/Var_{Q*}(log w)] (KL)"
    context.claim(words, abs(limit - stated) / abs(stated), 0.02, Grade.BRACKETED, numbers)
    context.claim("the bias is of order 1/B", abs(order - 1.0), 0.1, Grade.BRACKETED, numbers)
    limit, left = (
        _limit(sizes, [b * size for b, size in zip(frozen, sizes, strict=True)]),
        -0.5 * point.lam * spread,
    )
    numbers = {"extra": {"B·bias stated": left, "B·bias measured": limit}}
    words = "λ* carried over leaves B·bias → −(λ*/2) Var_P(w)"
    context.claim(words, abs(limit - left) / abs(left), 0.02, Grade.BRACKETED, numbers)
    many, chance = batches(p, 8)
    both = float(chance @ (many @ w - 1.0)) * point.lam  # λ* and ρ* carried over: linear in P_B
    context.claim("λ* and ρ* carried over leave no bias", abs(both), 1e-12, Grade.BRACKETED, numbers)
    counts, size = np.round(64 * p), 32
    many, chance = without_replacement(counts, size)
    bare = float(chance @ (kl_values(h, many, epsilon) - point.value))
    many, chance = batches(p, size)
    ratio = bare / float(chance @ (kl_values(h, many, epsilon) - point.value))
    factor = (64 - size) / 63
    numbers = {"extra": {"ratio stated": factor, "ratio measured": ratio, "N": 64, "B": size}}
    words = "without replacement the bias is (N−B)/(N−1) times as large, to leading order"
    context.claim(words, abs(ratio / factor - 1.0), 4.0 / size, Grade.BRACKETED, numbers)


def _on_batches(context: Context, problem: Problem, size: int) -> float:
    """`E V(P_B)` over all batches of `size` draws, each with its own points only."""
    many, chance = batches(problem.p, size)
    total = 0.0
    for q, weight in zip(many, chance, strict=True):
        kept = q > 0
        cost = problem.cost[kept][:, kept]
        batch = Problem(problem.phi[kept], cost, q[kept], problem.epsilon, problem.kappa, "reference")
        renyi = context.member.name == "renyi"
        value = renyi_dro(batch, context.member.parameter) if renyi else context.formulas.dro(batch).value
        total += float(weight) * value
    return total


def _overestimates(context: Context) -> None:
    """Rényi of order above 1: with a penalty that dominates, batches of 4 can *over*estimate."""
    best: tuple[float, dict[str, object]] = (-math.inf, {})
    for _ in range(3):
        top = float(2 ** context.rng.integers(3, 6))
        weight = float(context.rng.integers(10, 14)) / 16
        mapping: dict[str, Any] = {
            "divergence": dict(context.member.spec),
            "cost": [[0.0, None], [None, 0.0]],
            "p": [1.0 - weight, weight],
            "phi": [0.0, top],
            "epsilon": 64.0,
            "kappa": 1.0,
            "support": "reference",
        }
        found = certified_dro(context, mapping)
        mean = _on_batches(context, problem_of(mapping), 4)
        best = max(best, (mean - found.upper, evidence_of(mapping, found, mean)), key=lambda pair: pair[0])
    words = "a mean over batches above V(P) exists: the order is above 1 and the penalty dominates"
    context.claim(words, 0.0 if best[0] > 1e-3 else 1.0, 0.0, Grade.BRACKETED, best[1])


def run(context: Context) -> None:
    rng = context.rng
    if context.member.name == "renyi" and context.member.parameter > 1:
        context.tried += 1
        _overestimates(context)
        return
    for _ in range(context.samples):
        context.tried += 1
        sample = draw(rng, context.member.spec, "reweighting", "reference", n=3, zeros=0, epsilon=2.0**-4)
        sample.mapping["p"] = weights(rng, 3).tolist()
        problem = problem_of(sample.mapping)
        found = certified_dro(context, sample.mapping)
        sizes = (1, 2) if context.samples == 1 else (1, 2, 4)
        means = [_on_batches(context, problem, size) for size in sizes]
        curve = {str(size): mean - found.middle for size, mean in zip(sizes, means, strict=True)}
        numbers = evidence_of(sample.mapping, found, means[-1], sample.points, bias=curve)
        over = max(means[-1] - found.upper, 0.0) / found.scale
        context.claim("E V(P_B) ≤ V(P), all batches enumerated", over, 1e-8, Grade.BRACKETED, numbers)
        fall = max(*(-np.diff(means)), 0.0) / found.scale
        context.claim("E V(P_B) is nondecreasing in B", fall, 1e-8, Grade.BRACKETED, numbers)
    if context.member.name == "kl":
        _constant(context)


def _applies(member: Member, support: str) -> str | None:
    del support
    return "no re-weighting: the value is linear in P" if member.name == "none" else None


CHECKS = (
    Check(
        "T21",
        "A mini-batch underestimates: E V(P_B) ≤ V(P), nondecreasing in B, for KL with its rate and constant",
        run,
        applies=_applies,
        costs=("reweighting",),
        supports=("reference",),
        kappas=(NONE,),
        breadth=(1, 1),
        samples=(1, 3),
    ),
)
