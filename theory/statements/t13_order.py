"""T13: order relations."""

import sympy as sp

from theory.checks import claims, identities
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.finite import Divergence, Finite
from theory.instances import COST, PHI, finite
from theory.renyi import Renyi
from theory.statement import ForRenyi, Statement
from theory.symbols import t

_P, _Q = (0.45, 0.55), (0.3, 0.7)
_PAIR = ((0.0, 0.6), (0.8, 0.0))
_INF = float("inf")


def _below_both(d: Divergence) -> Finding:
    from theory.catalogue import divergence as named

    space = Finite(d, _P)
    lower, upper = space.nearest(_PAIR, _Q)
    divergence, transport = space.divergence_from(_Q), Finite(named("none"), _P).nearest(_PAIR, _Q)[1]
    same = space.nearest(_PAIR, _P)[1]
    reached = {}
    if d.strictly_convex_at_one and 0 < divergence < _INF:  # a dear divergence: nearly all is transport
        r = 1e-3 * min(1.0, divergence)
        cheap = space.nearest([[r * c for c in row] for row in _PAIR], _Q)[0]
        reached = {"and D^(rc) > r C/2 for a small r": cheap > r * transport / 2}
    return claims(
        {
            "0 <= D^c": lower >= -1e-12,
            "D^c <= D": lower <= divergence + 1e-12,
            "D^c <= C": lower <= transport + 1e-12,
            **reached,
            "D^c(P||P) = 0": abs(same) < 1e-9,
            "witnesses meet": upper - lower < 1e-9,
        },
        Grade.BRACKETED,
    )


def _monotone(d: Divergence) -> Finding:
    space = finite(d)
    values = [space.dro(PHI, COST, e, 0.0).upper for e in (0.01, 0.03, 0.05)]
    rigid = [[0.0 if i == j else _INF for j in range(4)] for i in range(3)]
    mean = sum(p * v for p, v in zip(space.p, PHI, strict=False))
    reach = max(PHI[j] for row in COST for j in range(4) if row[j] < _INF)
    dearer = [[2 * c for c in row] for row in COST]
    return claims(
        {
            "nondecreasing in eps": values[0] <= values[1] <= values[2],
            "concave in eps": values[1] >= (values[0] + values[2]) / 2 - 1e-12,
            "nonincreasing in c": space.dro(PHI, dearer, 0.03, 0.0).upper <= values[1] + 1e-12,
            "at least re-weighting only": values[1] >= space.dro(PHI, rigid, 0.03, 0.0).lower - 1e-9,
            "between the mean and what is reachable": mean <= values[0] and values[2] <= reach + 1e-9,
        },
        Grade.BRACKETED,
    )


def _vanishes_at_reference(d: Divergence) -> Finding:
    if isinstance(d, Renyi):
        p = sp.Symbol("p", positive=True)
        return identities((sp.log(sp.powsimp(p**d.alpha * p ** (1 - d.alpha)) + 1 - p), 0))
    return identities((sp.simplify(d.f.subs(t, 1)), 0))


def _steps(d: Divergence) -> tuple[Step, ...]:
    return (
        Step(
            r"$\eta = Q$ costs $D(Q\|P)$ and $\eta = P$ costs $C(P, Q)$, since $D(P\|P) = 0$ and $c(x, "
            r"x) = 0$; both are "
            r"admissible in the infimum, and every term is nonnegative ($f$ lies above its tangent at 1).",
            Formula(r"0 \le D^c(Q\|P) \le \min(D(Q\|P), C(P, Q))"),
            "admissible points",
            Grade.BRACKETED,
            lambda: _below_both(d),
        ),
        Step(
            r"$D(P\|P) = 0$"
            + (r": $\log \sum_i p_i = 0$." if isinstance(d, Renyi) else r", since $f(1) = 0$."),
            Formula(r"D(P\|P) = 0"),
            "evaluation",
            Grade.PROVED,
            lambda: _vanishes_at_reference(d),
        ),
        Step(
            r"The DRO value is a supremum over sets that grow with $\varepsilon$ and shrink as $c$ "
            r"grows; as the infimum of "
            r"functions affine in $\varepsilon$ it is concave.",
            Formula(
                r"V(\varepsilon) \text{ nondecreasing and concave}, \quad E_P[\varphi] \le V \le "
                r"\sup_{\text{reachable}} \varphi"
            ),
            "monotonicity of suprema",
            Grade.BRACKETED,
            lambda: _monotone(d),
        ),
    )


STATEMENT = Statement(
    "T13",
    "Order",
    (r"$c(x, x) = 0$, $c \ge 0$",),
    Formula(r"0 \le D^c \le \min(D, C(P, Q))"),
    "arXiv 2309.03791",
    _steps,
    formal=(
        "ArmorD.T13_bounds.T13_nonneg",
        "ArmorD.T13_bounds.T13_le_transport",
        "ArmorD.T13_bounds.T13_le_divergence",
        "ArmorD.T13_bounds.T13_monotone_eps",
        "ArmorD.T13_bounds.T13_monotone_cost",
        "ArmorD.T01_primal.Df_ge0",
        "ArmorD.T01_primal.Df_zero",
        "ArmorD.T13_order.T13_value_monotone_cost",
        "ArmorD.T13_order.T13_concave_eps",
        "ArmorD.T13_order.T13_le_reachable",
        "ArmorD.T13_order.T13_mean_le",
        "ArmorD.T13_order.T13_mechanisms",
        "ArmorD.T13_order.T13_hard_ball",
    ),
    renyi=ForRenyi(_steps),
)
