"""T7, T9 and T10 in one launch, without costs, for Rényi and every multiple of an alpha divergence.

One program solves one problem. The worst weights of Rényi-`a` and of the alpha divergence of order `1 - a`
are the same powers, `|l - rho|^(-1/a)` where `(rho - l)/a > 0`, scaled to sum one (T28): they depend on rho
alone, and so does what they spend; mu follows in closed form. One equation in `sigma = log|rho - max l|` is
left: spent = radius or, where that asks for less than kappa, mu = kappa. With `k = (rho - l)/(rho - max l)`,
`u = k^(-1/a)`, `M = E u` and `G = E u k`, Rényi spends `R = (log G + (a - 1) log M)/(a (a - 1))` and alpha
`(e^(a (a - 1) R) - 1)/(a (a - 1))`. So both are searched for by R.

The scaled problem: `stretch` times an alpha divergence has the radius `eps/stretch` and the penalty
`kappa stretch` of alpha itself, and its mu is alpha's over `stretch`.
"""

__all__ = ["power"]

import triton
import triton.language as tl

from armor.objectives.fused.elementary import at_least, exp64, expm1_parts, log1p64, log64
from armor.objectives.fused.rows import budget, finish, log_of, mass_of, number, read, survey


@triton.jit
def _sample(losses, weights, at, count, total, top, WEIGHTED: tl.constexpr):
    """p, and d = l - top, 0 where p is."""
    inside = at < count
    p = mass_of(weights, at, inside, total, WEIGHTED)
    return p, tl.where(p > 0.0, read(losses, at, inside) - top, 0.0)


@triton.jit
def _ratio(d, sigma, order):
    """k - 1, and log k, -708 where the weight is zero (k <= 0: negative orders alone)."""
    more = d * tl.where(order > 0.0, -1.0, 1.0) * exp64(-sigma)
    more = at_least(more, -1.0)
    return more, log1p64(more)


@triton.jit
def _place(
    losses, weights, count, total, top, sigma, order,
    WEIGHTED: tl.constexpr, RENYI: tl.constexpr, CLOSE: tl.constexpr, SINGLE: tl.constexpr,
    TILE: tl.constexpr,
):  # fmt: skip
    """(R, log mu, their derivatives in sigma, M, log M) at sigma.

    CLOSE: the order is so near 1 that u k - 1 would cancel as a product.
    """
    lane = tl.arange(0, TILE)
    TYPE: tl.constexpr = tl.float32 if SINGLE else tl.float64
    inverse = 1.0 / order
    down = tl.zeros((TILE,), TYPE)  # u - 1
    up = tl.zeros((TILE,), TYPE)  # u k - 1
    mass = tl.zeros((TILE,), TYPE)
    drawn = tl.zeros((TILE,), TYPE)
    slope = tl.zeros((TILE,), TYPE)  # u (k - 1)/k
    for start in range(0, count, TILE):
        p, d = _sample(losses, weights, start + lane, count, total, top, WEIGHTED)
        if SINGLE:
            more64 = at_least(d * tl.where(order > 0.0, -1.0, 1.0) * exp64(-sigma), -1.0)
            q = p.to(tl.float32)
            more = tl.where(more64 < 1e30, more64, 1e30).to(tl.float32)
            k = 1.0 + more
            some = k > 0.0
            k = tl.where(some, k, 1.0)
            u = tl.where(some, tl.exp(tl.log(k) * (-inverse).to(tl.float32)), 0.0)
            less = u - 1.0
            rise = u * k - 1.0
        else:
            q = p
            more, log_k = _ratio(d, sigma, order)
            some = more > -1.0
            k = tl.where(some, 1.0 + more, 1.0)
            part, scale = expm1_parts(-log_k * inverse)
            less = tl.where(some, part + (scale - 1.0), -1.0)
            u = tl.where(some, part + scale, 0.0)
            if CLOSE:
                part, scale = expm1_parts(log_k * (1.0 - inverse))
                rise = part + (scale - 1.0)
            else:
                rise = more * u + less
        down += q * less
        up += q * rise
        mass += q * u
        drawn += q * u * k
        slope += q * u * (more / k)
    m = tl.sum(mass).to(tl.float64)
    g = tl.sum(drawn).to(tl.float64)
    less_m = tl.sum(down).to(tl.float64)
    less_g = tl.sum(up).to(tl.float64)
    log_m = log_of(less_m, m)
    log_g = log_of(less_g, g)
    moved = tl.sum(slope).to(tl.float64) / m
    pulled = (less_g - less_m) / g
    spent = (log_g + (order - 1.0) * log_m) / (order * (order - 1.0))
    spending = (moved - pulled) / (order * order)
    log_mu = sigma + log64(tl.abs(order))
    if RENYI:
        log_mu += log_g - log_m
        rising = 1.0 - (moved + (order - 1.0) * pulled) / order
    else:
        log_mu -= order * log_m
        rising = 1.0 - moved
    return spent, spending, log_mu, rising, m, log_m


@triton.jit
def _search(
    losses, weights, count, total, top, order, ceiling, log_spread, radius, least, penal, idle, sigma,
    tolerance, steps,
    WEIGHTED: tl.constexpr, RENYI: tl.constexpr, CLOSE: tl.constexpr, SINGLE: tl.constexpr,
    TILE: tl.constexpr,
):  # fmt: skip
    """sigma at which R is `radius` or, where mu would be less there, mu is `least`.

    penal: the second is known to be the case.  idle: there is nothing to look for.  Also: whether that was
    found in `steps`; R, log mu, M and log M at sigma, for which the last pass is (SINGLE leaves it out);
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
            losses, weights, count, total, top, sigma, order, WEIGHTED, RENYI, CLOSE, SINGLE, TILE
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


@triton.jit
def _raised(x, order, RENYI: tl.constexpr):
    """What is spent where Rényi's measure of it is x."""
    if RENYI == 0:
        factor = order * (order - 1.0)
        part, scale = expm1_parts(x * factor)
        x = (part + (scale - 1.0)) / factor
    return x


@triton.jit
def _excess(x, order, RENYI: tl.constexpr):
    """The step's dual value less the Lagrangian, over mu, where the mu that belongs to rho is e^x mu."""
    if RENYI:
        part, scale = expm1_parts(x)
        off = part + (scale - 1.0)
        slack = (off - log1p64(off)) / order
    else:  # r, the mass at rho and mu, is e^(-x/order)
        y = -x / order
        b = 1.0 - order
        direct = exp64(b * y) / b + exp64(-order * y) / order - 1.0 / (b * order)
        slack = tl.where(tl.abs(y) < 1e-4, 0.5 * y * y, direct)
    return at_least(slack, 0.0)


@triton.jit(do_not_specialize=["epsilon", "kappa", "order", "stretch", "gauge", "count", "steps"])
def power(
    losses, weights, epsilons, kappas,
    epsilon: tl.int64, kappa: tl.int64, order: tl.int64, stretch: tl.int64, gauge: tl.int64,
    count: tl.int32, steps: tl.int32,
    numbers, short, codes, masses, curvature, direction,
    RADII: tl.constexpr, PENALTIES: tl.constexpr, WEIGHTED: tl.constexpr, RENYI: tl.constexpr,
    CLOSE: tl.constexpr, TWICE: tl.constexpr, LONG: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Solve the program's row.

    losses, weights: (rows, count).  order, stretch, gauge: the bits of a, of the multiple of alpha (1 for
    Rényi) and of what the raw gauge's f' has beyond that multiple's.  epsilons, kappas: (rows,) float64, read
    where RADII and PENALTIES say so, else the bits of epsilon and kappa serve.  numbers: (7, rows) float64,
    see `finish`.  short: (rows,) the value in the caller's type.  codes: (rows,) int64.  masses, curvature,
    direction: (rows, count) float64, curvature where TWICE, direction where RENYI too.
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
    eps, kap = budget(epsilon, kappa, epsilons, kappas, RADII, PENALTIES)
    a = number(order)
    unit = number(stretch)
    eps = eps / unit
    kap = kap * unit
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
    # The radius in R, and what the argmax alone costs: a sample without mass costs infinitely much for a > 1.
    radius = eps
    if RENYI == 0:
        factor = a * (a - 1.0)
        inside = 1.0 + factor * eps > 0.0
        radius = tl.where(inside, log1p64(factor * tl.where(inside, eps, 0.0)) / factor, float("inf"))
    ceiling = tl.where(a < 1.0, log64(peak) / (a - 1.0), float("inf"))
    saturated = (radius >= ceiling) | equal
    # Without a radius mu is kappa; the limit at 0 is out of reach where it costs infinitely much.
    never = (eps == float("inf")) & (ceiling == float("inf")) & (equal == 0)
    bound = tl.where(never & (kap <= 0.0), 1e-30 * spread, kap)

    log_spread = log64(tl.where(equal, 1.0, spread))
    mild = tl.where(eps < 1e300, eps, 1e300)
    log_mu = 0.5 * (log64(at_least(variance, 1e-300)) - log64(2.0 * mild))
    # For a small radius rho is the mean plus mu/a.
    sign = tl.where(a > 0.0, 1.0, -1.0)
    far = exp64(log_mu) / tl.abs(a) + sign * mean
    sigma = tl.where(far > 0.0, log64(far), log_mu - log64(2.0 * tl.abs(a)))
    usable = bad + odd == 0.0
    rest = bound / tl.abs(a)
    far = tl.where(rest + sign * mean > 0.5 * rest, rest + sign * mean, 0.5 * rest)
    sigma = tl.where(saturated, log64(far), sigma)
    idle = equal | (saturated & (bound <= 0.0)) | (usable == 0)
    tolerance = zero + 1e-7
    if LONG:
        rough = tl.where((radius > 1e-3) & (saturated == 0), 8, 0)
        guess, found, _spent, _log_mu, _m, _log_m, _penal = _search(
            losses, weights, count, total, top, a, ceiling, log_spread, radius, zero, saturated, idle, sigma,
            at_least(2e-7 / radius, 1e-5), rough, WEIGHTED, RENYI, CLOSE, True, TILE,
        )  # fmt: skip
        sigma = tl.where(found & (idle == 0), guess, sigma)
        tolerance = zero + 3e-6
    sigma, found, measure, log_mu, m, log_m, held = _search(
        losses, weights, count, total, top, a, ceiling, log_spread, radius, bound, saturated, idle, sigma,
        tolerance, steps, WEIGHTED, RENYI, CLOSE, False, TILE,
    )  # fmt: skip
    mu = tl.where(held, bound, exp64(log_mu))
    at_zero = mu <= 0.0

    nothing = tl.where(usable, 0.0, float("nan"))
    log_power = a * (a - 1.0) * measure  # log E_P t^(1 - a)
    toward = tl.zeros((TILE,), tl.float64)
    answers = tl.zeros((TILE,), tl.float64)
    turned = tl.zeros((TILE,), tl.float64)
    for start in range(0, count, TILE):
        at = start + lane
        p, d = _sample(losses, weights, at, count, total, top, WEIGHTED)
        more, log_k = _ratio(d, sigma, a)
        w = tl.where(more > -1.0, p * exp64(-log_k / a) / m, 0.0)
        w = tl.where(at_zero, tl.where(d == 0.0, p / peak, 0.0), w)
        toward += w * d
        tl.store(masses + at, w + nothing, mask=at < count)
        if TWICE:
            s, v = _answer(p, more, log_k, log_m, log_power, unit, a, RENYI)
            answers += s
            turned += s * v
            if RENYI == 0:
                tl.store(curvature + at, tl.where(at_zero, 0.0, s), mask=at < count)
    if TWICE and RENYI:
        all = tl.sum(answers)
        centre = tl.sum(turned) / tl.where(all > 0.0, all, 1.0)
        for start in range(0, count, TILE):
            at = start + lane
            p, d = _sample(losses, weights, at, count, total, top, WEIGHTED)
            more, log_k = _ratio(d, sigma, a)
            s, v = _answer(p, more, log_k, log_m, log_power, unit, a, RENYI)
            tl.store(curvature + at, tl.where(at_zero, 0.0, s), mask=at < count)
            v = tl.where(p > 0.0, v - centre, 0.0)
            tl.store(direction + at, tl.where(at_zero, 0.0, v), mask=at < count)

    moved = tl.sum(toward)
    measure = tl.where(at_zero, tl.where(equal, 0.0, ceiling), measure)
    spent = _raised(measure, a, RENYI)
    # Of two equal forms the one without cancellation: with lambda = 0 the radius drops out altogether.
    free = (mu <= kap) | (eps == float("inf"))
    spending = tl.where(free, mu * spent, mu * (spent - eps) + kap * eps)
    # rho is the best for exp(log_mu), next to mu
    beside = log_mu - log64(tl.where(at_zero, 1.0, mu))
    slack = mu * _excess(tl.where(at_zero, 0.0, beside), a, RENYI)
    if RENYI == 0:
        slack *= exp64(log_power)
    value = top + tl.where(at_zero, moved, moved - spending + slack)
    share = tl.where(spent > eps, eps / spent, 1.0)
    gain = tl.where(share < 1.0, mean + share * (moved - mean), moved)
    primal = top + (gain - tl.where(kap > 0.0, kap * share * spent, 0.0))
    # The largest loss and the mean bound it too, where the search left no number.
    value = tl.where(value < top, value, top)
    primal = tl.where(primal > top + mean, primal, top + mean)
    scale = tl.abs(top) + spread + tl.where(kap > 0.0, kap * (1.0 / unit + spent), 0.0)
    feasible = eps > 0.0
    mu = mu / unit
    rho = top + tl.where(at_zero, 0.0, sign * exp64(sigma) - mu * number(gauge))
    finish(
        numbers, short, codes, value, mu, rho, primal, zero - a * (a - 1.0), kap / unit, scale, feasible,
        bad, wrong, odd,
    )  # fmt: skip


@triton.jit
def _answer(p, more, log_k, log_m, log_power, unit, order, RENYI: tl.constexpr):
    """s = p (f*)'' of the Jacobian `dw/dh`; for Rényi v up to a constant, as `renyi.py` has them."""
    log_t = -log_k / order - log_m
    steep = (order + 1.0) * log_t
    if RENYI:
        steep += log_power
    s = tl.where(more > -1.0, p * exp64(tl.where(steep < 300.0, steep, 300.0)) / unit, 0.0)
    far = order * log_m - log_power + log64(more)
    v = -exp64(tl.where(far < 500.0, far, 500.0)) / order
    return s, tl.where(more > 0.0, v, 0.0)
