"""T15: D^c interpolates between the divergence and optimal transport."""

from itertools import pairwise

from theory.checks import claims
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.fdivergence import FDivergence
from theory.finite import Divergence, Finite
from theory.statement import ForRenyi, NotApplicable, Statement
from theory.statements.t19_expansion import stiffness

_P, _Q = (0.45, 0.55), (0.3, 0.7)
_PAIR = ((0.0, 0.6), (0.8, 0.0))
_APART = ((0.8, 0.2), (0.1, 0.9))
_TRANSPORT = (_P[0] - _Q[0]) * _PAIR[0][1]


def _scaled(r: float) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(r * c for c in row) for row in _PAIR)


def _far(d: Divergence) -> Finding:
    # for a stiff f a Q so near P that potentials stay moderate
    share = min(1.0, 10 / stiffness(d), 10 / float(d.second_at_one or 1))
    q = (_P[0] + share * (_Q[0] - _P[0]), _P[1] + share * (_Q[1] - _P[1]))
    space = Finite(d, _P)
    limit = space.divergence_from(q)
    values = [space.nearest(_scaled(r), q)[0] for r in (1e-1, 1.0, 1e1, 40.0)]
    shown = f"{limit:.6f}" if share == 1 else f"{limit:.6g}"
    return claims(
        {
            "nondecreasing in r": all(a <= b + 1e-12 for a, b in pairwise(values)),
            f"reaches D = {shown} at r = 40": abs(values[-1] - limit) < 1e-6 * max(limit, 1e-6),
        },
        Grade.SAMPLED,
    )


def _near(d: Divergence) -> Finding:
    space = Finite(d, _P)
    unit = min(1.0, space.divergence_from(_Q) / 0.01)  # what is dear depends on the scale of f
    radii = [unit * r for r in (1e-1, 1e-2, 1e-3)]
    values = [space.nearest(_scaled(r), _Q)[0] / r for r in radii]
    gaps = [abs(v - _TRANSPORT) for v in values]
    at = f"C = {_TRANSPORT:.4f} at r = {radii[-1]:.3g}"
    close = {f"within 1e-3 of {at}": True}
    if gaps[-1] >= 1e-3:  # f so flat at 1 that the limit is slow
        close = {f"the distance to {at} is a third of that at 100 r": gaps[-1] < gaps[0] / 3}
    return claims(
        {"nonincreasing in r": all(a <= b + 1e-9 for a, b in pairwise(values)), **close}, Grade.SAMPLED
    )


def _flat(d: Divergence) -> Finding:
    """f affine around 1: a plan that re-weights within the flat part keeps r^-1 D^{rc} below C."""
    space, p, q = Finite(d, _APART[0]), *_APART
    transport = (p[0] - q[0]) * _PAIR[0][1]
    values = [space.nearest(_scaled(r), q)[1] / r for r in (1e-2, 1e-3)]
    return claims(
        {
            f"r^-1 D^(rc) <= {v:.4f} at r = {r}, against C = {transport:.4f}": v < transport * (1 - 1e-6)
            for v, r in zip(values, ("0.01", "0.001"), strict=True)
        },
        Grade.BRACKETED,
    )


def _formula(d: FDivergence) -> Formula:
    if d.strictly_convex_at_one:
        return STATEMENT.formula
    return Formula(
        r"D^{rc} \to D \ (r \to \infty), \qquad r^{-1} D^{rc} \not\to C(P, \cdot) \ (r \downarrow 0)"
    )


def _steps(d: Divergence) -> tuple[Step, ...]:
    if float(Finite(d, _P).divergence_from(_Q)) == float("inf"):
        raise NotApplicable(
            "the divergence is infinite off the diagonal: D^c is optimal transport for every r"
        )
    found = [
        Step(
            r"As $r \to \infty$ transport becomes too dear; $D^{rc}$ increases to the value without "
            r"transport.",
            Formula(r"D^{rc}(Q\|P) \to D(Q\|P)"),
            "monotone limit of infima (compactness, lower semicontinuity)",
            Grade.CITED,
            lambda: _far(d),
            "Rockafellar and Wets, Variational Analysis (1998), Theorem 7.33",
            (r"$c > 0$ off the diagonal", "compact space"),
        )
    ]
    if d.strictly_convex_at_one:
        found.append(
            Step(
                r"As $r \downarrow 0$ the divergence is dear: $D(\eta\|P) \le r C(P, Q)$ forces "
                r"$\eta \to P$ because $f$ is "
                r"strictly convex at 1.",
                Formula(r"r^{-1} D^{rc}(Q\|P) \to C(P, Q)"),
                "exact penalty",
                Grade.CITED,
                lambda: _near(d),
                "Rockafellar and Wets, Variational Analysis (1998), Theorem 7.33",
                ("f strictly convex at 1",),
            )
        )
    else:
        found.append(
            Step(
                r"$f$ is affine around 1, so the second limit fails: an $\eta$ with densities in the affine "
                r"part costs nothing, and only the rest of the way to $Q$ is transported.",
                Formula(r"r^{-1} D^{rc}(Q\|P) \le C(\eta, Q) < C(P, Q)"),
                "counterexample",
                Grade.BRACKETED,
                lambda: _flat(d),
            )
        )
    return tuple(found)


STATEMENT = Statement(
    "T15",
    "Interpolation",
    (
        r"$c > 0$ off the diagonal ($r \to \infty$)",
        r"$f$ strictly convex at 1 ($r \downarrow 0$; without it that limit fails)",
    ),
    Formula(r"D^{rc} \to D \ (r \to \infty), \qquad r^{-1} D^{rc} \to C(P, \cdot) \ (r \downarrow 0)"),
    "arXiv 2309.03791",
    _steps,
    renyi=ForRenyi(_steps),
    formula_for=_formula,
)
