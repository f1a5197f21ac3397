"""T22: sensitivities of the DRO value to the radius and the penalty."""

import sympy as sp

from theory.checks import claims, identities
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.finite import Divergence
from theory.instances import COST, PHI, finite
from theory.statement import ForRenyi, Statement
from theory.symbols import eps, kappa

_EPS, _STEP = 0.03, 1e-6


def _shift() -> Finding:
    """inf over lambda >= 0 of lambda eps + G(lambda + kappa) = inf over mu >= kappa of mu eps + G(mu) -
    kappa eps.
    """
    mu = sp.Symbol("mu")
    g = sp.Function("G")
    return identities(((mu - kappa) * eps + g(mu), mu * eps + g(mu) - kappa * eps))


def _instances(d: Divergence) -> Finding:
    space = finite(d)

    def solve(eps_value: float, kappa_value: float) -> tuple[float, float, float]:
        s = space.dro(PHI, COST, eps_value, kappa_value)
        return s.upper, s.lam, s.distance

    value, lam, _ = solve(_EPS, 0.0)
    up, down = (solve(_EPS + h, 0.0)[0] for h in (_STEP, -_STEP))
    grid = [_EPS * k / 30 for k in range(1, 31)]
    penalty = 0.8 * lam
    with_penalty, lam_penalty, distance = solve(_EPS, penalty)
    best = max(solve(e, 0.0)[0] - penalty * e for e in grid)
    more, less = (solve(_EPS, penalty + h)[0] for h in (_STEP, -_STEP))
    inside = (up - value) / _STEP - 1e-3 <= lam <= (value - down) / _STEP + 1e-3
    slope = (more - less) / (2 * _STEP)
    return claims(
        {
            "dV/deps = lambda*": inside,
            "lambda*_kappa = (lambda*_0 - kappa)_+": abs(lam_penalty - (lam - penalty)) < 1e-6 * (1 + lam),
            "V_kappa = max over e <= eps of V_0(e) - kappa e": abs(best - with_penalty) < 1e-7,
            "dV/dkappa = -D^c(Q*||P)": abs(slope + distance) < 1e-3,
        },
        Grade.SAMPLED,
    )


def _steps(d: Divergence) -> tuple[Step, ...]:
    return (
        Step(
            r"In T6 $\lambda$ and $\kappa$ enter as $\mu = \lambda+\kappa \ge \kappa$: a penalty is "
            r"a lower bound on the "
            r"multiplier of the unpenalised problem.",
            Formula(
                r"V_\kappa(\varepsilon) = \inf_{\mu \ge \kappa} \{ \mu\varepsilon + G(\mu) \} - "
                r"\kappa\varepsilon"
            ),
            "substitution",
            Grade.PROVED,
            _shift,
        ),
        Step(
            r"Hence $\lambda^*_\kappa = (\lambda^*_0 - \kappa)_+$, and the derivatives are those of "
            r"an infimum and a supremum "
            r"of affine functions.",
            Formula(
                r"\partial V/\partial\varepsilon = \lambda^*, \qquad \partial V/\partial\kappa = "
                r"-D^c(Q^*\|P), \qquad"
                r" V_\kappa(\varepsilon) = \max_{0 \le e \le \varepsilon} (V_0(e) - \kappa e)"
            ),
            "envelope theorem",
            Grade.CITED,
            lambda: _instances(d),
            "Bonnans and Shapiro, Perturbation Analysis (2000), Theorem 4.13",
            ("unique optimal multiplier and distance",),
        ),
    )


STATEMENT = Statement(
    "T22",
    "Sensitivities",
    (r"those of T6; derivatives where the optimum is unique",),
    Formula(r"\lambda^*_\kappa = (\lambda^*_0 - \kappa)_+, \quad \partial V/\partial\varepsilon = \lambda^*"),
    "derived here",
    _steps,
    formal=(
        "ArmorD.T22_sensitivity.T22_kappa_identity",
        "ArmorD.T22_sensitivity.T22_subgradient",
        "ArmorD.T22_derivatives.T22_multiplier",
        "ArmorD.T22_derivatives.T22_eps_derivative",
        "ArmorD.T22_derivatives.T22_kappa_subgradient",
        "ArmorD.T22_derivatives.T22_kappa_derivative",
    ),
    renyi=ForRenyi(_steps),
)
