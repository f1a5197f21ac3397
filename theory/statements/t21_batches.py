"""T21: the objective on a mini-batch."""

from math import comb, exp, log

import sympy as sp

from theory.checks import claims, identities
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade, Outcome
from theory.fdivergence import FDivergence
from theory.finite import Divergence, Finite
from theory.instances import rigid_dual
from theory.renyi import Renyi
from theory.statement import ForRenyi, Statement

_INF = float("inf")
_P, _LOSSES, _EPS = 0.35, (1.0, 0.0), 0.1


def _two(d: Divergence, share: float, kappa: float) -> float:
    """The value for two atoms, share on the larger loss; a batch may hold one atom only."""
    if share in (0.0, 1.0):
        return _LOSSES[0] if share else _LOSSES[1]
    rigid = [[0.0, _INF], [_INF, 0.0]]
    return Finite(d, (share, 1 - share)).dro(_LOSSES, rigid, _EPS, kappa).upper


def _biased(d: Divergence) -> Finding:
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


def _rate(d: Divergence) -> Finding:
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


def _binomial(size: int, share: float) -> list[float]:
    return [comb(size, k) * share**k * (1 - share) ** (size - k) for k in range(size + 1)]


def _without_replacement() -> Finding:
    """Var of a mean of B draws without replacement from N values of variance v: v/B (N-B)/(N-1)."""
    v, n, size = sp.symbols("v N B", positive=True)
    between = -v / (n - 1)  # the covariance that makes the sum of all N constant
    return identities(
        (n * v + n * (n - 1) * between, 0),
        ((size * v + size * (size - 1) * between) / size**2, v / size * (n - size) / (n - 1)),
    )


def _hypergeometric(d: Divergence) -> Finding:
    """Drawn without replacement from 20 values, batches of 5: bias about (N-B)/(N-1) of the other, "
    "exactly."""
    total, ones, size, kappa = 20, 7, 5, 0.1
    share, whole = ones / total, _two(d, ones / total, kappa)
    free = sum(w * _two(d, k / size, kappa) for k, w in enumerate(_binomial(size, share))) - whole
    law = [comb(ones, k) * comb(total - ones, size - k) / comb(total, size) for k in range(size + 1)]
    drawn = sum(w * _two(d, k / size, kappa) for k, w in enumerate(law)) - whole
    factor = (total - size) / (total - 1)
    share_left = f"{drawn / free:.3f} of the bias" if abs(free) > 1e-9 else "no bias"
    return claims(
        {
            f"{share_left} with replacement, (N-B)/(N-1) = {factor:.3f}": free - 1e-9 <= drawn <= 1e-9,
        },
        Grade.SAMPLED,
    )


def _carried(d: FDivergence) -> Finding:
    """At fixed lambda and rho the batch objective is affine in P_B: unbiased, by the exact binomial law."""
    size, kappa = 4, 0.1
    rigid = [[0.0, _INF], [_INF, 0.0]]
    s = Finite(d, (_P, 1 - _P)).dro(_LOSSES, rigid, _EPS, kappa)
    terms = rigid_dual(d, _LOSSES, s.lam, s.rho, _EPS, kappa)
    mean = sum(
        w * (k / size * terms[0] + (1 - k / size) * terms[1]) for k, w in enumerate(_binomial(size, _P))
    )
    return claims({"E of the batch objective = V(P)": abs(mean - s.upper) < 1e-9}, Grade.SAMPLED)


def _lambda_alone() -> Finding:
    """lambda log E_PB[X]: second-order term -lambda Var(X)/(2 B M^2), that is -(lambda/2) Var_P(w)/B."""
    lam, m, v, size, shift = sp.symbols("lambda M v B x", positive=True)
    curvature = sp.diff(lam * sp.log(shift), shift, 2).subs(shift, m)
    return identities((curvature / 2 * v / size, -lam / 2 * (v / m**2) / size))


def _pooled(d: Divergence) -> Finding:
    """Two workers with different batches: the mean of their values lies below the value of the pool."""
    apart = (_two(d, 0.2, 0.1) + _two(d, 0.6, 0.1)) / 2
    pool = _two(d, 0.4, 0.1)
    return claims(
        {f"mean of two workers {apart:.4f} <= pooled {pool:.4f}": apart <= pool + 1e-9}, Grade.SAMPLED
    )


def _bias_step(d: Divergence) -> Step:
    return Step(
        r"$V$ is concave in $P$ ($D^c$ is jointly convex, T14), so Jensen's inequality for $E P_B = P$ "
        r"gives a "
        r"downward bias; averaging over sub-batches gives monotonicity in $B$.",
        Formula(r"E V(P_B) \le E V(P_{B+1}) \le V(P)"),
        "Jensen's inequality",
        Grade.CITED,
        lambda: _biased(d),
        "Jensen (1906); Shapiro, Dentcheva and Ruszczynski (2009), Proposition 5.6",
        ("sampling with replacement",),
    )


def _sampling_steps(d: Divergence) -> tuple[Step, ...]:
    return (
        Step(
            r"Without replacement from $N$ samples the variance of every mean, and with it the leading "
            r"term of the "
            r"bias, has the factor $(N-B)/(N-1)$.",
            Formula(r"\mathrm{Var}(\bar X_B) = \frac{\sigma^2}{B} \cdot \frac{N-B}{N-1}"),
            "finite population correction",
            Grade.PROVED,
            _without_replacement,
        ),
        Step(
            r"The factor on the exact hypergeometric law, $N = 20$, $B = 5$; the bias stays downward and "
            r"shrinks.",
            Formula(""),
            "instance",
            Grade.SAMPLED,
            lambda: _hypergeometric(d),
        ),
        Step(
            r"Several workers: by the same concavity the mean of their own values is at most the value "
            r"of the "
            r"pooled losses, so the exact objective needs the pool.",
            Formula(r"\tfrac{1}{2} (V(P_1) + V(P_2)) \le V(\tfrac{1}{2} (P_1 + P_2))"),
            "concavity in P",
            Grade.SAMPLED,
            lambda: _pooled(d),
        ),
    )


def _steps(d: FDivergence) -> tuple[Step, ...]:
    found = [
        _bias_step(d),
        *_sampling_steps(d),
        Step(
            r"Multipliers $\lambda^*$ and $\rho^*$ carried over the data set: at fixed $(\lambda, \rho)$ the "
            r"objective of T7 is affine in $P$, so it is unbiased.",
            Formula(r"E_{P_B} E[m_{\lambda^*, \rho^*}] = E_P[m_{\lambda^*, \rho^*}] = V(P)"),
            "linearity",
            Grade.SAMPLED,
            lambda: _carried(d),
        ),
    ]
    if d.name == "kl":
        found += [
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
            ),
            Step(
                r"Carrying $\lambda^*$ alone leaves the curvature of the logarithm, the first of the two "
                r"terms.",
                Formula(r"B \cdot \mathrm{bias} \to -\frac{\lambda^*}{2} \mathrm{Var}_P(w)"),
                "second-order delta method",
                Grade.PROVED,
                _lambda_alone,
            ),
        ]
    return tuple(found)


def _renyi_upward(d: Renyi) -> Finding:
    """alpha > 1, kappa = 1: E V(P_2) exceeds V(P) for P = (.95, .05), losses 30 and 0, eps = 3."""
    rigid = [[0.0, _INF], [_INF, 0.0]]

    def value(share: float) -> float:
        if share in (0.0, 1.0):
            return 30.0 * share
        return Finite(d, (share, 1 - share)).dro((30.0, 0.0), rigid, 3.0, 1.0).lower

    mean = sum(w * value(k / 2) for k, w in enumerate(_binomial(2, 0.95)))
    whole = Finite(d, (0.95, 0.05)).dro((30.0, 0.0), rigid, 3.0, 1.0).upper
    if mean <= whole and not 1.2 <= d.alpha <= 20:
        return Finding(Outcome.SKIPPED, Grade.BRACKETED, "on this instance the bias is not upward")
    return claims({f"E V(P_2) = {mean:.3f} > V(P) = {whole:.3f}": mean > whole + 1e-6}, Grade.BRACKETED)


def _renyi(d: Renyi) -> tuple[Step, ...]:
    if d.alpha < 1:
        return (_bias_step(d), *_sampling_steps(d))
    return (
        Step(
            r"For $\alpha > 1$ joint convexity fails (T14), and with a dominating penalty the bias can be "
            r"upward.",
            Formula(r"E V(P_B) > V(P)"),
            "counterexample",
            Grade.BRACKETED,
            lambda: _renyi_upward(d),
        ),
    )


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
    renyi=ForRenyi(
        _renyi,
        hypotheses=(
            r"$P_B$: the empirical distribution of $B$ draws; $\alpha < 1$ (for $\alpha > 1$: a "
            r"counterexample)",
        ),
    ),
)
