"""T25: total variation is a truncated transport."""

import sympy as sp

from theory.checks import claims, identities, without_max
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.fdivergence import FDivergence
from theory.finite import Finite
from theory.instances import TWO, WEIGHTS, Q
from theory.statement import ForRenyi, NotApplicable, Statement

_AWAY = ((0.3, 2.7), (1.4, 0.2), (0.5, 3.2))  # no point of P lies where Q has mass
_FAR = ((0.0, 2.7), (1.4, 0.0), (0.5, 3.2))


def _truncate() -> Finding:
    """Constraint sets agree: g_j - h_i <= c and h_i >= max g - 1 read g_j - h_i <= min(c, 1) at the top."""
    gap, cost = sp.symbols("gap c", real=True)
    return identities((without_max(sp.Max(gap - cost, gap - 1)), without_max(gap - sp.Min(cost, 1))))


def _values(d: FDivergence) -> Finding:
    from theory.catalogue import divergence

    transport = Finite(divergence("none"), WEIGHTS)
    facts = {}
    for cost, label in ((TWO, "near"), (_FAR, "far"), (_AWAY, "apart")):
        space = Finite(d, WEIGHTS).nearest(cost, Q, "space")
        capped = transport.nearest([[min(c, 1.0) for c in row] for row in cost], Q)
        facts[f"{label}, space: C with min(c, 1) = {capped[0]:.6f}"] = abs(space[0] - capped[0]) < 1e-9
        reach = [min(row[j] for row in cost) for j in range(2)]
        lifted = transport.nearest(
            [[min(c, 1 + r) for c, r in zip(row, reach, strict=True)] for row in cost], Q
        )
        reference = Finite(d, WEIGHTS).nearest(cost, Q, "reference")
        facts[f"{label}, reference: C = {lifted[0]:.6f}"] = abs(reference[0] - lifted[0]) < 1e-9
    return claims(facts, Grade.BRACKETED)


def _steps(d: FDivergence) -> tuple[Step, ...]:
    if d.name != "tv":
        raise NotApplicable("it is about total variation")
    return (
        Step(
            r"In T2 $\Lambda[h] = E_P[\max(h, S - 1)]$ (T3); with $h = g^c$ and $S = \sup g$ the "
            r"maximum truncates the cost at 1.",
            Formula(r"\max(g_j - c, g_j - 1) = g_j - \min(c, 1)"),
            "truncation",
            Grade.PROVED,
            _truncate,
        ),
        Step(
            r"Both identities on instances; in mode ``reference'' the mass re-created on the "
            r"support of $P$ still travels.",
            Formula(r"TV^c = C_{\min(c, 1)}, \qquad \min(c(x, y), 1 + \min_{z \in \mathrm{supp} P} c(z, y))"),
            "primal and dual witnesses",
            Grade.BRACKETED,
            lambda: _values(d),
        ),
    )


STATEMENT = Statement(
    "T25",
    "Total variation is a truncated transport",
    (r"$D$ is total variation",),
    Formula(r"TV^c = C_{\min(c, 1)}(P, Q) \ (\text{space})"),
    "derived here",
    _steps,
    formal=(
        "ArmorD.T25_truncated_transport.T25_total_variation",
        "ArmorD.T25_truncated_transport.T25_truncated_transport",
    ),
    renyi=ForRenyi("it is about total variation"),
)
