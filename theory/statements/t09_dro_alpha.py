"""T9: DRO duality for the alpha family, lambda eliminated for hard balls."""

from dataclasses import replace
from math import exp, log
from typing import Any

import sympy as sp

from theory.checks import bracket, claims, identities, products
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade, Outcome
from theory.fdivergence import FDivergence
from theory.finite import Finite
from theory.statement import ForRenyi, NotApplicable, Statement
from theory.statements.t03_reweighting import conjugate_check
from theory.symbols import t

_B = sp.Symbol("b", positive=True)
_LOSSES = (0.2, 1.1, -0.3)
_INF = float("inf")
_RIGID = ((0.0, _INF, _INF), (_INF, 0.0, _INF), (_INF, _INF, 0.0))
_P = (0.4, 0.25, 0.35)


def least_of_two_powers(linear: Any, coefficient: Any, power: Any, best: Any, value: Any) -> Finding:
    """`value` is the least value of `linear x + coefficient x^power` over x > 0, reached at `best`: the
    function is convex, its derivative vanishes there, and its value there is `linear best (1 - 1/power)`.

    All arguments are products of powers of positive symbols, up to sign.
    """

    def negative(expression: Any) -> bool:
        return bool(sp.factor(sp.together(expression)).is_negative)

    def size(expression: Any) -> Any:
        return -expression if negative(expression) else expression

    rest = sp.cancel(1 - 1 / power)
    found = products(
        (size(linear), size(coefficient * power) * best ** sp.cancel(power - 1)),
        (size(linear) * best * size(rest), size(value)),
    )
    if found.outcome is not Outcome.HOLDS:
        return found
    return claims(
        {
            "the dual function of lambda is convex": negative(-coefficient * power * sp.cancel(power - 1)),
            "its slope vanishes at the minimiser": negative(linear * coefficient * power),
            "it has the closed value there": negative(-linear * rest * value),
        }
    )


def _eliminate_above() -> Finding:
    """a = 1 + b > 1: lambda k/(a b) + lambda^(-1/b) b^(a/b) M/a with k = 1 + a b eps,
    M = E (phi - rho)_+^(a/b).
    """
    m, k = sp.symbols("M k", positive=True)
    a = 1 + _B
    best = _B * k ** (-_B / a) * m ** (_B / a)
    value = k ** (1 / a) * m ** (_B / a)
    return least_of_two_powers(k / (a * _B), _B ** (a / _B) / a * m, -1 / _B, best, value)


def _eliminate_between() -> Finding:
    """0 < a < 1: -lambda c/(a b) + lambda^(1/b) b^(-a/b) M/a with b = 1 - a, c = 1 - a b eps > 0,
    M = E (rho - phi)^(-a/b).
    """
    m, k, c = sp.symbols("M k c", positive=True)
    a, b = 1 / (1 + k), k / (1 + k)
    best = b * c**k * m**-k
    value = -(c ** (1 + k)) * m**-k
    found = least_of_two_powers(-c / (a * b), b ** (-1 / k) * m / a, (1 + k) / k, best, value)
    if found.outcome is not Outcome.HOLDS:
        return found
    # where 1 - a b eps = -c or 0 instead: lambda (c or 0)/(a b) + a positive power of lambda
    lam, left = sp.Symbol("lambda", positive=True), sp.Symbol("c", nonnegative=True)
    dual = lam * left / (a * b) + lam ** ((1 + k) / k) * b ** (-1 / k) * m / a
    clamped = {"rising from lambda = 0 where 1 - a(1-a) eps <= 0": sp.diff(dual, lam).is_positive}
    return replace(found, detail=f"{found.detail}; {claims(clamped).detail}", outcome=claims(clamped).outcome)


def _eliminate_below() -> Finding:
    """a = -b < 0: lambda k/(b c) - lambda^(1/c) c^(b/c) M/b with c = 1 + b, k = 1 + b c eps,
    M = E (rho - phi)^(b/c).
    """
    m, k = sp.symbols("M k", positive=True)
    c = 1 + _B
    best = c * m ** (c / _B) * k ** (-c / _B)
    value = -(m ** (c / _B)) * k ** (-1 / _B)
    return least_of_two_powers(k / (_B * c), -(c ** (_B / c)) * m / _B, 1 / c, best, value)


def closed_value(alpha: float, losses: tuple[float, ...], p: tuple[float, ...], eps_value: float) -> float:
    """The one-variable form for a hard ball, kappa = 0, mode "reference", minimised over rho by golden
    section.
    """
    top, low = max(losses), min(losses)
    power = alpha / (alpha - 1)

    def value(rho: float) -> float:
        if alpha > 1:
            scale = top - rho
            m = sum(w * max((v - rho) / scale, 0.0) ** power for w, v in zip(p, losses, strict=True))
            return float(
                rho + (1 + alpha * (alpha - 1) * eps_value) ** (1 / alpha) * scale * m ** (1 / power)
            )
        scale = rho - low if alpha < 0 else rho - top
        m = sum(w * ((rho - v) / scale) ** power for w, v in zip(p, losses, strict=True))
        return float(
            rho - max(1 - alpha * (1 - alpha) * eps_value, 0.0) ** (1 / alpha) * scale * m ** (1 / power)
        )

    # the distance of rho from the top, logarithmic: near alpha = 1 it is of the order of 1/|alpha - 1|
    side = -1 if alpha > 1 else 1

    def at(distance: float) -> float:
        return value(top + side * exp(distance))

    span = top - low
    lo, hi = log(1e-12 * span), log(1e6 * span * max(1.0, 1 / abs(alpha - 1)))
    for _ in range(100):
        left, right = lo + (hi - lo) * 0.381966, lo + (hi - lo) * 0.618034
        lo, hi = (lo, right) if at(left) < at(right) else (left, hi)
    return at((lo + hi) / 2)


def _one_variable(d: FDivergence) -> Finding:
    alpha = float(d.parameters["alpha"])
    for radius in (0.02, 0.1):
        two = Finite(d, _P).dro(_LOSSES, _RIGID, radius, 0.0)
        closed = closed_value(alpha, _LOSSES, _P, radius)
        found = bracket(two.lower, closed, f"eps {radius}", 1e-7)
        if found.outcome is not Outcome.HOLDS:
            return found
    return Finding(
        Outcome.HOLDS, Grade.BRACKETED, "the one-variable form meets the primal witness for two radii"
    )


def _limits() -> Finding:
    """In the gauge f'(1) = 0: f -> t log t - t + 1 as alpha -> 1 and t - 1 - log t as alpha -> 0."""
    a = sp.Symbol("a")
    power = (t**a - 1) / a
    # both limits are difference quotients of the power in a, so derivatives: at a = 1, where it is t - 1, and
    # of t^a at a = 0, where the power tends to log t
    raw = (t**a - 1) / (a * (a - 1))
    return identities(
        (raw - (t - 1) / (a - 1), (power - (t - 1)) / (a - 1)),
        (power.subs(a, 1), t - 1),
        (sp.diff(power, a).subs(a, 1), t * sp.log(t) - t + 1),
        ((t**a).subs(a, 0), 1),
        (-(sp.diff(t**a, a).subs(a, 0) - (t - 1)), t - 1 - sp.log(t)),
    )


def _conjugate_limits() -> Finding:
    """The shift of gauge moves f* to (u^(a/(a-1)) - 1)/a, u = 1 + (a-1) y, on each regime; and its limits."""
    y, a = sp.Symbol("y", positive=True), sp.Symbol("a")
    # u > 0 is a multiple of the argument of the raw f*, whose distance from its border is u/|a - 1|
    u = sp.Symbol("u", positive=True)
    regimes = (  # alpha, and the raw f* as a power and a constant, with the sign of alpha
        (1 + _B, u ** ((1 + _B) / _B) / (1 + _B), 1 / ((1 + _B) * _B), 1),
        (1 / (1 + _B), (1 + _B) * u ** (-1 / _B), -((1 + _B) ** 2) / _B, 1),
        (-_B, u ** (_B / (1 + _B)) / _B, 1 / (_B * (1 + _B)), -1),
    )
    found = products(*((term, sign * u ** sp.cancel(r / (r - 1)) / r) for r, term, _, sign in regimes))
    if found.outcome is not Outcome.HOLDS:
        return found
    found = identities(*((sp.cancel(constant - 1 / (r - 1) + 1 / r), 0) for r, _, constant, _ in regimes))
    if found.outcome is not Outcome.HOLDS:
        return found
    # both limits are difference quotients, so derivatives: of log(1 + e y) at e = alpha - 1 = 0, which is the
    # exponent over alpha, and of u^(alpha/(alpha-1)), which is 1 at alpha = 0, there
    e, v = sp.Symbol("e"), sp.Symbol("v", positive=True)  # v = 1 - y
    power = (v + a * (1 - v)) ** (a / (a - 1))
    return identities(
        (sp.diff(sp.log(1 + e * y), e).subs(e, 0), y),
        (power.subs(a, 0), 1),
        (sp.diff(power, a).subs(a, 0), -sp.log(v)),
    )


# alpha, f*, V and lambda* of each regime
_POWERS = r"M = E_P[(\rho-\varphi^c)^{\alpha/(\alpha-1)}]"
_REGIMES = {
    "above": (
        r"\alpha > 1",
        r"f^*(y) = \alpha^{-1} ((\alpha-1) y)_+^{\alpha/(\alpha-1)} + 1/(\alpha(\alpha-1))",
        r"V = \inf_\rho \{ \rho + (1+\alpha(\alpha-1)\varepsilon)^{1/\alpha} "
        r"E_P[(\varphi^c-\rho)_+^{\alpha'}]^{1/\alpha'} \},"
        r" \quad \alpha' = \alpha/(\alpha-1)",
        r"\lambda^* = (\alpha-1) (1+\alpha(\alpha-1)\varepsilon)^{-1/\alpha'} M^{1/\alpha'},"
        r" \quad M = E_P[(\varphi^c-\rho)_+^{\alpha'}]",
        _eliminate_above,
    ),
    "between": (
        r"0 < \alpha < 1",
        r"f^*(y) = \alpha^{-1} ((1-\alpha)|y|)^{-\alpha/(1-\alpha)} - 1/(\alpha(1-\alpha)), \quad y < 0",
        r"V = \inf_{\rho > \max \varphi^c} \{ \rho - (1-\alpha(1-\alpha)\varepsilon)_+^{1/\alpha}"
        r" (E_P (\rho-\varphi^c)^{\alpha/(\alpha-1)})^{(\alpha-1)/\alpha} \}",
        r"\lambda^* = (1-\alpha) (1-\alpha(1-\alpha)\varepsilon)_+^{(1-\alpha)/\alpha} M^{(\alpha-1)/\alpha},"
        rf" \quad {_POWERS}",
        _eliminate_between,
    ),
    "below": (
        r"\alpha < 0",
        r"f^*(y) = \alpha^{-1} ((1-\alpha)|y|)^{-\alpha/(1-\alpha)} - 1/(\alpha(1-\alpha)), \quad y \le 0",
        r"V = \inf_{\rho \ge \max \varphi^c} \{ \rho - (1+\alpha(\alpha-1)\varepsilon)^{1/\alpha}"
        r" (E_P (\rho-\varphi^c)^{\alpha/(\alpha-1)})^{(\alpha-1)/\alpha} \}",
        r"\lambda^* = (1-\alpha) (1+\alpha(\alpha-1)\varepsilon)^{(1-\alpha)/\alpha} M^{(\alpha-1)/\alpha},"
        rf" \quad {_POWERS}",
        _eliminate_below,
    ),
}


def _regime(d: FDivergence) -> str:
    alpha = d.parameters["alpha"]
    return "above" if alpha > 1 else "between" if alpha > 0 else "below"


def _formula(d: FDivergence) -> Formula:
    return Formula(_REGIMES[_regime(d)][2]) if d.name == "alpha" else STATEMENT.formula


def _steps(d: FDivergence) -> tuple[Step, ...]:
    if d.name != "alpha":
        raise NotApplicable("it is T7 for the alpha family")
    given, conjugate, formula, multiplier, eliminate = _REGIMES[_regime(d)]
    return (
        Step(
            rf"The conjugate for ${given}$, $\alpha$ symbolic in the whole regime.",
            Formula(conjugate),
            "conjugate by parametrisation",
            Grade.PROVED,
            lambda: conjugate_check(d),
        ),
        Step(
            rf"Hard ball, $\kappa = 0$, ${given}$: $\varphi^c$ does not depend on $\lambda$, and "
            rf"the dual function of $\lambda$ is a sum of two powers, least at ${multiplier}$; the value "
            r"there is left to minimise over $\rho$.",
            Formula(formula),
            "elimination of lambda",
            Grade.PROVED,
            eliminate,
        ),
        Step(
            r"The one-variable form meets the primal value on three points.",
            Formula(""),
            "primal witness",
            Grade.BRACKETED,
            lambda: _one_variable(d),
        ),
        Step(
            r"As $\alpha \to 1$ and $\alpha \to 0$, in the gauge $f'(1) = 0$, $f$ tends to KL and "
            r"reverse KL; the raw $f$, "
            r"$f^*$ and $\rho^*$ diverge by the gauge term $(t-1)/(\alpha-1)$.",
            Formula(r"f_\alpha(t) - \frac{t-1}{\alpha-1} \to t \log t - t + 1, \quad t - 1 - \log t"),
            "limit in the parameter",
            Grade.PROVED,
            _limits,
        ),
        Step(
            r"In that gauge the conjugates of all regimes, $f^*(y + 1/(\alpha-1)) - 1/(\alpha-1)$, are one "
            r"expression in $u = 1 + (\alpha-1) y > 0$, and tend to those of KL and reverse KL.",
            Formula(r"\frac{u^{\alpha/(\alpha-1)} - 1}{\alpha} \to e^y - 1, \quad -\log(1-y)"),
            "limit in the parameter",
            Grade.PROVED,
            _conjugate_limits,
        ),
    )


STATEMENT = Statement(
    "T9",
    "DRO duality, alpha form",
    (
        r"those of T7; $D$ is the alpha divergence",
        r"the form without $\lambda$: hard ball, $\kappa = 0$; for $\alpha < 1$ mode ``reference''",
    ),
    Formula(
        r"V = \inf_\rho \{ \rho + (1+\alpha(\alpha-1)\varepsilon)^{1/\alpha} "
        r"E_P[(\varphi^c-\rho)_+^{\alpha'}]^{1/\alpha'} \}"
        r" \quad (\alpha > 1)"
    ),
    "arXiv 2309.03791; the case alpha < 0 derived here",
    _steps,
    renyi=ForRenyi("it is T7 for the alpha family; T28 relates the balls"),
    formula_for=_formula,
)
