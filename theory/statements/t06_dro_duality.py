"""T6: DRO duality."""

import sympy as sp

from theory.checks import identities
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.finite import Divergence
from theory.instances import dro_bracket, each, max_plus, rationals
from theory.statement import ForRenyi, Statement
from theory.symbols import eps, kappa, lam, mu


def _lagrangian() -> Finding:
    """E - kappa D + lambda (eps - D) = lambda eps + E - (lambda + kappa) D."""
    e, dist = sp.symbols("E D", real=True)
    return identities((e - kappa * dist + lam * (eps - dist), lam * eps + e - (lam + kappa) * dist))


def _rows_decouple(seed: int) -> bool:
    """Over all deterministic plans (the extreme ones for given row masses), the best gain is E_eta[phi^c]."""
    from itertools import product

    numbers = rationals(15, seed)
    phi, scale = numbers[:3], abs(numbers[3]) + 1
    cost = [[abs(x) for x in numbers[4 + 3 * i : 7 + 3 * i]] for i in range(3)]
    eta = [abs(x) + 1 for x in numbers[12:15]]
    plans = product(range(3), repeat=3)
    best = max(sum(eta[i] * (phi[j] - scale * cost[i][j]) for i, j in enumerate(plan)) for plan in plans)
    moved = max_plus(phi, [[scale * c for c in row] for row in cost])
    return best == sum(e * v for e, v in zip(eta, moved, strict=True))


def _perspective() -> Finding:
    """E[h] - mu D = mu (E[h/mu] - D)."""
    e, dist = sp.symbols("E D", real=True)
    return identities((e - mu * dist, mu * (e / mu - dist)))


def _steps(d: Divergence) -> tuple[Step, ...]:
    return (
        Step(
            r"Relax the budget by $\lambda \ge 0$. $D^c(\cdot\|P)$ is convex (T14) and $Q = P$ has "
            r"$D^c = 0 < \varepsilon$, a "
            r"Slater point, so there is no gap and $\lambda^*$ is attained.",
            Formula(
                r"\inf_{\lambda \ge 0} \{ \lambda\varepsilon + \sup_Q \{ E_Q[\varphi] - "
                r"(\lambda+\kappa) D^c(Q\|P) \} \}"
            ),
            "Lagrange duality (Slater)",
            Grade.CITED,
            lambda: dro_bracket(d),
            "Luenberger, Optimization by Vector Space Methods (1969), Section 8.6, Theorem 1",
            (
                r"$\varepsilon > 0$ (finite spaces: $\varepsilon \ge 0$)",
                r"$\varphi^c_\lambda$ finite for some $\lambda$",
            ),
        ),
        Step(
            r"The Lagrangian collects the two multiples of $D^c$; write $\mu = \lambda + \kappa$.",
            Formula(
                r"E_Q[\varphi] - \kappa D^c + \lambda(\varepsilon - D^c) = \lambda\varepsilon + "
                r"E_Q[\varphi] - \mu D^c"
            ),
            "algebra",
            Grade.PROVED,
            _lagrangian,
        ),
        Step(
            r"Unfold $D^c$: minus an infimum is a supremum, and suprema over $Q$, $\eta$ and the "
            r"plan exchange freely. For "
            r"fixed $\eta$ each point is moved for itself.",
            Formula(r"\sup_Q \{ E_Q[\varphi] - \mu C(\eta, Q) \} = E_\eta[\varphi^c_\mu]"),
            "c-transform; measurable selection",
            Grade.CITED,
            lambda: each(12, _rows_decouple, "best plan against row-wise maxima"),
            "Rockafellar and Wets, Variational Analysis (1998), Theorem 14.60",
            ("interchange of supremum and integral on a decomposable space; on finite spaces elementary",),
        ),
        Step(
            r"What is left is the conjugate of $D(\cdot\|P)$, scaled by $\mu > 0$.",
            Formula(
                r"\sup_\eta \{ E_\eta[\varphi^c_\mu] - \mu D(\eta\|P) \} = \mu \Lambda^P_D[\varphi^c_\mu/\mu]"
            ),
            "conjugate of a multiple",
            Grade.PROVED,
            _perspective,
        ),
    )


STATEMENT = Statement(
    "T6",
    "DRO duality",
    (
        r"$\varepsilon > 0$, $\kappa \ge 0$ (on finite spaces $\varepsilon = 0$ too, as $\lambda "
        r"\to \infty$)",
        r"$\varphi^c_\lambda$ finite for some $\lambda$; $\varphi$ bounded above suffices",
        r"at $\lambda+\kappa = 0$ the term reads $\sup\{E_Q[\varphi] : D^c(Q\|P) < \infty\}$",
    ),
    Formula(
        r"\sup_{D^c(Q\|P) \le \varepsilon} \{ E_Q[\varphi] - \kappa D^c(Q\|P) \} = \inf_{\lambda \ge 0}"
        r" \{ \lambda\varepsilon + (\lambda+\kappa) "
        r"\Lambda^P_D[\varphi^c_{\lambda+\kappa}/(\lambda+\kappa)] \}"
    ),
    "arXiv 2309.03791",
    _steps,
    formal=(
        "ArmorD.T06_strong.T6_weak",
        "ArmorD.T06_strong.T6_strong_duality",
        "ArmorD.T06_strong.T6_infimum",
        "ArmorD.T02_weak.T6_weak_duality_at_zero",
        "ArmorD.T02_weak.T6_witness_bound",
        "ArmorD.T07_strong.one_space_slater",
        "ArmorD.Renyi.T6_renyi_strong_duality",
        "ArmorD.T06_boundary.T6_duality",
        "ArmorD.T06_boundary.T6_worst_case",
        "ArmorD.T06_boundary.T6_zero_limit",
        "ArmorD.T06_boundary.T6_zero_ball",
        "ArmorD.T06_boundary.T6_zero_not_attained",
    ),
    renyi=ForRenyi(_steps),
)
