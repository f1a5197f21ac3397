"""T10: DRO duality for the Renyi divergences, through their own conjugate."""

from functools import cache
from typing import Any

import sympy as sp

from theory import symbols
from theory.checks import bracket, claims, identities, products
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade, Outcome
from theory.fdivergence import FDivergence
from theory.instances import dro_bracket
from theory.renyi import REGIMES, Renyi
from theory.statement import ForRenyi, NotApplicable, Statement
from theory.symbols import eps, mu

_P = (0.4, 0.25, 0.35)
_H = (0.2, 1.1, -0.3)


@cache
def _tangent() -> Finding:
    """log z <= z s - log s - 1 with equality at s = 1/z: the linear majorant of the logarithm."""
    z, s = sp.symbols("z s", positive=True)
    gap = z * s - sp.log(s) - 1 - sp.log(z)
    return identities(
        (gap.subs(s, 1 / z), 0), (sp.diff(gap, s).subs(s, 1 / z), 0), (sp.diff(gap, s, 2), 1 / s**2)
    )


@cache
def _pointwise() -> Finding:
    """Stationary mass at a point with gap x = rho - h > 0, and the two sums there."""
    s, x, p, eta, a = sp.symbols("s x p eta a", positive=True)
    best = p * (s / (a * x)) ** (1 / a)
    k = 1 / (a * (a - 1))
    # of eta (h - rho) + k s p^a eta^(1 - a)
    slope = identities((sp.diff(k * s * p**a * eta ** (1 - a), eta), -s / a * p**a * eta**-a))
    if slope.outcome is not Outcome.HOLDS:
        return slope
    unit = s ** (1 / a) * a ** (-1 / a) * p * x ** (1 - 1 / a)  # both sums are multiples of it
    return products((s / a * p**a * best**-a, x), (best * x, unit), (s / a * p**a * best ** (1 - a), unit))


@cache
def _scale() -> Finding:
    """Stationary s and the value: -(log a + 1)/a - log N/(a - 1); the weights p x^(-1/a)/(a N)."""
    s, n, x, p, a = sp.symbols("s N x p a", positive=True)
    k = 1 / (a * (a - 1))
    power = (s / a) ** (1 / a) * n  # the value is -a/(a - 1) power + k (log s + 1), its slope a multiple of
    best = a ** (1 - a) * n**-a  # power - 1/a
    value = -a / (a - 1) * sp.Symbol("u") + k * (sp.expand_log(sp.log(best)) + 1)
    found = identities(
        (sp.diff(s ** (1 / a), s), s ** (1 / a) / (a * s)),
        (value.subs(sp.Symbol("u"), 1 / a), -(sp.log(a) + 1) / a - sp.log(n) / (a - 1)),
    )
    if found.outcome is not Outcome.HOLDS:
        return found
    return products(
        (power.subs(s, best), 1 / a), (p * (best / (a * x)) ** (1 / a), p * x ** (-1 / a) / (a * n))
    )


@cache
def _perspective() -> Finding:
    """mu Lambda[h/mu] with rho -> rho/mu: log N shifts by (a-1)/a log mu."""
    n = sp.Symbol("N", positive=True)  # N = E (rho - h)^((a-1)/a), unscaled
    pairs = []
    for a in REGIMES:
        left = mu * (-(sp.log(a) + 1) / a - sp.log(n * mu ** (-(a - 1) / a)) / (a - 1))
        right = -mu * (sp.log(a) + 1) / a + mu * sp.log(mu) / a - mu * sp.log(n) / (a - 1)
        pairs.append((sp.expand_log(left), sp.expand_log(right)))
    return identities(*pairs)


@cache
def _eliminate() -> Finding:
    """Hard ball, kappa = 0: the minimiser over lambda and the one-variable form."""
    lam, level = sp.Symbol("lambda", positive=True), sp.Symbol("L", real=True)
    pairs = []
    for a in REGIMES:
        dual = lam * eps - lam * (sp.log(a) + 1) / a + lam * sp.log(lam) / a - lam * level / (a - 1)
        best = a * sp.exp(-a * eps + a * level / (a - 1))
        pairs.append((sp.expand_log(sp.diff(dual, lam).subs(lam, best), force=True), 0))
        pairs.append((sp.expand_log(dual.subs(lam, best), force=True), -best / a))
    return identities(*pairs)


@cache
def _limit() -> Finding:
    """alpha -> 1: log E x^((a-1)/a)/(a-1) -> E log x, so T10 becomes T7 with reverse KL."""
    a, w, x, z = sp.symbols("a w x z", positive=True)
    # a difference quotient at a = 1, where log mean = 0: the limit is the derivative there
    log_mean = sp.log(w * x ** ((a - 1) / a) + (1 - w) * z ** ((a - 1) / a))
    found = sp.diff(log_mean, a).subs(a, 1)
    expected = w * sp.log(x) + (1 - w) * sp.log(z)
    from theory.catalogue import divergence

    f_star: Any = divergence("reverse_kl").regions[-1].expr
    gap = sp.Symbol("g", positive=True)
    return identities(
        (log_mean.subs(a, 1), 0),
        (found, expected),
        (sp.expand_log(f_star.subs(symbols.y, -gap)), -1 - sp.log(gap)),
        ((-(sp.log(a) + 1) / a).subs(a, 1), -1),
    )


def _brackets(d: Renyi) -> Finding:
    ceilings = (None, max(_H) + 0.1)
    found = [
        bracket(r.primal, r.dual, f"mu {m}")
        for m in (1.0, 0.4)
        for ceiling in ceilings
        for r in (d.reweight(_P, _H, m, ceiling),)
    ]
    failed = [f for f in found if f.outcome is not Outcome.HOLDS]
    return failed[0] if failed else found[0]


def _convex(d: Renyi) -> Finding:
    """Midpoint convexity of R_alpha(P||eta) in eta on a grid of pairs."""
    grid = [(i / 20, j / 20, 1 - (i + j) / 20) for i in range(1, 18, 4) for j in range(1, 19 - i, 4)]
    worst = min(
        (d.value(_P, a) + d.value(_P, b)) / 2 - d.value(_P, [(u + v) / 2 for u, v in zip(a, b, strict=True)])
        for a in grid
        for b in grid
    )
    return claims({f"no midpoint violation on {len(grid) ** 2} pairs": worst > -1e-12}, Grade.SAMPLED)


def conjugate_steps(d: Renyi) -> tuple[Step, ...]:
    """The conjugate of R_alpha(P||.) with its weights (T3, T4 and the heart of T10)."""
    return (
        Step(
            r"$\eta \mapsto R_\alpha(P\|\eta)$ is convex for every $\alpha > 0$, $\alpha \ne 1$, so "
            r"T6 applies.",
            Formula(
                r"R_\alpha(P\|\eta) = \frac{1}{\alpha(\alpha-1)} \log \sum_i p_i^\alpha \eta_i^{1-\alpha}"
            ),
            "convexity in the second argument",
            Grade.CITED,
            lambda: _convex(d),
            "van Erven and Harremoes (2014), Theorem 12",
            (r"$\alpha > 0$",),
        ),
        Step(
            r"Replace the logarithm by its tangents; for $\alpha > 1$ this is a joint supremum in "
            r"$(\eta, s)$, for "
            r"$\alpha < 1$ a saddle point.",
            Formula(r"\log z = \inf_{s > 0} \{ z s - \log s - 1 \}"),
            "variational form of log",
            Grade.PROVED,
            _tangent,
        ),
        Step(
            r"For fixed $s$ and a multiplier $\rho$ of the mass each point is optimised alone; "
            r"write $x = \rho - h > 0$.",
            Formula(r"\eta = p (s/(\alpha x))^{1/\alpha}"),
            "pointwise optimisation",
            Grade.PROVED,
            _pointwise,
        ),
        Step(
            r"The remaining function of $s$ is stationary at $s = \alpha^{1-\alpha} N^{-\alpha}$, "
            r"$N = E_P[(\rho-h)^{(\alpha-1)/\alpha}]$.",
            Formula(
                r"\Lambda^P[h] = \inf_\rho \{ \rho - \alpha^{-1}(\log\alpha + 1) - (\alpha-1)^{-1} \log N \},"
                r" \quad w_i = p_i (\rho-h_i)^{-1/\alpha}/(\alpha N)"
            ),
            "elimination of the scale",
            Grade.PROVED,
            _scale,
        ),
        Step(
            r"Both witnesses meet on three points, in both modes.",
            Formula(""),
            "primal witness",
            Grade.BRACKETED,
            lambda: _brackets(d),
        ),
    )


def renyi_steps(d: Renyi) -> tuple[Step, ...]:
    """The derivation of T10."""
    return (
        *conjugate_steps(d),
        Step(
            r"Scale by $\mu = \lambda+\kappa$ as in T7; the power in $N$ releases $\alpha^{-1}\mu \log\mu$.",
            Formula(r"-\mu\alpha^{-1}(\log\alpha + 1) + \alpha^{-1}\mu \log\mu - \mu(\alpha-1)^{-1} \log N"),
            "perspective of the conjugate",
            Grade.PROVED,
            _perspective,
        ),
        Step(
            r"The two-variable form meets the primal value of a feasible $Q$ for two radii and two "
            r"penalties.",
            Formula(""),
            "primal and dual witnesses",
            Grade.BRACKETED,
            lambda: dro_bracket(d),
        ),
        Step(
            r"Hard ball, $\kappa = 0$, mode ``reference'': $\lambda$ is eliminated at "
            r"$\lambda^* = \alpha e^{-\alpha\varepsilon} N^{\alpha/(\alpha-1)}$.",
            Formula(
                r"V = \inf_\rho \{ \rho - e^{-\alpha\varepsilon}"
                r" (E_P (\rho-\varphi^c)^{(\alpha-1)/\alpha})^{\alpha/(\alpha-1)} \}"
            ),
            "elimination of lambda",
            Grade.PROVED,
            _eliminate,
        ),
        Step(
            r"As $\alpha \to 1$ the form becomes T7 with reverse KL, $f^*(y) = -1 - \log(-y)$.",
            Formula(r"(\alpha-1)^{-1} \log E_P[x^{(\alpha-1)/\alpha}] \to E_P[\log x]"),
            "limit in the parameter",
            Grade.PROVED,
            _limit,
        ),
    )


def _steps(_: FDivergence) -> tuple[Step, ...]:
    raise NotApplicable("it is for the Renyi divergences, which are not f-divergences")


STATEMENT = Statement(
    "T10",
    "DRO duality, Renyi form",
    (
        r"those of T6; $D(\eta\|P) = R_\alpha(P\|\eta)$, $\alpha > 0$, $\alpha \ne 1$",
        r"$S = \sup_X \varphi$ in mode ``space'' (the bound is attained), $\max_{\mathrm{supp} P} "
        r"\varphi^c_\mu$ in mode "
        r"``reference''",
    ),
    Formula(
        r"V = \inf_{\lambda \ge 0, \rho \ge S} \{ \lambda\varepsilon + \rho - "
        r"\mu\alpha^{-1}(\log\alpha + 1) +"
        r" \alpha^{-1}\mu \log\mu - \mu(\alpha-1)^{-1} \log E_P[(\rho - "
        r"\varphi^c_\mu)^{(\alpha-1)/\alpha}] \}"
    ),
    "arXiv 2309.03791",
    _steps,
    formal=(
        "ArmorD.Renyi.renyi_young",
        "ArmorD.Renyi.T10_weak_duality",
        "ArmorD.RenyiProgram.T10_renyi_weak_duality",
        "ArmorD.RenyiProgram.T10_renyi_weak_duality_at_zero",
        "ArmorD.RenyiProgram.T10_renyi_plan_bound",
    ),
    renyi=ForRenyi(renyi_steps),
)
