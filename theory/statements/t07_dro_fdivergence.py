"""T7: DRO duality for an f-divergence."""

import sympy as sp

from theory.checks import identities
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.fdivergence import FDivergence
from theory.instances import dro_bracket
from theory.statement import ForRenyi, Statement
from theory.statements.t03_reweighting import conjugate_formula
from theory.symbols import mu, rho, y


def _substitution(d: FDivergence) -> Finding:
    """mu (r + f*(h/mu - r)) = rho + mu f*((h - rho)/mu) with rho = mu r, on every branch of f* that has
    one.
    """
    h = sp.Symbol("h", real=True)
    forms = [r.expr for r in d.regions if r.expr is not None] or [sp.Function("F")(y)]
    return identities(
        *(
            (
                mu * (rho / mu + form.subs(y, sp.expand((h - rho) / mu))),
                rho + mu * form.subs(y, (h - rho) / mu),
            )
            for form in forms
        )
    )


def _bound() -> Finding:
    """rho/mu >= S/mu - f'(oo) is rho >= S - mu f'(oo)."""
    s, recession = sp.symbols("S R", real=True)
    return identities((mu * (rho / mu - (s / mu - recession)), rho - (s - mu * recession)))


def _steps(d: FDivergence) -> tuple[Step, ...]:
    return (
        Step(
            r"Put T3 into T6 at $h = \varphi^c_\mu/\mu$ and rename $\rho \to \rho/\mu$.",
            Formula(
                r"\mu \Lambda^P_f[\varphi^c_\mu/\mu] = \inf_\rho \{ \rho + \mu "
                r"E_P[f^*((\varphi^c_\mu - \rho)/\mu)] \}"
            ),
            "perspective of the conjugate",
            Grade.PROVED,
            lambda: _substitution(d),
        ),
        Step(
            r"The constraint scales with it; in mode ``space'' $\sup_X \varphi^c = \sup_X \varphi$.",
            Formula(r"\rho \ge S - \mu f'(\infty)"),
            "scaling of the recession constraint",
            Grade.PROVED,
            _bound,
        ),
        Step(
            rf"For this divergence, with $f'(\infty) = {sp.latex(d.recession)}$, the integrand uses",
            conjugate_formula(d),
            "specialisation",
            Grade.BRACKETED,
            lambda: dro_bracket(d),
        ),
    )


STATEMENT = Statement(
    "T7",
    "DRO duality, f-divergence form",
    (
        r"those of T6; $\mu = \lambda+\kappa$",
        r"mode ``space'': $\rho \ge \sup_X \varphi - \mu f'(\infty)$; mode ``reference'': "
        r"$\rho \ge \max_{\mathrm{supp} P} \varphi^c_\mu - \mu f'(\infty)$",
        r"at $\mu = 0$ the integrand is the support function of $\mathrm{dom} f$ at $\varphi^c_0 - \rho$",
    ),
    Formula(
        r"V = \inf_{\lambda \ge 0, \rho} \{ \lambda\varepsilon + \rho + \mu E_P[ f^*( "
        r"(\varphi^c_\mu - \rho)/\mu ) ] \}"
    ),
    "arXiv 2309.03791",
    _steps,
    formal=(
        "ArmorD.T02_weak.T7_weak_duality",
        "ArmorD.T02_weak.T7_weak_duality_idle",
        "ArmorD.T07_strong.T7_weak",
        "ArmorD.T07_strong.T7_strong_duality",
    ),
    renyi=ForRenyi("Rényi divergences are not f-divergences; T10 takes its place"),
)
