"""T14: convexity of D^c."""

import sympy as sp

from theory.checks import claims, identities
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade, Outcome
from theory.fdivergence import FDivergence
from theory.finite import Finite
from theory.renyi import Renyi
from theory.statement import ForRenyi, Statement
from theory.symbols import t

_PAIR = ((0.0, 0.6), (0.8, 0.0))


def _hessian(d: FDivergence) -> Finding:
    """The Hessian of p f(r/p) is f''(r/p)/p times the outer square of (1, -r/p), on every piece of f."""
    r, p = sp.symbols("r p", positive=True)
    pairs = []
    for piece in d.pieces:
        g, bend = p * piece.expr.subs(t, r / p), piece.curvature.subs(t, r / p) / p
        pairs += [
            (sp.diff(g, r, 2), bend),
            (sp.diff(g, r, p), -r / p * bend),
            (sp.diff(g, p, 2), (r / p) ** 2 * bend),
        ]
    return identities(*pairs)


def _midpoints(d: FDivergence) -> Finding:
    """Joint midpoint convexity on pairs (P, Q) of two points."""
    grid = [((a, 1 - a), (b, 1 - b)) for a, b in ((0.2, 0.6), (0.5, 0.25), (0.8, 0.7))]

    def value(p: tuple[float, float], q: tuple[float, float]) -> float:
        return Finite(d, p).nearest(_PAIR, q)[0]

    worst = 1.0
    for p1, q1 in grid:
        for p2, q2 in grid:
            middle = value(
                ((p1[0] + p2[0]) / 2, (p1[1] + p2[1]) / 2), ((q1[0] + q2[0]) / 2, (q1[1] + q2[1]) / 2)
            )
            worst = min(worst, (value(p1, q1) + value(p2, q2)) / 2 - middle)
    return claims({f"no midpoint violation on {len(grid) ** 2} pairs": worst > -1e-9}, Grade.SAMPLED)


def _steps(d: FDivergence) -> tuple[Step, ...]:
    return (
        Step(
            r"$(r, p) \mapsto p f(r/p)$ is the perspective of $f$: its Hessian is $f''(r/p)/p$ "
            r"times a square.",
            Formula(r"\nabla^2 [p f(r/p)] = \frac{f''(r/p)}{p} (1, -r/p)(1, -r/p)^\top"),
            "perspective of a convex function",
            Grade.PROVED,
            lambda: _hessian(d),
        ),
        Step(
            r"$D^c$ is the partial infimum over plans of a function jointly convex in the plan, $Q$ and $P$.",
            Formula(r"D^c(Q\|P) = \inf_\pi F(\pi, Q, P)"),
            "partial minimisation",
            Grade.CITED,
            lambda: _midpoints(d),
            "Rockafellar, Convex Analysis (1970), Theorem 5.7",
            ("F jointly convex",),
        ),
    )


def _renyi_violation(d: Renyi) -> Finding:
    """For alpha > 1 joint convexity fails already for D on two points; for alpha < 1 it holds."""
    pairs = [((0.01, 0.99), (0.001, 0.999)), ((0.5, 0.5), (0.5, 0.5)), ((0.999, 0.001), (0.001, 0.999))]
    worst = 0.0
    for p1, e1 in pairs:
        for p2, e2 in pairs:
            middle = d.value(
                [(a + b) / 2 for a, b in zip(p1, p2, strict=True)],
                [(a + b) / 2 for a, b in zip(e1, e2, strict=True)],
            )
            worst = min(worst, (d.value(p1, e1) + d.value(p2, e2)) / 2 - middle)
    if d.alpha > 1:
        if worst > -0.1 and not 1.2 <= d.alpha <= 20:
            return Finding(Outcome.SKIPPED, Grade.BRACKETED, f"the violations here stay below {-worst:.1g}")
        return claims(
            {f"a midpoint violation of {-worst:.2f} shows that joint convexity fails": worst < -0.1},
            Grade.BRACKETED,
        )
    return claims({"no midpoint violation": worst > -1e-12}, Grade.SAMPLED)


def _renyi(d: Renyi) -> tuple[Step, ...]:
    return (
        Step(
            r"Jointly convex for $\alpha < 1$; not for $\alpha > 1$, where only convexity in $\eta$ remains.",
            Formula(r"(\eta, P) \mapsto R_\alpha(P\|\eta)"),
            "counterexample for $\\alpha > 1$" if d.alpha > 1 else "midpoint test",
            Grade.BRACKETED if d.alpha > 1 else Grade.SAMPLED,
            lambda: _renyi_violation(d),
        ),
    )


STATEMENT = Statement(
    "T14",
    "Convexity",
    (r"f-divergences, and Rényi with $\alpha < 1$; in $Q$ alone: always",),
    Formula(r"(Q, P) \mapsto D^c(Q\|P) \text{ is jointly convex}"),
    "arXiv 2309.03791; van Erven and Harremoës (2014)",
    _steps,
    formal=("ArmorD.T13_order.T14_convex_in_Q",),
    renyi=ForRenyi(_renyi),
)
