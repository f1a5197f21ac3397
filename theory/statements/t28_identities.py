"""T28: scaling and identities between members."""

from dataclasses import replace

import sympy as sp

from theory.checks import claims, identities
from theory.conjugate import Region
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade, Outcome
from theory.fdivergence import FDivergence
from theory.finite import Finite
from theory.instances import TWO, WEIGHTS, Q
from theory.pieces import Piece
from theory.renyi import REGIMES, Renyi
from theory.statement import ForRenyi, Statement
from theory.statements.t03_reweighting import corners
from theory.symbols import t, y

_HALF = sp.Rational(1, 2)
# name: (factor, alpha) with f = factor * f_alpha + a gauge term
_ALPHA = {"pearson": (2, 2), "neyman": (2, -1), "hellinger": (_HALF, _HALF)}


def _scaled(d: FDivergence) -> Finding:
    """s f*(y/s) is the conjugate of s f, from the definition of s f: on smooth pieces, at kinks and ends."""
    s = sp.Symbol("s", positive=True)
    pieces = {p: Piece(p.lo, p.hi, s * p.expr) for p in d.pieces}
    regions, pairs = [], []
    for r in d.regions:
        expr, argmax = (None if e is None else s * sp.sympify(e).subs(y, y / s) for e in (r.expr, r.argmax))
        piece = None if r.piece is None else pieces[r.piece]
        regions.append(Region(s * r.lo, s * r.hi, expr, None if argmax is None else argmax / s, piece))
        if piece is not None and r.piece is not None:
            graph = t * piece.slope - piece.expr
            along = s * (t * r.piece.slope - r.piece.expr) if expr is None else expr.subs(y, piece.slope)
            pairs.append((along, graph))
    found = identities(*pairs) if pairs else claims({})
    if found.outcome is not Outcome.HOLDS:
        return found
    last = pieces[d.pieces[-1]]
    rest = claims(corners(list(pieces.values()), regions, last.slope_hi if last.hi == sp.oo else sp.oo))
    if rest.outcome is not Outcome.HOLDS:
        return rest
    return Finding(
        Outcome.HOLDS, found.grade, "; ".join([found.detail, rest.detail] if pairs else [rest.detail])
    )


def _values(d: FDivergence) -> Finding:
    """(sD)^c = s D^(c/s) on an instance, s = 3/2."""
    s = 1.5
    factor = sp.Rational(3, 2)
    scaled = replace(d.template, expr=factor * d.template.expr) if d.template else None
    multiple = replace(d, f=factor * d.f, template=scaled)
    left = Finite(multiple, WEIGHTS).nearest(TWO, Q)
    right = Finite(d, WEIGHTS).nearest([[c / s for c in row] for row in TWO], Q)
    slack = 1e-9 * max(1.0, left[1])
    meet = left[0] <= s * right[1] + slack and s * right[0] <= left[1] + slack
    narrow = left[1] - left[0] < 1e-9 * max(1.0, left[1])
    return claims({"brackets meet": meet, "and are narrow": narrow}, Grade.BRACKETED)


def _is_alpha(d: FDivergence) -> Finding:
    """f minus factor f_alpha is a multiple of t - 1."""
    factor, a = (sp.sympify(v) for v in _ALPHA[d.name])
    rest = sp.expand(d.f - factor * (t**a - 1) / (a * (a - 1)))
    shift = sp.diff(rest, t).subs(t, 2)
    found = identities((rest, shift * (t - 1)))
    if found.outcome is not Outcome.HOLDS:
        return found
    return Finding(Outcome.HOLDS, Grade.PROVED, f"f = {factor} f_alpha + ({shift}) (t - 1) at alpha = {a}")


def _steps(d: FDivergence) -> tuple[Step, ...]:
    found = [
        Step(
            r"The conjugate of $s f$ is $s f^*(\cdot/s)$; scale the potentials of T2 by $s$.",
            Formula(r"(s D)^c = s D^{c/s}"),
            "conjugate of a multiple",
            Grade.PROVED,
            lambda: _scaled(d),
        ),
        Step(r"On an instance.", Formula(""), "instance", Grade.BRACKETED, lambda: _values(d)),
    ]
    if d.name in _ALPHA:
        factor, a = _ALPHA[d.name]
        found.append(
            Step(
                rf"This divergence is ${sp.latex(sp.sympify(factor))}$ times alpha at $\alpha = "
                rf"{sp.latex(sp.sympify(a))}$, in "
                r"another gauge (and with the singular term of that gauge).",
                Formula(rf"f = {sp.latex(sp.sympify(factor))} f_\alpha + \text{{const}} \cdot (t - 1)"),
                "identity up to gauge",
                Grade.PROVED,
                lambda: _is_alpha(d),
            )
        )
    return tuple(found)


def _same_ball() -> Finding:
    """R_alpha(P||eta) = k log z and D_(1-alpha)(eta||P) = k (z - 1), k = 1/(alpha (alpha-1)): both rise with
    z (alpha > 1) or both fall, and they reach the radii at one z.
    """
    z, e = sp.symbols("z epsilon", positive=True)  # z = sum p^a eta^(1-a)
    pairs, facts = [], {}
    for a in REGIMES:
        boundary = sp.exp(a * (a - 1) * e)
        radius = (boundary - 1) / (a * (a - 1))
        renyi, alpha = sp.log(z) / (a * (a - 1)), (z - 1) / ((1 - a) * (-a))
        pairs += [(sp.expand_log(renyi.subs(z, boundary), force=True), e), (alpha.subs(z, boundary), radius)]
        slopes = [sp.factor(sp.diff(f, z)) for f in (renyi, alpha)]
        signs = [s.is_positive if a is REGIMES[0] else s.is_negative for s in slopes]
        facts[f"strictly {'rising' if a is REGIMES[0] else 'falling'} in the sum, both"] = all(signs)
    found = identities(*pairs)
    if found.outcome is not Outcome.HOLDS:
        return found
    monotone = claims(facts)
    return replace(monotone, detail=f"{found.detail}; {monotone.detail}")


def _common_factor() -> Finding:
    """s D + C with cost c is s times D + C with cost c/s, whatever D is."""
    s, div, cost = sp.symbols("s D C", positive=True)
    return identities((s * div + cost, sp.expand(s * (div + cost / s))))


def _renyi(_: Renyi) -> tuple[Step, ...]:
    return (
        Step(
            r"For every $D$: the infimum over $\eta$ of $s D(\eta\|P) + C(\eta, Q)$ has the common factor "
            r"$s$.",
            Formula(r"(s D)^c = s D^{c/s}"),
            "common factor",
            Grade.PROVED,
            _common_factor,
        ),
        Step(
            r"Both divergences are increasing functions of $\sum_i p_i^\alpha \eta_i^{1-\alpha}$ "
            r"(up to the sign of "
            r"$\alpha - 1$), so for a hard ball and $\kappa = 0$ their balls coincide.",
            Formula(
                r"R_\alpha(P\|\eta) \le \varepsilon \iff D_{1-\alpha}(\eta\|P) \le"
                r" \frac{e^{\alpha(\alpha-1)\varepsilon} - 1}{\alpha(\alpha-1)}"
            ),
            "monotone reparametrisation",
            Grade.PROVED,
            _same_ball,
        ),
    )


STATEMENT = Statement(
    "T28",
    "Scaling and identities",
    (r"$s > 0$; alpha with $\alpha < 1$: compare in one gauge or with the singular term",),
    Formula(r"(s D)^c = s D^{c/s}"),
    "derived here",
    _steps,
    renyi=ForRenyi(_renyi),
    formal=(
        "ArmorD.T28_identities.T28_scaling",
        "ArmorD.T28_identities.T28_pearson",
        "ArmorD.T28_identities.T28_neyman",
        "ArmorD.T28_identities.T28_hellinger",
        "ArmorD.Renyi.T28_renyi_alpha",
    ),
)
