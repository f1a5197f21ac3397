"""Random finite instances for the check matrix, drawn from an explicit NumPy generator.

Every number is a dyadic rational (weights in 1/1024, losses and costs in 1/256 or finer), so that the JSON
instance, the float64 arrays and the exact rationals of a certificate are one and the same data: nothing is
rounded on the way.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.errors import InputError

__all__ = [
    "COSTS",
    "SUPPORTS",
    "Draw",
    "Known",
    "cost_matrix",
    "draw",
    "known_divergence",
    "known_dro",
    "radii",
    "radius",
    "weights",
]

Array = NDArray[np.float64]
Curve = Callable[[Array], Array]
SUPPORTS = ("reference", "space")
_GRID = 1024


@dataclass(frozen=True)
class Draw:
    """One random instance: its `mapping` in the instance format, and the points of the plane behind it, if
    any.
    """

    mapping: dict[str, Any]
    points: tuple[tuple[float, float], ...] | None


def _dyadic(values: Array, unit: float) -> Array:
    return np.round(values / unit) * unit


def weights(rng: np.random.Generator, n: int, *, zeros: int = 0, tiny: bool = False) -> Array:
    """`n` dyadic weights that sum to exactly 1; `zeros` of them vanish, with `tiny` one is 2^-30.

    Raises `InputError` when no weight would be left.
    """
    positive = n - zeros
    if positive < 1:
        raise InputError(f"{zeros} zero weights leave none of {n} positive")
    counts = np.ones(positive) + rng.multinomial(_GRID - positive, rng.dirichlet(np.ones(positive)))
    mass = counts / _GRID
    if tiny and positive > 1:
        largest = int(np.argmax(mass))
        smallest = int(np.argmin(mass))
        mass[largest] += mass[smallest] - 2.0**-30
        mass[smallest] = 2.0**-30
    result = np.zeros(n)
    result[rng.permutation(n)[:positive]] = mass
    return result


def _pairwise(points: Array, order: float) -> Array:
    return np.asarray(np.linalg.norm(points[:, None, :] - points[None, :, :], ord=order, axis=2))


def _hard_ball(rng: np.random.Generator, points: Array) -> Array:
    distance = _pairwise(points, np.inf)
    positive = distance[distance > 0]
    radius = np.quantile(positive, rng.choice([0.15, 0.3, 0.5])) if positive.size else 1.0
    return np.where(distance <= radius, 0.0, np.inf)


def _power(rng: np.random.Generator, points: Array) -> Array:
    order = [1.0, 2.0, np.inf][rng.integers(3)]
    exponent = [0.5, 1.0, 1.5, 2.0, 3.0][rng.integers(5)]
    scale = [0.25, 1.0, 4.0][rng.integers(3)]
    return np.asarray(scale * _pairwise(points, order) ** exponent)


def _soft_ball(rng: np.random.Generator, points: Array) -> Array:
    radius, tau = rng.choice([0.125, 0.5]), rng.choice([0.125, 0.5, 2.0])
    excess = np.maximum(np.abs(points[:, None, :] - points[None, :, :]) - radius, 0.0)
    return np.asarray((excess**2).sum(axis=2) / (2.0 * tau))


def _barrier(rng: np.random.Generator, points: Array) -> Array:
    distance = _pairwise(points, 2)
    reach = float(np.quantile(distance, rng.choice([0.4, 0.7]))) + 0.125
    inside = distance < reach * (1.0 - 1e-6)
    ratio = np.where(inside, distance, 0.0) / reach
    return np.where(inside, rng.choice([0.5, 2.0]) * distance / (1.0 - ratio), np.inf)


def _one_way_flips(rng: np.random.Generator, points: Array) -> Array:
    bits = rng.integers(0, 2, size=(len(points), 4))
    added = ((bits[None, :, :] == 1) & (bits[:, None, :] == 0)).sum(axis=2)
    removed = ((bits[None, :, :] == 0) & (bits[:, None, :] == 1)).any(axis=2)
    return np.where(removed, np.inf, rng.choice([0.25, 1.0]) * added)


def _label_rigid(rng: np.random.Generator, points: Array) -> Array:
    labels = rng.integers(0, 2, size=len(points))
    return np.where(labels[:, None] == labels[None, :], _power(rng, points), np.inf)


def _matrix(rng: np.random.Generator, points: Array) -> Array:
    n = len(points)
    cost = np.where(rng.random((n, n)) < 0.2, np.inf, rng.exponential(1.0, (n, n)))
    np.fill_diagonal(cost, 0.0)
    return cost


def _reweighting(rng: np.random.Generator, points: Array) -> Array:
    del rng
    cost = np.full((len(points), len(points)), np.inf)
    np.fill_diagonal(cost, 0.0)
    return cost


# The costs of T5, by the name that `--only` takes. All are square with a zero diagonal: one space.
COSTS: Mapping[str, Callable[[np.random.Generator, Array], Array]] = {
    "hard_ball": _hard_ball,
    "power": _power,
    "soft_ball": _soft_ball,
    "barrier": _barrier,
    "one_way_flips": _one_way_flips,
    "label_rigid": _label_rigid,
    "matrix": _matrix,
    "reweighting": _reweighting,
}
_PLANAR = {"hard_ball", "power", "soft_ball", "barrier", "label_rigid", "reweighting"}


def cost_matrix(rng: np.random.Generator, family: str, points: Array) -> Array:
    """The `(n, n)` costs of a family of T5 on `(n, d)` points; finite entries are dyadic.

    Raises `InputError` for a family that is not in `COSTS`.
    """
    if family not in COSTS:
        raise InputError(f"unknown cost {family!r}; known are {', '.join(COSTS)}")
    cost = COSTS[family](rng, points)
    finite = np.isfinite(cost)
    cost[finite] = _dyadic(cost[finite], 2.0**-10)
    return cost


def radius(rng: np.random.Generator) -> float:
    """One radius in [1e-3, 1], where both mechanisms are at work; three significant digits."""
    return float(f"{10.0 ** rng.uniform(-3.0, 0.0):.3g}")


def radii(rng: np.random.Generator, count: int) -> list[float]:
    """`count >= 3` radii across seven orders of magnitude.

    The first is 1e-6, the last 16 (the worst point wins, `λ* = 0`), the last but one in [0.2, 2], where
    weights of some divergences vanish; between them log-uniform over [1e-5, 1].
    """
    inner = [*10.0 ** rng.uniform(-5.0, 0.0, size=count - 3), 10.0 ** rng.uniform(-0.7, 0.3)]
    return [1e-6, *(float(f"{value:.3g}") for value in inner), 16.0]


def draw(
    rng: np.random.Generator,
    divergence: Mapping[str, object],
    family: str,
    support: str,
    *,
    n: int = 5,
    kappa: float = 0.0,
    epsilon: float | None = None,
    ties: bool = False,
    tiny: bool = False,
    zeros: int | None = None,
) -> Draw:
    """One random instance on `n` points of the plane.

    `ties` makes the largest loss (and one more) occur twice, `tiny` gives `p` a weight of 2^-30, `zeros` of
    `p` vanish (default: one of four points, so that the two supports differ). `epsilon=None` draws a radius
    in [1e-3, 1].
    """
    zeros = (n - 1) // 3 if zeros is None else zeros
    points = _dyadic(rng.uniform(-1.0, 1.0, (n, 2)), 2.0**-7)
    cost = cost_matrix(rng, family, points)
    phi = _dyadic(rng.normal(0.5, 1.0, n), 2.0**-8)
    if ties and n > 2:
        order = np.argsort(phi)
        phi[order[-2]] = phi[order[-1]]
        phi[order[0]] = phi[order[1]]
    mass = weights(rng, n, zeros=zeros, tiny=tiny)
    if (
        zeros and rng.random() < 0.5
    ):  # the highest point where P has no weight: what the two supports differ by
        top, bare = int(np.argmax(phi)), int(np.argmin(mass))
        phi[[top, bare]] = phi[[bare, top]]
    mapping: dict[str, object] = {
        "divergence": dict(divergence),
        "cost": [[None if math.isinf(value) else float(value) for value in row] for row in cost],
        "p": mass.tolist(),
        "q": weights(rng, n, zeros=min(1, n - 1)).tolist(),
        "phi": phi.tolist(),
        "epsilon": radius(rng) if epsilon is None else float(epsilon),
        "kappa": float(kappa),
        "support": support,
    }
    plane = tuple((float(a), float(b)) for a, b in points) if family in _PLANAR else None
    return Draw(mapping, plane)


@dataclass(frozen=True)
class Known:
    """An instance whose optimal value is known because its optimal multipliers were chosen first."""

    mapping: dict[str, Any]
    value: float
    plan: Array


_TRIES = 500  # until densities fall into a bounded domain of f


def _inside(f: Curve, slope: Curve, density: Array) -> bool:
    with np.errstate(all="ignore"):
        return bool(np.isfinite(f(density)).all() and np.isfinite(slope(density)).all())


def _outside_domain(divergence: Mapping[str, object]) -> InputError:
    return InputError(
        f"no instance with a known solution for {dict(divergence)}: random densities do not fall into the "
        "domain of its f"
    )


def known_divergence(
    rng: np.random.Generator,
    divergence: Mapping[str, object],
    f: Curve,
    slope: Curve,
    *,
    n: int = 4,
    m: int = 5,
) -> Known:
    """An instance of `D^c` with a known plan and potential (T1, T2).

    A plan `π > 0` on a few arcs and a potential `g` are drawn; the cost is then `g_j − f'(r_i/p_i)` on those
    arcs and at least that elsewhere, which is complementary slackness: `π` and `g` are optimal, up to the
    rounding of the cost. `f` and `slope = f'` act elementwise. Rectangular, support "reference".
    """
    for _ in range(_TRIES):
        p = weights(rng, n)
        arcs = np.zeros((n, m), dtype=bool)
        arcs[rng.integers(0, n, m), np.arange(m)] = True
        arcs[np.arange(n), rng.integers(0, m, n)] = True
        chosen = np.flatnonzero(arcs)
        units = np.zeros(n * m)
        units[chosen] = 1 + rng.multinomial(_GRID - chosen.size, rng.dirichlet(np.ones(chosen.size)))
        plan = units.reshape(n, m) / _GRID
        density = plan.sum(axis=1) / p
        if _inside(f, slope, density):
            break
    else:
        raise _outside_domain(divergence)
    price = slope(density)
    g = rng.uniform(0.0, 1.0, m)
    g += max(0.0, float(np.max(np.where(arcs, price[:, None] - g[None, :], -np.inf))))
    slack = np.where(arcs, 0.0, rng.exponential(0.5, (n, m)))
    cost = np.maximum(g[None, :] - price[:, None], 0.0) + slack
    mapping: dict[str, Any] = {
        "divergence": dict(divergence),
        "cost": cost.tolist(),
        "p": p.tolist(),
        "q": plan.sum(axis=0).tolist(),
        "support": "reference",
    }
    return Known(mapping, float(p @ f(density) + (plan * cost).sum()), plan)


def known_dro(
    rng: np.random.Generator,
    divergence: Mapping[str, object],
    f: Curve,
    slope: Curve,
    *,
    n: int = 4,
    m: int = 5,
    kappa: float = 0.0,
    binding: bool = True,
) -> Known:
    """A DRO instance with known `λ*`, `ρ*` and `Q*` (T7, T11).

    Masses `η`, targets and multipliers are drawn first; then `φ^c_i = ρ + (λ+κ) f'(η_i/p_i)` fixes the
    costs and `ε = D(η‖P) + ⟨c, π⟩` the radius. With `binding=False` `λ* = 0` and the radius is larger than
    what is spent, which needs `kappa > 0`. A radius that binds needs `m >= 2`: some mass gains more than the
    least loss, or the ball would be a single point, empty after rounding. Rectangular, support "reference".
    """
    if binding and m < 2:
        raise InputError(f"a radius that binds needs at least two points to move to, not m = {m}")
    if not binding and kappa <= 0:
        raise InputError(f"a radius that does not bind needs kappa > 0, not {kappa}")
    for _ in range(_TRIES):
        p, eta = weights(rng, n), weights(rng, n)
        if _inside(f, slope, eta / p):
            break
    else:
        raise _outside_domain(divergence)
    lam = float(2.0 ** rng.integers(-4, 4)) if binding else 0.0
    mu, rho = lam + kappa, float(rng.integers(-2, 3))
    reach = rho + mu * slope(eta / p)
    phi = _dyadic(reach.max() + rng.exponential(0.5, m), 2.0**-10) + 2.0**-10
    target = rng.integers(0, m, n)
    if binding and (phi[target] == phi.min()).all():
        top = int(phi.argmax())
        phi[top] += 2.0**-10
        target[0] = top
    slack = rng.exponential(0.5, (n, m))
    slack[np.arange(n), target] = 0.0
    cost = (phi[None, :] - reach[:, None]) / mu + slack
    plan = np.zeros((n, m))
    plan[np.arange(n), target] = eta
    spent = float(p @ f(eta / p) + (plan * cost).sum())
    mapping: dict[str, Any] = {
        "divergence": dict(divergence),
        "cost": cost.tolist(),
        "p": p.tolist(),
        "phi": phi.tolist(),
        "epsilon": spent if binding else 2.0 * spent + 1.0,
        "kappa": kappa,
        "support": "reference",
    }
    return Known(mapping, float(plan.sum(axis=0) @ phi) - kappa * spent, plan)
