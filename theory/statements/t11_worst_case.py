"""T11: the worst-case distribution."""

from theory.checks import claims
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.finite import Divergence
from theory.instances import COST, PHI, each, finite, max_plus, rationals, supports
from theory.renyi import Renyi
from theory.statement import ForRenyi, Statement


def _equality(seed: int) -> bool:
    """phi(T(x)) - mu c(x, T(x)) = phi^c(x) exactly when T(x) is an argmax."""
    numbers = rationals(13, seed)
    phi, cost = (
        numbers[:4],
        [[abs(x) for x in numbers[4 + 3 * i : 7 + 3 * i]] + [abs(numbers[i])] for i in range(3)],
    )
    top = max_plus(phi, cost)
    return all(
        (phi[j] - row[j] == value) == (phi[j] - row[j] >= max(p - c for p, c in zip(phi, row, strict=True)))
        for row, value in zip(cost, top, strict=True)
        for j in range(4)
    )


def _worst(d: Divergence) -> Finding:
    facts = {}
    for support in supports(d):
        for eps, kappa in ((0.02, 0.0), (0.1, 0.3)):
            space = finite(d)
            s = space.dro(PHI, COST, eps, kappa, support)
            within = max(1e-9, space.rounding * max(1.0, s.lam + kappa))
            where = f"{support}, eps {eps}, kappa {kappa}"
            facts[f"{where}: mass 1"] = abs(sum(m for _, _, m in s.arcs) + s.singular - 1) < 1e-9
            facts[f"{where}: lambda (D - eps) = 0"] = abs(s.lam * (s.distance - eps)) < within
            facts[f"{where}: reaches the value"] = abs(s.upper - s.lower) < within
    return claims(facts, Grade.BRACKETED)


_RENYI = Formula(
    r"Q^* = \sum_i w_i \delta_{T(x_i)}, \qquad w_i = p_i (\mu^*/\alpha) (\rho^*-\varphi^c_i)^{-1/\alpha}"
    r" / E_P[(\rho^*-\varphi^c)^{(\alpha-1)/\alpha}]"
)


def _steps(d: Divergence) -> tuple[Step, ...]:
    return (
        Step(
            r"Equality in the transport step: mass at $x$ moves to a maximiser $T(x)$ only.",
            Formula(
                r"T(x) \in \mathrm{argmax}_y \{ \varphi(y) - \mu^* c(x, y) \}, \qquad \mu^* = "
                r"\lambda^* + \kappa"
            ),
            "equality in the c-transform",
            Grade.SAMPLED,
            lambda: each(20, _equality, "only maximisers reach the c-transform"),
        ),
        Step(
            r"Equality in the re-weighting step (T4) at $h = \varphi^c_{\mu^*}/\mu^*$ gives the "
            r"weights; at ties of $T$ or "
            r"kinks of the conjugate two optimal choices are mixed so that $\lambda^* (D^c(Q^*\|P) - "
            r"\varepsilon) = 0$.",
            _RENYI
            if isinstance(d, Renyi)
            else Formula(
                r"Q^* = \sum_i w_i \delta_{T(x_i)}, \qquad w_i \in p_i\, \partial f^*((\varphi^c_i "
                r"- \rho^*)/\mu^*)"
            ),
            "complementary slackness",
            Grade.BRACKETED,
            lambda: _worst(d),
        ),
    )


STATEMENT = Statement(
    "T11",
    "Worst-case distribution",
    (
        r"those of T7, the infimum attained at $(\lambda^*, \rho^*)$, $\mu^* = \lambda^* + \kappa > 0$",
        r"at $\mu^* = 0$, for a hard ball in mode ``reference'' and $f$ finite on $[1, \infty)$: "
        r"$P(\cdot \mid \mathrm{argmax}\, \varphi^c)$",
    ),
    Formula(r"Q^* = \sum_i w_i \delta_{T(x_i)} + \text{singular mass at } \mathrm{argmax} \varphi"),
    "arXiv 2309.03791",
    _steps,
    renyi=ForRenyi(
        _steps,
        hypotheses=(
            r"those of T10, the infimum attained at $(\lambda^*, \rho^*)$, $\mu^* = \lambda^* + \kappa > 0$",
        ),
    ),
)
