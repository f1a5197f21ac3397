"""T16: the DRO values interpolate too."""

from theory.checks import claims
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.fdivergence import FDivergence
from theory.finite import Divergence, Finite
from theory.instances import COST, PHI, WEIGHTS, finite
from theory.statement import ForRenyi, Statement

_INF = float("inf")
_EPS = 0.05
_SECOND = r"V(D^{rc} \le r\varepsilon) \to V(C \le \varepsilon)"


def _scaled(r: float) -> list[list[float]]:
    return [[r * c for c in row] for row in COST]


def _far(d: Divergence) -> Finding:
    """r large: f-divergence DRO."""
    space = finite(d)
    rigid = [[0.0 if i == j else _INF for j in range(4)] for i in range(3)]
    limit = space.dro(PHI, rigid, _EPS, 0.0).upper
    value = space.dro(PHI, _scaled(1e5), _EPS, 0.0).upper
    return claims({f"at r = 1e5 within 1e-3 of {limit:.5f}": abs(value - limit) < 1e-3}, Grade.SAMPLED)


def _near(d: Divergence) -> Finding:
    """r small, radius r eps: optimal-transport DRO if f is strictly convex at 1, and not otherwise."""
    from theory.catalogue import divergence

    limit = Finite(divergence("none"), WEIGHTS).dro(PHI, COST, _EPS, 0.0).upper
    r = 1e-6
    found = finite(d).dro(PHI, _scaled(r), _EPS * r, 0.0)
    if d.strictly_convex_at_one:
        near = abs(found.upper - limit) < 5e-3
        return claims({f"at r = 1e-6 within 5e-3 of {limit:.5f}": near}, Grade.SAMPLED)
    within = found.distance <= _EPS * r * (1 + 1e-6) + 1e-15
    apart = f"at r = 1e-6 a Q in the ball has {found.lower:.4f}, above {limit:.4f}: the limit fails"
    return claims({apart: found.lower > limit + 1e-6, "its D^(rc) is at most r eps": within}, Grade.BRACKETED)


_LIMIT = r"V(D^{rc} \le r\varepsilon; \kappa/r) \to V(C(P, \cdot) \le \varepsilon; \kappa)"


def _formula(d: FDivergence) -> Formula:
    if d.strictly_convex_at_one:
        return STATEMENT.formula
    return Formula(STATEMENT.formula.latex.replace(_SECOND, _SECOND.replace(r"\to", r"\not\to")))


def _steps(d: Divergence) -> tuple[Step, ...]:
    second = (
        r"With radius $r\varepsilon$ and $r \downarrow 0$ the budget only pays for transport."
        if d.strictly_convex_at_one
        else r"$f$ is flat around 1: re-weighting within the flat part is free, so the limit fails "
        r"(counterexample)."
    )
    return (
        Step(
            r"With $r \to \infty$ only re-weighting is left.",
            Formula(r"V(D^{rc} \le \varepsilon) \to V(D \le \varepsilon)"),
            "limit of convex programs",
            Grade.CITED,
            lambda: _far(d),
            "Rockafellar and Wets, Variational Analysis (1998), Theorem 7.33",
            (r"$c > 0$ off the diagonal",),
        ),
        Step(
            second,
            Formula(_LIMIT if d.strictly_convex_at_one else _LIMIT.replace(r"\to", r"\not\to")),
            "limit of convex programs" if d.strictly_convex_at_one else "counterexample",
            Grade.CITED if d.strictly_convex_at_one else Grade.BRACKETED,
            lambda: _near(d),
            "Rockafellar and Wets, Variational Analysis (1998), Theorem 7.33"
            if d.strictly_convex_at_one
            else "",
            ("f strictly convex at 1",) if d.strictly_convex_at_one else (),
        ),
    )


STATEMENT = Statement(
    "T16",
    "Interpolation of the DRO values",
    (r"those of T15; the penalty of the second limit is $\kappa/r$",),
    Formula(rf"V(D^{{rc}} \le \varepsilon) \to V(D \le \varepsilon), \qquad {_SECOND}"),
    "arXiv 2309.03791",
    _steps,
    renyi=ForRenyi(_steps),
    formula_for=_formula,
)
