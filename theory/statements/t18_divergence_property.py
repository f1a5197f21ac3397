"""T18: when D^c vanishes only at Q = P."""

from theory.checks import claims
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.finite import Divergence, Finite
from theory.statement import ForRenyi, Statement

_P = (0.45, 0.55)
_PAIR = ((0.0, 0.6), (0.8, 0.0))
_BALL = ((0.0, 0.0), (0.0, 0.0))


def _positive(d: Divergence) -> Finding:
    space = Finite(d, _P)
    others = [(0.44, 0.56), (0.3, 0.7), (0.7, 0.3)]
    values = [space.nearest(_PAIR, q)[0] for q in others]
    return claims(
        {
            f"D^c > 0 for {len(others)} other Q": min(values) > 1e-7,
            "D^c(P||P) = 0": abs(space.nearest(_PAIR, _P)[0]) < 1e-9,
        },
        Grade.BRACKETED,
    )


def _flat(d: Divergence) -> Finding:
    """f is 0 around 1, so a nearby Q costs nothing."""
    value = Finite(d, _P).nearest(_PAIR, (0.44, 0.56))[1]
    return claims(
        {"D^c(Q||P) = 0 for Q = (0.44, 0.56), P = (0.45, 0.55)": abs(value) < 1e-9}, Grade.BRACKETED
    )


def _ball(d: Divergence) -> Finding:
    """Points at cost 0 cannot be told apart."""
    value = Finite(d, _P).nearest(_BALL, (0.3, 0.7))[1]
    return claims(
        {"D^c(Q||P) = 0 although Q differs from P when the two points are at cost 0": abs(value) < 1e-9},
        Grade.BRACKETED,
    )


def _steps(d: Divergence) -> tuple[Step, ...]:
    if d.strictly_convex_at_one:
        first = Step(
            r"If $D^c(Q\|P) = 0$ there are $\eta_n$ with $D(\eta_n\|P) \to 0$, hence $\eta_n \to P$ "
            r"by strict convexity at 1 "
            r"(Jensen is strict), and $C(\eta_n, Q) \to 0$, hence $Q = P$.",
            Formula(r"D^c(Q\|P) = 0 \iff Q = P"),
            "strict Jensen and compactness",
            Grade.CITED,
            lambda: _positive(d),
            "Liese and Vajda (2006), Theorem 5",
            ("f strictly convex at 1", r"$c(x, y) = 0$ only for $x = y$"),
        )
    else:
        first = Step(
            r"$f$ is not strictly convex at 1: the property fails.",
            Formula(r"D^c(Q\|P) = 0 \text{ for some } Q \ne P"),
            "counterexample",
            Grade.BRACKETED,
            lambda: _flat(d),
        )
    second = Step(
        r"A hard ball, $c = 0$ between different points, destroys the property for every $f$.",
        Formula(r"c(x, y) = 0 \Rightarrow D^c(\delta_y\|\delta_x) = 0"),
        "counterexample",
        Grade.BRACKETED,
        lambda: _ball(d),
    )
    return (first, second)


STATEMENT = Statement(
    "T18",
    "Divergence property",
    (r"$f$ strictly convex at 1", r"$c(x, y) = 0$ only for $x = y$"),
    Formula(r"D^c(Q\|P) = 0 \iff Q = P"),
    "arXiv 2309.03791",
    _steps,
    formal=(
        "ArmorD.T18_divergence_property.T18_divergence_property",
        "ArmorD.T18_divergence_property.T18_strict",
        "ArmorD.T18_strict.kl_strict",
        "ArmorD.T18_strict.reverse_kl_strict",
        "ArmorD.T18_strict.pearson_strict",
        "ArmorD.T18_strict.neyman_strict",
        "ArmorD.T18_strict.hellinger_strict",
        "ArmorD.T18_strict.js_strict",
        "ArmorD.T18_strict.triangular_strict",
        "ArmorD.T18_strict.jeffreys_strict",
        "ArmorD.T18_strict.alpha_strict",
        "ArmorD.T18_strict.tv_strict",
        "ArmorD.T18_counterexamples.T18_zero_cost",
        "ArmorD.T18_counterexamples.T18_chord",
        "ArmorD.T18_counterexamples.T18_strict_iff",
        "ArmorD.T18_counterexamples.T18_cvar",
    ),
    renyi=ForRenyi(_steps),
)
