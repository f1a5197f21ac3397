"""T7 of a smooth f-divergence in one launch: the method of `reweighting.py`, one program per problem.

Every round solves the re-weighting step at one mu (`fused/step.py`). What the rounds are for, in this order:
with costs, the cheapest re-weighting at all and the cheapest onto the largest losses; at kappa, whether the
penalty alone stays in the ball; the search for log mu by Newton inside a bracket; and where the budget spent
jumps between two neighbouring numbers, the other end of the jump, to be mixed in.
"""

__all__ = ["f"]

import triton
import triton.language as tl

from armor.objectives.fused.elementary import at_least, exp64, log64
from armor.objectives.fused.rows import budget, finish, survey
from armor.objectives.fused.step import centred, moments, sample, solve, write

_FLOOR = tl.constexpr(0)  # rounds: the cheapest re-weighting,
_CEILING = tl.constexpr(1)  # the cheapest onto the largest losses (without costs only to be written),
_PENALTY = tl.constexpr(2)  # mu = kappa,
_SEARCH = tl.constexpr(3)
_OTHER = tl.constexpr(4)  # the other end of a jump


@triton.jit
def _plan(eps, kap, ceiling, radius, spread, variance, top, k):
    """(saturated, bound, vanishing, penal, log mu to start from, its bracket).

    saturated: no mu spends the radius, the largest losses alone do not.  bound: the least mu.  vanishing: mu
    is zero.  penal: the start is the bound.
    """
    free = eps == float("inf")  # the step at mu = kappa
    scale = tl.where(spread > 0.0, spread, 1.0)
    saturated = (eps >= ceiling) | (spread <= 0.0)
    bound = tl.where(free & (kap < 1e-30 * scale), 1e-30 * scale, kap)
    # The argmax alone is as good up to rounding, and where it is h may leave the floats.
    vanishing = tl.where(free, bound * ceiling <= 1e-16 * (tl.abs(top) + spread), saturated & (kap <= 0.0))
    curved = 2.0 * tl.load(k + 2)  # f''(1), of T19
    curved = tl.where(curved > 0.0, curved, 1.0)
    log_scale = log64(scale)
    log_mu = 0.5 * (log64(at_least(variance, 1e-300)) - log64(2.0 * curved * radius))
    low = log_scale - 80.0
    log_mu = tl.where((log_mu > low) & (log_mu < float("inf")), log_mu, log_scale)
    at_bound = log64(bound)
    penal = (bound > 0.0) & (free | saturated | (log_mu <= at_bound))
    log_mu = tl.where(penal, at_bound, log_mu)
    return saturated, bound, vanishing, penal, log_mu, low, at_least(log_mu, log_scale) + 60.0


@triton.jit(do_not_specialize=["epsilon", "kappa", "inner", "count", "steps"])
def f(
    losses, costs, weights, epsilons, kappas,
    epsilon: tl.int64, kappa: tl.int64, k, inner: tl.int32, count: tl.int32, steps: tl.int32,
    numbers, short, codes, masses, curvature,
    f_value: tl.constexpr, f_slope: tl.constexpr, f_density: tl.constexpr, f_response: tl.constexpr,
    RADII: tl.constexpr, PENALTIES: tl.constexpr, WEIGHTED: tl.constexpr, COSTLY: tl.constexpr,
    EDGED: tl.constexpr, TWICE: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Solve the program's row.

    losses, costs, weights: (rows, count).  epsilons, kappas: (rows,) float64, read where RADII and PENALTIES
    say so, else the bits of epsilon and kappa serve.  k: the numbers of the divergence, see `fused/step.py`.
    inner: steps for r in a round.  numbers: (7, rows) float64, see `finish`.  short: (rows,) the value in the
    caller's type.  codes: (rows,) int64.  masses, curvature: (rows, count) float64, the second where TWICE.
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
    none = count * 0
    eps, kap = budget(epsilon, kappa, epsilons, kappas, RADII, PENALTIES)
    lane = tl.arange(0, TILE)

    total, _nearest, bad, wrong, odd = survey(losses, costs, weights, count, WEIGHTED, COSTLY, TILE)
    above = tl.full((TILE,), -float("inf"), tl.float64)
    for start in range(0, count, TILE):
        _p, loss, _c, _h, live = sample(
            losses, costs, weights, start + lane, count, total, zero, zero, none, WEIGHTED, COSTLY
        )
        above = tl.where(live & (loss > above), loss, above)
    top = tl.max(above)
    reachable = top > -float("inf")
    top = tl.where(reachable, top, 0.0)
    below = tl.zeros((TILE,), tl.float64)
    at_top = tl.zeros((TILE,), tl.float64)
    moment = tl.zeros((TILE,), tl.float64)
    for start in range(0, count, TILE):
        p, d, _c, _h, live = sample(
            losses, costs, weights, start + lane, count, total, top, zero, none, WEIGHTED, COSTLY
        )
        below = tl.where(d < below, d, below)
        at_top += tl.where(live & (d == 0.0), p, 0.0)
        moment += p * d
    spread = -tl.min(below)
    peak = tl.where(reachable, tl.sum(at_top), 1.0)
    mean = tl.sum(moment)
    square = tl.zeros((TILE,), tl.float64)
    for start in range(0, count, TILE):
        p, d, _c, _h, live = sample(
            losses, costs, weights, start + lane, count, total, top, zero, none, WEIGHTED, COSTLY
        )
        square += tl.where(live, p * (d - mean) * (d - mean), 0.0)
    variance = tl.sum(square)
    alone = f_slope(1.0 / peak, k)
    idle = (bad + wrong + odd > 0.0) | (reachable == 0) | (spread == float("inf"))
    nothing = tl.where(bad + wrong + odd > 0.0, float("nan"), 0.0)

    feasible = eps >= 0.0
    base = zero
    cheap = mean
    radius = eps
    ceiling = zero + float("inf")
    if COSTLY:
        feasible = feasible & reachable
    else:
        ceiling = peak * centred(1.0 / peak, k, f_value)
        ceiling += tl.where(peak < 1.0, (1.0 - peak) * centred(zero, k, f_value), 0.0)
    saturated, bound, vanishing, penal, log_mu, low, high = _plan(
        eps, kap, ceiling, radius, spread, variance, top, k
    )
    phase = none + tl.where(vanishing, _CEILING, tl.where(penal, _PENALTY, _SEARCH))
    mu = tl.where(vanishing, 0.0, tl.where(penal, bound, exp64(log_mu)))
    if COSTLY:
        phase = none + _FLOOR
        mu = zero
    last = high - low
    warm = zero + float("inf")
    about = mean
    sure = idle == 0
    firm = idle == 0  # so is the cheapest re-weighting
    used = none
    stop = idle & (used > 0)
    # of the answer, and of the masses where they are a mixture
    found_mu = zero
    shift = zero
    spent = zero
    moved = zero
    slack = zero
    spent_mixed = zero
    moved_mixed = zero
    while stop == 0:
        onto = phase == _CEILING
        adding = phase == _OTHER
        theta = tl.where(mu > 0.0, 1.0 / tl.where(mu > 0.0, mu, 1.0), 0.0)
        still = idle
        if COSTLY == 0:
            still = still | onto
        u, highest, jump, rich, part, fill, unit, good = solve(
            losses, costs, weights, count, total, top, theta, onto, mean, spread, alone, warm, still, inner,
            k, f_slope, f_density, f_response, WEIGHTED, COSTLY, EDGED, TILE,
        )  # fmt: skip
        here, there, answer, centre, loose = moments(
            losses, costs, weights, count, total, top, theta, onto, peak, about,
            u, highest, jump, rich, part, fill, unit, k, f_value, f_density, f_response,
            WEIGHTED, COSTLY, EDGED, TILE,
        )  # fmt: skip
        r = exp64(u) - tl.load(k + 10) + highest if EDGED else u

        ready = idle
        blend = zero + 1.0
        following = log_mu
        next_mu = mu
        next_phase = phase
        if COSTLY:
            if phase == _FLOOR:
                base = tl.where(idle, 0.0, here)
                feasible = feasible & (eps >= base) & (base < float("inf"))
                base = tl.where(feasible, base, 0.0)
                radius = tl.where(feasible, at_least(eps - base, at_least(1e-34 * base, 1e-300)), 1.0)
                cheap = there
                firm = good & (idle == 0)
                ready = ready | (feasible == 0)
                next_phase = none + _CEILING
            elif phase == _CEILING:
                ceiling = here
                saturated, bound, vanishing, penal, following, low, high = _plan(
                    eps, kap, ceiling, radius, spread, variance, top, k
                )
                next_mu = tl.where(penal, bound, exp64(following))
                next_phase = tl.where(penal, none + _PENALTY, none + _SEARCH)
                last = high - low
                ready = ready | vanishing
        else:
            ready = ready | onto
        ending = ready
        if phase == _OTHER:
            room = here - spent
            blend = (radius + base - spent) / tl.where(room == 0.0, 1.0, room)
            blend = tl.where(blend > 0.0, tl.where(blend < 1.0, blend, 1.0), 0.0)
            spent_mixed = spent + blend * room
            moved_mixed = moved + blend * (there - moved)
            ready = idle == 0
            ending = ready
        elif phase >= _PENALTY:
            net = here - base
            over = net > radius
            kept = (phase == _PENALTY) & ((over == 0) | saturated)
            low = tl.where(over, log_mu, low)
            high = tl.where(over, high, log_mu)
            # The logit, if there is a ceiling: both plateaus, at F(inf) and at F(0), become lines.
            net = at_least(net, 1e-300)
            most = ceiling - base
            capped = (most < float("inf")) & (most > radius)
            room = at_least(tl.where(capped, most - net, 1.0), 1e-300)
            spare = at_least(tl.where(capped, most - radius, 1.0), 1e-300)
            excess = log64(net) - log64(radius) - tl.where(capped, log64(room) - log64(spare), 0.0)
            slope = answer * (1.0 / net + tl.where(capped, 1.0 / room, 0.0))
            newton = log_mu + excess / slope
            blur = 2e-15 * (1.0 + base) / net
            close = tl.abs(excess) <= 1e-11 + tl.where(blur < 0.01, blur, 0.01)
            close = close | ((tl.abs(newton - log_mu) <= 1e-14) & (tl.abs(excess) <= 1e-9))
            narrow = (high - low <= 4e-16 * tl.abs(log_mu)) & (close == 0) & (kept == 0)
            used += 1
            ready = ready | kept | close | narrow | (used >= steps)
            ending = ready & (narrow == 0)
            # Steps that do not halve bisect: on steep ground Newton may alternate between two flat ends.
            sound = (newton > low) & (newton < high) & (tl.abs(newton - log_mu) <= 0.5 * last)
            following = tl.where(sound, newton, 0.5 * (low + high))
            following = tl.where(narrow, tl.where(over, high, low), following)
            at_bound = log64(bound)  # where the penalty has not been asked yet
            penal = (bound > 0.0) & (low < at_bound) & (following <= at_bound) & (narrow == 0)
            following = tl.where(penal, at_bound, following)
            last = tl.abs(following - log_mu)
            next_mu = tl.where(penal, bound, exp64(following))
            next_phase = none + tl.where(narrow, _OTHER, tl.where(penal, _PENALTY, _SEARCH))
        if ready:
            if adding:
                tl.debug_barrier()  # what another thread has written
            write(
                losses, costs, weights, masses, curvature, count, total, top, theta, onto, peak, blend,
                adding, nothing, u, highest, jump, rich, part, fill, unit, k, f_density, f_response,
                WEIGHTED, COSTLY, EDGED, TWICE, TILE,
            )  # fmt: skip
        answered = ready & (adding == 0)
        found_mu = tl.where(answered, mu, found_mu)
        shift = tl.where(answered, r, shift)
        sure = tl.where(answered, good & (idle == 0), sure)
        slack = tl.where(answered, loose, slack)
        spent = tl.where(answered, here, spent)
        moved = tl.where(answered, there, moved)
        spent_mixed = tl.where(answered, here, spent_mixed)
        moved_mixed = tl.where(answered, there, moved_mixed)
        warm = tl.where(
            (phase >= _PENALTY) & (next_mu > 0.0), r * (mu / tl.where(next_mu > 0.0, next_mu, 1.0)), warm
        )
        about = tl.where(phase >= _PENALTY, centre, about)
        log_mu = following
        mu = next_mu
        phase = next_phase
        stop = ending

    mu = found_mu
    # Of two equal forms the one without cancellation: with lambda = 0 the radius drops out altogether.
    free = (mu <= kap) | (eps == float("inf"))
    spending = tl.where(free, mu * spent, mu * (spent - base - radius) + kap * (base + radius))
    value = top + tl.where(mu > 0.0, moved + mu * slack - spending, moved)
    net = at_least(spent_mixed - base, 0.0)
    share = tl.where(net > radius, radius / net, 1.0)
    penalty = tl.where(kap > 0.0, kap * (base + share * net), 0.0)
    primal = top + (cheap + share * (moved_mixed - cheap) - penalty)
    # Masses that are none prove nothing; the largest loss and the cheapest re-weighting bound all the same.
    charge = tl.where(kap > 0.0, kap * base, 0.0)
    most = top - charge
    least = tl.where(firm, top + (cheap - charge), -float("inf"))
    value = tl.where(sure & (value < most), value, most)
    primal = tl.where(sure & (primal > least), primal, least)
    scale = tl.abs(top) + spread + tl.where(kap > 0.0, kap * (1.0 + spent), 0.0)
    rho = top + tl.where(mu > 0.0, mu * shift, 0.0)
    finish(numbers, short, codes, value, mu, rho, primal, zero, kap, scale, feasible, bad, wrong, odd)
