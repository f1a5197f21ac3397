"""The KL solver for one batch on the CPU: the same method as `kl.solve_batched` in plain floats.

A batch of 128 costs NumPy about a microsecond per pass, so the passes are few: one `expm1` and one (3, B)
matrix-vector product per Newton step. `tests/armor` holds the two solvers against each other.
"""

__all__ = ["solve_vector"]

import math

import numpy as np
from numpy.typing import NDArray

from armor.objectives.solution import Dual
from armor.status import Status

Vector = NDArray[np.float64]
_TINY = 1e-300


def solve_vector(
    losses: Vector, costs: Vector | None, p: Vector, epsilon: float, kappa: float, iterations: int
) -> Dual:
    """Solve T8 for `losses` (B,) under the reference masses `p` (B,)."""
    q, base = (p, 0.0) if costs is None else _tilt(costs, p)
    radius = epsilon - base
    feasible = radius >= 0
    radius = radius if radius > 0 else (_TINY if feasible else 1.0)
    masked = bool(q.min() <= 0)
    top = float(losses[q > 0].max() if masked else losses.max())
    d = losses - top
    if masked:
        d = np.where(q > 0, d, 0.0)
    at_top = d == 0
    if masked:
        at_top &= q > 0
    top_mass = float(q[at_top].sum())
    saturated = radius >= -math.log(top_mass)
    powers = np.empty((3, d.size))
    powers[0] = q
    np.multiply(q, d, out=powers[1])
    np.multiply(powers[1], d, out=powers[2])
    at_zero = powers.sum(1)

    mu0, used = (0.0, 0) if saturated else _search(d, powers, at_zero, at_top, radius, iterations)
    mu = max(mu0, kappa)
    if mu > 0:
        theta = 1.0 / mu
        x = d * theta
        w = q * np.exp(x)
        mass = float(w.sum())
        shrink = float(q @ np.expm1(x))
        free_energy = mu * (math.log1p(shrink) if shrink > -0.5 else math.log(mass))
        w /= mass
        slope, curvature = x, w
    else:
        w = np.where(at_top, q, 0.0) / top_mass
        free_energy = 0.0
        slope, curvature = np.zeros_like(d), np.zeros_like(d)
    penalty = kappa * base if feasible else 0.0
    value = top + (free_energy + (mu - kappa) * radius - penalty)
    budget = _spent(w, q, masked)
    part = radius / budget if budget > radius else 1.0
    moved = float(w @ d)
    if part < 1.0:
        moved = float(at_zero[1]) + part * float((w - q) @ d)
    primal = top + (moved - kappa * part * budget - penalty)
    if not feasible:
        status, value, primal = Status.INFEASIBLE, -math.inf, -math.inf
    elif value - primal > 1e-8 * (abs(top) - float(d.min()) + kappa):
        status = Status.UNCONVERGED
    else:
        status = Status.INTERIOR if mu > kappa else Status.INACTIVE
    return Dual(
        value=np.array([value]),
        mu=np.array([mu]),
        rho=np.array([top + free_energy - mu * (base + 1.0)]),
        weights=w,
        primal=np.array([primal]),
        status=np.array([int(status)]),
        iterations=used,
        curvature=curvature,
        slope=slope,
    )


def _tilt(costs: Vector, p: Vector) -> tuple[Vector, float]:
    nearest = float(costs[p > 0].min())
    if nearest == math.inf:
        return p, math.inf
    excess = costs - nearest
    q = p * np.exp(-excess)
    mass = float(q.sum())
    shrink = float(p @ np.expm1(-excess))
    return q / mass, nearest - (math.log1p(shrink) if shrink > -0.5 else math.log(mass))


def _spent(w: Vector, q: Vector, masked: bool) -> float:
    if masked:
        w, q = w[q > 0], q[q > 0]
    delta = (w - q) / q
    return float(q @ ((1.0 + delta) * np.log1p(np.maximum(delta, -1.0 + 1e-16)) - delta))


def _search(
    d: Vector, powers: Vector, at_zero: Vector, at_top: NDArray[np.bool_], radius: float, iterations: int
) -> tuple[float, int]:
    spread = -float(d.min())
    others = d[~at_top & (powers[0] > 0)]
    low = math.log(max(-float(others.max()) / 800.0, _TINY))
    high = max(math.log(spread) - 0.5 * math.log(8.0 * radius), low)
    mean = float(at_zero[1])
    variance = max(float(powers[0] @ np.square(d - mean)), _TINY)
    log_mu = min(max(0.5 * math.log(variance / (2.0 * radius)), low), high)
    log_radius = math.log(radius)
    used, last = 0, high - low
    for _ in range(iterations):
        used += 1
        theta = math.exp(-log_mu)
        x = d * theta
        shrink, first, second = (powers @ np.expm1(x)).tolist()
        if shrink > -0.5:
            mass, log_mass = 1.0 + shrink, math.log1p(shrink)
            first, second = first + at_zero[1], second + at_zero[2]
        else:
            mass, first, second = (powers @ np.exp(x)).tolist()
            log_mass = math.log(mass)
        mean = first / mass
        variance = second / mass - mean * mean
        value = theta * mean - log_mass
        noise = 1e-15 * (1.0 - log_mass / max(value, _TINY))
        excess = math.log(max(value, _TINY)) - log_radius
        if excess > 0:
            low = log_mu
        else:
            high = log_mu
        if abs(excess) <= noise or high - low <= 4e-16 * abs(log_mu):
            break
        curve = variance * theta * theta
        newton = log_mu + excess * value / curve if curve > 0 else math.inf
        sound = low < newton < high and abs(newton - log_mu) <= 0.5 * last
        following = newton if sound else 0.5 * (low + high)
        last, log_mu = abs(following - log_mu), following
    return math.exp(log_mu), used
