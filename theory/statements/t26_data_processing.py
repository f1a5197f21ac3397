"""T26: data processing."""

from theory.checks import claims
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.finite import Divergence, Finite
from theory.statement import ForRenyi, Statement

_P, _Q = (0.45, 0.55), (0.3, 0.7)
_KERNELS = (((0.9, 0.1), (0.2, 0.8)), ((0.6, 0.4), (0.5, 0.5)), ((1.0, 0.0), (0.0, 1.0)))
_COST_Y = ((0.0, 0.6), (0.8, 0.0))


def _image(law: tuple[float, float], kernel: tuple[tuple[float, ...], ...]) -> tuple[float, float]:
    first = sum(w * row[0] for w, row in zip(law, kernel, strict=True))
    return first, 1 - first


def _contracts(d: Divergence) -> Finding:
    """The cost of x against x' is the transport cost between their images, exactly what the hypothesis
    asks.
    """
    facts = {}
    for number, kernel in enumerate(_KERNELS, start=1):
        a, b = kernel[0][0], kernel[1][0]
        there = (a - b) * _COST_Y[0][1] if a > b else (b - a) * _COST_Y[1][0]
        back = (a - b) * _COST_Y[1][0] if a > b else (b - a) * _COST_Y[0][1]
        before = Finite(d, _P).nearest(((0.0, there), (back, 0.0)), _Q)[1]
        after = Finite(d, _image(_P, kernel)).nearest(_COST_Y, _image(_Q, kernel))[0]
        facts[f"kernel {number}: not larger after"] = after <= before + 1e-9
    return claims(facts, Grade.BRACKETED)


def _steps(d: Divergence) -> tuple[Step, ...]:
    return (
        Step(
            r"Push an optimal $\eta$ and plan through $K$: $D(\eta K\|PK) \le D(\eta\|P)$ for "
            r"f-divergences, and couplings of "
            r"$K_x$ and $K_{x'}$ glue along the plan at cost at most $\langle c, \pi \rangle$.",
            Formula(r"D^{c_Y}(QK\|PK) \le D(\eta K\|PK) + C_Y(\eta K, QK) \le D^c(Q\|P)"),
            "data processing and gluing",
            Grade.CITED,
            lambda: _contracts(d),
            "Liese and Vajda (2006), Theorem 14; Villani (2009), gluing lemma",
            (r"$C_Y(K_x, K_{x'}) \le c(x, x')$",),
        ),
    )


STATEMENT = Statement(
    "T26",
    "Data processing",
    (r"$K$ a Markov kernel with $C_Y(K_x, K_{x'}) \le c(x, x')$",),
    Formula(r"D^{c_Y}(QK\|PK) \le D^c(Q\|P)"),
    "derived here",
    _steps,
    formal=(
        "ArmorD.T26_data_processing.T26_divergence",
        "ArmorD.T26_data_processing.T26_data_processing",
    ),
    renyi=ForRenyi(_steps),
)
