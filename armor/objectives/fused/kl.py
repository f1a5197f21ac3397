"""T8 in one launch: the method of `kl.py`, one program per problem.

Costs tilt the reference, `q = p e^-c / mass`; `KL(w_mu‖q) = eps - F0` is solved for log mu by Newton inside a
bracket. The moments are taken about the last mean, so that their variance does not cancel; with costs, whose
differences may hide every mass of q that counts, in units of the largest term. From LONG samples
on the first steps run in single precision: one multiprocessor evaluates exponentials in double precision
many times more slowly.
"""

__all__ = ["kl"]

import triton
import triton.language as tl

from armor.objectives.fused.elementary import at_least, exp64, expm1_parts, log64
from armor.objectives.fused.rows import budget, finish, log_of, mass_of, read, survey


@triton.jit
def _sample(
    losses, costs, weights, at, count, total, nearest, top,
    WEIGHTED: tl.constexpr, COSTLY: tl.constexpr,
):  # fmt: skip
    """p, z = nearest - c and d = l - top; all 0 where no mass may be."""
    inside = at < count
    p = mass_of(weights, at, inside, total, WEIGHTED)
    z = 0.0 * p
    if COSTLY:
        c = read(costs, at, inside)
        p = tl.where(c < float("inf"), p, 0.0)
        z = tl.where(p > 0.0, nearest - c, 0.0)
    d = tl.where(p > 0.0, read(losses, at, inside) - top, 0.0)
    return p, z, d


@triton.jit
def _lift(
    losses, costs, weights, count, total, nearest, top, theta,
    WEIGHTED: tl.constexpr, COSTLY: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """The largest z + theta d: where costs hide every mass of q that counts, sums are taken in its units."""
    lift = 0.0 * theta
    if COSTLY:
        lane = tl.arange(0, TILE)
        above = tl.full((TILE,), -float("inf"), tl.float64)
        for start in range(0, count, TILE):
            p, z, d = _sample(
                losses, costs, weights, start + lane, count, total, nearest, top, WEIGHTED, COSTLY
            )
            x = z + d * theta
            above = tl.where((p > 0.0) & (x > above), x, above)
        lift = tl.max(above)
        lift = tl.where(tl.abs(lift) < float("inf"), lift, 0.0)
    return lift


@triton.jit
def _moments(
    losses, costs, weights, count, total, nearest, top, theta, about, unit, lift,
    WEIGHTED: tl.constexpr, COSTLY: tl.constexpr, SINGLE: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """E_q e^{theta d} over e^lift, the same without that less one, E_w d and Var_w d; `unit` is 1 over the
    mass of q.
    """
    lane = tl.arange(0, TILE)
    TYPE: tl.constexpr = tl.float32 if SINGLE else tl.float64
    less = tl.zeros((TILE,), TYPE)
    mass = tl.zeros((TILE,), TYPE)
    first = tl.zeros((TILE,), TYPE)
    second = tl.zeros((TILE,), TYPE)
    for start in range(0, count, TILE):
        p, z, d = _sample(losses, costs, weights, start + lane, count, total, nearest, top, WEIGHTED, COSTLY)
        p *= unit
        x = d * theta
        y = x
        if COSTLY:
            y = tl.where(p > 0.0, z + x - lift, 0.0)
        if SINGLE:
            p32 = p.to(tl.float32)
            e = p32 * tl.exp(y.to(tl.float32))
            off = (d - about).to(tl.float32)
            if COSTLY:
                less += p32 * tl.exp(z.to(tl.float32)) * (tl.exp(x.to(tl.float32)) - 1.0)
            else:
                less += e - p32
        else:
            part, scale = expm1_parts(x)
            off = d - about
            if COSTLY:
                e = p * exp64(y)
                less += p * exp64(z) * (part + (scale - 1.0))
            else:
                e = p * (part + scale)
                less += p * (part + (scale - 1.0))
        mass += e
        first += e * off
        second += e * off * off
    whole = tl.sum(mass).to(tl.float64)
    offset = tl.sum(first).to(tl.float64) / whole
    variance = tl.sum(second).to(tl.float64) / whole - offset * offset
    return whole, tl.sum(less).to(tl.float64), about + offset, variance


@triton.jit
def _search(
    losses, costs, weights, count, total, nearest, top, unit, radius, kappa, saturated, idle, low, high,
    log_mu, about, noise, steps,
    WEIGHTED: tl.constexpr, COSTLY: tl.constexpr, SINGLE: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """log of the mu0 with KL(w_mu‖q) = radius, E_w d near it, whether it was found in `steps`, and the mass
    of `q e^{d/mu}` at `mu = max(mu0, kappa)` over e^lift, its logarithm and the lift, for which the last pass
    is: one more than the search has, and the only one where it is `idle`. SINGLE leaves that pass out.
    """
    log_radius = log64(radius)
    last = high - low
    found = idle & (steps < 0)
    settled = idle | (steps <= 0)
    mass = 0.0 * log_radius
    log_mass = 0.0 * log_radius
    lift = 0.0 * log_radius
    used = steps * 0
    stop = settled if SINGLE else found
    while stop == 0:
        mu = tl.where(saturated, 0.0, exp64(log_mu))
        mu = tl.where(mu > kappa, mu, kappa)
        theta = tl.where(settled & (mu > 0.0), 1.0 / tl.where(mu > 0.0, mu, 1.0), exp64(-log_mu))
        lift = _lift(losses, costs, weights, count, total, nearest, top, theta, WEIGHTED, COSTLY, TILE)
        mass, less, mean, variance = _moments(
            losses, costs, weights, count, total, nearest, top, theta, about, unit, lift,
            WEIGHTED, COSTLY, SINGLE, TILE,
        )  # fmt: skip
        log_mass = tl.where(less > -0.5, log_of(less, mass), lift + log64(mass))
        spent = at_least(theta * mean - log_mass, 1e-300)
        excess = log64(spent) - log_radius
        low = tl.where(excess > 0.0, log_mu, low)
        high = tl.where(excess > 0.0, high, log_mu)
        newton = log_mu + excess * spent / (variance * theta * theta)
        inside = (newton > low) & (newton < high)
        blur = noise * (1.0 + tl.abs(log_mass) / at_least(spent, radius))
        same = (newton == log_mu) & (tl.abs(excess) <= 1e-6)  # a slope that overflows stands still too
        found = (tl.abs(excess) <= blur) | (high - low <= 4e-16 * tl.abs(log_mu)) | same
        # Steps that do not halve bisect: on steep ground Newton may alternate between two flat ends.
        sound = inside & (found | (tl.abs(newton - log_mu) <= 0.5 * last))
        following = tl.where(sound, newton, tl.where(found, log_mu, 0.5 * (low + high)))
        following = tl.where(settled, log_mu, following)
        last = tl.abs(following - log_mu)
        log_mu = following
        about = tl.where(tl.abs(mean) < float("inf"), mean, about)
        used += 1
        ended = settled
        settled = settled | found | (used >= steps)
        stop = settled if SINGLE else ended
    return log_mu, about, found, mass, log_mass, lift


@triton.jit(do_not_specialize=["epsilon", "kappa", "count", "steps"])
def kl(
    losses, costs, weights, epsilons, kappas,
    epsilon: tl.int64, kappa: tl.int64, count: tl.int32, steps: tl.int32,
    numbers, short, codes, masses, curvature,
    RADII: tl.constexpr, PENALTIES: tl.constexpr, WEIGHTED: tl.constexpr, COSTLY: tl.constexpr,
    TWICE: tl.constexpr, LONG: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Solve the program's row.

    losses, costs, weights: (rows, count).  epsilons, kappas: (rows,) float64, read where RADII and PENALTIES
    say so, else the bits of epsilon and kappa serve.  numbers: (7, rows) float64, see `finish`.  short:
    (rows,) the value in the caller's type.  codes: (rows,) int64.  masses, curvature: (rows, count) float64,
    the second where TWICE.
    """
    row = tl.program_id(0)
    first = row.to(tl.int64) * count
    losses += first
    masses += first
    if WEIGHTED:
        weights += first
    if COSTLY:
        costs += first
    if TWICE:
        curvature += first
    zero = tl.full((), 0.0, tl.float64)
    eps, kap = budget(epsilon, kappa, epsilons, kappas, RADII, PENALTIES)
    lane = tl.arange(0, TILE)

    total, nearest, bad, wrong, odd = survey(losses, costs, weights, count, WEIGHTED, COSTLY, TILE)
    nothing_there = nearest == float("inf")
    unit = zero + 1.0
    base = zero
    if COSTLY:
        kept = tl.zeros((TILE,), tl.float64)
        lost = tl.zeros((TILE,), tl.float64)
        for start in range(0, count, TILE):
            at = start + lane
            p = mass_of(weights, at, at < count, total, WEIGHTED)
            c = read(costs, at, at < count)
            usable = (p > 0.0) & (c < float("inf"))
            part, scale = expm1_parts(tl.where(usable, nearest - c, 0.0))
            kept += tl.where(usable, p * (part + scale), 0.0)
            lost += tl.where(usable, p * (part + (scale - 1.0)), -p)
        mass = tl.sum(kept)
        unit = 1.0 / tl.where(mass > 0.0, mass, 1.0)
        base = tl.where(nothing_there, float("inf"), nearest - log_of(tl.sum(lost), mass))
        nearest = tl.where(nothing_there, 0.0, nearest)
    radius = eps - base
    feasible = radius >= 0.0
    radius = tl.where(radius > 0.0, radius, tl.where(feasible, 1e-300, 1.0))
    base = tl.where(feasible, base, 0.0)

    above = tl.full((TILE,), -float("inf"), tl.float64)
    for start in range(0, count, TILE):
        p, _z, loss = _sample(
            losses, costs, weights, start + lane, count, total, nearest, zero, WEIGHTED, COSTLY
        )
        above = tl.where((p > 0.0) & (loss > above), loss, above)
    top = tl.max(above)
    top = tl.where(top > -float("inf"), top, 0.0)
    below = tl.zeros((TILE,), tl.float64)
    next_to_top = tl.full((TILE,), -float("inf"), tl.float64)
    cheapest = tl.full((TILE,), -float("inf"), tl.float64)
    moment = tl.zeros((TILE,), tl.float64)
    for start in range(0, count, TILE):
        p, z, d = _sample(losses, costs, weights, start + lane, count, total, nearest, top, WEIGHTED, COSTLY)
        below = tl.where(d < below, d, below)
        next_to_top = tl.where((d < 0.0) & (d > next_to_top), d, next_to_top)
        cheapest = tl.where((p > 0.0) & (d == 0.0) & (z > cheapest), z, cheapest)
        moment += p * exp64(z) * d if COSTLY else p * d
    spread = -tl.min(below)
    second = -tl.max(next_to_top)
    cheap = tl.max(cheapest)  # z of the cheapest of the largest losses
    cheap = tl.where(cheap > -float("inf"), cheap, 0.0)
    mean = tl.sum(moment) * unit
    at_top = tl.zeros((TILE,), tl.float64)
    square = tl.zeros((TILE,), tl.float64)
    for start in range(0, count, TILE):
        p, z, d = _sample(losses, costs, weights, start + lane, count, total, nearest, top, WEIGHTED, COSTLY)
        if COSTLY:
            at_top += tl.where(d == 0.0, p * exp64(z - cheap), 0.0)
            p *= exp64(z)
        else:
            at_top += tl.where(d == 0.0, p, 0.0)
        square += p * (d - mean) * (d - mean)
    variance = tl.sum(square) * unit
    peak = tl.sum(at_top) * unit
    depth = cheap + log64(peak)
    saturated = radius >= -depth

    # Hoeffding's lemma bounds the root from above; below, every exponential but the largest underflows.
    second = tl.where(second < float("inf"), second, tl.where(spread > 0.0, spread, 1.0))
    low = log64(at_least(second / (800.0 - depth), 1e-300))
    half = 0.5 * log64(2.0 * radius)
    high = at_least(log64(tl.where(spread > 0.0, spread, 1.0)) - half - 0.6931471805599453, low)
    log_mu = 0.5 * log64(at_least(variance, 1e-300)) - half
    log_mu = tl.where(log_mu < high, at_least(log_mu, low), high)
    idle = saturated | (feasible == 0) | (bad + wrong + odd > 0.0)
    about = mean
    noise = zero + 1e-15
    if LONG:
        rough = tl.where(radius > 1e-3, 8, 0)
        guess, there, found, _mass, _log_mass, _there = _search(
            losses, costs, weights, count, total, nearest, top, unit, radius, zero, saturated, idle, low,
            high, log_mu, mean, zero + 1e-6, rough, WEIGHTED, COSTLY, True, TILE,
        )  # fmt: skip
        found = found & (idle == 0)
        log_mu = tl.where(found, guess, log_mu)
        about = tl.where(found, there, about)
        noise = zero + 1e-10  # an error of the multiplier enters the value by its square
    log_mu, about, found, mass, log_mass, lift = _search(
        losses, costs, weights, count, total, nearest, top, unit, radius, kap, saturated, idle, low, high,
        log_mu, about, noise, steps, WEIGHTED, COSTLY, False, TILE,
    )  # fmt: skip

    mu = tl.where(saturated, 0.0, exp64(log_mu))
    mu = tl.where(mu > kap, mu, kap)
    at_zero = mu <= 0.0
    theta = 1.0 / tl.where(at_zero, 1.0, mu)
    nothing = tl.where((bad + wrong + odd) == 0.0, 0.0, float("nan"))
    toward = tl.zeros((TILE,), tl.float64)
    bregman = tl.zeros((TILE,), tl.float64)
    for start in range(0, count, TILE):
        at = start + lane
        p, z, d = _sample(losses, costs, weights, at, count, total, nearest, top, WEIGHTED, COSTLY)
        p *= unit
        x = d * theta
        q = p
        if COSTLY:
            q = p * exp64(z)
            w = p * exp64(tl.where(p > 0.0, z + x - lift, 0.0)) / mass
            onto = p * exp64(tl.where(d == 0.0, z - cheap, 0.0)) / peak
        else:
            w = p * exp64(x) / mass
            onto = p / peak
        # KL(w‖q) in the Bregman form, whose terms are not negative
        y = at_least(x - log_mass, -1e4)
        part, scale = expm1_parts(y)
        near = q * ((part + scale) * y - (part + (scale - 1.0)))
        hidden = (q <= 1e-250) & (p > 0.0)
        bregman += tl.where(hidden, w * (y - 1.0) + q, near)
        w = tl.where(at_zero, tl.where(d == 0.0, onto, 0.0), w)
        toward += w * d
        tl.store(masses + at, w + nothing, mask=at < count)
        if TWICE:
            tl.store(curvature + at, tl.where(at_zero, 0.0, w), mask=at < count)
    spent = tl.where(at_zero, -depth, at_least(tl.sum(bregman), 0.0))
    free = tl.where(at_zero, 0.0, mu * log_mass)
    penalty = kap * base
    value = top + (free + tl.where(mu > kap, (mu - kap) * radius, 0.0) - penalty)
    share = tl.where(spent > radius, radius / spent, 1.0)
    moved = tl.sum(toward)
    gain = tl.where(share < 1.0, mean + share * (moved - mean), moved)
    primal = top + (gain - kap * share * spent - penalty)
    scale = tl.abs(top) + spread + kap * (1.0 + spent + base)
    rho = top + free - mu * (base + 1.0)
    finish(numbers, short, codes, value, mu, rho, primal, zero, kap, scale, feasible, bad, wrong, odd)
