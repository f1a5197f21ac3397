"""The objective of any f-divergence, T7 (T9 for alpha), from the functions that the symbolic layer derives.

The step (T3, T4): `w_i = p_i t_i`, `t = (f*)'(h - r)`, with r such that the masses sum to one. A bracket for
r: no sample alone may exceed the total, `r >= h_i - f'(1/p_i)`; and `min h - a <= r <= max h - a` with
`a = f'(1)`, the argument at which t = 1. Newton on the logarithm of the mass stays inside it, so poles of
`(f*)'` at a finite recession slope (T3's constraint `r >= max h - f'(inf)`) are never crossed.

Near `t = 1` the divergence is summed from the Taylor series of f at 1 in the gauge `f'(1) = 0`: the raw
expression loses all digits of a small radius (trap 7).
"""

__all__ = ["FDivergenceObjective", "lowest_place"]

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from torch import Tensor

from armor.numbers import ratio
from armor.objectives.arrays import Array, Ops
from armor.objectives.compiled import Compiled, compiled
from armor.objectives.functions import Elementwise, functions
from armor.objectives.fused.dispatch import Kernel, power
from armor.objectives.reweighting import Reweighted, Reweighting

_STEPS_ON_DEVICE, _STEPS = 20, 80  # of a mild density; `_budget` says what a steep one gets
_HALVINGS = 110
_MULTIPLES = {"pearson": (2.0, 2.0), "neyman": (-1.0, 2.0), "hellinger": (0.5, 0.5)}  # order of alpha, factor
_FARTHEST = -690.0  # logarithm of the smallest distance
_ROUNDING = 4.5e-16  # of a few operations, relative
_STEEPEST = 1e250  # answer of a mass that stands for any, infinity included, beside which no other counts


class FDivergenceObjective(Reweighted):
    """T7 for a divergence of the catalogue or a user's expression, smooth or with kinks.

    spec: `{"name": "pearson"}`, `{"name": "alpha", "alpha": 6}`, `{"f": "(sqrt(t)-1)**2"}`.
    rho is in the gauge of that expression (for alpha it has no limit as alpha tends to 1).
    """

    def __init__(
        self, spec: Mapping[str, object], *, epsilon: float, kappa: float = 0.0, iterations: int = 24
    ) -> None:
        super().__init__(spec, epsilon=epsilon, kappa=kappa, iterations=iterations)
        self.functions = functions(spec)
        self.smooth = self.functions.smooth
        self._specification = json.dumps(self.spec, sort_keys=True)
        self._on_host, self._on_device = _budget(self.functions.bend)

    def _compiled(self) -> Compiled | None:
        return kernel(self._specification) if self.smooth else None

    def _fused(self, costs: Tensor | None) -> Kernel | None:
        """Without costs the kernel of powers for the alpha divergences and their multiples (T28)."""
        if not self.smooth:
            return None
        powers = self._powers() if costs is None else None
        return powers or Kernel(self.name, key=self._specification, inner=self._on_host)

    def _powers(self) -> Kernel | None:
        name = str(self.spec.get("name"))
        if name == "alpha":
            return power(1.0 - _order(self.spec["alpha"]), renyi=False)
        if name not in _MULTIPLES:
            return None
        order, multiple = _MULTIPLES[name]
        gauge = self.functions.slope_at_one - multiple / (order - 1.0)
        return power(1.0 - order, renyi=False, stretch=multiple, gauge=gauge)

    def _divergence(self, xp: Ops, w: Array, p: Array) -> Array:
        live = p > 0
        t = xp.where(live, w / xp.where(live, p, 1.0), 1.0)
        return xp.sum(xp.where(live, p * self.functions.centred(xp, t), 0.0))

    def _reweight(self, xp: Ops, h: Array, p: Array, warm: Array | None) -> Reweighting:
        f = self.functions
        live = (p > 0) & (h > -math.inf)
        known = xp.where(live, h, 0.0)
        a = f.slope_at_one
        edge = f.recession if self.smooth and f.recession < math.inf else None
        top = 0.0 if edge is None else xp.max(xp.where(live, h, -math.inf))
        if edge is not None:
            top = xp.where(xp.isfinite(top), top, 0.0)
        line = _Line(xp, xp.where(live, h - top, 0.0), edge)
        high = line.origin(xp.max(xp.where(live, h, -math.inf)), top) - a
        alone = f.slope[xp.name](1.0 / xp.where(live, p, 1.0))
        # Next to the slope at infinity f' has no digits left: a bound that rounding has moved is none.
        alone = (h - alone) if edge is None else (edge - alone) + (h - top) - _ROUNDING * abs(edge)
        alone = xp.max(xp.where(live, alone, -math.inf))
        least = line.origin(xp.min(xp.where(live, h, math.inf)), top) - a
        blocked = xp.any((p > 0) & ~live)
        # With unreachable samples the others must carry more than their own mass: only the first bound holds.
        least = xp.where(blocked, xp.where(xp.isfinite(alone), alone, least - 1e3), least)
        low = xp.where(alone > least, alone, least)
        mean = xp.sum(p * known) - a
        start = mean if warm is None else xp.where(xp.isfinite(warm), warm, mean)
        if self.smooth:
            low, high, start = (line.place(x) for x in (low, high, line.origin(start, top)))
            low, high, start = self._brink(line, p, live, low, high, start)
            u = xp.where((start > low) & (start < high), start, 0.5 * (low + high))
            u, y, t = self._newton(line, p, live, low, high, u)
            r = line.shift(u, top)
            s = xp.where(live, p * f.response[xp.name](y), 0.0)
            s = xp.where(s > 0, xp.minimum(s, _STEEPEST), 0.0)
        else:
            r, t = self._bisect(line, p, live, low, high)
            s = 0.0 * t
        mass = xp.sum(p * t)
        w = p * t / mass
        divergence = self._divergence(xp, w, p)
        raw = xp.sum(xp.where(p > 0, p * f.centred(xp, t), 0.0))
        # Dual value at r minus E_w h - D, in the gauge f'(1) = 0.
        slack = (mass - 1.0) * (xp.sum(w * known) - r - a) - (raw - divergence)
        return Reweighting(w, divergence, r, xp.where(slack > 0, slack, 0.0), s)

    def _brink(
        self, line: "_Line", p: Array, live: Array, low: Array, high: Array, start: Array
    ) -> tuple[Array, Array, Array]:
        """The bracket and the start, after a look at the place next to the pole where the bracket holds it.

        Halving reaches it late, and a device's budget never: the mass jumps from there to infinity.
        """
        if line.edge is None:
            return low, high, start
        xp, u = line.xp, line.brink
        near = (low < u) & (u < high)
        if xp.done(~near):
            return low, high, start
        heavy = xp.sum(p * line.density(xp.maximum(low, u), live, self.functions.density[xp.name])[1]) > 1
        low, high = xp.where(near & heavy, u, low), xp.where(near & ~heavy, u, high)
        return low, high, start

    def _newton(
        self, line: "_Line", p: Array, live: Array, low: Array, high: Array, u: Array
    ) -> tuple[Array, Array, Array]:
        """The place u on the line where the mass is one, the arguments y there and their densities."""
        xp = line.xp
        density, response = self.functions.density[xp.name], self.functions.response[xp.name]
        t, last = 0.0 * line.d, high - low
        least, most = low, high  # the bounds as long as nobody has been there
        for _ in range(self._on_host if xp.eager else self._on_device):
            y, t = line.density(u, live, density)
            mass = xp.sum(p * t)
            log_mass = xp.log(mass)
            low, high = xp.where(mass > 1, u, low), xp.where(mass > 1, high, u)
            least, most = xp.where(u == least, math.nan, least), xp.where(u == most, math.nan, most)
            slope = line.rate(u) * xp.sum(xp.where(live, p * response(y), 0.0)) / mass
            newton = u + log_mass / slope
            # Rounding of the sum; what it leaves enters the value by its square only.
            same = (newton == u) & (xp.abs(log_mass) <= 1e-9)  # an infinite slope stands still too
            settled = (xp.abs(log_mass) <= 1e-14) | (high - low <= 3e-16 * line.grain(high)) | same
            halved = xp.abs(newton - u) <= 0.5 * last
            settled = settled | (~halved & (xp.abs(log_mass) <= 1e-11))  # steps from rounding to rounding
            if xp.done(settled):
                break
            sound = (newton > low) & (newton < high) & halved
            following = xp.where(sound, newton, 0.5 * (low + high))
            if line.edge is None:
                # A step beyond a bound: the root may lie next to it, many halvings away.
                following = xp.where((newton <= low) & (low == least), low, following)
                following = xp.where((newton >= high) & (high == most), high, following)
            following = xp.where(settled, u, following)
            last, u = xp.abs(following - u), following
        if not xp.eager:
            _, t = line.density(u, live, density)
        # Where the density rises upright from zero (alpha 10: like y^(1/9)) a step of r in its last bit moves
        # the mass by a hundredth; between the two neighbours every mass is reached.
        upright = (high - low <= 4e-16 * line.grain(high)) & (xp.abs(xp.log(xp.sum(p * t))) > 1e-12)
        if not xp.done(~upright):
            t = xp.where(upright, self._between(line, p, live, low, high), t)
        return u, line.arguments(u), t

    def _bisect(self, line: "_Line", p: Array, live: Array, low: Array, high: Array) -> tuple[Array, Array]:
        """Both sides of the jump of the mass, mixed so that it is one: an element of the subdifferential."""
        xp, density = line.xp, self.functions.density[line.xp.name]
        for _ in range(_HALVINGS):
            r = 0.5 * (low + high)
            heavy = xp.sum(p * line.density(r, live, density)[1]) > 1
            moved = (r > low) & (r < high)
            low, high = xp.where(heavy, r, low), xp.where(heavy, high, r)
            if xp.done(~moved):
                break
        return high, self._between(line, p, live, low, high)

    def _between(self, line: "_Line", p: Array, live: Array, low: Array, high: Array) -> Array:
        """The densities at low (mass at least one) and high (at most one), mixed so that the mass is one."""
        xp, density = line.xp, self.functions.density[line.xp.name]
        rich, poor = (line.density(u, live, density)[1] for u in (low, high))
        rich_mass, poor_mass = xp.sum(p * rich), xp.sum(p * poor)
        room = rich_mass - poor_mass
        part = xp.where(room > 0, (1.0 - poor_mass) / xp.where(room > 0, room, 1.0), 0.0)
        part = xp.minimum(xp.maximum(part, 0.0), 1.0)
        usable = xp.isfinite(rich_mass)
        # At the pole of the density (a finite recession slope) r cannot tell the sample's mass: it is what
        # the others leave. Reached where a sample carries less than about 1e-8 of the reference mass.
        pole = live & ~xp.isfinite(rich)
        left = xp.where(pole, p, 0.0)
        rest = (1.0 - poor_mass) / xp.where(usable, 1.0, xp.sum(left))
        filled = poor + xp.where(pole, rest, 0.0)
        mixed: Array = xp.where(usable, part * xp.where(usable, rich, 0.0) + (1.0 - part) * poor, filled)
        return mixed


@dataclass(frozen=True)
class _Line:
    """Where r is looked for: r itself or, with a finite recession slope (`edge`), its distance from the pole.

    The largest h meets the pole of (f*)' at `r = max h - edge`, and a sample of little weight sends r as
    close to it as that weight, or a power of it. So u is the logarithm of `x = r - (max h - edge)`: in it the
    mass is nearly a straight line, and the argument `edge - (x + max h - h)` keeps the digits of x.

    d: h, or h less its maximum.
    """

    xp: Ops
    d: Array
    edge: float | None

    def origin(self, r: Array, top: Array) -> Array:
        """r, or its distance x from the pole."""
        return r if self.edge is None else r - top + self.edge

    @property
    def base(self) -> float:
        """u of distances that are none: h - r would be `edge` itself."""
        assert self.edge is not None
        return lowest_place(self.edge)

    @property
    def brink(self) -> float:
        """u of the smallest distances at which the density is finite."""
        assert self.edge is not None
        return math.log(_ROUNDING * abs(self.edge)) if self.edge else _FARTHEST * (1.0 - _ROUNDING)

    def place(self, x: Array) -> Array:
        """u of what `origin` gave."""
        if self.edge is None:
            return x
        return self.xp.maximum(self.xp.log(self.xp.maximum(x, 1e-300)), self.base)

    def density(self, u: Array, live: Array, function: Elementwise) -> tuple[Array, Array]:
        """`h - r` and the density there, infinite at the pole, 0 where not live."""
        y = self.arguments(u)
        t = self.xp.where(live, function(y), 0.0)
        if self.edge is not None:
            t = self.xp.where(live & (u <= self.base) & (self.d >= 0), math.inf, t)
        return y, t

    def shift(self, u: Array, top: Array) -> Array:
        """r."""
        return u if self.edge is None else (self.xp.exp(u) - self.edge) + top

    def arguments(self, u: Array) -> Array:
        """`h - r`."""
        return self.d - u if self.edge is None else self.edge - (self.xp.exp(u) - self.d)

    def rate(self, u: Array) -> Array:
        """dr/du."""
        return 1.0 if self.edge is None else self.xp.exp(u)

    def grain(self, high: Array) -> Array:
        """The number in whose last bits the places of a bracket below `high` cannot be told apart."""
        if self.edge is None:
            return self.xp.abs(high)
        return 1.0 + self.xp.abs(high) + abs(self.edge) * self.xp.exp(-high)


def lowest_place(edge: float) -> float:
    """u of the distances from the pole that are none: the argument would be `edge` itself."""
    return math.log(1e-17 * abs(edge)) if edge else _FARTHEST


def _budget(bend: float) -> tuple[int, int]:
    """Inner steps on the host, which stops as soon as it may, and on a device, which takes them all.

    A density `y^(1/bend)` rises upright from zero for a large bend: alpha 10 needs up to 55 halvings.
    """
    steep = math.ceil(10.0 * bend) if bend > 3.0 else 0
    return max(_STEPS, steep), max(_STEPS_ON_DEVICE, steep)


@lru_cache(maxsize=64)
def _order(alpha: object) -> float:
    """Read once: every launch asks for it."""
    return float(ratio(alpha, "alpha"))


@lru_cache(maxsize=64)
def kernel(key: str) -> Compiled | None:
    """The compiled solver of a smooth divergence, its functions printed in C from the one expression."""
    from theory.backends.printed import c_source
    from theory.catalogue import divergence
    from theory.errors import InputError

    f = functions(json.loads(key))
    try:
        source, numbers = c_source(divergence(json.loads(key)), len(f.head))
    except InputError:
        return None
    return compiled("F", source, [*f.head, *numbers])
