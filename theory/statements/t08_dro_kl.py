"""T8: DRO duality for KL."""

from math import exp, log

import sympy as sp

from theory.checks import bracket, claims, identities
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade, Outcome
from theory.fdivergence import FDivergence
from theory.instances import COST, PHI, WEIGHTS, finite
from theory.statement import ForRenyi, NotApplicable, Statement
from theory.symbols import eps, mu, rho


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
    s = finite(d).dro(PHI, COST, 0.1, 0.3)
    m = s.lam + 0.3
    moved, _ = finite(d).transform(PHI, COST, m)
    value = s.lam * 0.1 + m * log(sum(p * exp(v / m) for p, v in zip(WEIGHTS, moved, strict=True)))
    return bracket(s.lower, value, "log-mean-exp at lambda*")


def _threshold() -> Finding:
    """Hard ball: with the gaps d = max phi - phi, (V(l) - max phi)/l = epsilon + log E e^(-d/l), l = lambda.

    Each term p e^(-d/l) of the mean falls as l falls, to 0 where d > 0, and is p where d = 0.
    """
    lam, gap, top = (
        sp.Symbol("lambda", positive=True),
        sp.Symbol("d", positive=True),
        sp.Symbol("m", real=True),
    )
    mean = sp.Symbol("E", positive=True)  # E e^(-d/lambda)
    term = sp.exp(-gap / lam)
    value = lam * eps + lam * sp.log(sp.exp(top / lam) * mean)
    found = identities(
        (sp.expand(sp.exp((top - gap) / lam)), sp.exp(top / lam) * term),
        (sp.expand(sp.expand_log(value - top) / lam), eps + sp.log(mean)),
    )
    if found.outcome is not Outcome.HOLDS:
        return found
    limits = claims(
        {
            "e^(-d/lambda) falls with lambda": sp.diff(term, lam).is_positive,
            "to 0 where d > 0": sp.limit(term, lam, 0, "+") == 0,
            "and is 1 where d = 0": term.subs(gap, 0) == 1,
        }
    )
    return Finding(limits.outcome, limits.grade, f"{found.detail}; {limits.detail}")


def _both_sides(d: FDivergence) -> Finding:
    """Three points, the largest loss twice: radii on both sides of -log P(argmax)."""
    losses, rigid = (1.1, 0.2, 1.1), [[0.0 if i == j else float("inf") for j in range(3)] for i in range(3)]
    threshold = -log(WEIGHTS[0] + WEIGHTS[2])
    below, above = (finite(d).dro(losses, rigid, threshold * scale, 0.0) for scale in (0.99, 1.01))
    return claims(
        {
            f"1 % below the threshold {threshold:.4f} lambda* = {below.lam:.4f}": below.lam > 1e-2,
            "and the value stays below the maximum": below.upper < max(losses) - 1e-6,
            "1 % above it lambda* = 0 and the maximum is reached": above.lam < 1e-6
            and abs(above.lower - max(losses)) < 1e-6,
        },
        Grade.BRACKETED,
    )


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
            r"Hard ball, $\kappa = 0$: as $\lambda \downarrow 0$ the difference quotient of the dual "
            r"function "
            r"$V$ at $V(0) = \max \varphi^c$ falls to a limit, term by term of a finite sum.",
            Formula(
                r"\frac{V(\lambda) - V(0)}{\lambda} = \varepsilon + "
                r"\log E_P e^{(\varphi^c - \max \varphi^c)/\lambda} \downarrow \varepsilon + \log "
                r"P(\mathrm{argmax}\, \varphi^c)"
            ),
            "one-sided derivative at 0",
            Grade.PROVED,
            _threshold,
        ),
        Step(
            r"$V$ is convex, a supremum of functions affine in $\lambda$ (T6), so $\lambda = 0$ is optimal "
            r"exactly when that derivative is $\ge 0$. For infinitely many points the limit is monotone "
            r"convergence.",
            Formula(r"\lambda^* = 0 \iff \varepsilon \ge -\log P(\mathrm{argmax}\, \varphi^c)"),
            "minimum of a convex function; monotone convergence",
            Grade.CITED,
            lambda: _both_sides(d),
            "Rockafellar, Convex Analysis (1970), Theorems 23.2 and 27.4; Rudin, Real and Complex Analysis "
            "(1987), Theorem 1.26",
            (r"$\varphi^c$ bounded above, its maximum attained",),
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
        "ArmorD.T22_sensitivity.T8_lambda_zero",
    ),
    renyi=ForRenyi("it is T7 for KL"),
)
