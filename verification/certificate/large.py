"""Re-checks large certificates of D^c: float64 tiles with an a-priori rounding bound, everything else in
ball arithmetic.

A large certificate is an archive of doubles, which are exact (`archive`). Weights are `p/Σp` and `q/Σq`,
divided exactly.

Weak duality as in the small checker (T1, T2). Floating point enters in two places only, with `u = 2⁻⁵³`:

* `h_i >= max_j (g_j - c_ij)` from tiles. A cost formed by differences of `d` coordinates is off by at most
  `(d + 16) u c_ij` (each difference, square and sum to half an ulp, square roots and powers to 8 ulps),
  the product form
  in more than 16 coordinates by `(2d + 16) u (‖x_i‖² + ‖y_j‖²)` before the root, in any order of
  summation; costs are
  lowered by that much. The subtraction `g_j - c_ij` adds `u |g_j - c_ij|`, which is covered by raising the
  maximum by
  `2u (|g|_max + |h_i|)`.
* `⟨c, π⟩`: single costs by differences, raised by their bound; the products are summed exactly in balls.

The plan's columns must hold `q` to 1e-11 of it; the rest is put exactly on the largest entry of the column.
"""

import json
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, ctx, fmpq
from numpy.typing import NDArray

from verification.certificate.archive import FIELDS, FORMAT, SLACK
from verification.certificate.checker import Rejected, Verdict
from verification.certificate.formulas import INF, Formula, formula

__all__ = ["check_large", "proved_interval"]

_U = 2.0**-53
_PRECISION = 160  # bits of the ball arithmetic
_TILE = 1 << 19  # entries of one tile
_WIDE = 16  # coordinates beyond which tiles come from matrix products

Floats = NDArray[np.float64]


def _need(condition: bool, why: str) -> None:
    if not condition:
        raise Rejected(why)


class _Costs:
    """Costs between points, or a matrix: lower bounds by tiles, upper bounds of single arcs."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        if isinstance(fields["cost"], str):
            rule = json.loads(fields["cost"])
            _need(isinstance(rule, dict) and set(rule) == {"norm", "power", "scale"}, "the cost is not known")
            self.norm, self.power, self.scale = (float(rule[k]) for k in ("norm", "power", "scale"))
            _need(self.norm in (1.0, 2.0, math.inf), "the cost's norm is not 1, 2 or inf")
            good = all(math.isfinite(v) and v > 0 for v in (self.power, self.scale))
            _need(good, "the cost's power or scale is not positive")
            self.x, self.y = (_array(fields[name], name, 2) for name in ("x", "y"))
            _need(self.x.shape[1] == self.y.shape[1] > 0, "x and y differ in dimension")
            self.shape = len(self.x), len(self.y)
            self.error = (self.x.shape[1] + 16) * _U * max(1.0, self.power)
            self.matrix = None
            return
        self.matrix = np.asarray(fields["cost"])
        _need(self.matrix.dtype == np.float64 and self.matrix.ndim == 2, "the cost is no matrix of doubles")
        _need(bool(np.all(self.matrix >= 0)), "a cost is negative or not a number")
        self.shape, self.error = self.matrix.shape, 0.0

    def _finish(self, total: Floats) -> Floats:
        if self.norm == 2 and self.power == 2:
            return total * self.scale
        z = np.sqrt(total) if self.norm == 2 else total
        return np.asarray((z if self.power == 1 else z**self.power) * self.scale)

    def _differences(self, parts: Iterator[Floats]) -> Floats:
        total: Floats | None = None
        for d in parts:
            part = d * d if self.norm == 2 else np.abs(d)
            if total is None:
                total = part
            else:
                total = np.maximum(total, part) if self.norm == math.inf else total + part
        assert total is not None
        return self._finish(total)

    def lower_tiles(self) -> Iterator[tuple[int, Floats]]:
        """First row and lower bounds of the costs of consecutive rows."""
        n, m = self.shape
        step = max(1, _TILE // m)
        wide = self.matrix is None and self.norm == 2 and self.x.shape[1] > _WIDE
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
                square = np.maximum(sums * (1 - 2 * unit) - 2 * (a[part] @ b.T), 0.0)
                yield start, self._finish(square) * (1 - self.error)
            else:
                pairs = (np.subtract.outer(self.x[part, k], self.y[:, k]) for k in range(self.x.shape[1]))
                yield start, self._differences(pairs) * (1 - self.error)

    def upper_arcs(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Floats:
        """Upper bounds of single costs."""
        if self.matrix is not None:
            return np.asarray(self.matrix[rows, columns])
        out = np.empty(len(rows))
        step = max(1, _TILE // self.x.shape[1])
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            d = self.x[rows[part]] - self.y[columns[part]]
            out[part] = self._differences(d[:, k] for k in range(d.shape[1]))
        return np.asarray(out * (1 + self.error))


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


def _transform(costs: _Costs, g: Floats, rows: NDArray[np.bool_]) -> list[fmpq | None]:
    """Upper bounds of `max_j (g_j - c_ij)` for the rows that carry P; None for -inf."""
    best = np.full(costs.shape[0], -np.inf)
    for start, tile in costs.lower_tiles():
        best[start : start + len(tile)] = np.max(g - tile, axis=1)
    size = float(np.max(np.abs(g)))
    raised = best + 4 * _U * (size + np.abs(best))
    return [None if v == -math.inf else _rational(v) for v in raised[rows].tolist()]


def _lower(fields: Mapping[str, Any], costs: _Costs, member: Formula, p: list[fmpq], q: list[fmpq]) -> arb:
    g = _array(fields["g"], "g")
    _need(len(g) == costs.shape[1], "g does not have one entry per column")
    exact = [_rational(v) for v in g.tolist()]
    if fields["support"] == "space" and bool(member.recession < INF):
        _need(all(bool(arb(v) <= member.recession) for v in exact), "g exceeds f'(inf)")
    carried = np.array([w > 0 for w in p])
    h = _transform(costs, g, carried)
    linear = arb(0)
    for w, v in zip(q, exact, strict=True):
        linear += arb(w) * arb(v)
    return linear - member.dual([w for w in p if w > 0], h)


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
    transport = arb(0)
    for k, i in enumerate(rows.tolist()):
        eta[i] += masses[k]
        transport += arb(masses[k]) * arb(_rational(price[k]))
    carried = [i for i in range(n) if p[i] > 0]
    total = sum(created, fmpq(0))
    return transport + member.information([p[i] for i in carried], [eta[i] for i in carried], total)


def proved_interval(fields: Mapping[str, Any]) -> tuple[float, float]:
    """The interval that the witnesses prove, as doubles rounded outwards.

    Raises:
        Rejected: they are unfit.
    """
    with ctx.workprec(_PRECISION):
        _need(fields["support"] in ("space", "reference"), "support is neither space nor reference")
        spec = json.loads(fields["divergence"])
        member = formula({key: str(value) for key, value in spec.items()})
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
        _need(fields.get("format") == FORMAT, "its format is unknown")
        missing = sorted(FIELDS - set(fields))
        _need(not missing, f"it lacks {missing[0] if missing else ''}")
        _need(set(fields) <= FIELDS | {"x", "y"}, "it has an unknown field")
        claim = _array(fields["claim"], "claim")
        _need(len(claim) == 2 and claim[0] <= claim[1], "the claimed interval is empty")
        lower, upper = proved_interval(fields)
        _need(lower >= claim[0], f"its witness proves the lower bound {lower!r} only")
        _need(upper <= claim[1], f"its witness proves the upper bound {upper!r} only")
    except (Rejected, KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        return Verdict(False, -math.inf, math.inf, math.inf, f"{error}", "none")
    low, high = float(claim[0]), float(claim[1])
    why = "tiles in float64 with an a-priori rounding bound, the rest in ball arithmetic"
    return Verdict(True, low, high, high - low, why, "enclosed")
