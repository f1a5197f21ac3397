"""Re-checks a certificate: exact rational data and witnesses in, a proved interval out.

Nothing here solves anything. Weak duality does all the work, in ball arithmetic:
  D^c, lower (T2): q.g - J(g^c), any g with g_j <= f'(inf) in mode "space"; +inf along a ray of such g;
  D^c, upper (T1): the cost of any plan whose columns, with the singular masses, are exactly q;
  DRO, upper (T7): lambda eps + rho + mu J((phi^c_mu - rho)/mu), mu = lambda + kappa, any lambda >= 0 and rho;
  DRO, lower (T6): E_Q[phi] - kappa K of any plan whose cost K = D(eta||P) + <c, pi> is at most eps.
"""

import math
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb, ctx, fmpq

from verification.certificate.formulas import INF, ONE, ZERO, assumption, formula

__all__ = ["PRECISION", "Rejected", "Verdict", "bounds", "check"]

PRECISION = 256  # bits of the ball arithmetic
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d{1,4})?|[+-]?\d+/\d+", re.ASCII)
_DATA = {"divergence", "cost", "p", "support", "kappa"}
_KINDS = {"divergence": {"q"}, "dro": {"phi", "epsilon"}}


@dataclass(frozen=True)
class Verdict:
    """`accepted`: the claimed interval is proved; `reason` says why, or why not."""

    accepted: bool
    lower: float
    upper: float
    width: float
    reason: str
    grade: str


class Rejected(Exception):
    """The witness or the data are unfit; the message says where."""


def _need(condition: bool, why: str) -> None:
    if not condition:
        raise Rejected(why)


def _rational(value: object, where: str) -> fmpq:
    good = isinstance(value, str) and max(map(len, value.split("/"))) < 4300 and _NUMBER.fullmatch(value)
    _need(bool(good), f"{where} is not the text of an exact number")
    exact = Fraction(str(value))
    return fmpq(exact.numerator, exact.denominator)


def _vector(value: Any, size: int, where: str, least: fmpq | None = None, total: fmpq = None) -> list[fmpq]:
    _need(isinstance(value, list) and len(value) == size, f"{where} does not have {size} entries")
    result = [_rational(v, where) for v in value]
    _need(least is None or all(v >= least for v in result), f"{where} has a negative entry")
    _need(total is None or sum(result, ZERO) == total, f"{where} does not sum to {total}")
    return result


def _fields(mapping: Any, needed: set[str], where: str, optional: Set[str] = frozenset()) -> dict[str, Any]:
    _need(isinstance(mapping, Mapping), f"{where} is not an object")
    _need(needed <= set(mapping) <= needed | optional, f"{where} lacks a field or has an unknown one")
    return dict(mapping)


class _Problem:
    """The exact data; `rows` are those with p_i > 0, as mass off the support of P is the singular part."""

    def __init__(self, data: Any, kind: str) -> None:
        data = _fields(data, _DATA | _KINDS[kind], "instance")
        self.formula = formula(data["divergence"])
        cost = data["cost"]
        _need(isinstance(cost, list) and len(cost) > 0 and isinstance(cost[0], list), "cost is no matrix")
        n, self.m = len(cost), len(cost[0])
        _need(all(isinstance(row, list) and len(row) == self.m for row in cost), "cost is no matrix")
        self.cost = [{j: _rational(c, "cost") for j, c in enumerate(r) if c is not None} for r in cost]
        _need(all(c >= 0 for row in self.cost for c in row.values()), "a cost is negative")
        self.p = _vector(data["p"], n, "p", ZERO, ONE)
        self.rows = [i for i, w in enumerate(self.p) if w > 0]
        self.weights = [self.p[i] for i in self.rows]
        _need(data["support"] in ("space", "reference"), "support is neither space nor reference")
        self.space = data["support"] == "space" and bool(self.formula.recession < INF)
        self.kappa = _vector([data["kappa"]], 1, "kappa", ZERO)[0]
        self.epsilon = _vector([data.get("epsilon", "0")], 1, "epsilon", ZERO)[0]
        self.phi = _vector(data["phi"], self.m, "phi") if kind == "dro" else []
        self.q = _vector(data["q"], self.m, "q", ZERO, ONE) if kind == "divergence" else []

    def transform(self, g: Sequence[fmpq | None], mu: fmpq) -> list[fmpq | None]:
        """max_j { g_j - mu c_ij } for the rows that carry P; None for -inf."""
        values = [[v - mu * c for j, c in self.cost[i].items() if (v := g[j]) is not None] for i in self.rows]
        return [max(row) if row else None for row in values]

    def below_recession(self, values: Sequence[fmpq | None]) -> bool:
        return not self.space or all(v is None or bool(arb(v) <= self.formula.recession) for v in values)

    def support(self, y: list[fmpq | None]) -> arb:
        """sum_i p_i sup { t y_i : t in dom f }, the recession function of J."""
        (low, high), total = self.formula.domain, arb(0)
        for w, v in zip(self.weights, y, strict=True):
            t = high if v is not None and v > 0 else low
            total += INF if t is None else arb(w * v * t) if v is not None else -INF if low > 0 else arb(0)
        return total

    def plan(self, witness: Any) -> tuple[list[fmpq], arb]:
        """Column masses of Q and the cost D(eta||P) + <c, pi> of a plan with its singular masses."""
        witness = _fields(witness, {"plan"}, "plan", {"singular"})
        created = _vector(witness.get("singular", ["0"] * self.m), self.m, "singular", ZERO)
        singular = sum(created, ZERO)
        _need(self.space or singular == 0, "singular mass is not allowed here")
        eta, column, transport = dict.fromkeys(self.rows, ZERO), created, ZERO
        for entry in witness["plan"]:
            _need(isinstance(entry, list) and len(entry) == 3, "the plan has an entry that is no triple")
            i, j, mass = entry[0], entry[1], _rational(entry[2], "plan")
            _need(type(i) is int and i in eta, "the plan takes mass from a row that carries none")
            _need(type(j) is int and j in self.cost[i], "the plan uses an arc of infinite cost, or none")
            _need(mass >= 0, "the plan has a negative entry")
            eta[i], column[j], transport = eta[i] + mass, column[j] + mass, transport + mass * self.cost[i][j]
        return column, self.formula.information(self.weights, list(eta.values()), singular) + arb(transport)


def _lower_divergence(problem: _Problem, witness: Any) -> arb:
    name = "ray" if "ray" in witness else "g"
    values = _fields(witness, {name}, "lower")[name]
    _need(isinstance(values, list) and len(values) == problem.m, "g does not have one entry per column")
    g = [None if v == "-inf" else _rational(v, "g") for v in values]
    pairs = list(zip(g, problem.q, strict=True))
    _need(all(w == 0 for v, w in pairs if v is None), "g is -inf where q is positive")
    linear = arb(sum((w * v for v, w in pairs if v is not None), ZERO))
    if name == "g":
        _need(problem.below_recession(g), "g exceeds f'(inf)")
        return linear - problem.formula.dual(problem.weights, problem.transform(g, ONE))
    _need(not problem.space or all(v is None or v <= 0 for v in g), "the ray leaves g <= f'(inf)")
    return INF if linear - problem.support(problem.transform(g, ZERO)) > 0 else -INF


def _upper_dro(problem: _Problem, witness: Any) -> arb:
    if "constant" in witness:  # D^c(Q||P) >= this for every Q: the ball is empty
        g = _rational(_fields(witness, {"constant"}, "upper")["constant"], "constant")
        least = arb(g) - problem.formula.dual(problem.weights, problem.transform([g] * problem.m, ONE))
        _need(problem.below_recession([g]) and bool(least > arb(problem.epsilon)), "the ball is not empty")
        return -INF
    witness = _fields(witness, {"lambda", "rho"}, "upper")
    lam, rho = _vector([witness["lambda"]], 1, "lambda", ZERO)[0], _rational(witness["rho"], "rho")
    mu = lam + problem.kappa
    shifted = [None if h is None else h - rho for h in problem.transform(problem.phi, mu)]
    if mu == 0:
        _need(not problem.space or all(v <= rho for v in problem.phi), "rho is below the reachable maximum")
        return arb(rho) + problem.support(shifted)
    _need(problem.below_recession([(v - rho) / mu for v in problem.phi]), "rho is below S - mu f'(inf)")
    y = [None if h is None else h / mu for h in shifted]
    return arb(lam * problem.epsilon + rho) + arb(mu) * problem.formula.dual(problem.weights, y)


def bounds(certificate: Mapping[str, Any]) -> tuple[arb, arb]:
    """Balls around the lower and the upper bound that the witnesses prove; `Rejected` when they are unfit."""
    kind, low, high = certificate["kind"], certificate.get("lower"), certificate.get("upper")
    _need(kind in _KINDS, f"unknown kind {kind!r}")
    problem = _Problem(certificate["instance"], kind)
    if kind == "divergence":
        column, cost = problem.plan(high) if high is not None else (problem.q, INF)
        _need(column == problem.q, "the columns of the plan are not q")
        return -INF if low is None else _lower_divergence(problem, low), cost
    upper = INF if high is None else _upper_dro(problem, high)
    if low is None:
        return -INF, upper
    column, cost = problem.plan(low)
    _need(sum(column, ZERO) == 1, "the plan does not have mass 1")
    _need(bool(cost <= arb(problem.epsilon)), "the plan costs more than epsilon")
    gain = sum((v * w for v, w in zip(problem.phi, column, strict=True)), ZERO)
    return arb(gain) - arb(problem.kappa) * cost, upper


def check(certificate: Any) -> Verdict:
    """Whether the witnesses of a certificate prove the interval that it claims."""
    with ctx.workprec(PRECISION):
        try:
            _fields(certificate, {"format", "kind", "instance", "claim"}, "it", {"lower", "upper"})
            _need(certificate["format"] == "armor-d-certificate 1", "its format is unknown")
            claim = _fields(certificate["claim"], {"lower", "upper"}, "claim")
            ends = {"inf": INF, "-inf": -INF}
            lower, upper = (ends.get(claim[k]) or arb(_rational(claim[k], k)) for k in ("lower", "upper"))
            low, high = bounds(certificate)
            _need(bool(lower <= upper), "the claimed interval is empty")
            _need(bool(low >= lower), f"its witness proves the lower bound {low.str(20)} only")
            _need(bool(high <= upper), f"its witness proves the upper bound {high.str(20)} only")
        except (Rejected, KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
            why = f"{error}" if isinstance(error, Rejected | ValueError) else "a field has the wrong form"
            return Verdict(False, -math.inf, math.inf, math.inf, why, "none")
        least = math.inf if lower == INF else math.nextafter(float(lower), -math.inf)
        most = -math.inf if upper == -INF else math.nextafter(float(upper), math.inf)
    given = " and ".join(side for side in ("lower", "upper") if certificate.get(side)) or "no"
    assumed = assumption(certificate["instance"]["divergence"])
    reason = f"{given} witness evaluated in ball arithmetic{assumed}"
    return Verdict(True, least, most, 0.0 if least == most else most - least, reason, "enclosed")
