"""T29: derivatives of D^c."""

from theory.checks import claims
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.fdivergence import FDivergence
from theory.finite import Finite
from theory.instances import TWO, WEIGHTS, Q
from theory.statement import Statement

_STEP = 1e-5
_SLACK = 1e-4


def _in_q(d: FDivergence) -> Finding:
    """Moving mass from the first to the second point changes D^c by g_2 - g_1."""
    space = Finite(d, WEIGHTS)
    s = space.potential(TWO, Q)
    base, up, down = (space.nearest(TWO, (Q[0] - h, Q[1] + h))[0] for h in (0.0, _STEP, -_STEP))
    inside = (base - down) / _STEP - _SLACK <= s <= (up - base) / _STEP + _SLACK
    return claims(
        {f"g_2 - g_1 = {s:.4f} lies between the one-sided difference quotients": inside}, Grade.SAMPLED
    )


def _in_p(d: FDivergence) -> Finding:
    """Moving mass of P changes D^c by the difference of -f*(g^c)."""
    space = Finite(d, WEIGHTS)
    s = space.potential(TWO, Q)
    found, _ = space.moved(TWO, s, bounded=False)
    moved, _ = space.transform((0.0, s), TWO, 1.0)
    slopes = [-float(space.fn.conjugate(v - found.rho)) for v in moved]
    expected = slopes[1] - slopes[0]

    def at(h: float) -> float:
        return Finite(d, (WEIGHTS[0] - h, WEIGHTS[1] + h, WEIGHTS[2])).nearest(TWO, Q)[0]

    base, up, down = at(0.0), at(_STEP), at(-_STEP)
    inside = (base - down) / _STEP - _SLACK <= expected <= (up - base) / _STEP + _SLACK
    return claims({f"{expected:.4f} lies between the one-sided difference quotients": inside}, Grade.SAMPLED)


def _steps(d: FDivergence) -> tuple[Step, ...]:
    found = [
        Step(
            r"T2 is a supremum of functions affine in $Q$; its subgradients are the optimal potentials.",
            Formula(r"\nabla_Q D^c(Q\|P) = g^*"),
            "envelope theorem",
            Grade.CITED,
            lambda: _in_q(d),
            "Bonnans and Shapiro, Perturbation Analysis (2000), Theorem 4.13",
            ("modulo constants, where the potential is unique",),
        )
    ]
    if not all(piece.affine for piece in d.pieces):
        found.append(
            Step(
                r"It is affine in $P$ too, through $-\sum_i p_i f^*(g^c(x_i))$.",
                Formula(r"\nabla_P D^c(Q\|P) = -f^*((g^*)^c)"),
                "envelope theorem",
                Grade.CITED,
                lambda: _in_p(d),
                "Bonnans and Shapiro, Perturbation Analysis (2000), Theorem 4.13",
                ("modulo constants, where the potential is unique",),
            )
        )
    return tuple(found)


STATEMENT = Statement(
    "T29",
    r"Derivatives of $D^c$",
    (r"the optimal potential $g^*$ is unique up to constants (otherwise one-sided derivatives)",),
    Formula(r"\nabla_Q D^c = g^*, \qquad \nabla_P D^c = -f^*((g^*)^c)"),
    "derived here",
    _steps,
)
