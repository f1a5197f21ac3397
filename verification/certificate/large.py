"""Re-checks large certificates of D^c: float64 tiles with an a-priori rounding bound, everything else in
ball arithmetic.

A large certificate is an archive of doubles, which are exact (`archive`). Weights are `p/Σp` and `q/Σq`,
divided exactly.

Weak duality as in the small checker (T1, T2). Floating point enters in two places only, with `u = 2⁻⁵³`:

* `h_i >= max_j (g_j - c_ij)` from tiles. A distance formed by differences of `d` coordinates is off by at
  most `(d + 16) u` of it (each difference, square and sum to half an ulp, square roots and powers to 8
  ulps), the product form in more than 16 coordinates by `(2d + 16) u (‖x_i‖² + ‖y_j‖²)` before the root, in
  any order of summation; distances are lowered by that much, then the function of them that the cost is, and
  of a dead zone also the difference. The subtraction `g_j - c_ij` adds
  `u |g_j - c_ij|`, which is covered by raising the maximum by `2u (|g|_max + |h_i|)`.
* `⟨c, π⟩`: single costs by differences, raised by their bound (whether a pair on the edge of a hard ball is
  inside is decided in rationals); the products are summed exactly in balls.

The plan's columns must hold `q` to 1e-11 of it; the rest is put exactly on the largest entry of the column.
Nothing overflows: coordinates, finite costs and prices beyond 2^1000 are refused. Beyond a barrier's edge by
less than rounding tells, 2^1000 stands for a cost that may be larger still.
Where rows may hold no more than a multiple of `p` (CVaR, pure transport), what exceeds it, to 1e-11 too, goes
exactly to rows with room, at the cost of the arcs that it then takes.
"""

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, ctx, fmpq
from numpy.typing import NDArray

from verification.certificate.archive import FIELDS, FORMAT, SLACK, described, real
from verification.certificate.checker import Rejected, Verdict
from verification.certificate.formulas import INF, Formula, assumption, formula

__all__ = ["check_large", "proved_interval"]

_U = 2.0**-53
_PRECISION = 160  # bits of the ball arithmetic
_TILE = 1 << 19  # entries of one tile
_WIDE = 16  # coordinates beyond which tiles come from matrix products
_MOST = 2.0**1000  # of prices and finite costs, whose differences then are finite
_TINY = 2.0**-1020  # beyond what products below the normal doubles lose, each
_ROOM = 16  # rows with room that are asked for their costs at once
_RULE = {"norm", "power", "scale"}
_SHAPES = {"radius", "tau", "barrier"}

Floats = NDArray[np.float64]


def _need(condition: bool, why: str) -> None:
    if not condition:
        raise Rejected(why)


class _Costs:
    """Costs between points, or a matrix: lower bounds by tiles, upper bounds of single arcs."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        if isinstance(fields["cost"], str):
            rule = described(fields, "cost")
            known = _RULE <= set(rule) <= _RULE | _SHAPES
            _need(known and len(set(rule) & _SHAPES) <= 2, "the cost is not known")
            self.norm, self.power, self.scale = (real(rule, k) for k in ("norm", "power", "scale"))
            _need(self.norm in (1.0, 2.0, math.inf), "the cost's norm is not 1, 2 or inf")
            shape = {k: real(rule, k) for k in _SHAPES & set(rule)}
            self.radius, self.tau, self.barrier = (shape.get(k) for k in ("radius", "tau", "barrier"))
            _need(self.barrier is None or len(shape) == 1, "a barrier has neither radius nor tau")
            sizes = [self.power, self.scale, *(v for k, v in shape.items() if k != "radius")]
            good = all(math.isfinite(v) and v > 0 for v in sizes)
            _need(good and 0 <= shape.get("radius", 0.0) < math.inf, "a number of the cost is out of range")
            self.x, self.y = (_array(fields[name], name, 2) for name in ("x", "y"))
            _need(self.x.shape[1] == self.y.shape[1] > 0, "x and y differ in dimension")
            _need(min(len(self.x), len(self.y)) > 0, "there are no points")
            self.shape = len(self.x), len(self.y)
            self.error = (self.x.shape[1] + 16) * _U * max(1.0, self.power)
            self.matrix = None
            with np.errstate(over="ignore"):
                both = np.concatenate([self.x, self.y])
                _need(
                    float(np.abs(both).max()) <= _MOST / len(both), "the points lie too far out for doubles"
                )
                reach = 2 * (both.max(axis=0) - both.min(axis=0))
                total = self._sum(iter(reach[:, None]), 1.0)
                _need(bool(np.isfinite(total)[0]), "the points lie too far apart for doubles")
                shut = self.tau is None and (self.radius is not None or self.barrier is not None)
                _need(
                    shut or bool(self._bound(total, 1.0)[0] <= _MOST),
                    "the costs are too large for doubles",
                )
            return
        self.matrix = np.asarray(fields["cost"])
        _need(self.matrix.dtype == np.float64 and self.matrix.ndim == 2, "the cost is no matrix of doubles")
        _need(bool(np.all(self.matrix >= 0)), "a cost is negative or not a number")
        finite = (self.matrix <= _MOST) | (self.matrix == math.inf)
        _need(bool(np.all(finite)), "the costs are too large for doubles")
        self.shape, self.error = self.matrix.shape, 0.0

    def _bound(self, total: Floats, sign: float) -> Floats:
        """A lower (`sign = -1`) or upper (`+1`) bound of the costs from the norms (norm 2: their squares;
        with `tau`: the sums of squares), each off by at most `error` of it.
        """
        if self.tau is not None:
            value = total * ((1 + sign * self.error) / (2 * self.tau))
            return np.asarray(np.maximum(value + sign * _TINY * (1 + 1 / self.tau), 0.0))
        tiny = sign * _TINY * (1 + self.scale)
        if self.norm == 2 and self.power == 2 and self.radius is None and self.barrier is None:
            return np.asarray(np.maximum(total * self.scale * (1 + sign * self.error) + tiny, 0.0))
        z = np.sqrt(total) if self.norm == 2 else total
        if self.radius is not None:
            return np.where(z * (1 + sign * self.error) <= self.radius, 0.0, math.inf)
        if self.barrier is not None:
            z = z * (1 + sign * self.error)
            # `error` is at least 10u more than z is off; the value grows faster than z and its own four
            # operations are off by 4u of z or of it, so that nothing needs to be added for them.
            room = 1 - z / self.barrier
            inside = room > 0
            with np.errstate(over="ignore"):
                value = self.scale * z / np.where(inside, room, 1.0)
            # A lower bound that overflows would read as an arc that is none.
            most = _MOST if sign < 0 else math.inf
            return np.where(inside, np.clip(value + tiny, 0.0, most), math.inf)
        value = (z if self.power == 1 else z**self.power) * self.scale * (1 + sign * self.error)
        return np.asarray(np.maximum(value + tiny, 0.0))

    def _differences(self, parts: Iterator[Floats], sign: float) -> Floats:
        return self._bound(self._sum(parts, sign), sign)

    def _sum(self, parts: Iterator[Floats], sign: float) -> Floats:
        """What `_bound` takes, from one array of differences per coordinate."""
        total: Floats | None = None
        for d in parts:
            part = np.abs(d) if self.norm != 2 or self.tau is not None else d * d
            if self.tau is not None:
                slack = sign * 8 * _U
                part = np.maximum(part * (1 + slack) - (self.radius or 0.0) * (1 - slack), 0.0) ** 2
            if total is None:
                total = part
            elif self.norm == math.inf and self.tau is None:
                total = np.maximum(total, part)
            else:
                total = total + part
        assert total is not None
        squares = self.norm == 2 or self.tau is not None
        return np.maximum(total + sign * len(self.x[0]) * _TINY, 0.0) if squares else total

    def _surely_inside(self, i: int, j: int) -> bool:
        """Whether a pair lies in the hard ball, in exact arithmetic."""
        pairs = zip(self.x[i].tolist(), self.y[j].tolist(), strict=True)
        d = [abs(Fraction(b) - Fraction(a)) for a, b in pairs]
        radius = Fraction(self.radius or 0.0)
        if self.norm == 2:
            return sum(v * v for v in d) <= radius * radius
        return (sum(d) if self.norm == 1 else max(d)) <= radius

    def lower_tiles(self) -> Iterator[tuple[int, Floats]]:
        """First row and lower bounds of the costs of consecutive rows."""
        n, m = self.shape
        step = max(1, _TILE // m)
        wide = self.matrix is None and self.norm == 2 and self.tau is None and self.x.shape[1] > _WIDE
        if wide:
            centre = self.y.mean(axis=0)
            a, b = self.x - centre, self.y - centre  # moves every point by the same vector up to 1 ulp each
            square_a, square_b = np.einsum("ij,ij->i", a, a), np.einsum("ij,ij->i", b, b)
            unit = (2 * self.x.shape[1] + 24) * _U
        for start in range(0, n, step):
            part = slice(start, start + step)
            if self.matrix is not None:
                yield start, self.matrix[part]
            elif wide:
                sums = square_a[part, None] + square_b
                rest = self.x.shape[1] * _TINY
                square = np.maximum(sums * (1 - 2 * unit) - 2 * (a[part] @ b.T) - rest, 0.0)
                yield start, self._bound(square, -1.0)
            else:
                pairs = (np.subtract.outer(self.x[part, k], self.y[:, k]) for k in range(self.x.shape[1]))
                yield start, self._differences(pairs, -1.0)

    def upper_arcs(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Floats:
        """Upper bounds of single costs."""
        if self.matrix is not None:
            return np.asarray(self.matrix[rows, columns])
        out = np.empty(len(rows))
        step = max(1, _TILE // self.x.shape[1])
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            d = self.x[rows[part]] - self.y[columns[part]]
            out[part] = self._differences((d[:, k] for k in range(d.shape[1])), 1.0)
        if self.radius is not None and self.tau is None:
            for k in np.flatnonzero(np.isinf(out)):
                if self._surely_inside(int(rows[k]), int(columns[k])):
                    out[k] = 0.0
        return out


def _array(values: Any, where: str, dimensions: int = 1, least: float = -math.inf) -> Floats:
    good = isinstance(values, np.ndarray) and values.dtype == np.float64 and values.ndim == dimensions
    _need(good, f"{where} is no array of doubles with {dimensions} dimension(s)")
    _need(bool(np.all(np.isfinite(values)) and np.all(values >= least)), f"{where} has a bad entry")
    return np.asarray(values)


def _rational(value: float) -> fmpq:
    numerator, denominator = float(value).as_integer_ratio()
    return fmpq(numerator, denominator)


def _weights(values: Floats, where: str) -> list[fmpq]:
    exact = [_rational(v) for v in values.tolist()]
    total = sum(exact, fmpq(0))
    _need(abs(total - 1) <= fmpq(1, 10**9), f"{where} does not sum to 1")
    return [v / total for v in exact]


def _spec(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The divergence; of a user's own `f` with the limits that are assumed."""
    spec = described(fields, "divergence")
    return spec if "f" in spec else {key: str(value) for key, value in spec.items()}


def _transform(costs: _Costs, g: Floats, rows: NDArray[np.bool_]) -> list[fmpq | None]:
    """Upper bounds of `max_j (g_j - c_ij)` for the rows that carry P; None for -inf."""
    best = np.full(costs.shape[0], -np.inf)
    for start, tile in costs.lower_tiles():
        best[start : start + len(tile)] = np.max(g - tile, axis=1)
    _need(not bool(np.isnan(best).any()), "a cost is not a number")
    size = float(np.max(np.abs(g)))
    reached = rows & (best > -math.inf)
    raised = best[reached] + 4 * _U * (size + np.abs(best[reached]))
    out: list[fmpq | None] = [None] * len(best)
    for i, v in zip(np.flatnonzero(reached).tolist(), raised.tolist(), strict=True):
        out[i] = _rational(v)
    return [out[i] for i in np.flatnonzero(rows).tolist()]


def _lower(fields: Mapping[str, Any], costs: _Costs, member: Formula, p: list[fmpq], q: list[fmpq]) -> arb:
    g = _array(fields["g"], "g")
    _need(len(g) == costs.shape[1], "g does not have one entry per column")
    _need(bool(np.all(np.abs(g) <= _MOST)), "g is too large for doubles")
    exact = [_rational(v) for v in g.tolist()]
    if fields["support"] == "space" and bool(member.recession < INF):
        _need(all(bool(arb(v) <= member.recession) for v in exact), "g exceeds f'(inf)")
    carried = np.array([w > 0 for w in p])
    h = _transform(costs, g, carried)
    linear = arb(0)
    for w, v in zip(q, exact, strict=True):
        linear += arb(w) * arb(v)
    weights = [w for w in p if w > 0]
    if member.dual_near is None:
        return linear - member.dual(weights, h)
    return linear - member.dual_near(weights, h, _densities(fields, carried))


def _densities(fields: Mapping[str, Any], carried: NDArray[np.bool_]) -> list[fmpq | None]:
    """The plan's densities `η_i/p_i` as doubles: guesses only."""
    p, mass = np.asarray(fields["p"]), _array(fields["mass"], "mass", least=0.0)
    rows = np.asarray(fields["rows"])
    fits = rows.dtype == np.int64 and rows.shape == mass.shape
    _need(fits and bool(np.all((rows >= 0) & (rows < len(p)))), "the plan's arrays do not fit")
    eta = np.bincount(rows, mass, len(p))[carried] / p[carried]
    return [_rational(t) if 0 < t < math.inf else None for t in eta.tolist()]


def _upper(fields: Mapping[str, Any], costs: _Costs, member: Formula, p: list[fmpq], q: list[fmpq]) -> arb:
    n, m = costs.shape
    mass, singular = (
        _array(fields["mass"], "mass", least=0.0),
        _array(fields["singular"], "singular", least=0.0),
    )
    rows, columns = (np.asarray(fields[name]) for name in ("rows", "columns"))
    whole = rows.dtype == columns.dtype == np.int64 and rows.shape == columns.shape == mass.shape
    _need(whole and len(singular) == m, "the plan's arrays do not fit")
    _need(
        bool(np.all((rows >= 0) & (rows < n) & (columns >= 0) & (columns < m))), "the plan leaves the matrix"
    )
    _need(all(p[i] > 0 for i in set(rows.tolist())), "the plan takes mass from a row that carries none")
    space = fields["support"] == "space" and bool(member.recession < INF)
    _need(space or not singular.any(), "singular mass is not allowed here")
    price = costs.upper_arcs(rows, columns)
    _need(bool(np.all(np.isfinite(price))), "the plan uses an arc of infinite cost")
    masses = [_rational(v) for v in mass.tolist()]
    created = [_rational(v) for v in singular.tolist()]
    held = list(created)
    largest: dict[int, int] = {}
    for k, j in enumerate(columns.tolist()):
        held[j] += masses[k]
        if j not in largest or mass[k] > mass[largest[j]]:
            largest[j] = k
    slack = fmpq(Fraction(SLACK).numerator, Fraction(SLACK).denominator)
    for j in range(m):
        rest = q[j] - held[j]
        _need(abs(rest) <= slack * q[j], f"column {j} of the plan does not hold q")
        if j in largest and mass[largest[j]] >= singular[j]:
            masses[largest[j]] += rest
        elif rest != 0:
            created[j] += rest
    _need(all(v >= 0 for v in masses) and all(v >= 0 for v in created), "the plan has a negative entry")
    eta = [fmpq(0)] * n
    for k, i in enumerate(rows.tolist()):
        eta[i] += masses[k]
    transport = arb(0)
    if member.domain[1] is not None:
        caps = [member.domain[1] * w for w in p]
        moved = _within_caps(costs, caps, rows, columns, masses, eta)
        to, at = (np.array([arc[k] for arc in moved], dtype=np.int64) for k in range(2))
        for arc, cost in zip(moved, costs.upper_arcs(to, at).tolist(), strict=True):
            transport += arb(arc[2]) * arb(_rational(cost))
    for k in range(len(masses)):
        transport += arb(masses[k]) * arb(_rational(price[k]))
    carried = [i for i in range(n) if p[i] > 0]
    total = sum(created, fmpq(0))
    return transport + member.information([p[i] for i in carried], [eta[i] for i in carried], total)


def _within_caps(
    costs: _Costs,
    caps: list[fmpq],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    masses: list[fmpq],
    eta: list[fmpq],
) -> list[tuple[int, int, fmpq]]:
    """What rows hold above their caps, by rounding, is taken from their largest entries (`masses` and `eta`
    are changed) and goes to rows with room: `(row, column, mass)` of the arcs used in addition.
    """
    largest: dict[int, int] = {}
    for k, i in enumerate(rows.tolist()):
        if i not in largest or masses[k] > masses[largest[i]]:
            largest[i] = k
    slack = fmpq(Fraction(SLACK).numerator, Fraction(SLACK).denominator)
    over: list[tuple[int, fmpq]] = []
    for i, k in largest.items():
        excess = eta[i] - caps[i]
        if excess > 0:
            _need(excess <= slack * caps[i], f"row {i} of the plan holds more than it may")
            _need(excess <= masses[k], f"row {i} of the plan holds more than it may in too many parts")
            masses[k] -= excess
            eta[i] = caps[i]
            over.append((int(columns[k]), excess))
    room = sorted((i for i in range(len(caps)) if eta[i] < caps[i]), key=lambda i: eta[i] - caps[i])
    out: list[tuple[int, int, fmpq]] = []
    for j, excess in over:
        start = 0
        while excess > 0 and start < len(room):
            part = room[start : start + _ROOM]
            price = costs.upper_arcs(np.array(part, dtype=np.int64), np.full(len(part), j))
            for i in [i for i, c in zip(part, price.tolist(), strict=True) if math.isfinite(c)]:
                amount = min(excess, caps[i] - eta[i])
                eta[i] += amount
                excess -= amount
                out.append((i, j, amount))
                if excess == 0:
                    break
            kept = [i for i in part if eta[i] < caps[i]]
            room[start : start + _ROOM] = kept
            start += len(kept)
        _need(excess == 0, f"column {j} cannot be served within the caps of the rows")
    return out


def proved_interval(fields: Mapping[str, Any]) -> tuple[float, float]:
    """The interval that the witnesses prove, as doubles rounded outwards.

    Raises:
        Rejected: they are unfit.
    """
    with ctx.workprec(_PRECISION):
        support = fields["support"]
        _need(isinstance(support, str), "support is not a text")
        _need(support in ("space", "reference"), "support is neither space nor reference")
        member = formula(_spec(fields))
        costs = _Costs(fields)
        p, q = (_weights(_array(fields[k], k, least=0.0), k) for k in ("p", "q"))
        _need((len(p), len(q)) == costs.shape, "p or q do not fit the cost")
        low, high = _lower(fields, costs, member, p, q), _upper(fields, costs, member, p, q)
        lower, upper = float(low.lower()), float(high.upper())
    _need(not math.isnan(lower) and not math.isnan(upper), "a bound is not a number")
    return math.nextafter(lower, -math.inf), math.nextafter(upper, math.inf)


def check_large(fields: Mapping[str, Any]) -> Verdict:
    """Whether the witnesses of a large certificate prove the interval that it claims."""
    try:
        _need(isinstance(fields.get("format"), str) and fields["format"] == FORMAT, "its format is unknown")
        needed = FIELDS | ({"x", "y"} if isinstance(fields.get("cost"), str) else set())
        missing = sorted(needed - set(fields))
        _need(not missing, f"it lacks {missing[0] if missing else ''}")
        _need(set(fields) <= FIELDS | {"x", "y"}, "it has an unknown field")
        claim = _array(fields["claim"], "claim")
        _need(len(claim) == 2 and claim[0] <= claim[1], "the claimed interval is empty")
        lower, upper = proved_interval(fields)
        _need(lower >= claim[0], f"its witness proves the lower bound {lower!r} only")
        _need(upper <= claim[1], f"its witness proves the upper bound {upper!r} only")
    except (Rejected, KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        why = f"{error}" if isinstance(error, Rejected | ValueError) else "a field has the wrong form"
        return Verdict(False, -math.inf, math.inf, math.inf, why, "none")
    low, high = float(claim[0]), float(claim[1])
    why = "tiles in float64 with an a-priori rounding bound, the rest in ball arithmetic"
    why += assumption(_spec(fields))
    return Verdict(True, low, high, high - low, why, "enclosed")
