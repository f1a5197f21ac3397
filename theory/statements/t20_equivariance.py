"""T20: equivariance of the DRO value."""

from typing import Any

import sympy as sp

from theory.checks import claims, identities
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.fdivergence import FDivergence
from theory.finite import Divergence, Finite
from theory.instances import COST, PHI, WEIGHTS, finite
from theory.renyi import REGIMES, Renyi
from theory.statement import ForRenyi, Statement
from theory.symbols import eps, kappa, lam, rho, y


def _substitution() -> Finding:
    """T7's objective at (a lam, a rho + b), loss a h + b, penalty a kappa, is a times the old one plus b."""
    a, h = sp.symbols("a h", positive=True)
    b = sp.Symbol("b", real=True)
    f_star = sp.Function("F")
    old = lam * eps + rho + (lam + kappa) * f_star((h - rho) / (lam + kappa))
    inner = sp.cancel((a * h + b - (a * rho + b)) / (a * lam + a * kappa))
    new = a * lam * eps + a * rho + b + (a * lam + a * kappa) * f_star(inner)
    return identities(
        (inner, (h - rho) / (lam + kappa)),
        (sp.expand(new.subs(inner, y)), sp.expand(a * old.subs((h - rho) / (lam + kappa), y) + b)),
    )


def _instances(d: Divergence) -> Finding:
    space, eps_value, kappa_value = finite(d), 0.05, 0.2
    base = space.dro(PHI, COST, eps_value, kappa_value)
    scaled = space.dro([2.5 * v - 1 for v in PHI], COST, eps_value, 2.5 * kappa_value)
    rows, columns = (2, 0, 1), (2, 0, 1, 3)
    permuted = Finite(d, tuple(WEIGHTS[i] for i in rows)).dro(
        [PHI[j] for j in columns], [[COST[i][j] for j in columns] for i in rows], eps_value, kappa_value
    )
    split = Finite(d, (0.15, 0.25, *WEIGHTS[1:])).dro(PHI, [COST[0], *COST], eps_value, kappa_value)
    return claims(
        {
            "V(a phi + b; a kappa) = a V + b": abs(scaled.upper - (2.5 * base.upper - 1)) < 1e-8,
            "lambda* -> a lambda*": abs(scaled.lam - 2.5 * base.lam) < 1e-5 * (1 + base.lam),
            "permutation": abs(permuted.upper - base.upper) < 1e-9,
            "splitting an atom": abs(split.upper - base.upper) < 1e-9,
        },
        Grade.SAMPLED,
    )


def _split_mass() -> Finding:
    """Copies of an atom with equal losses: their T7 terms add up to the one of the whole atom."""
    p, share, value = sp.symbols("p s v", positive=True)
    return identities((p * share * value + p * (1 - share) * value, p * value))


def _steps(d: FDivergence) -> tuple[Step, ...]:
    return (
        Step(
            r"Substitute $\lambda \to a\lambda$, $\rho \to a\rho + b$ in T7; the cost term scales as "
            r"$(a\varphi)^c_{a\mu} = a \varphi^c_\mu$.",
            Formula(r"V_{a\kappa}(a\varphi + b; \varepsilon) = a V_\kappa(\varphi; \varepsilon) + b"),
            "substitution",
            Grade.PROVED,
            _substitution,
        ),
        Step(
            r"Copies of a point at mutual cost 0 have the same $\varphi^c$, so their terms of T7 add up.",
            Formula(r"p s \cdot v + p (1-s) \cdot v = p v"),
            "additivity of the integrand",
            Grade.PROVED,
            _split_mass,
        ),
        Step(
            r"All four invariances on an instance.",
            Formula(""),
            "instance",
            Grade.SAMPLED,
            lambda: _instances(d),
        ),
    )


def _renyi_substitution() -> Finding:
    """T10's objective at (a mu, a rho + b), loss a h + b, is a times the old one plus b: log a cancels."""
    a, m, n = sp.symbols("a mu N", positive=True)  # n = E (rho - h)^((alpha-1)/alpha)
    b = sp.Symbol("b", real=True)
    pairs = []
    for r in REGIMES:

        def objective(lam_: Any, rho_: Any, mu_: Any, n_: Any, r: Any = r) -> Any:
            fixed = lam_ * eps + rho_ - mu_ * (sp.log(r) + 1) / r
            return fixed + mu_ * sp.log(mu_) / r - mu_ / (r - 1) * sp.log(n_)

        new = objective(a * lam, a * rho + b, a * m, a ** ((r - 1) / r) * n)
        pairs.append((sp.expand_log(new), sp.expand_log(a * objective(lam, rho, m, n) + b)))
    return identities(*pairs)


def _renyi(d: Renyi) -> tuple[Step, ...]:
    return (
        Step(
            r"Substitute $\lambda \to a\lambda$, $\rho \to a\rho + b$ in T10; $\log a$ cancels between its "
            r"last two terms.",
            Formula(r"V_{a\kappa}(a\varphi + b; \varepsilon) = a V_\kappa(\varphi; \varepsilon) + b"),
            "substitution",
            Grade.PROVED,
            _renyi_substitution,
        ),
        Step(
            r"Copies of a point at mutual cost 0 have the same $\varphi^c$, so their terms of $N = "
            r"E_P[(\rho-\varphi^c)^{(\alpha-1)/\alpha}]$ add up.",
            Formula(r"p s \cdot v + p (1-s) \cdot v = p v"),
            "additivity of the integrand",
            Grade.PROVED,
            _split_mass,
        ),
        Step(
            r"All four invariances on an instance.",
            Formula(""),
            "instance",
            Grade.SAMPLED,
            lambda: _instances(d),
        ),
    )


STATEMENT = Statement(
    "T20",
    "Equivariance",
    (r"$a > 0$; $c$ and $\varepsilon$ stay as they are",),
    Formula(r"V_{a\kappa}(a\varphi + b; \varepsilon) = a V_\kappa(\varphi; \varepsilon) + b"),
    "derived here",
    _steps,
    formal=(
        "ArmorD.T20_equivariance.T20_equivariance",
        "ArmorD.T20_equivariance.T20_objective",
        "ArmorD.T20_equivariance.T20_multipliers",
        "ArmorD.T20_equivariance.T20_f_multipliers",
        "ArmorD.T26_data_processing.T20_splitting",
        "ArmorD.T26_data_processing.T20_splitting_dro",
        "ArmorD.T26_data_processing.T20_permutation",
    ),
    renyi=ForRenyi(_renyi),
)
