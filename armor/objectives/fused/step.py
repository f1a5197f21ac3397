"""The re-weighting step of a smooth f-divergence in Triton, as `fdivergence.py` has it (T3, T4).

`w = p (f*)'(h - r)` of the scaled losses `h = d/mu - c`, r such that the masses sum to one: found by Newton
on the logarithm of the mass inside a bracket. With a finite f'(inf) (EDGED) r is looked for by the logarithm
u of its distance from the pole of (f*)' at the largest h, else u is r.

A program's row is read anew in every pass. k holds f'(1), the reach of the series of f at 1, its 8
coefficients from t² on, f'(inf) and the lowest u, then the numbers of the functions of the divergence, which
come as arguments (`fused/printed.py`). onto: only the largest losses may have mass, the cheapest way to them.
"""

__all__ = ["centred", "moments", "place", "sample", "solve", "write"]

import triton
import triton.language as tl

from armor.objectives.fused.elementary import at_least, exp64, log64
from armor.objectives.fused.rows import mass_of, read


@triton.jit
def sample(
    losses, costs, weights, at, count, total, top, theta, onto,
    WEIGHTED: tl.constexpr, COSTLY: tl.constexpr,
):  # fmt: skip
    """p, d = l - top, the cost, h = d theta - cost, and where mass may be; numbers are 0 out of reach."""
    inside = at < count
    p = mass_of(weights, at, inside, total, WEIGHTED)
    live = p > 0.0
    c = 0.0 * p
    if COSTLY:
        c = read(costs, at, inside)
        live = live & (c < float("inf"))
        c = tl.where(live, c, 0.0)
    d = tl.where(live, read(losses, at, inside) - top, 0.0)
    return p, d, c, d * theta - c, live & ((onto == 0) | (d == 0.0))


@triton.jit
def centred(t, k, f_value):
    """f(t) - f'(1) (t - 1), by its series near t = 1."""
    x = t - 1.0
    series = tl.load(k + 9) * x + tl.load(k + 8)
    series = series * x + tl.load(k + 7)
    series = series * x + tl.load(k + 6)
    series = series * x + tl.load(k + 5)
    series = series * x + tl.load(k + 4)
    series = series * x + tl.load(k + 3)
    series = (series * x + tl.load(k + 2)) * x * x
    return tl.where(tl.abs(x) < tl.load(k + 1), series, f_value(t, k) - tl.load(k) * x)


@triton.jit
def _argument(h, u, highest, k, EDGED: tl.constexpr):
    """h - r; EDGED: u is the logarithm of the distance of r from the pole."""
    return tl.load(k + 10) - (exp64(u) - (h - highest)) if EDGED else h - u


@triton.jit
def _density(h, live, u, highest, k, f_density, EDGED: tl.constexpr):
    """t, infinite at the pole."""
    t = f_density(_argument(h, u, highest, k, EDGED), k)
    if EDGED:
        there = tl.where(u <= tl.load(k + 11), 0.0, float("inf"))
        t = tl.where(h - highest >= there, float("inf"), t)
    return tl.where(live, t, 0.0)


@triton.jit
def _mixed(h, live, u, highest, k, jump, rich, part, fill, f_density, EDGED: tl.constexpr):
    """t at u or, where the mass jumps over one there, so much of what it is at `rich` that it is one."""
    t = _density(h, live, u, highest, k, f_density, EDGED)
    if jump:
        more = _density(h, live, rich, highest, k, f_density, EDGED)
        t = tl.where(more < float("inf"), t + part * (more - t), t + fill)
    return t


@triton.jit
def _answer(p, h, live, u, highest, k, f_response, EDGED: tl.constexpr):
    """p (f*)'': at most such a number as stands for any, and beside which no other counts."""
    s = p * f_response(_argument(h, u, highest, k, EDGED), k)
    return tl.where(live & (s > 0.0), tl.where(s < 1e250, s, 1e250), 0.0)


@triton.jit
def _bracket(
    losses, costs, weights, count, total, top, theta, onto, mean, spread, alone, k, f_slope,
    WEIGHTED: tl.constexpr, COSTLY: tl.constexpr, EDGED: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Two places that r lies between, the argument at which t = 1 put on the mean h, and the largest h.

    In T4's terms no sample alone may carry more than everything, and `min h <= r + f'(1) <= max h`. Where
    samples are out of reach the others carry more than their own mass: only the first bound holds then.
    """
    one = tl.load(k)
    edge = tl.load(k + 10)
    highest = 0.0 * theta
    lowest = -spread * theta
    middle = mean * theta
    hidden = onto
    only = -alone
    if COSTLY:
        lane = tl.arange(0, TILE)
        above = tl.full((TILE,), -float("inf"), tl.float64)
        below = tl.full((TILE,), float("inf"), tl.float64)
        sum = tl.zeros((TILE,), tl.float64)
        out = tl.zeros((TILE,), tl.float64)
        for start in range(0, count, TILE):
            p, _d, _c, h, live = sample(
                losses, costs, weights, start + lane, count, total, top, theta, onto, WEIGHTED, COSTLY
            )
            above = tl.where(live & (h > above), h, above)
            below = tl.where(live & (h < below), h, below)
            sum += tl.where(live, p * h, 0.0)
            out += tl.where((p > 0.0) & (live == 0), 1.0, 0.0)
        highest = tl.max(above)
        highest = tl.where(tl.abs(highest) < float("inf"), highest, 0.0)
        lowest = tl.min(below)
        middle = tl.sum(sum)
        hidden = tl.sum(out) > 0.0
        best = tl.full((TILE,), -float("inf"), tl.float64)
        for start in range(0, count, TILE):
            p, _d, _c, h, live = sample(
                losses, costs, weights, start + lane, count, total, top, theta, onto, WEIGHTED, COSTLY
            )
            slope = f_slope(1.0 / tl.where(live, p, 1.0), k)
            # Next to the slope at infinity f' has no digits left: a bound that rounding has moved is none.
            bound = (edge - slope) + (h - highest) - 2e-14 * tl.abs(edge) if EDGED else h - slope
            best = tl.where(live & (bound > best), bound, best)
        only = tl.max(best)
    elif EDGED:
        only = edge - alone - 2e-14 * tl.abs(edge)
    if EDGED:
        high = edge - one
        least = (lowest - highest) + high
        guess = (middle - highest) + high
    else:
        high = highest - one
        least = lowest - one
        guess = middle - one
    least = tl.where(hidden, tl.where(tl.abs(only) < float("inf"), only, least - 1e3), least)
    low = tl.where(only > least, only, least)
    if EDGED:
        low = place(low, k)
        high = place(high, k)
        guess = place(guess, k)
    return low, high, guess, highest


@triton.jit
def place(x, k):
    """The logarithm of a distance from the pole."""
    return at_least(log64(at_least(x, 1e-300)), tl.load(k + 11))


@triton.jit
def solve(
    losses, costs, weights, count, total, top, theta, onto, mean, spread, alone, warm, idle, inner, k,
    f_slope, f_density, f_response,
    WEIGHTED: tl.constexpr, COSTLY: tl.constexpr, EDGED: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """(u, highest, jump, rich, part, fill, unit, good): where the mass is one, as `_mixed` takes it, 1 over
    the mass, and whether it is one indeed.  warm: a guess of r, or infinite.  idle: nothing to look for.
    """
    lane = tl.arange(0, TILE)
    left, right, u, highest = _bracket(
        losses, costs, weights, count, total, top, theta, onto, mean, spread, alone, k, f_slope,
        WEIGHTED, COSTLY, EDGED, TILE,
    )  # fmt: skip
    near = place(warm - highest + tl.load(k + 10), k) if EDGED else warm
    u = tl.where(tl.abs(warm) < float("inf"), near, u)
    u = tl.where((u > left) & (u < right), u, 0.5 * (left + right))
    last = right - left
    least = left  # the bounds as long as nobody has been there
    most = right
    mass = 0.0 * theta + 1.0
    log_mass = 0.0 * theta
    grain = 0.0 * theta
    used = inner * 0
    settled = idle
    while settled == 0:
        held = tl.zeros((TILE,), tl.float64)
        swing = tl.zeros((TILE,), tl.float64)
        for start in range(0, count, TILE):
            p, _d, _c, h, live = sample(
                losses, costs, weights, start + lane, count, total, top, theta, onto, WEIGHTED, COSTLY
            )
            held += tl.where(live, p * _density(h, live, u, highest, k, f_density, EDGED), 0.0)
            swing += _answer(p, h, live, u, highest, k, f_response, EDGED)
        mass = tl.sum(held)
        log_mass = log64(mass)
        heavy = mass > 1.0
        left = tl.where(heavy, u, left)
        right = tl.where(heavy, right, u)
        least = tl.where(u == least, float("nan"), least)
        most = tl.where(u == most, float("nan"), most)
        slope = tl.sum(swing) / mass
        grain = tl.abs(right)
        if EDGED:
            slope *= exp64(u)
            grain = 1.0 + grain + tl.abs(tl.load(k + 10)) * exp64(-right)
        newton = u + log_mass / slope
        same = (newton == u) & (tl.abs(log_mass) <= 1e-9)  # an infinite slope stands still too
        used += 1
        settled = (tl.abs(log_mass) <= 1e-13) | (right - left <= 3e-16 * grain) | same | (used >= inner)
        sound = (newton > left) & (newton < right) & (tl.abs(newton - u) <= 0.5 * last)
        following = tl.where(sound, newton, 0.5 * (left + right))
        if EDGED == 0:  # a step beyond a bound: the root may lie next to it, many halvings away
            following = tl.where((newton <= left) & (left == least), left, following)
            following = tl.where((newton >= right) & (right == most), right, following)
        following = tl.where(settled, u, following)
        last = tl.abs(following - u)
        u = following
    # Where the density rises upright from zero (alpha 10: like y^(1/9)) a step of r in its last bit moves the
    # mass by a hundredth; between the two neighbours every mass is reached.
    jump = (right - left <= 4e-16 * grain) & (tl.abs(log_mass) > 1e-12)
    part = 0.0 * theta
    fill = 0.0 * theta
    if jump:
        u = right
        rich = tl.zeros((TILE,), tl.float64)
        poor = tl.zeros((TILE,), tl.float64)
        pole = tl.zeros((TILE,), tl.float64)
        for start in range(0, count, TILE):
            p, _d, _c, h, live = sample(
                losses, costs, weights, start + lane, count, total, top, theta, onto, WEIGHTED, COSTLY
            )
            more = _density(h, live, left, highest, k, f_density, EDGED)
            rich += tl.where(more < float("inf"), p * more, 0.0)
            pole += tl.where(more < float("inf"), 0.0, p)
            poor += tl.where(live, p * _density(h, live, right, highest, k, f_density, EDGED), 0.0)
        mass = tl.sum(poor)
        lacking = 1.0 - mass
        room = tl.sum(rich) - mass
        at_pole = tl.sum(pole)
        usable = (room > 0.0) & (at_pole <= 0.0)
        part = lacking / tl.where(usable, room, 1.0)
        part = tl.where(usable & (part > 0.0), tl.where(part < 1.0, part, 1.0), 0.0)
        # At the pole r cannot tell a sample's mass: it is what the others leave.
        fill = tl.where(at_pole > 0.0, lacking / tl.where(at_pole > 0.0, at_pole, 1.0), 0.0)
        mass += tl.where(at_pole > 0.0, lacking, part * room)
        log_mass = log64(mass)
    good = tl.abs(log_mass) <= 1e-3
    return u, highest, jump, left, part, fill, 1.0 / tl.where(mass > 0.0, mass, 1.0), good


@triton.jit
def moments(
    losses, costs, weights, count, total, top, theta, onto, peak, about,
    u, highest, jump, rich, part, fill, unit, k, f_value, f_density, f_response,
    WEIGHTED: tl.constexpr, COSTLY: tl.constexpr, EDGED: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """What the worst re-weighting spends, costs included, E_w d, minus the derivative of the former in
    log mu, the mean of d about which that was taken best, and the dual value at r less `E_w h` less what w
    spends: the square of what the mass lacks, times half the curvature along w or a bit more.
    """
    lane = tl.arange(0, TILE)
    spending = tl.zeros((TILE,), tl.float64)
    leading = tl.zeros((TILE,), tl.float64)
    s0 = tl.zeros((TILE,), tl.float64)
    s1 = tl.zeros((TILE,), tl.float64)
    s2 = tl.zeros((TILE,), tl.float64)
    stiff = tl.zeros((TILE,), tl.float64)
    for start in range(0, count, TILE):
        p, d, c, h, live = sample(
            losses, costs, weights, start + lane, count, total, top, theta, onto, WEIGHTED, COSTLY
        )
        t = _mixed(h, live, u, highest, k, jump, rich, part, fill, f_density, EDGED) * unit
        if COSTLY == 0:
            t = tl.where(onto, tl.where(live, 1.0 / peak, 0.0), t)
        spending += tl.where(p > 0.0, p * (centred(t, k, f_value) + t * c), 0.0)
        w = tl.where(live, p * t, 0.0)
        leading += w * d
        s = _answer(p, h, live, u, highest, k, f_response, EDGED)
        off = (d - about) * theta
        s0 += s
        s1 += s * off
        s2 += s * off * off
        stiff += tl.where(s > 0.0, w * w / tl.where(s > 0.0, s, 1.0), 0.0)
    answers = tl.sum(s0)
    drift = tl.sum(s1) / tl.where(answers > 0.0, answers, 1.0)
    answer = tl.sum(s2) - drift * drift * answers
    centre = about + drift / tl.where(theta > 0.0, theta, 1.0)
    centre = tl.where(tl.abs(centre) < float("inf"), centre, about)
    lacking = 1.0 - 1.0 / unit
    slack = lacking * lacking * tl.sum(stiff)
    return tl.sum(spending), tl.sum(leading), answer, centre, tl.where(slack < float("inf"), slack, 0.0)


@triton.jit
def write(
    losses, costs, weights, masses, curvature, count, total, top, theta, onto, peak, blend, adding, nothing,
    u, highest, jump, rich, part, fill, unit, k, f_density, f_response,
    WEIGHTED: tl.constexpr, COSTLY: tl.constexpr, EDGED: tl.constexpr, TWICE: tl.constexpr,
    TILE: tl.constexpr,
):  # fmt: skip
    """The worst masses and how they answer; adding: `blend` of these masses and the rest of those there."""
    lane = tl.arange(0, TILE)
    for start in range(0, count, TILE):
        at = start + lane
        p, _d, _c, h, live = sample(
            losses, costs, weights, at, count, total, top, theta, onto, WEIGHTED, COSTLY
        )
        t = _mixed(h, live, u, highest, k, jump, rich, part, fill, f_density, EDGED) * unit
        if COSTLY == 0:
            t = tl.where(onto, tl.where(live, 1.0 / peak, 0.0), t)
        w = tl.where(live, p * t, 0.0)
        if adding:
            w = blend * w + (1.0 - blend) * tl.load(masses + at, mask=at < count, other=0.0)
        tl.store(masses + at, w + nothing, mask=at < count)
        if TWICE:  # noqa: SIM102 - the first is known when compiled
            if adding == 0:
                s = _answer(p, h, live, u, highest, k, f_response, EDGED)
                tl.store(curvature + at, tl.where(theta > 0.0, s, 0.0), mask=at < count)
