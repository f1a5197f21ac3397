"""T21: the objective on a mini-batch."""

from math import comb, exp, log

from theory.checks import claims
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.fdivergence import FDivergence
from theory.finite import Finite
from theory.statement import Statement

_INF = float("inf")
_P, _LOSSES, _EPS = 0.35, (1.0, 0.0), 0.1


def _two(d: FDivergence, share: float, kappa: float) -> float:
    """The value for two atoms, share on the larger loss; a batch may hold one atom only."""
    if share in (0.0, 1.0):
        return _LOSSES[0] if share else _LOSSES[1]
    rigid = [[0.0, _INF], [_INF, 0.0]]
    return Finite(d, (share, 1 - share)).dro(_LOSSES, rigid, _EPS, kappa).upper


def _biased(d: FDivergence) -> Finding:
    """E V(P_B) exactly, by the binomial law, for B = 1, 2, 4: nondecreasing in B and below V(P)."""
    means = []
    for size in (1, 2, 4):
        law = [comb(size, k) * _P**k * (1 - _P) ** (size - k) for k in range(size + 1)]
        means.append(sum(w * _two(d, k / size, 0.1) for k, w in enumerate(law)))
    whole = _two(d, _P, 0.1)
    ordered = all(a <= b + 1e-9 for a, b in zip(means, [*means[1:], whole], strict=True))
    return claims(
        {"E V(P_B) rises with B = 1, 2, 4 and stays below V(P) (exact binomial law)": ordered},
        Grade.SAMPLED,
    )


def _rate(d: FDivergence) -> Finding:
    """KL, hard ball, kappa = 0: B times the bias against the formula, by the exact binomial law at B =
    4000.
    """
    rigid = [[0.0, _INF], [_INF, 0.0]]
    size, p = 4000, (_P, 1 - _P)
    s = Finite(d, p).dro(_LOSSES, rigid, _EPS, 0.0)
    w = [sum(m for i, _, m in s.arcs if i == k) / p[k] for k in range(2)]
    z = [v * (1 + _EPS - log(v)) for v in w]

    def variance(values: list[float], law: list[float]) -> float:
        mean = sum(a * b for a, b in zip(values, law, strict=True))
        return sum(b * (a - mean) ** 2 for a, b in zip(values, law, strict=True))

    tilted = variance([log(v) for v in w], [a * b for a, b in zip(p, w, strict=True)])
    formula = -s.lam / 2 * (variance(w, list(p)) + variance(z, list(p)) / tilted)
    centre, spread = round(size * _P), 260  # 8.6 standard deviations: the rest weighs less than 1e-15
    found, law = 0.0, 0.0
    logs = [log(_P), log(1 - _P)]
    base = 0.0
    for k in range(1, centre - spread + 1):
        base += log((size - k + 1) / k)
    for k in range(centre - spread, centre + spread + 1):
        weight = exp(base + k * logs[0] + (size - k) * logs[1])
        found += weight * _smooth(k / size)
        law += weight
        base += log((size - k) / (k + 1))
    bias = size * (found / law - _smooth(_P))
    return claims(
        {
            f"B bias = {bias:.4f} at B = 4000, formula {formula:.4f}": abs(bias - formula)
            < 0.01 * abs(formula)
        },
        Grade.SAMPLED,
    )


def _smooth(share: float) -> float:
    """The KL value for losses 1 and 0: the larger root q of KL(q||share) = eps (E_Q of the loss is q)."""
    lo, hi = share, 1 - 1e-15
    for _ in range(80):
        middle = (lo + hi) / 2
        distance = middle * log(middle / share) + (1 - middle) * log((1 - middle) / (1 - share))
        lo, hi = (middle, hi) if distance < _EPS else (lo, middle)
    return lo


def _steps(d: FDivergence) -> tuple[Step, ...]:
    found = [
        Step(
            r"$V$ is concave in $P$ (T7 is an infimum of functions affine in $P$), so Jensen's "
            r"inequality for "
            r"$E P_B = P$ gives a downward bias; averaging over sub-batches gives monotonicity in $B$.",
            Formula(r"E V(P_B) \le E V(P_{B+1}) \le V(P)"),
            "Jensen's inequality",
            Grade.CITED,
            lambda: _biased(d),
            "Jensen (1906); Shapiro, Dentcheva and Ruszczynski (2009), Proposition 5.6",
            ("sampling with replacement",),
        )
    ]
    if d.name == "kl":
        found.append(
            Step(
                r"KL, hard ball, $\kappa = 0$, $\lambda^* > 0$, $w = dQ^*/dP$: the delta method in "
                r"$(\lambda, \rho)$.",
                Formula(
                    r"B \cdot \mathrm{bias} \to -\frac{\lambda^*}{2} [ \mathrm{Var}_P(w) +"
                    r" \frac{\mathrm{Var}_P(w(1+\varepsilon-\log w))}{\mathrm{Var}_{Q^*}(\log w)} ]"
                ),
                "second-order delta method",
                Grade.CITED,
                lambda: _rate(d),
                "van der Vaart, Asymptotic Statistics (1998), Theorem 5.23",
                ("bounded losses", r"$\lambda^* > 0$"),
            )
        )
    return tuple(found)


STATEMENT = Statement(
    "T21",
    "Batch effects",
    (
        r"$P_B$: the empirical distribution of $B$ draws; f-divergences (not Rényi $\alpha > 1$ "
        r"with a dominating $\kappa$)",
    ),
    Formula(r"E V(P_B) \le V(P)"),
    "derived here",
    _steps,
)
