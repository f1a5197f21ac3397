"""T17: what the DRO value becomes at the ends of its family: transport only, re-weighting only, plain
adversarial training, and TRADES and MART on the doubled space.
"""

import math

import numpy as np
from numpy.typing import NDArray

from theory.evidence import Grade
from verification.generate import cost_matrix, draw, radius, weights
from verification.matrix.applies import every, f_divergence
from verification.matrix.cells import Check, Context, kappa_value
from verification.matrix.exact import certified_dro, evidence_of, problem_of
from verification.matrix.formulas import Problem
from verification.matrix.linear import transport_dro

__all__ = ["CHECKS", "doubled", "mart_losses", "trades_losses"]

Array = NDArray[np.float64]
TOLERANCE = 1e-8


def _transport_only(context: Context) -> None:
    """CVaR at level 1 is `∞·1[η ≠ P]`: the value is that of the transport linear program."""
    cell = context.cell
    sample = draw(
        context.rng,
        {"name": "cvar", "beta": 1},
        cell.cost,
        cell.support,
        kappa=kappa_value(cell.kappa, context.rng),
    )
    problem = problem_of(sample.mapping)
    found = certified_dro(context, sample.mapping)
    value = transport_dro(problem.phi, problem.cost, problem.p, problem.epsilon, problem.kappa)
    words = "CVaR at level 1 gives OT-DRO (linear program)"
    context.claim(
        words,
        found.outside(value),
        TOLERANCE,
        Grade.ENCLOSED,
        evidence_of(sample.mapping, found, value, sample.points),
    )


def _reweighting_only(context: Context) -> None:
    """No transport: the dual on the bare losses of the points that carry weight."""
    cell = context.cell
    sample = draw(
        context.rng,
        context.member.spec,
        "reweighting",
        cell.support,
        kappa=kappa_value(cell.kappa, context.rng),
    )
    mapping = sample.mapping
    found = certified_dro(context, mapping)
    p, phi = np.array(mapping["p"]), np.array(mapping["phi"])
    carried = phi[p > 0]
    bare = Problem(
        phi=np.append(carried, phi.max()) if cell.support == "space" else carried,
        cost=np.where(np.eye(len(carried), len(carried) + (cell.support == "space")) > 0, 0.0, np.inf),
        p=p[p > 0],
        epsilon=float(mapping["epsilon"]),
        kappa=float(mapping["kappa"]),
        support=cell.support,
    )
    value = context.formulas.dro(bare).value
    words = "c = ∞ off the diagonal gives f-divergence DRO on the losses themselves"
    context.claim(
        words,
        found.outside(value),
        TOLERANCE,
        Grade.ENCLOSED,
        evidence_of(mapping, found, value, sample.points),
    )


def _plain_adversary(context: Context) -> None:
    """Hard ball, `ε → 0`: the value decreases to the mean adversarial loss like `σ√(2ε/f''(1))`."""
    sample = draw(context.rng, context.member.spec, "hard_ball", "reference", epsilon=1e-4)
    problem = problem_of(sample.mapping)
    h = context.formulas.c_transform(problem.phi, problem.cost, np.zeros(1))[0]
    mean = float(problem.p @ h)
    sigma = math.sqrt(float(problem.p @ (h - mean) ** 2))
    curvature = context.member.curvature
    if sigma < 1e-3 or curvature is None or curvature <= 0:
        context.miss("the adversarial losses do not vary, or f''(1) does not exist")
        return
    for epsilon in (1e-4, 1e-6, 1e-8):
        found = certified_dro(context, {**sample.mapping, "epsilon": epsilon})
        lead = sigma * math.sqrt(2 * epsilon / curvature)
        gap = max(mean - found.upper, found.lower - mean - 3 * lead, 0.0) / found.scale
        words = "mean adversarial loss ≤ value ≤ mean + 3σ√(2ε/f''(1)) as ε → 0"
        context.claim(
            words, gap, TOLERANCE, Grade.ENCLOSED, evidence_of(sample.mapping, found, mean, sample.points)
        )


def trades_losses(natural: Array, attacked: Array, label: NDArray[np.int64], beta: float) -> Array:
    """TRADES: `CE(f(x), y) + β KL(f(x)‖f(x'))` for probabilities `natural (n, k)`, `attacked (n, m, k)`;
    `(n, m)`.
    """
    rows = np.arange(len(label))
    entropy = -np.log(natural[rows, label])
    relative = (natural[:, None, :] * (np.log(natural)[:, None, :] - np.log(attacked))).sum(axis=2)
    return np.asarray(entropy[:, None] + beta * relative)


def mart_losses(natural: Array, attacked: Array, label: NDArray[np.int64], beta: float) -> Array:
    """MART: `CE(f(x'), y) − log(1 − max_{k≠y} f_k(x')) + β KL(f(x)‖f(x'))(1 − f_y(x))`, as `(n, m)`."""
    rows = np.arange(len(label))
    other = attacked.copy()
    other[rows, :, label] = 0.0
    boosted = -np.log(attacked[rows, :, label]) - np.log1p(-other.max(axis=2))
    relative = (natural[:, None, :] * (np.log(natural)[:, None, :] - np.log(attacked))).sum(axis=2)
    return np.asarray(boosted + beta * relative * (1.0 - natural[rows, label])[:, None])


def doubled(losses: Array, cost: Array, p: Array) -> tuple[Array, Array]:
    """The doubled space: columns `(x_i, u_j, y_i)` with losses `(n·m,)` and cost `c(x_i, u_j)` in the block
    of `i`, else ∞.
    """
    n, m = losses.shape
    wide = np.full((n, n * m), np.inf)
    for i in range(n):
        wide[i, i * m : (i + 1) * m] = cost[i]
    del p
    return losses.ravel(), wide


def _doubled_space(context: Context) -> None:
    cell, rng = context.cell, context.rng
    n, classes = 4, 3
    points = np.round(rng.uniform(-1, 1, (n, 2)) * 128) / 128
    cost = cost_matrix(rng, cell.cost, points)
    probabilities = rng.dirichlet(np.ones(classes), n) * 0.94 + 0.02
    label = rng.integers(0, classes, n)
    p = weights(rng, n)
    epsilon, kappa = radius(rng), kappa_value(cell.kappa, rng)
    attacked = np.broadcast_to(probabilities[None, :, :], (n, n, classes)).copy()
    for name, family in (("TRADES", trades_losses), ("MART", mart_losses)):
        losses = np.round(family(probabilities, attacked, label, 6.0) * 2**20) / 2**20
        phi, wide = doubled(losses, cost, p)
        mapping: dict[str, object] = {
            "divergence": dict(context.member.spec),
            "cost": [[None if math.isinf(value) else value for value in row] for row in wide.tolist()],
            "p": p.tolist(),
            "phi": phi.tolist(),
            "epsilon": epsilon,
            "kappa": kappa,
            "support": "reference",
        }
        found = certified_dro(context, mapping)
        value = _per_sample(context, losses, cost, p, epsilon, kappa)
        words = f"{name}: the primal on the doubled space equals the dual on the per-sample losses"
        context.claim(
            words, found.outside(value), TOLERANCE, Grade.ENCLOSED, evidence_of(mapping, found, value)
        )


def _per_sample(
    context: Context, losses: Array, cost: Array, p: Array, epsilon: float, kappa: float
) -> float:
    """The dual whose φ^c is taken sample by sample, `max_j {ℓ_ij − μ c_ij}`, as a trainer does."""
    formulas = context.formulas
    problem = Problem(losses.ravel(), cost, p, epsilon, kappa, "reference")

    def dual(problem: Problem, lam: Array) -> tuple[Array, Array]:
        mu = lam + problem.kappa
        blocks = [formulas.c_transform(losses[i], cost[i : i + 1], mu)[:, 0] for i in range(len(p))]
        h = np.stack(blocks, axis=1)
        value, rho = formulas.reweighting(h, problem.p, mu, h.max(axis=1))
        return lam * problem.epsilon + value, rho

    with np.errstate(all="ignore"):
        point = formulas.minimize(
            Problem(
                losses.max(axis=1), np.where(np.eye(len(p)) > 0, 0.0, np.inf), p, epsilon, kappa, "reference"
            ),
            dual,
        )
        if kappa == 0 and point.lam == 0.0:  # the end λ = 0 of this dual: the reachable maximum of the losses
            reach = np.where(np.isfinite(cost), losses, -np.inf).max(axis=1)
            return (
                float(min(reach.max(), dual(problem, np.array([1e-12]))[0][0]))
                if not context.member.bounded_domain
                else point.value
            )
    return point.value


def run(context: Context) -> None:
    for _ in range(context.samples):
        context.tried += 1
        if context.cell.support == "reference":
            _doubled_space(context)
            _plain_adversary(context)
        _reweighting_only(context)
        if context.member.name == "cvar":
            _transport_only(context)


CHECKS = (
    Check(
        "T17",
        "Special cases: OT-DRO, f-divergence DRO, adversarial training, TRADES and MART",
        run,
        applies=every(f_divergence),
        costs=("hard_ball", "soft_ball"),
        breadth=(1, 3),
        samples=(1, 2),
    ),
)
