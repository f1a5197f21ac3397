"""T10: DRO duality for the Rényi divergences, through their own conjugate."""

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
def _stationary() -> Finding:
    """The gradient of E_eta[h - rho] - k log Z vanishes at the weights, Z = sum p^a eta^(1-a), and its value.

    With N = E x^((a-1)/a), x = rho - h > 0: eta = p x^(-1/a)/(a N) has Z = a^(a-1) N^a and E_eta[x] = 1/a.
    """
    n, x, p, a, eta, z = sp.symbols("N x p a eta Z", positive=True)
    k = 1 / (a * (a - 1))
    total = a ** (a - 1) * n**a
    best = p * x ** (-1 / a) / (a * n)
    unit = p * x ** (1 - 1 / a)  # sums to N
    slopes = identities(
        (sp.diff(k * sp.log(z), z), k / z),
        (k * sp.diff(p**a * eta ** (1 - a), eta), -(p**a) * eta**-a / a),
    )
    if slopes.outcome is not Outcome.HOLDS:
        return slopes
    found = products(
        (p**a * best**-a / (a * total), x),  # the slope of -k log Z is that much, and rho - h = x
        (p**a * best ** (1 - a), unit * total / n),  # these sum to Z = total
        (best * x, unit / (a * n)),  # and these to 1/a
    )
    if found.outcome is not Outcome.HOLDS:
        return found
    value = -1 / a - k * sp.expand_log(sp.log(total))
    closed = identities((value, -(sp.log(a) + 1) / a - sp.log(n) / (a - 1)))
    return Finding(closed.outcome, closed.grade, f"{found.detail}; of the value {closed.detail}")


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
    """alpha -> 1: log E x^((a-1)/a)/(a-1) -> E log x, so T10 becomes T7 with reverse KL.

    A difference quotient at a = 1, where the mean M of finitely many terms w x^((a-1)/a) is sum w = 1 and its
    logarithm 0: the limit is the derivative M'/M there, term by term.
    """
    a, w, x, m = sp.symbols("a w x M", positive=True)
    term = w * x ** ((a - 1) / a)
    from theory.catalogue import divergence

    f_star: Any = divergence("reverse_kl").regions[-1].expr
    gap = sp.Symbol("g", positive=True)
    return identities(
        (term.subs(a, 1), w),
        (sp.diff(term, a).subs(a, 1), w * sp.log(x)),
        (sp.diff(sp.log(m), m).subs(m, 1), 1),
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
    if failed:
        return failed[0]
    shown = f"in both modes, at scales 1 and 0.4: {found[0].detail}"
    return Finding(Outcome.HOLDS, Grade.BRACKETED, shown)


@cache
def _bend() -> Finding:
    """Along eta + tau v the second derivative of k log Z is Var_q(r) + (E_q r)^2/a, r = v/eta, with the "
    "weights
    q = p^a eta^(1-a)/Z.
    """
    a, p, eta, z, weight = sp.symbols("a p eta Z q", positive=True)
    r, tau, one, two = sp.symbols("r tau m_1 m_2", real=True)  # m_1 = E_q r, m_2 = E_q r^2
    term = p**a * eta ** (1 - a) * (1 + tau * r) ** (1 - a)
    first, second = (sp.diff(term, tau, n).subs(tau, 0) / term.subs(tau, 0) for n in (1, 2))
    total = sp.Function("Z")(tau)
    bend = sp.diff(sp.log(total), tau, 2)
    moments = [(total.diff(tau, 2), z * a * (a - 1) * two), (total.diff(tau), z * (1 - a) * one), (total, z)]
    k = 1 / (a * (a - 1))
    return identities(
        (first, (1 - a) * r),
        (second, a * (a - 1) * r**2),
        (sp.cancel(k * bend.subs(moments)), two - one**2 + one**2 / a),
        (sp.expand(weight * (r - one) ** 2), weight * r**2 - 2 * one * weight * r + one**2 * weight),
    )


def _convex(d: Renyi) -> Finding:
    """The Hessian, and midpoint convexity of R_alpha(P||eta) in eta on a grid of pairs."""
    found = _bend()
    if found.outcome is not Outcome.HOLDS:
        return found
    grid = [(i / 20, j / 20, 1 - (i + j) / 20) for i in range(1, 18, 4) for j in range(1, 19 - i, 4)]
    worst = min(
        (d.value(_P, a) + d.value(_P, b)) / 2 - d.value(_P, [(u + v) / 2 for u, v in zip(a, b, strict=True)])
        for a in grid
        for b in grid
    )
    return claims({f"{found.detail}; no midpoint violation on {len(grid) ** 2} pairs": worst > -1e-12})


def conjugate_steps(d: Renyi) -> tuple[Step, ...]:
    """The conjugate of R_alpha(P||.) with its weights (T3, T4 and the heart of T10)."""
    return (
        Step(
            r"$\eta \mapsto R_\alpha(P\|\eta)$ is convex for every $\alpha > 0$, $\alpha \ne 1$, on all "
            r"$\eta > 0$ "
            r"whatever their mass (by limits on $\eta \ge 0$), so T6 applies: with weights "
            r"$q_i \propto p_i^\alpha \eta_i^{1-\alpha}$ its second derivative in a direction $v$ is a "
            r"variance and "
            r"a square.",
            Formula(
                r"R_\alpha(P\|\eta) = \frac{1}{\alpha(\alpha-1)} \log \sum_i p_i^\alpha "
                r"\eta_i^{1-\alpha}, \quad"
                r" \nabla^2 R_\alpha[v, v] = \mathrm{Var}_q(v/\eta) + \alpha^{-1} (E_q[v/\eta])^2 \ge 0"
            ),
            "convexity in the second argument",
            Grade.PROVED,
            lambda: _convex(d),
        ),
        Step(
            r"Relax the mass by a multiplier $\rho$: $\eta = P$ is strictly feasible, so there is no gap. "
            r"In mode "
            r"``space'' the singular mass contributes $0$ if $\rho \ge S$ and $\infty$ otherwise; for "
            r"$\rho < \max_{\mathrm{supp} P} h$ the inner supremum is $\infty$, as $R_\alpha$ grows like "
            r"a logarithm.",
            Formula(
                r"\Lambda^P[h] = \inf_{\rho \ge S} \{ \rho + \sup_{\eta \ge 0} \{ \sum_i \eta_i (h_i - \rho)"
                r" - R_\alpha(P\|\eta) \} \}"
            ),
            "Lagrange duality (Slater)",
            Grade.CITED,
            lambda: _brackets(d),
            "Rockafellar, Convex Analysis (1970), Theorem 28.2",
            (r"$R_\alpha(P\|\cdot)$ convex on $\eta \ge 0$ and finite around $P > 0$", r"$h$ bounded above"),
        ),
        Step(
            r"For $\rho > \max_{\mathrm{supp} P} h$ write $x = \rho - h > 0$. The inner bracket is "
            r"concave in $\eta$ "
            r"by the first step and its gradient vanishes at $\eta = w$, so $w$ is a maximiser: no "
            r"exchange of a "
            r"supremum and an infimum is needed, for $\alpha < 1$ either. (At the bound itself the value "
            r"is the "
            r"limit, by lower semicontinuity.)",
            Formula(
                r"\Lambda^P[h] = \inf_\rho \{ \rho - \alpha^{-1}(\log\alpha + 1) - (\alpha-1)^{-1} \log N \},"
                r" \quad w_i = p_i (\rho-h_i)^{-1/\alpha}/(\alpha N), \ N = E_P[(\rho-h)^{(\alpha-1)/\alpha}]"
            ),
            "stationary point of a concave function",
            Grade.PROVED,
            _stationary,
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
            r"As $\alpha \to 1$, for finitely many points, the form becomes T7 with reverse KL, $f^*(y) = "
            r"-1 - \log(-y)$.",
            Formula(r"(\alpha-1)^{-1} \log E_P[x^{(\alpha-1)/\alpha}] \to E_P[\log x]"),
            "limit in the parameter",
            Grade.PROVED,
            _limit,
        ),
    )


def _steps(_: FDivergence) -> tuple[Step, ...]:
    raise NotApplicable("it is for the Rényi divergences, which are not f-divergences")


STATEMENT = Statement(
    "T10",
    "DRO duality, Rényi form",
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
        "ArmorD.T10_strong.T10_weak_closed",
        "ArmorD.T10_strong.T10_strong_duality",
        "ArmorD.T10_strong.T10_infimum",
        "ArmorD.T10_strong.T10_renyi_strong_duality",
    ),
    renyi=ForRenyi(renyi_steps),
)
