"""The KL solver for one batch on the CPU: the same method as `kl.solve_batched` in plain floats.

A batch of 128 costs NumPy about a microsecond per pass, so the passes are few: one `expm1` and one (3, B)
matrix-vector product per Newton step. `tests/armor` holds the two solvers against each other.
"""

__all__ = ["solve_vector"]

import math
import threading

import numpy as np
from numpy.typing import NDArray

from armor.objectives.solution import CERTIFIED, Dual
from armor.status import Status

Vector = NDArray[np.float64]
_TINY = 1e-300
_LARGE, _SMALL = 16384, 2048


def solve_vector(
    losses: Vector, costs: Vector | None, p: Vector, epsilon: float, kappa: float, iterations: int
) -> Dual:
    """Solve T8 for `losses` (B,) under the reference masses `p` (B,)."""
    q, base = (p, 0.0) if costs is None else _tilt(costs, p)
    radius = epsilon - base
    feasible = radius >= 0
    radius = radius if radius > 0 else (_TINY if feasible else 1.0)
    masked = costs is not None or bool(q.min() <= 0)
    top = float(losses[q > 0].max() if masked else losses.max())
    powers, d, x = _workspace(losses.size)
    np.subtract(losses, top, out=d)
    if masked:
        d[q <= 0] = 0.0
    at_top = d == 0
    if masked:
        at_top &= q > 0
    top_mass = float(q[at_top].sum())
    saturated = radius >= -math.log(top_mass)
    powers[0] = q
    np.multiply(q, d, out=powers[1])
    np.multiply(powers[1], d, out=powers[2])
    at_zero = powers.sum(1)

    mu0, used = (0.0, 0) if saturated else _search(d, powers, at_zero, at_top, x, radius, iterations)
    mu = max(mu0, kappa)
    if mu > 0:
        np.multiply(d, 1.0 / mu, out=x)
        w = np.exp(x)
        w *= q
        shrink = float(q @ np.expm1(x, out=x))
        mass = float(w.sum())
        log_mass = math.log1p(shrink) if shrink > -0.5 else math.log(mass)
        free_energy = mu * log_mass
        w /= mass
        curvature = w
    else:
        w = np.where(at_top, q, 0.0) / top_mass
        free_energy = log_mass = 0.0
        curvature = np.zeros_like(d)
    penalty = kappa * base if feasible else 0.0
    value = top + (free_energy + ((mu - kappa) * radius if mu > kappa else 0.0) - penalty)
    budget = _spent(w, q, masked, x)
    part = radius / budget if budget > radius else 1.0
    moved = float(w @ d)
    if part < 1.0:
        moved = float(at_zero[1]) + part * float((w - q) @ d)
    primal = top + (moved - kappa * part * budget - penalty)
    scale = abs(top) - float(d.min()) + kappa * (1.0 + budget + (base if feasible else 0.0))
    if not feasible:
        status, value, primal = Status.INFEASIBLE, -math.inf, -math.inf
    elif abs(value - primal) <= CERTIFIED * scale < math.inf:
        status = Status.INTERIOR if mu > kappa else Status.INACTIVE
    else:
        status = Status.UNCONVERGED
    return Dual(
        value=np.array([value]),
        mu=np.array([mu]),
        rho=np.array([top + free_energy - mu * (base + 1.0)]),
        weights=w,
        primal=np.array([primal]),
        status=np.array([int(status)]),
        iterations=used,
        curvature=curvature,
    )


class _Memory(threading.local):
    size = -1
    buffer = np.empty((5, 0))


_MEMORY = _Memory()


def _workspace(size: int) -> tuple[NDArray[np.float64], Vector, Vector]:
    """Scratch of this thread, (3, size), (size,), (size,): at large B fresh pages outweigh the arithmetic."""
    if _MEMORY.size != size:
        _MEMORY.size, _MEMORY.buffer = size, np.empty((5, size))
    buffer = _MEMORY.buffer
    return buffer[:3], buffer[3], buffer[4]


def _tilt(costs: Vector, p: Vector) -> tuple[Vector, float]:
    nearest = float(costs[p > 0].min())
    if nearest == math.inf:
        return p, math.inf
    excess = costs - nearest
    q = p * np.exp(-excess)
    mass = float(q.sum())
    shrink = float(p @ np.expm1(-excess))
    return q / mass, nearest - (math.log1p(shrink) if shrink > -0.5 else math.log(mass))


def _spent(w: Vector, q: Vector, masked: bool, work: Vector) -> float:
    """KL(w‖q) from the masses alone, `q · ((1 + delta) log(1 + delta) - delta)` with `delta = w/q - 1`."""
    if masked:
        w, q = w[q > 0], q[q > 0]
        work = np.empty_like(w)
    delta = np.subtract(w, q, out=work)
    delta /= q
    total = -float(q @ delta)
    logs = np.maximum(delta, -1.0 + 1e-16)
    np.log1p(logs, out=logs)
    delta += 1.0
    delta *= logs
    return total + float(q @ delta)


def _search(
    d: Vector,
    powers: Vector,
    at_zero: Vector,
    at_top: NDArray[np.bool_],
    x: Vector,
    radius: float,
    iterations: int,
) -> tuple[float, int]:
    spread = -float(d.min())
    others = d[~at_top & (powers[0] > 0)]
    low = math.log(max(-float(others.max()) / 800.0, _TINY))
    high = max(math.log(spread) - 0.5 * math.log(8.0 * radius), low)
    mean = float(at_zero[1])
    np.subtract(d, mean, out=x)
    np.multiply(x, x, out=x)
    variance = max(float(powers[0] @ x), _TINY)
    log_mu = min(max(0.5 * math.log(variance / (2.0 * radius)), low), high)
    if d.size > _LARGE:
        # Every k-th sample knows mu to a percent or so, at a k-th of the price.
        few = powers[:, :: d.size // _SMALL].copy()
        few /= few[0].sum()
        part = np.ascontiguousarray(d[:: d.size // _SMALL])
        if 0 < radius < -math.log(float(few[0][part == part.max()].sum())):
            work = np.empty_like(part)
            log_mu, _ = _newton(part, few, few.sum(1), work, radius, low, high, log_mu, 6)
            log_mu = min(max(log_mu, low), high)
    log_mu, used = _newton(d, powers, at_zero, x, radius, low, high, log_mu, iterations)
    return math.exp(log_mu), used


def _newton(
    d: Vector,
    powers: Vector,
    at_zero: Vector,
    x: Vector,
    radius: float,
    low: float,
    high: float,
    log_mu: float,
    iterations: int,
) -> tuple[float, int]:
    """log of the root, and the steps it took."""
    log_radius = math.log(radius)
    used, last = 0, high - low
    for _ in range(iterations):
        used += 1
        theta = math.exp(-log_mu)
        np.multiply(d, theta, out=x)
        shrink, first, second = (powers @ np.expm1(x, out=x)).tolist()
        if shrink > -0.5:
            mass, log_mass = 1.0 + shrink, math.log1p(shrink)
            first, second = first + at_zero[1], second + at_zero[2]
        else:
            np.multiply(d, theta, out=x)
            mass, first, second = (powers @ np.exp(x, out=x)).tolist()
            log_mass = math.log(mass)
        mean = first / mass
        variance = second / mass - mean * mean
        value = theta * mean - log_mass
        noise = 1e-15 * (1.0 - log_mass / max(value, radius))
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
    return log_mu, used
