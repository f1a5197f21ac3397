"""The outer search of every family but KL: one multiplier, given the re-weighting step as an oracle.

For scaled losses `h = d/mu - c` (`d` the losses minus their maximum) a family answers with the worst
re-weighting `w` and its divergence `D` (T3, T4). The spent budget `F(mu) = D + E_w c` falls from `F(0)`,
the cheapest way onto the argmax, to `F(inf)`, the cheapest re-weighting at all, and `mu0` solves
`F = eps`; `mu* = max(mu0, kappa)` (T22). Newton runs on `log (F - F(inf))` against `log mu`, with
`dF/dlog mu = -a' M a`, `a = d/mu` and M the step's Jacobian dw/dh; kinked families bisect and mix the two
ends of the last bracket, which restores complementary slackness at ties.

The dual value at (mu, rho) is the Lagrangian `E_w l - mu F + (mu - kappa) eps` plus mu times the step's own
slack: by equality in Fenchel-Young no conjugate is evaluated, and nothing of size mu cancels but
`mu (eps - F)`.
"""

__all__ = ["Reweighted", "Reweighting"]

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from armor.objectives.arrays import Array, Ops
from armor.objectives.base import Objective
from armor.objectives.jacobian import jacobian
from armor.objectives.solution import Dual, free, judge

_TINY = 1e-300
_NEXT_TO_ZERO = 1e-30  # of the losses' range: a mu whose step differs from the limit by rounding


@dataclass(frozen=True)
class Reweighting:
    """The worst re-weighting of scaled losses h.

    w: masses (..., B), sum 1.  divergence: D(w‖P) (..., 1).  shift: `(rho - max l)/mu` in the raw gauge.
    slack: the step's dual value at that shift minus `E_w h - D`, not negative; zero but for rounding.
    s, v, gamma: the Jacobian `dw/dh`, see `jacobian`; s is zero where the step is not smooth.
    """

    w: Array
    divergence: Array
    shift: Array
    slack: Array
    s: Array
    v: Array | None = None
    gamma: Array | None = None


class Reweighted(Objective):
    """An objective whose family supplies `_reweight`.

    smooth: the steps have derivatives.  polyhedral: the value without costs is piecewise linear.
    """

    smooth: bool = True
    polyhedral: bool = False

    @abstractmethod
    def _reweight(self, xp: Ops, h: Array, p: Array, warm: Array | None) -> Reweighting:
        """The worst re-weighting of `h` (..., B), `-inf` where unreachable; warm: a guess of `shift`."""

    @abstractmethod
    def _divergence(self, xp: Ops, w: Array, p: Array) -> Array:
        """D(w‖P) (..., 1) of masses."""

    def differentiable_twice(self, costs: Array | None) -> bool:
        """Kinks leave a value that is piecewise linear without costs, and nothing to say with them."""
        return self.smooth or (self.polyhedral and costs is None)

    def _solve(
        self, xp: Ops, losses: Array, costs: Array | None, p: Array, epsilon: Array, kappa: Array
    ) -> Dual:
        live = p > 0
        c = None
        if costs is not None:
            live = live & (costs < math.inf)
            c = xp.where(live, costs, 0.0)
        top = xp.max(xp.where(live, losses, -math.inf))
        reachable = top > -math.inf
        top = xp.where(reachable, top, 0.0)
        d = xp.where(live, losses - top, 0.0)
        blocked = None if costs is None else (p > 0) & ~live

        def scaled(theta: Array) -> Array:
            h = d * theta if c is None else d * theta - c
            return h if blocked is None else xp.where(blocked, -math.inf, h)

        def cost_of(w: Array) -> Array:
            return 0.0 * top if c is None else xp.sum(w * c)

        flat = 0.0 * top
        if c is None:
            cheapest, floor = p, flat
        else:
            step = self._reweight(xp, scaled(flat), p, None)
            cheapest, floor = step.w, step.divergence + cost_of(step.w)
            floor = xp.where(xp.isfinite(floor) & reachable, floor, math.inf)
        at_top = xp.where(live & (d >= 0), p, 0.0)
        if c is None:
            peak = at_top / xp.sum(at_top)
            ceiling = self._divergence(xp, peak, p)
        else:
            onto_top = self._reweight(xp, xp.where(d < 0, -math.inf, scaled(flat)), p, None)
            peak, ceiling = onto_top.w, onto_top.divergence + cost_of(onto_top.w)
        radius = epsilon - floor
        feasible = radius >= 0
        base = xp.where(feasible, floor, 0.0)
        # What rounding leaves between the two: mu beyond 1e17 of the spread would multiply rounding alone.
        radius = xp.where(feasible, xp.maximum(radius, xp.maximum(1e-34 * base, _TINY)), 1.0)
        # Equal losses spend nothing at any mu.
        saturated = (epsilon >= ceiling) | (xp.min(d) >= 0)

        if free(epsilon):
            spread = -xp.min(d)
            mu = xp.maximum(flat + kappa, _NEXT_TO_ZERO * xp.where(spread > 0, spread, 1.0))
            # The argmax alone is as good up to rounding, and where it is h may leave the floats.
            zero = mu * ceiling <= 1e-16 * (xp.abs(top) + spread)
            theta, warm, used = xp.where(zero, 0.0, 1.0 / mu), None, 0
        else:
            search = _Search(
                self, xp, d, p, scaled, cost_of, cheapest, base, radius, ceiling - base, saturated
            )
            log_mu, shift, ends, used = search.run(self.iterations)
            mu = xp.maximum(xp.where(saturated, 0.0, xp.exp(log_mu)), kappa)
            zero = mu <= 0
            theta = xp.where(zero, 0.0, 1.0 / xp.where(zero, 1.0, mu))
            warm = shift * xp.exp(log_mu) * theta
        final = self._reweight(xp, scaled(theta), p, warm)
        w = xp.where(zero, peak, final.w)
        if not free(epsilon):
            inner = ~saturated & (xp.exp(log_mu) > kappa)
            w = xp.where(inner, ends.mix(xp, radius + base), w)
        spent = self._divergence(xp, w, p) + cost_of(w)
        moved = xp.sum(w * d)
        at_final = final.divergence + cost_of(final.w)
        # Of two equal forms the one without cancellation: with lambda = 0 the radius drops out altogether.
        spending = xp.where(
            (mu <= kappa) | (radius == math.inf),
            mu * at_final,
            mu * (at_final - base - radius) + kappa * (base + radius),
        )
        dual = xp.sum(final.w * d) + mu * final.slack - spending
        value = top + xp.where(zero, moved, dual)
        share = xp.where(spent - base > radius, radius / xp.where(spent > base, spent - base, 1.0), 1.0)
        primal = top + (
            xp.sum((cheapest + share * (w - cheapest)) * d)
            - kappa * (base + share * xp.where(spent > base, spent - base, 0.0))
        )
        # What needs no search, where it left nothing as good or no number.
        penalty = xp.where(base > 0, kappa * base, 0.0)
        most, least = top - penalty, top + (xp.sum(cheapest * d) - penalty)
        value = xp.where(value < most, value, most)
        primal = xp.where(primal > least, primal, least)
        scale = xp.abs(top) - xp.min(d) + kappa * (1.0 + spent)
        return Dual(
            value=xp.where(feasible, value, -math.inf),
            mu=mu,
            rho=top + mu * final.shift,
            weights=w,
            primal=xp.where(feasible, primal, -math.inf),
            status=judge(xp, value - primal, scale, mu > kappa, feasible),
            iterations=used,
            curvature=xp.where(zero, 0.0, final.s) if self.smooth else 0.0 * final.w,
            direction=final.v,
            gamma=final.gamma,
            twice=self.differentiable_twice(costs),
        )


@dataclass(frozen=True)
class _Ends:
    """Re-weightings on both sides of the root, with what they spend."""

    rich: Array
    rich_spent: Array
    poor: Array
    poor_spent: Array

    def mix(self, xp: Ops, target: Array) -> Array:
        """The mixture that spends `target`, or less: spending is convex."""
        room = self.rich_spent - self.poor_spent
        part = (target - self.poor_spent) / xp.where(room > 0, room, 1.0)
        part = xp.minimum(xp.maximum(xp.where(room > 0, part, 0.0), 0.0), 1.0)
        return xp.where(part > 0, part * self.rich + (1.0 - part) * self.poor, self.poor)


@dataclass(frozen=True)
class _Search:
    """The root of `F(mu) = eps` in log mu."""

    family: Reweighted
    xp: Ops
    d: Array
    p: Array
    scaled: Callable[[Array], Array]
    cost_of: Callable[[Array], Array]
    cheapest: Array
    base: Array
    radius: Array
    room: Array
    saturated: Array

    def _centred(self, a: Array, s: Array) -> Array:
        """`a` less a constant, which M annihilates: 0 where s is largest and its digits would not do."""
        heaviest = s >= self.xp.max(s)
        return a - self.xp.max(self.xp.where(heaviest, a, -math.inf))

    def _cut(self, ends: _Ends) -> Array:
        """log of the mu at which the dual's tangents at both ends of the bracket meet.

        `E_w d + mu (radius - net)` is the tangent of a w. Where F all but jumps the dual has all but a kink,
        which tangents find in a few steps; a budget that nobody looks at has no room for halvings.
        """
        xp = self.xp
        rise, room = xp.sum((ends.rich - ends.poor) * self.d), ends.rich_spent - ends.poor_spent
        return xp.log(xp.maximum(rise / xp.where(room > 0, room, 1.0), _TINY))

    def run(self, iterations: int) -> tuple[Array, Array, _Ends, int]:
        xp, d, p = self.xp, self.d, self.p
        spread = -xp.min(d)
        log_spread = xp.log(xp.where(spread > 0, spread, 1.0))
        mean = xp.sum(p * d)
        deviation = xp.sqrt(xp.sum(p * (d - mean) * (d - mean)))
        start = xp.log(xp.maximum(deviation, _TINY)) - 0.5 * xp.log(2.0 * self.radius)
        low = log_spread - 80.0
        high = xp.where(start > log_spread, start, log_spread) + 60.0
        log_mu = xp.where(start > low, start, log_spread)
        log_radius = xp.log(self.radius)
        capped = xp.isfinite(self.room) & (self.room > self.radius)
        log_room = xp.log(xp.maximum(xp.where(capped, self.room - self.radius, 1.0), _TINY))
        ends = _Ends(p, 0.0 * mean + math.inf, self.cheapest, self.base)
        if not self.family.smooth:
            iterations = max(iterations, 100)
        elif xp.eager:
            iterations *= 4  # it stops as soon as it may: a hard instance (a near-jump of F) can have more
        warm, used, last, crossed, settled = None, 0, high - low, high < low, self.saturated
        for _ in range(iterations):
            used += 1
            theta = xp.exp(-log_mu)
            step = self.family._reweight(xp, self.scaled(theta), p, warm)
            spent = step.divergence + self.cost_of(step.w)
            net = spent - self.base
            over = net > self.radius
            rich, poor = over & ~settled, ~over & ~settled
            ends = _Ends(
                xp.where(rich, step.w, ends.rich),
                xp.where(rich, spent, ends.rich_spent),
                xp.where(poor, step.w, ends.poor),
                xp.where(poor, spent, ends.poor_spent),
            )
            low, high = xp.where(over, log_mu, low), xp.where(over, high, log_mu)
            # Once is enough: the step at the same mu from another start may say otherwise by its rounding.
            settled = settled | (high - low <= 4e-16 * xp.abs(log_mu))
            middle = 0.5 * (low + high)
            if self.family.smooth:
                # The logit, if there is a ceiling: both plateaus, at F(inf) and at F(0), become lines.
                net = xp.maximum(net, _TINY)
                room = xp.maximum(self.room - net, _TINY)
                excess = xp.log(net) - log_radius - xp.where(capped, xp.log(room) - log_room, 0.0)
                a = self._centred(d * theta, step.s)
                slope = xp.sum(a * jacobian(xp, step.s, step.v, step.gamma, a))
                slope = slope * (1.0 / net + xp.where(capped, 1.0 / room, 0.0))
                noise = 2e-13 + xp.minimum(2e-15 * (1.0 + self.base) / net, 0.01)
                newton = log_mu + excess / slope
                same = (xp.abs(newton - log_mu) <= 1e-14) & (xp.abs(excess) <= 1e-9)
                settled = settled | (xp.abs(excess) <= noise) | same
                # Steps that do not halve bisect: on steep ground Newton may alternate between two flat ends.
                sound = (newton > low) & (newton < high) & (xp.abs(newton - log_mu) <= 0.5 * last)
                if not xp.eager:
                    cut = self._cut(ends)
                    crossed = ~sound & ~crossed & (high - low < 1.0) & (cut > low) & (cut < high)
                    middle = xp.where(crossed, cut, middle)
                middle = xp.where(sound, newton, middle)
            if xp.done(settled):
                break
            following = xp.where(settled, log_mu, middle)
            last = xp.abs(following - log_mu)
            warm = step.shift * xp.exp(log_mu - following)
            log_mu = following
        # A rich side never visited has no witness.
        seen = xp.isfinite(ends.rich_spent)
        ends = _Ends(
            xp.where(seen, ends.rich, ends.poor),
            xp.where(seen, ends.rich_spent, ends.poor_spent),
            ends.poor,
            ends.poor_spent,
        )
        return log_mu, step.shift, ends, used
