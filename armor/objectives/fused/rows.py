"""What the fused kernels share: reading a problem, judging its input, writing its answer.

A program solves one problem, a row of `count` samples, in tiles of TILE. Losses, costs and weights of any
float type are widened as they are read, again in every pass: a tile that holds the row stays in the first
cache. A masked sample has p = 0.
"""

__all__ = ["NUMBERS", "budget", "finish", "log_of", "mass_of", "number", "read", "survey"]

import triton
import triton.language as tl

from armor.objectives.fused.elementary import log1p64, log64
from armor.objectives.solution import CERTIFIED
from armor.status import Status

NUMBERS = ("value", "mu", "rho", "primal", "lam", "gap", "gamma")  # of an answer, in the order of `finish`

_CERTIFIED = tl.constexpr(CERTIFIED)
_INTERIOR = tl.constexpr(int(Status.INTERIOR))
_INACTIVE = tl.constexpr(int(Status.INACTIVE))
_UNCONVERGED = tl.constexpr(int(Status.UNCONVERGED))
_INFEASIBLE = tl.constexpr(int(Status.INFEASIBLE))
_NOT_FINITE = tl.constexpr(int(Status.NOT_FINITE))
_BAD_WEIGHTS = tl.constexpr(int(Status.BAD_WEIGHTS))


@triton.jit
def number(bits):
    """The double with these bits: a launch passes floats in single precision, whole numbers as they are."""
    return bits.to(tl.int64).to(tl.float64, bitcast=True)


@triton.jit
def budget(epsilon, kappa, epsilons, kappas, RADII: tl.constexpr, PENALTIES: tl.constexpr):
    """The program's radius and penalty: of its problem where there is one per problem, else of all."""
    row = tl.program_id(0)
    eps = number(epsilon)
    kap = number(kappa)
    if RADII:
        eps = tl.load(epsilons + row)
    if PENALTIES:
        kap = tl.load(kappas + row)
    return eps, kap


@triton.jit
def read(data, at, inside):
    """Numbers as float64, zero outside the row."""
    x = tl.load(data + at, mask=inside, other=0.0)
    return x if data.dtype.element_ty == tl.float64 else x.to(tl.float32).to(tl.float64)


@triton.jit
def mass_of(weights, at, inside, total, WEIGHTED: tl.constexpr):
    """p, zero outside the row; `total`: the sum of the weights, or the count."""
    return read(weights, at, inside) / total if WEIGHTED else tl.where(inside, 1.0 / total, 0.0)


@triton.jit
def survey(losses, costs, weights, count, WEIGHTED: tl.constexpr, COSTLY: tl.constexpr, TILE: tl.constexpr):
    """(total, nearest, bad, wrong, odd): the scale of p, the smallest cost of a sample with mass (inf if none
    is finite) and how many weights are no weights, costs no costs, losses no numbers.
    """
    lane = tl.arange(0, TILE)
    total = count.to(tl.float64)
    bad = total * 0.0
    if WEIGHTED:
        part = tl.zeros((TILE,), tl.float64)
        broken = tl.zeros((TILE,), tl.float64)
        for start in range(0, count, TILE):
            at = start + lane
            w = read(weights, at, at < count)
            part += w
            broken += tl.where(w >= 0.0, 0.0, 1.0)
        total = tl.sum(part)
        usable = (total > 0.0) & (total < float("inf"))
        bad = tl.sum(broken) + tl.where(usable, 0.0, 1.0)
        total = tl.where(usable, total, 1.0)
    near = tl.full((TILE,), float("inf"), tl.float64)
    wrong = tl.zeros((TILE,), tl.float64)
    odd = tl.zeros((TILE,), tl.float64)
    for start in range(0, count, TILE):
        at = start + lane
        inside = at < count
        live = mass_of(weights, at, inside, total, WEIGHTED) > 0.0
        if COSTLY:
            c = read(costs, at, inside)
            wrong += tl.where(live, tl.where(c >= 0.0, 0.0, 1.0), 0.0)
            live = live & (c < float("inf"))
            near = tl.where(live & (c < near), c, near)
        odd += tl.where(live, tl.where(tl.abs(read(losses, at, inside)) < float("inf"), 0.0, 1.0), 0.0)
    return total, tl.min(near), bad, tl.sum(wrong), tl.sum(odd)


@triton.jit
def finish(
    numbers, short, codes, value, mu, rho, primal, gamma, kappa, scale, feasible, bad, wrong, odd,
):  # fmt: skip
    """Judge by the certified gap as `solution.judge` does, and write this problem's numbers."""
    row = tl.program_id(0)
    rows = tl.num_programs(0)
    gap = value - primal
    proved = (tl.abs(gap) <= scale * _CERTIFIED) & (scale < float("inf"))
    code = tl.where(proved, tl.where(mu > kappa, _INTERIOR, _INACTIVE), _UNCONVERGED)
    code = tl.where(feasible, code, _INFEASIBLE)
    code = tl.where(odd > 0.0, _NOT_FINITE, code)
    code = tl.where(bad > 0.0, _BAD_WEIGHTS, code)
    code = tl.where(wrong > 0.0, _NOT_FINITE, code)
    nothing = tl.where((bad + wrong + odd) == 0.0, 0.0, float("nan"))
    value = tl.where(feasible, value, -float("inf")) + nothing
    primal = tl.where(feasible, primal, -float("inf")) + nothing
    mu += nothing
    to = numbers + row
    tl.store(to, value)
    tl.store(to + rows, mu)
    tl.store(to + 2 * rows, rho + nothing)
    tl.store(to + 3 * rows, primal)
    tl.store(to + 4 * rows, tl.where(mu < kappa, 0.0, mu - kappa))
    tl.store(to + 5 * rows, value - primal)
    tl.store(to + 6 * rows, gamma)
    tl.store(short + row, value.to(short.dtype.element_ty))
    tl.store(codes + row, code.to(tl.int64))


@triton.jit
def log_of(less, whole):
    """log (1 + less), where `whole` is 1 + less summed by itself: either loses its digits somewhere."""
    return tl.where(less > -0.5, log1p64(less), log64(whole))
