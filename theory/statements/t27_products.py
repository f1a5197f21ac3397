"""T27: products."""

import sympy as sp

from theory.checks import claims, identities, without_max
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.finite import Divergence, Finite
from theory.renyi import Renyi
from theory.statement import ForRenyi, NotApplicable, Statement

_P1, _P2 = (0.45, 0.55), (0.7, 0.3)
_H1, _H2 = (0.2, 5.1), (-1.5, 3.4)


def _separable() -> Finding:
    """max over (y1, y2) of g1 + g2 - c1 - c2 splits, for two points in each factor."""
    a, b, c, e = sp.symbols("a b c e", real=True)
    pairs = sp.Max(sp.Max(a, b) + c, sp.Max(a, b) + e)
    return identities((without_max(pairs), without_max(sp.Max(a, b) + sp.Max(c, e))))


def _log_mean() -> Finding:
    """log E e^(h1 + h2) under a product law is the sum of the two."""
    p, q = sp.symbols("p q", positive=True)
    a, b, c, e = sp.symbols("a b c e", real=True)
    joint = sum(u * v * sp.exp(x + z) for u, x in ((p, a), (1 - p, b)) for v, z in ((q, c), (1 - q, e)))
    parts = (p * sp.exp(a) + (1 - p) * sp.exp(b)) * (q * sp.exp(c) + (1 - q) * sp.exp(e))
    return identities((sp.expand(joint), sp.expand(parts)))


def _strict(d: Divergence) -> Finding:
    """The conjugate at h1 + h2 under the product law against the sum of the conjugates."""
    one, two = Finite(d, _P1), Finite(d, _P2)
    both = Finite(d, tuple(a * b for a in _P1 for b in _P2))
    unit = max(1.0, float(d.second_at_one or 0) / 2)  # a stiff f needs larger payoffs to leave its parabola
    h1, h2 = ([unit * h for h in payoffs] for payoffs in (_H1, _H2))
    joint = both.reweight([a + b for a in h1 for b in h2])
    first, second = one.reweight(h1), two.reweight(h2)
    difference = joint.dual - first.dual - second.dual
    if d.name == "kl":
        return claims({"the conjugate adds": abs(difference) < 1e-9}, Grade.BRACKETED)
    # the intervals between primal and dual witnesses must not meet
    apart = max(joint.primal - first.dual - second.dual, first.primal + second.primal - joint.dual)
    shown = f"{difference:.4f}" if abs(difference) >= 1e-4 else f"{difference:.2e}"
    return claims({f"not additive: the conjugates differ by {shown}": apart > 1e-8}, Grade.BRACKETED)


def _divergence_adds(d: Divergence) -> Finding:
    """log(u v) = log u + log v, and the power sums of a product law factor."""
    u, v, p, q, a = sp.symbols("u v p q a", positive=True)
    if not isinstance(d, Renyi):
        return identities((sp.expand_log(-sp.log(u * v)), -sp.log(u) - sp.log(v)))
    joint = (p * q) ** a * (u * v) ** (1 - a)
    return identities(
        (sp.expand_power_base(joint), p**a * u ** (1 - a) * q**a * v ** (1 - a)),
        (sp.expand_log(sp.log(u * v)), sp.log(u) + sp.log(v)),  # of the two sums
    )


def _additive(d: Divergence) -> tuple[Step, ...]:
    """The divergences other than KL that are additive themselves, so that D^c is for a rigid cost."""
    if d.name not in ("reverse_kl", "renyi"):
        return ()
    why = (
        r"$\sum_{ij} (p_i p'_j)^\alpha (\eta_i \eta'_j)^{1-\alpha}$ is the product of the two sums"
        if isinstance(d, Renyi)
        else r"$-\log$ of a product of densities is the sum"
    )
    return (
        Step(
            rf"The divergence itself is additive, since {why}; so is $D^c = D$ for a rigid cost.",
            Formula(r"D(\eta \otimes \eta'\|P_1 \otimes P_2) = D(\eta\|P_1) + D(\eta'\|P_2)"),
            "logarithm of a product",
            Grade.PROVED,
            lambda: _divergence_adds(d),
        ),
    )


def _steps(d: Divergence) -> tuple[Step, ...]:
    if not isinstance(d, Renyi) and (d.domain[0] == 1 or d.domain[1] == 1):
        raise NotApplicable("without re-weighting it is additivity of optimal transport")
    if d.name != "kl":
        return (
            *_additive(d),
            Step(
                r"For this divergence the conjugate of a sum under a product law is not the sum of the "
                r"conjugates: the penalised value of a separable loss is not the sum of the values, and "
                r"the proof of "
                r"additivity for KL does not carry over.",
                Formula(
                    r"\Lambda^{P_1 \otimes P_2}[h_1 \oplus h_2] \ne \Lambda^{P_1}[h_1] + \Lambda^{P_2}[h_2]"
                ),
                "counterexample",
                Grade.BRACKETED,
                lambda: _strict(d),
            ),
        )
    return (
        Step(
            r"For additive costs the c-transform of $g_1 \oplus g_2$ splits.",
            Formula(r"(g_1 \oplus g_2)^{c_1 \oplus c_2} = g_1^{c_1} \oplus g_2^{c_2}"),
            "separable maximum",
            Grade.PROVED,
            _separable,
        ),
        Step(
            r"So does the log-mean-exp: separable potentials give $D^c \ge$ the sum; product plans "
            r"give $\le$.",
            Formula(
                r"\log E_{P_1 \otimes P_2} e^{h_1 \oplus h_2} = \log E_{P_1} e^{h_1} + \log E_{P_2} e^{h_2}"
            ),
            "independence",
            Grade.PROVED,
            _log_mean,
        ),
        Step(
            r"Hence $D^c$ is additive, and for separable $\varphi$ the DRO value is the "
            r"sup-convolution in $\varepsilon$ of "
            r"the two values.",
            Formula(r"D^c(Q_1 \otimes Q_2\|P_1 \otimes P_2) = D^{c_1}(Q_1\|P_1) + D^{c_2}(Q_2\|P_2)"),
            "primal and dual witnesses",
            Grade.BRACKETED,
            lambda: _strict(d),
        ),
    )


STATEMENT = Statement(
    "T27",
    "Products",
    (r"$c = c_1 \oplus c_2$; equality for KL",),
    Formula(
        r"D^c(Q_1 \otimes Q_2\|P_1 \otimes P_2) = D^{c_1}(Q_1\|P_1) + D^{c_2}(Q_2\|P_2) \quad (\mathrm{KL})"
    ),
    "derived here",
    _steps,
    renyi=ForRenyi(_steps),
)
