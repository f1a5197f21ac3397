"""T23: concavity in P and one-sided deviations."""

from theory.checks import claims
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.fdivergence import FDivergence
from theory.finite import Finite
from theory.instances import COST, PHI
from theory.statement import ForRenyi, Statement

_EPS, _KAPPA = 0.05, 0.1
_P, _SAMPLE = (0.4, 0.25, 0.35), (0.3, 0.4, 0.3)


def _integrand(d: FDivergence, lam: float, rho: float) -> list[float]:
    """m(x_i) of T7 at fixed multipliers."""
    space, mu = Finite(d, _P), lam + _KAPPA
    moved, _ = space.transform(PHI, COST, mu)
    return [lam * _EPS + rho + mu * float(space.fn.conjugate((v - rho) / mu)) for v in moved]


def _deviations(d: FDivergence) -> Finding:
    whole, sample = (Finite(d, p).dro(PHI, COST, _EPS, _KAPPA) for p in (_P, _SAMPLE))
    gap = whole.upper - sample.upper
    difference = [a - b for a, b in zip(_P, _SAMPLE, strict=True)]
    low, high = (
        sum(w * m for w, m in zip(difference, _integrand(d, s.lam, s.rho), strict=True))
        for s in (whole, sample)
    )
    middle = Finite(d, tuple((a + b) / 2 for a, b in zip(_P, _SAMPLE, strict=True))).dro(
        PHI, COST, _EPS, _KAPPA
    )
    return claims(
        {
            "(E_P - E_Pn) m at theta*(P) <= V(P) - V(Pn)": low <= gap + 1e-9,
            "V(P) - V(Pn) <= (E_P - E_Pn) m at theta*(Pn)": gap <= high + 1e-9,
            "midpoint concavity in P": middle.upper >= (whole.upper + sample.upper) / 2 - 1e-9,
        },
        Grade.BRACKETED,
    )


def _steps(d: FDivergence) -> tuple[Step, ...]:
    return (
        Step(
            r"T7 is an infimum over $\theta = (\lambda, \rho)$ of $E_P[m_\theta]$, affine in $P$; "
            r"in mode ``reference'' the "
            r"constraint is the domain of $f^*$. Insert the minimiser of the other distribution on "
            r"each side.",
            Formula(
                r"(E_P - E_{P_n}) m_{\theta^*(P)} \le V(P) - V(P_n) \le (E_P - E_{P_n}) m_{\theta^*(P_n)}"
            ),
            "infimum of affine functions",
            Grade.BRACKETED,
            lambda: _deviations(d),
        ),
    )


STATEMENT = Statement(
    "T23",
    "Concavity in P and one-sided deviations",
    (r"f-divergences; both minimisers exist; $P$, $P_n$ with the same support",),
    Formula(r"(E_P - E_{P_n}) m_{\theta^*(P)} \le V(P) - V(P_n) \le (E_P - E_{P_n}) m_{\theta^*(P_n)}"),
    "arXiv 2603.27871; derived here",
    _steps,
    renyi=ForRenyi(
        "the objective of T10 holds log E_P and is not affine in P, so its minimisers give no such bounds"
    ),
)
