"""T24: composition of transports."""

from fractions import Fraction

from theory.checks import claims
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.finite import Divergence, Finite
from theory.instances import each, max_plus, rationals
from theory.statement import ForRenyi, Statement

_P, _Q1, _Q2 = (0.45, 0.55), (0.1, 0.9), (0.3, 0.7)


def _associative(seed: int) -> bool:
    """(g^{c2})^{c1} = g^{c1 □ c2}, with the infimal composition of the costs."""
    numbers = rationals(30, seed)
    g = numbers[:3]
    c1 = [[abs(x) for x in numbers[3 + 3 * i : 6 + 3 * i]] for i in range(3)]
    c2 = [[abs(x) for x in numbers[12 + 3 * i : 15 + 3 * i]] for i in range(3)]
    both: list[list[Fraction]] = [
        [min(c1[i][k] + c2[k][j] for k in range(3)) for j in range(3)] for i in range(3)
    ]
    return max_plus(max_plus(g, c2), c1) == max_plus(g, both)


def _triangle(d: Divergence) -> Finding:
    """A metric cost is its own composition, so D^c(Q||P) <= D^c(Q'||P) + C(Q', Q).

    Where the divergence rises by more than c per mass at Q' already, only transport leads further away and
    both sides agree: the slope there is at least that of the chord from P.
    """
    space, way = Finite(d, _P), abs(_P[0] - _Q2[0])
    chord = space.divergence_from(_Q2) / way
    price = min(0.6, chord / 2) if chord > 0 else 0.6
    metric = ((0.0, price), (price, 0.0))
    composed = tuple(
        tuple(min(metric[i][k] + metric[k][j] for k in range(2)) for j in range(2)) for i in range(2)
    )
    first, second = space.nearest(metric, _Q1)[0], space.nearest(metric, _Q2)[1]
    transport, back = (abs(_Q1[0] - q[0]) * price for q in (_Q2, _P))
    facts = {"c □ c = c": composed == metric}
    if chord > 0:
        gap = abs(first - second - transport)
        facts["D^c(Q||P) = D^c(Q'||P) + C(Q', Q) beyond Q'"] = gap <= 1e-7 * transport + 4 * space.rounding
    reverse = space.nearest(metric, _Q2)[0], space.nearest(metric, _Q1)[1]
    facts["D^c(Q||P) <= D^c(Q'||P) + C(Q', Q), both ways"] = (
        first <= second + transport + 1e-9 and reverse[0] <= reverse[1] + transport + 1e-9
    )
    facts["and less than C(P, Q)"] = first <= back + 1e-9
    return claims(facts, Grade.BRACKETED)


def _steps(d: Divergence) -> tuple[Step, ...]:
    return (
        Step(
            r"Put T2 for $c_1$ into the definition with $c_2$: the potentials are transformed "
            r"twice, and the c-transform is a "
            r"product of matrices in the max-plus algebra, which is associative.",
            Formula(
                r"(g^{c_2})^{c_1} = g^{c_1 \square c_2}, \qquad (c_1 \square c_2)(x, z) = \inf_y "
                r"c_1(x, y) + c_2(y, z)"
            ),
            "associativity of max-plus products",
            Grade.SAMPLED,
            lambda: each(20, _associative, "(g^c2)^c1 = g^(c1 □ c2)"),
        ),
        Step(
            r"With the triangle inequality and $c(x, x) = 0$, $c \square c = c$.",
            Formula(r"(D^c)^c = D^c, \qquad D^c(Q\|P) \le D^c(Q'\|P) + C(Q', Q)"),
            "triangle inequality",
            Grade.BRACKETED,
            lambda: _triangle(d),
        ),
    )


STATEMENT = Statement(
    "T24",
    "Composition",
    (r"$c_1, c_2 \ge 0$; second part: $c$ satisfies the triangle inequality, $c(x, x) = 0$",),
    Formula(r"(D^{c_1})^{c_2} = D^{c_1 \square c_2}"),
    "derived here",
    _steps,
    formal=(
        "ArmorD.T24_composition.T24_composition",
        "ArmorD.T24_composition.T24_triangle",
        "ArmorD.T24_composition.T24_lipschitz",
    ),
    renyi=ForRenyi(_steps),
)
