"""Re-checks a certificate: exact rational data and witnesses in, a proved interval out.

Nothing here solves anything. Weak duality does all the work, in ball arithmetic:
  D^c, lower  (T2): q.g - J(g^c), any g with g_j <= f'(inf) in mode "space"; +inf along a ray of such g;
  D^c, upper  (T1): the cost of any plan whose columns, with the singular masses, are exactly q;
  DRO, upper  (T7): lambda eps + rho + mu J((phi^c_mu - rho)/mu), mu = lambda + kappa; at mu = 0 the support
  function; DRO, lower  (T6): E_Q[phi] - kappa K of any plan whose cost K = D(eta||P) + <c, pi> is at most
  eps.
It imports the standard library, python-flint and the table of formulas next to it, and nothing else of the
project.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb, ctx, fmpq

from verification.certificate.formulas import INF, ONE, ZERO, Formula, formula

__all__ = ["PRECISION", "Rejected", "Verdict", "bounds", "check"]

PRECISION = 256  # bits of the ball arithmetic
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d{1,4})?|[+-]?\d+/\d+")
_FIELDS = {"format", "version", "kind", "instance", "lower", "upper", "claim"}
_DATA = {"divergence", "cost", "p", "support", "kappa"}


@dataclass(frozen=True)
class Verdict:
    """`accepted`: the claimed interval `[lower, upper]` is proved. `reason` says why, or why not."""

    accepted: bool
    lower: float
    upper: float
    width: float
    reason: str
    grade: str


class Rejected(Exception):
    """The certificate does not prove what it claims; the message says where."""


def _need(condition: bool, why: str) -> None:
    if not condition:
        raise Rejected(why)


def _rational(text: object, where: str) -> fmpq:
    _need(isinstance(text, str) and len(text) < 20000 and _NUMBER.fullmatch(text) is not None,
          f"{where} is not the text of an exact number")  # fmt: skip
    exact = Fraction(str(text))
    return fmpq(exact.numerator, exact.denominator)


def _vector(value: Any, size: int, where: str) -> list[fmpq]:
    _need(isinstance(value, Sequence) and len(value) == size, f"{where} does not have {size} entries")
    return [_rational(v, where) for v in value]


def _weights(value: Any, size: int, where: str) -> list[fmpq]:
    w = _vector(value, size, where)
    _need(all(v >= 0 for v in w) and sum(w, ZERO) == 1, f"{where} is not a probability vector")
    return w


def _only(mapping: Any, allowed: set[str], where: str) -> Mapping[str, Any]:
    _need(isinstance(mapping, Mapping) and set(mapping) <= allowed, f"{where} holds an unknown field")
    return dict(mapping)


class _Problem:
    """The data of the instance, rows with p_i = 0 dropped (mass created off the support is the singular
    part)."""

    def __init__(self, data: Any, kind: str) -> None:
        extra = {"q"} if kind == "divergence" else {"phi", "epsilon"}
        data = _only(data, _DATA | extra, "instance")
        _need(set(data) == _DATA | extra, "instance lacks a field")
        try:
            self.formula: Formula = formula(data["divergence"])
        except (ValueError, TypeError, AttributeError) as error:
            raise Rejected(str(error)) from None
        cost = data["cost"]
        _need(
            isinstance(cost, Sequence) and len(cost) > 0 and isinstance(cost[0], Sequence),
            "cost is no matrix",
        )
        self.m = len(cost[0])
        self.p = _weights(data["p"], len(cost), "p")
        self.cost: list[dict[int, fmpq]] = []
        for row in cost:
            _need(isinstance(row, Sequence) and len(row) == self.m, "cost has rows of different lengths")
            self.cost.append({j: _rational(c, "cost") for j, c in enumerate(row) if c is not None})
            _need(all(c >= 0 for c in self.cost[-1].values()), "a cost is negative")
        self.rows = [i for i, w in enumerate(self.p) if w > 0]
        self.kappa = _rational(data["kappa"], "kappa")
        _need(self.kappa >= 0, "kappa is negative")
        _need(data["support"] in ("space", "reference"), "support is neither space nor reference")
        self.space = data["support"] == "space" and bool(self.formula.recession < INF)
        self.q = _weights(data["q"], self.m, "q") if kind == "divergence" else []
        self.phi = _vector(data["phi"], self.m, "phi") if kind == "dro" else []
        self.epsilon = _rational(data["epsilon"], "epsilon") if kind == "dro" else ZERO
        _need(self.epsilon >= 0, "epsilon is negative")

    def transform(self, g: Sequence[fmpq | None], mu: fmpq) -> list[fmpq | None]:
        """max_j { g_j - mu c_ij } for the rows that carry P; None for -inf."""
        found: list[fmpq | None] = []
        for i in self.rows:
            values = [v - mu * c for j, c in self.cost[i].items() if (v := g[j]) is not None]
            found.append(max(values) if values else None)
        return found

    def dual(self, y: list[fmpq | None]) -> arb:
        return self.formula.dual([self.p[i] for i in self.rows], y)

    def below_recession(self, values: Sequence[fmpq | None]) -> bool:
        return not self.space or all(v is None or bool(arb(v) <= self.formula.recession) for v in values)

    def support(self, y: list[fmpq | None]) -> arb:
        """sum_i p_i sup { t y_i : t in dom f }, the recession function of J."""
        low, high = self.formula.domain
        total = arb(0)
        for i, v in zip(self.rows, y, strict=True):
            if v is None:
                total += -INF if low > 0 else arb(0)
            else:
                t = high if v > 0 else low
                total += INF if t is None else arb(self.p[i] * v * t)
        return total

    def plan(self, witness: Any) -> tuple[list[fmpq], arb]:
        """Column masses of Q and the cost D(eta||P) + <c, pi> of a plan with its singular masses."""
        witness = _only(witness, {"plan", "singular"}, "plan")
        eta, column = [ZERO] * len(self.p), [ZERO] * self.m
        transport = ZERO
        for entry in witness["plan"]:
            _need(isinstance(entry, Sequence) and len(entry) == 3, "an entry of the plan is not [i, j, mass]")
            i, j, mass = entry[0], entry[1], _rational(entry[2], "plan")
            _need(type(i) is int and type(j) is int and 0 <= i < len(self.p), "a plan index is out of range")
            _need(j in self.cost[i], "the plan uses an arc of infinite cost, or none")
            _need(mass >= 0 and (self.p[i] > 0 or mass == 0), "the plan takes mass where it may not")
            eta[i], column[j] = eta[i] + mass, column[j] + mass
            transport += mass * self.cost[i][j]
        singular = _vector(witness.get("singular") or ["0"] * self.m, self.m, "singular")
        total = sum(singular, ZERO)
        _need(
            all(s >= 0 for s in singular) and (self.space or total == 0), "singular mass is not allowed here"
        )
        column = [a + s for a, s in zip(column, singular, strict=True)]
        masses = [eta[i] for i in self.rows]
        return column, self.formula.information([self.p[i] for i in self.rows], masses, total) + arb(
            transport
        )


def _lower_divergence(problem: _Problem, witness: Any) -> arb:
    witness = _only(witness, {"g", "ray"}, "lower")
    values = witness["g"] if "g" in witness else witness["ray"]
    _need(isinstance(values, Sequence) and len(values) == problem.m, "g does not have one entry per column")
    g = [None if v == "-inf" else _rational(v, "g") for v in values]
    _need(
        all(w == 0 for v, w in zip(g, problem.q, strict=True) if v is None), "g is -inf where q is positive"
    )
    linear = arb(sum((w * v for v, w in zip(g, problem.q, strict=True) if v is not None), ZERO))
    if "g" in witness:
        _need(problem.below_recession(g), "g exceeds f'(inf)")
        return linear - problem.dual(problem.transform(g, ONE))
    _need(not problem.space or all(v is None or v <= 0 for v in g), "the ray leaves g <= f'(inf)")
    return INF if linear - problem.support(problem.transform(g, ZERO)) > 0 else -INF


def _upper_dro(problem: _Problem, witness: Any) -> arb:
    if (
        "constant" in witness
    ):  # a constant potential bounds D^c(Q||P) from below for every Q: the ball is empty
        g = _rational(_only(witness, {"constant"}, "upper")["constant"], "constant")
        least = arb(g) - problem.dual(problem.transform([g] * problem.m, ONE))
        _need(problem.below_recession([g]) and bool(least > arb(problem.epsilon)), "the ball is not empty")
        return -INF
    witness = _only(witness, {"lambda", "rho"}, "upper")
    lam, rho = _rational(witness["lambda"], "lambda"), _rational(witness["rho"], "rho")
    _need(lam >= 0, "lambda is negative")
    mu = lam + problem.kappa
    shifted = [None if h is None else h - rho for h in problem.transform(problem.phi, mu)]
    if mu == 0:
        _need(not problem.space or all(v <= rho for v in problem.phi), "rho is below the reachable maximum")
        return arb(rho) + problem.support(shifted)
    _need(problem.below_recession([(v - rho) / mu for v in problem.phi]), "rho is below S - mu f'(inf)")
    y = [None if h is None else h / mu for h in shifted]
    return arb(lam * problem.epsilon + rho) + arb(mu) * problem.dual(y)


def bounds(certificate: Mapping[str, Any]) -> tuple[arb, arb]:
    """Balls around the lower and the upper bound that the witnesses prove; `Rejected` when they prove
    nothing."""
    kind = certificate.get("kind")
    _need(kind in ("divergence", "dro"), f"unknown kind {kind!r}")
    problem = _Problem(certificate["instance"], str(kind))
    lower, upper = certificate.get("lower"), certificate.get("upper")
    if kind == "divergence":
        low = -INF if lower is None else _lower_divergence(problem, lower)
        column, cost = problem.plan(upper) if upper is not None else (problem.q, INF)
        _need(column == problem.q, "the columns of the plan are not q")
        return low, cost
    high = INF if upper is None else _upper_dro(problem, upper)
    if lower is None:
        return -INF, high
    column, cost = problem.plan(lower)
    _need(sum(column, ZERO) == 1, "the plan does not have mass 1")
    _need(bool(cost <= arb(problem.epsilon)), "the plan costs more than epsilon")
    gain = sum((v * w for v, w in zip(problem.phi, column, strict=True)), ZERO)
    return arb(gain) - arb(problem.kappa) * cost, high


def _claimed(text: object) -> arb:
    return INF if text == "inf" else -INF if text == "-inf" else arb(_rational(text, "claim"))


def check(certificate: Any) -> Verdict:
    """Whether the witnesses of a certificate prove the interval that it claims."""
    with ctx.workprec(PRECISION):
        try:
            certificate = _only(certificate, _FIELDS, "the certificate")
            known = certificate.get("format") == "armor-d-certificate" and certificate.get("version") == "1"
            _need(known, "not a certificate of a known version")
            low, high = bounds(certificate)
            claim = _only(certificate["claim"], {"lower", "upper"}, "claim")
            lower, upper = _claimed(claim["lower"]), _claimed(claim["upper"])
            _need(bool(lower <= upper), "the claimed interval is empty")
            _need(bool(low >= lower), f"the witness proves the lower bound {low.str(20)} only")
            _need(bool(high <= upper), f"the witness proves the upper bound {high.str(20)} only")
            least = math.nextafter(float(lower.lower()), -math.inf)
            most = math.nextafter(float(upper.upper()), math.inf)
        except (Rejected, KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
            why = f"the field {error} is missing" if isinstance(error, KeyError) else str(error)
            return Verdict(False, -math.inf, math.inf, math.inf, why, "none")
        width = 0.0 if math.isinf(least) and least == most else most - least
    return Verdict(True, least, most, width, "both witnesses were evaluated in ball arithmetic", "enclosed")
