"""T4: the worst re-weighting."""

import sympy as sp

from theory.checks import claims, identities
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade, Outcome
from theory.fdivergence import FDivergence
from theory.finite import Divergence
from theory.instances import finite, supports
from theory.renyi import REGIMES, Renyi
from theory.statement import ForRenyi, Statement
from theory.symbols import t, y

_H = (0.2, 1.1, -0.3)


def _derivative(d: FDivergence) -> Finding:
    """(f*)' as printed is the derivative of f*, and inverts f': both at y = f'(t), piece by piece."""
    pairs = []
    for r in d.regions:
        if r.expr is None or r.argmax is None:
            continue
        if r.piece is None:
            pairs.append((sp.diff(r.expr, y), r.argmax))
        else:
            # f*(f'(t)) = t f'(t) - f(t) was proved in T3; its derivative is (f*)'(f'(t)) f''(t) = t f''(t)
            along = t * r.piece.slope - r.piece.expr
            pairs.append((sp.diff(along, t), t * r.piece.curvature))
            pairs.append((r.argmax.subs(y, r.piece.slope), t))
    missing = any(r.expr is None for r in d.regions)
    found = identities(*pairs) if pairs else claims({"no closed form: (f*)' inverts f' numerically": missing})
    if missing and found.outcome is Outcome.HOLDS:
        return Finding(Outcome.HOLDS, Grade.ENCLOSED, "(f*)' = (f')^(-1), by an enclosed inversion")
    return found


def _feasible(d: Divergence) -> Finding:
    """The weights have mass 1, are nonnegative, and reach the dual value."""
    facts = {}
    for support in supports(d):
        space = finite(d)
        within = max(1e-9, space.rounding)
        r = space.reweight(_H, 1.6 if support == "space" else None)
        facts[f"{support}: the masses sum to 1"] = abs(sum(r.masses) + r.singular - 1) < 1e-9
        facts[f"singular mass {r.singular:.4f} >= 0"] = r.singular >= 0 and min(r.masses) >= 0
        shown = "1e-9" if within == 1e-9 else f"{within:.0e}"
        facts[f"primal and dual meet within {shown}"] = abs(r.dual - r.primal) < within
    return claims(facts, Grade.BRACKETED)


def _steps(d: FDivergence) -> tuple[Step, ...]:
    if d.closed_form and d.domain[0] != d.domain[1]:
        from theory.render.plain import piecewise_text

        shown = Formula(
            r"(f^*)'(y) = " + sp.latex(d.conjugate_prime), "(f*)'(y) = " + piecewise_text(d.conjugate_prime)
        )
    else:
        shown = Formula(r"(f^*)'(y) = (f')^{-1}(y)")
    return (
        Step(
            r"Equality in Fenchel--Young, $h - \rho^* \in \partial f(w)$, is $w \in \partial f^*(h "
            r"- \rho^*)$; where $f^*$ "
            r"is smooth it leaves one value.",
            shown,
            "Fenchel-Young equality",
            Grade.PROVED,
            lambda: _derivative(d),
        ),
        Step(
            r"Among these elements the total mass 1 selects: at kinks of $f^*$ the largest values "
            r"of $h$ are filled first; "
            r"in mode ``space'' with $\rho^*$ at its bound the missing mass is singular, at "
            r"$\mathrm{argmax}_X h$; in mode "
            r"``reference'' with $h$ at the end of the domain it sits on the largest atom.",
            Formula(
                r"\sum_i p_i w_i + \eta_{\mathrm{sing}} = 1, \qquad \eta_{\mathrm{sing}} (\rho^* - "
                r"S + f'(\infty)) = 0"
            ),
            "complementary slackness",
            Grade.BRACKETED,
            lambda: _feasible(d),
        ),
    )


def _renyi_balance() -> Finding:
    """With N = E x^((a-1)/a), x = rho - h, and M = E x^(-1/a): N' = (a-1)/a M, so the slope is 1 - M/(a "
    "N)."""
    x, m, n = sp.symbols("x M N", positive=True)
    pairs = []
    for a in REGIMES:
        power = (a - 1) / a
        pairs.append((sp.diff(x**power, x), power * x ** (-1 / a)))
        pairs.append((1 - power * m / ((a - 1) * n), 1 - m / (a * n)))
    return identities(*pairs)


def _renyi(d: Renyi) -> tuple[Step, ...]:
    return (
        Step(
            r"The stationary masses of T3 at $\rho^*$; where the dual is stationary in $\rho$ their total "
            r"is 1.",
            Formula(
                r"\frac{d}{d\rho} [ \rho - (\alpha-1)^{-1} \log N ] = 1 - \sum_i w_i, \qquad"
                r" w_i = p_i (\rho-h_i)^{-1/\alpha}/(\alpha N)"
            ),
            "stationarity in rho",
            Grade.PROVED,
            _renyi_balance,
        ),
        Step(
            r"In mode ``space'' with $\rho^* = S$ the total is at most 1 and the missing mass is singular, "
            r"at "
            r"$\mathrm{argmax}_X h$.",
            Formula(r"\eta_{\mathrm{sing}} = 1 - \sum_i w_i, \qquad \eta_{\mathrm{sing}} (\rho^* - S) = 0"),
            "complementary slackness",
            Grade.BRACKETED,
            lambda: _feasible(d),
        ),
    )


STATEMENT = Statement(
    "T4",
    "Worst re-weighting",
    (r"the infimum of T3 is attained at $\rho^*$",),
    Formula(r"\frac{d\eta^*}{dP} \in \partial f^*(h - \rho^*), \qquad \text{of total mass } 1"),
    "arXiv 2309.03791",
    _steps,
    renyi=ForRenyi(
        _renyi,
        Formula(r"w_i = p_i (\rho^*-h_i)^{-1/\alpha} / (\alpha E_P[(\rho^*-h)^{(\alpha-1)/\alpha}])"),
    ),
)
