"""T12: the gradient of the DRO value."""

from theory.checks import claims
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.finite import Divergence
from theory.instances import COST, PHI, finite
from theory.statement import ForRenyi, Statement

_DIRECTION = (0.7, -0.4, 0.9, 0.25)
_STEP = 1e-5


def _directional(d: Divergence) -> Finding:
    """One-sided difference quotients enclose E_{Q*}[psi], and meet where Q* is unique."""
    space = finite(d)

    def value(step: float) -> float:
        moved = [v + step * w for v, w in zip(PHI, _DIRECTION, strict=True)]
        return space.dro(moved, COST, 0.02, 0.3).upper

    s = space.dro(PHI, COST, 0.02, 0.3)
    slope = sum(m * _DIRECTION[j] for _, j, m in s.arcs)
    base = value(0.0)
    left, right = (base - value(-_STEP)) / _STEP, (value(_STEP) - base) / _STEP
    inside = left - 1e-4 <= slope <= right + 1e-4
    return claims(
        {f"E_Q*[psi] = {slope:.4f} lies between the one-sided difference quotients": inside}, Grade.SAMPLED
    )


def _steps(d: Divergence) -> tuple[Step, ...]:
    return (
        Step(
            r"The value is a supremum over $Q$ of functions that are affine in $\varphi$; its "
            r"directional derivative is the "
            r"largest slope over the optimal $Q^*$, and a gradient where they agree.",
            Formula(
                r"V'(\varphi; \psi) = \max_{Q^* \text{ optimal}} E_{Q^*}[\psi], \qquad "
                r"\nabla_\theta V = E_{Q^*}[\nabla_\theta \ell_\theta]"
            ),
            "envelope theorem (Danskin)",
            Grade.CITED,
            lambda: _directional(d),
            "Danskin (1966); Bonnans and Shapiro, Perturbation Analysis (2000), Theorem 4.13",
            ("compact set of Q (finite space)", r"$\theta \mapsto \ell_\theta$ continuously differentiable"),
        ),
    )


STATEMENT = Statement(
    "T12",
    "Gradient",
    (
        r"$\varphi = \ell_\theta$ continuously differentiable in $\theta$; all optimal $Q^*$ agree "
        r"on $\nabla_\theta \ell_\theta$",
    ),
    Formula(r"\nabla_\theta V = E_{Q^*}[\nabla_\theta \ell_\theta]"),
    "arXiv 2309.03791; Danskin (1966)",
    _steps,
    renyi=ForRenyi(_steps),
)
