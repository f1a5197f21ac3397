"""T8: DRO duality for KL."""

import sympy as sp

from theory.checks import bracket, claims, identities
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade, Outcome
from theory.fdivergence import FDivergence
from theory.instances import COST, PHI, WEIGHTS, finite
from theory.statement import ForRenyi, NotApplicable, Statement
from theory.symbols import mu, rho


def _elimination() -> Finding:
    """The infimum over rho of rho + mu M e^(-rho/mu - 1) is mu log M."""
    m = sp.Symbol("M", positive=True)
    h = sp.Symbol("h", real=True)
    g = rho + mu * m * sp.exp(-rho / mu - 1)
    best = mu * (sp.log(m) - 1)
    return identities(
        (sp.exp((h - rho) / mu - 1), sp.exp(h / mu) * sp.exp(-rho / mu - 1)),
        (sp.diff(g, rho).subs(rho, best), 0),
        (mu * sp.diff(g, rho, 2), m * sp.exp(-rho / mu - 1)),
        (g.subs(rho, best), mu * sp.log(m)),
    )


def _against_log_mean_exp(d: FDivergence) -> Finding:
    from math import exp, log

    s = finite(d).dro(PHI, COST, 0.1, 0.3)
    m = s.lam + 0.3
    moved, _ = finite(d).transform(PHI, COST, m)
    value = s.lam * 0.1 + m * log(sum(p * exp(v / m) for p, v in zip(WEIGHTS, moved, strict=True)))
    return bracket(s.lower, value, "log-mean-exp at lambda*")


def _threshold() -> Finding:
    """Hard ball, two values 0 < 1 with mass a on the top: the derivative at lambda = 0+ is eps + log a."""
    lam, a, epsilon = sp.Symbol("lambda", positive=True), sp.Symbol("a", positive=True), sp.Symbol("epsilon")
    # with the top value moved to 0: V(lambda) = lambda eps + lambda log(a + (1 - a) e^(-1/lambda))
    u = sp.Symbol("u", positive=True)  # u = e^(-1/lambda) -> 0
    value = lam * epsilon + lam * sp.log(a + (1 - a) * sp.exp(-1 / lam))
    slope = sp.diff(value, lam)
    tail = (slope - epsilon - sp.log(a + (1 - a) * sp.exp(-1 / lam))).subs(sp.exp(-1 / lam), u)
    first = claims(
        {"the rest of the slope vanishes with e^(-1/lambda)": sp.limit(tail * lam, u, 0, "+") == 0}
    )
    if first.outcome is not Outcome.HOLDS:
        return first
    return identities((epsilon + sp.log(a + (1 - a) * u).subs(u, 0), epsilon + sp.log(a)))


def _steps(d: FDivergence) -> tuple[Step, ...]:
    if d.name != "kl":
        raise NotApplicable("it is T7 for KL; this divergence has its own form of T7")
    return (
        Step(
            r"In T7 $f^*(y) = e^{y-1}$ factors: $E_P[f^*((\varphi^c_\mu - \rho)/\mu)] = M "
            r"e^{-\rho/\mu - 1}$ with "
            r"$M = E_P[e^{\varphi^c_\mu/\mu}]$. The convex function of $\rho$ is minimal at $\rho^* "
            r"= \mu(\log M - 1)$.",
            Formula(r"\inf_\rho \{ \rho + \mu M e^{-\rho/\mu - 1} \} = \mu \log M"),
            "elimination of rho",
            Grade.PROVED,
            _elimination,
        ),
        Step(
            r"The resulting function of $\lambda$ alone, at its minimiser, meets the primal value "
            r"of the worst case (T11).",
            Formula(r"V = \lambda^*\varepsilon + \mu^* \log E_P \exp(\varphi^c_{\mu^*}/\mu^*)"),
            "primal witness",
            Grade.BRACKETED,
            lambda: _against_log_mean_exp(d),
        ),
        Step(
            r"Hard ball, $\kappa = 0$: as $\lambda \downarrow 0$ the slope of the dual function tends to "
            r"$\varepsilon + \log P(\mathrm{argmax}\, \varphi^c)$, so $\lambda^* = 0$ iff that is $\ge 0$.",
            Formula(r"\lambda^* = 0 \iff \varepsilon \ge -\log P(\mathrm{argmax}\, \varphi^c)"),
            "one-sided derivative of a convex function",
            Grade.PROVED,
            _threshold,
        ),
    )


STATEMENT = Statement(
    "T8",
    "DRO duality, KL form",
    (r"those of T6; $D$ is KL", r"$\mu = \lambda+\kappa$"),
    Formula(r"V = \inf_{\lambda \ge 0} \{ \lambda\varepsilon + \mu \log E_P \exp( \varphi^c_\mu/\mu ) \}"),
    "arXiv 2309.03791",
    _steps,
    formal=(
        "ArmorD.T03_gibbs.T8_weak_duality",
        "ArmorD.T07_strong.T8_strong_duality",
    ),
    renyi=ForRenyi("it is T7 for KL"),
)
