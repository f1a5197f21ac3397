"""T10 in one launch, without costs: the method of `armor/native/solver.c`, one program per problem.

The worst weights `p (rho - l)^(-1/alpha)`, scaled to sum one, depend on rho alone, and so does what they
spend; mu follows in closed form. One equation in `sigma = log(rho - max l)` is left: spent = radius or, where
that asks for less than kappa, mu = kappa. With `k = (rho - l)/(rho - max l)` and `u = k^(-1/alpha)`,
`M = E u` and `G = E u k`, the spent budget is `(log G + (alpha - 1) log M)/(alpha (alpha - 1))`.
"""

__all__ = ["renyi"]

import triton
import triton.language as tl

from armor.objectives.fused_elementary import at_least, exp64, expm1_parts, log1p64, log64
from armor.objectives.fused_rows import finish, log_of, mass_of, number, read, survey


@triton.jit
def _sample(losses, weights, at, count, total, top, WEIGHTED: tl.constexpr):
    """p, and d = l - top, 0 where p is."""
    inside = at < count
    p = mass_of(weights, at, inside, total, WEIGHTED)
    return p, tl.where(p > 0.0, read(losses, at, inside) - top, 0.0)


@triton.jit
def _place(
    losses, weights, count, total, top, sigma, alpha,
    WEIGHTED: tl.constexpr, CLOSE: tl.constexpr, SINGLE: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """(spent, log mu, their derivatives in sigma, M, log M) at sigma.

    CLOSE: alpha is so near 1 that u k - 1 would cancel as a product.
    """
    lane = tl.arange(0, TILE)
    TYPE: tl.constexpr = tl.float32 if SINGLE else tl.float64
    c = -exp64(-sigma)
    inverse = 1.0 / alpha
    down = tl.zeros((TILE,), TYPE)  # u - 1
    up = tl.zeros((TILE,), TYPE)  # u k - 1
    mass = tl.zeros((TILE,), TYPE)
    drawn = tl.zeros((TILE,), TYPE)
    slope = tl.zeros((TILE,), TYPE)  # u (k - 1)/k
    for start in range(0, count, TILE):
        p, d = _sample(losses, weights, start + lane, count, total, top, WEIGHTED)
        more = d * c  # k - 1
        if SINGLE:
            p32 = p.to(tl.float32)
            more32 = tl.where(more < 1e30, more, 1e30).to(tl.float32)
            u32 = tl.exp(tl.log(1.0 + more32) * (-inverse).to(tl.float32))
            down += p32 * (u32 - 1.0)
            up += p32 * (u32 * (1.0 + more32) - 1.0)
            mass += p32 * u32
            drawn += p32 * u32 * (1.0 + more32)
            slope += p32 * u32 * (more32 / (1.0 + more32))
        else:
            log_k = log1p64(more)
            part, scale = expm1_parts(-log_k * inverse)
            less = part + (scale - 1.0)
            u = part + scale
            if CLOSE:
                part, scale = expm1_parts(log_k * (1.0 - inverse))
                rise = part + (scale - 1.0)
            else:
                rise = more * u + less
            down += p * less
            up += p * rise
            mass += p * u
            drawn += p * u * (1.0 + more)
            slope += p * u * (more / (1.0 + more))
    m = tl.sum(mass).to(tl.float64)
    g = tl.sum(drawn).to(tl.float64)
    less_m = tl.sum(down).to(tl.float64)
    less_g = tl.sum(up).to(tl.float64)
    log_m = log_of(less_m, m)
    log_g = log_of(less_g, g)
    moved = tl.sum(slope).to(tl.float64) / m
    pulled = (less_g - less_m) / g
    spent = (log_g + (alpha - 1.0) * log_m) / (alpha * (alpha - 1.0))
    spending = (moved - pulled) / (alpha * alpha)
    log_mu = sigma + log_g - log_m + log64(alpha)
    rising = 1.0 - (moved + (alpha - 1.0) * pulled) / alpha
    return spent, spending, log_mu, rising, m, log_m


@triton.jit
def _search(
    losses, weights, count, total, top, alpha, ceiling, log_spread, radius, least, penal, idle, sigma,
    tolerance, steps,
    WEIGHTED: tl.constexpr, CLOSE: tl.constexpr, SINGLE: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """sigma at which the worst weights spend `radius` or, where mu would be less there, mu = `least`.

    penal: the second is known to be the case.  idle: there is nothing to look for.  Also: whether that was
    found in `steps`; spent, log mu, M and log M at sigma, for which the last pass is (SINGLE leaves it out);
    and `penal`. Where `tolerance` is met, Newton squares what is left, so the last step is not checked.
    """
    bottom = log_spread - 600.0
    roof = log_spread + 80.0
    low = bottom
    high = roof
    last = high - low
    sigma = tl.where(idle | ((sigma > low) & (sigma < high)), sigma, log_spread)
    capped = (ceiling < float("inf")) & (ceiling > radius)
    log_radius = log64(radius)
    log_room = log64(at_least(tl.where(capped, ceiling - radius, 1.0), 1e-300))
    goal = log64(least)
    found = idle & (steps < 0)
    settled = idle | (steps <= 0)
    spent = 0.0 * sigma
    log_mu = 0.0 * sigma
    m = 0.0 * sigma
    log_m = 0.0 * sigma
    used = steps * 0
    stop = settled if SINGLE else found
    while stop == 0:
        spent, spending, log_mu, rising, m, log_m = _place(
            losses, weights, count, total, top, sigma, alpha, WEIGHTED, CLOSE, SINGLE, TILE
        )
        ended = settled
        if SINGLE == 0:  # lambda* = 0: the penalty alone says how far to go
            turns = ended & (idle == 0) & (penal == 0) & (least > 0.0) & (log_mu < goal)
            penal = penal | turns
            ended = ended & (turns == 0)
            low = tl.where(turns, bottom, low)
            high = tl.where(turns, roof, high)
            last = tl.where(turns, roof - bottom, last)
            used = tl.where(turns, 0, used)
        # The logit, if there is a ceiling: both plateaus become lines.
        net = at_least(spent, 1e-300)
        room = at_least(tl.where(capped, ceiling - net, 1.0), 1e-300)
        excess = log64(net) - log_radius - tl.where(capped, log64(room) - log_room, 0.0)
        slope = spending * (1.0 / net + tl.where(capped, 1.0 / room, 0.0))
        blur = 2e-15 / net
        noise = tolerance + tl.where(blur < 0.01, blur, 0.01)
        excess = tl.where(penal, log_mu - goal, excess)
        slope = tl.where(penal, rising, slope)
        noise = tl.where(penal, tolerance, noise)
        beyond = tl.where(penal, excess < 0.0, excess > 0.0)
        low = tl.where(beyond, sigma, low)
        high = tl.where(beyond, high, sigma)
        newton = sigma - excess / slope
        inside = (newton > low) & (newton < high)
        found = (tl.abs(excess) <= noise) | (high - low <= 4e-16 * tl.abs(sigma))
        sound = inside & (found | (tl.abs(newton - sigma) <= 0.5 * last))
        following = tl.where(sound, newton, tl.where(found, sigma, 0.5 * (low + high)))
        following = tl.where(ended, sigma, following)
        last = tl.abs(following - sigma)
        sigma = following
        used += 1
        settled = ended | found | (used >= steps)
        stop = settled if SINGLE else ended
    return sigma, found, spent, log_mu, m, log_m, penal


@triton.jit(do_not_specialize=["epsilon", "kappa", "order", "count", "steps"])
def renyi(
    losses, weights, epsilons, kappas,
    epsilon: tl.int64, kappa: tl.int64, order: tl.int64, count: tl.int32, steps: tl.int32,
    numbers, short, codes, masses, curvature, direction,
    RADII: tl.constexpr, PENALTIES: tl.constexpr, WEIGHTED: tl.constexpr, CLOSE: tl.constexpr,
    TWICE: tl.constexpr, LONG: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Solve the program's row.

    losses, weights: (rows, count).  order: the bits of alpha.  epsilons, kappas: (rows,) float64, read where
    RADII and PENALTIES say so, else the bits of epsilon and kappa serve.  numbers: (7, rows) float64, see
    `finish`.  short: (rows,) the value in the caller's type.  codes: (rows,) int64.  masses, curvature,
    direction: (rows, count) float64, the last two where TWICE.
    """
    row = tl.program_id(0)
    first = row.to(tl.int64) * count
    losses += first
    masses += first
    if WEIGHTED:
        weights += first
    if TWICE:
        curvature += first
        direction += first
    zero = tl.full((), 0.0, tl.float64)
    eps = number(epsilon)
    kap = number(kappa)
    alpha = number(order)
    if RADII:
        eps = tl.load(epsilons + row)
    if PENALTIES:
        kap = tl.load(kappas + row)
    lane = tl.arange(0, TILE)

    total, _nearest, bad, wrong, odd = survey(losses, losses, weights, count, WEIGHTED, False, TILE)
    above = tl.full((TILE,), -float("inf"), tl.float64)
    for start in range(0, count, TILE):
        p, loss = _sample(losses, weights, start + lane, count, total, zero, WEIGHTED)
        above = tl.where((p > 0.0) & (loss > above), loss, above)
    top = tl.max(above)
    top = tl.where(top > -float("inf"), top, 0.0)
    below = tl.zeros((TILE,), tl.float64)
    at_top = tl.zeros((TILE,), tl.float64)
    moment = tl.zeros((TILE,), tl.float64)
    for start in range(0, count, TILE):
        p, d = _sample(losses, weights, start + lane, count, total, top, WEIGHTED)
        below = tl.where(d < below, d, below)
        at_top += tl.where(d == 0.0, p, 0.0)
        moment += p * d
    spread = -tl.min(below)
    peak = tl.sum(at_top)
    mean = tl.sum(moment)
    square = tl.zeros((TILE,), tl.float64)
    for start in range(0, count, TILE):
        p, d = _sample(losses, weights, start + lane, count, total, top, WEIGHTED)
        square += p * (d - mean) * (d - mean)
    variance = tl.sum(square)
    equal = spread <= 0.0
    # A sample without mass costs infinitely much for alpha > 1 only.
    ceiling = tl.where(alpha < 1.0, log64(peak) / (alpha - 1.0), float("inf"))
    saturated = (eps >= ceiling) | equal
    # Without a radius mu is kappa; the limit at 0 is out of reach where it costs infinitely much.
    bound = kap
    never = (eps == float("inf")) & (ceiling == float("inf")) & (equal == 0)
    bound = tl.where(never & (kap <= 0.0), 1e-30 * spread, kap)

    log_spread = log64(tl.where(equal, 1.0, spread))
    log_mu = 0.5 * (log64(at_least(variance, 1e-300)) - log64(2.0 * eps))
    far = exp64(log_mu) / alpha + mean
    sigma = tl.where(far > 0.0, log64(far), log_mu - log64(2.0 * alpha))
    usable = bad + odd == 0.0
    rest = bound / alpha
    far = tl.where(rest + mean > 0.5 * rest, rest + mean, 0.5 * rest)
    sigma = tl.where(saturated, log64(far), sigma)
    idle = equal | (saturated & (bound <= 0.0)) | (usable == 0)
    tolerance = zero + 1e-7
    if LONG:
        rough = tl.where((eps > 1e-3) & (saturated == 0), 8, 0)
        guess, found, _spent, _log_mu, _m, _log_m, _penal = _search(
            losses, weights, count, total, top, alpha, ceiling, log_spread, eps, zero, saturated, idle, sigma,
            at_least(2e-7 / eps, 1e-5), rough, WEIGHTED, CLOSE, True, TILE,
        )  # fmt: skip
        sigma = tl.where(found & (idle == 0), guess, sigma)
        tolerance = zero + 3e-6
    sigma, found, spent, log_mu, m, log_m, held = _search(
        losses, weights, count, total, top, alpha, ceiling, log_spread, eps, bound, saturated, idle, sigma,
        tolerance, steps, WEIGHTED, CLOSE, False, TILE,
    )  # fmt: skip
    mu = tl.where(held, bound, exp64(log_mu))
    at_zero = mu <= 0.0

    nothing = tl.where(usable, 0.0, float("nan"))
    c = -exp64(-sigma)
    log_k = alpha * (alpha - 1.0) * spent  # log E_P t^(1 - alpha), of the chain rule
    lift = alpha * log_m - log_k
    toward = tl.zeros((TILE,), tl.float64)
    answers = tl.zeros((TILE,), tl.float64)
    turned = tl.zeros((TILE,), tl.float64)
    for start in range(0, count, TILE):
        at = start + lane
        p, d = _sample(losses, weights, at, count, total, top, WEIGHTED)
        more = d * c
        log_ratio = log1p64(more)
        w = p * exp64(-log_ratio / alpha) / m
        w = tl.where(at_zero, tl.where(d == 0.0, p / peak, 0.0), w)
        toward += w * d
        tl.store(masses + at, w + nothing, mask=at < count)
        if TWICE:
            s, v = _answer(p, more, log_ratio, log_m, log_k, lift, alpha)
            answers += s
            turned += s * v
    if TWICE:
        all = tl.sum(answers)
        centre = tl.sum(turned) / tl.where(all > 0.0, all, 1.0)
        for start in range(0, count, TILE):
            at = start + lane
            p, d = _sample(losses, weights, at, count, total, top, WEIGHTED)
            more = d * c
            s, v = _answer(p, more, log1p64(more), log_m, log_k, lift, alpha)
            tl.store(curvature + at, tl.where(at_zero, 0.0, s), mask=at < count)
            v = tl.where(p > 0.0, v - centre, 0.0)
            tl.store(direction + at, tl.where(at_zero, 0.0, v), mask=at < count)

    moved = tl.sum(toward)
    spent = tl.where(at_zero, tl.where(equal, 0.0, ceiling), spent)
    # rho is the best for exp(log_mu), next to mu
    off = exp64(log_mu) / tl.where(at_zero, 1.0, mu) - 1.0
    # Of two equal forms the one without cancellation: with lambda = 0 the radius drops out altogether.
    free = (mu <= kap) | (eps == float("inf"))
    spending = tl.where(free, mu * spent, mu * (spent - eps) + kap * eps)
    inner = moved - spending + mu / alpha * (off - log1p64(off))
    value = top + tl.where(at_zero, moved, inner)
    share = tl.where(spent > eps, eps / spent, 1.0)
    gain = tl.where(share < 1.0, mean + share * (moved - mean), moved)
    primal = top + (gain - tl.where(kap > 0.0, kap * share * spent, 0.0))
    scale = tl.abs(top) + spread + tl.where(kap > 0.0, kap * (1.0 + spent), 0.0)
    rho = top + tl.where(at_zero, 0.0, exp64(sigma))
    finish(
        numbers, short, codes, value, mu, rho, primal, zero - alpha * (alpha - 1.0), kap, scale,
        eps > 0.0, bad, wrong, odd,
    )  # fmt: skip


@triton.jit
def _answer(p, more, log_ratio, log_m, log_k, lift, alpha):
    """s, and v up to a constant, of the Jacobian `dw/dh` (`jacobian.py`), as `renyi.py` has them."""
    log_t = -log_ratio / alpha - log_m
    steep = (alpha + 1.0) * log_t + log_k
    s = p * exp64(tl.where(steep < 300.0, steep, 300.0))
    far = lift + log64(more)
    v = -exp64(tl.where(far < 500.0, far, 500.0)) / alpha
    return s, tl.where(more > 0.0, v, 0.0)
