"""T3: the re-weighting step, the conjugate of the divergence in its first argument."""

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp

from theory.checks import bracket, claims, identities
from theory.conjugate import Region, parametrisation
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade, Outcome
from theory.fdivergence import FDivergence
from theory.identity import vanishes
from theory.instances import WEIGHTS, finite, supports
from theory.pieces import Piece
from theory.renyi import Renyi
from theory.statement import ForRenyi, Statement
from theory.symbols import rho, y

_H = (0.2, 1.1, -0.3)
_TOP = 1.6  # the supremum over the space, beyond the largest value that P sees


def _same(left: Any, right: Any) -> bool:
    """Equal extended reals or expressions."""
    if left == right or left in (sp.oo, -sp.oo) or right in (sp.oo, -sp.oo):
        return bool(left == right)
    return vanishes(left - right) is True


def corners(pieces: Sequence[Piece], regions: Sequence[Region], recession: Any) -> dict[str, bool]:
    """What makes `regions` the conjugate of the convex `pieces` apart from its smooth branches.

    Where the maximiser is a constant t0, a kink or an end of the domain, f* is t0 y - f(t0) exactly for y
    between the slopes of f on both sides of t0 (no slope: -oo, oo): the subdifferential. Smooth branches lie
    between the slopes at the ends of their piece; together they cover the line up to f'(oo).
    """
    facts: dict[str, bool] = {}
    for r in regions:
        if r.piece is not None:
            name = f"slopes of f from {r.piece.slope_lo} to {r.piece.slope_hi}"
            facts[name] = _same(r.lo, r.piece.slope_lo) and _same(r.hi, r.piece.slope_hi)
            continue
        t0 = sp.sympify(r.argmax)
        value = next(v for p in pieces for e, v in ((p.lo, p.value_lo), (p.hi, p.value_hi)) if e == t0)
        left = next((p.slope_hi for p in pieces if p.hi == t0 != p.lo), -sp.oo)
        right = next((p.slope_lo for p in pieces if p.lo == t0 != p.hi), sp.oo)
        name = "-f(0) below f'(0+)" if t0 == 0 else f"t y - f(t) between the slopes of f at t = {t0}"
        facts[name] = _same(r.expr, t0 * y - value) and _same(r.lo, left) and _same(r.hi, right)
    borders = [-sp.oo, *(r.hi for r in regions)]
    tiled = all(_same(r.lo, lo) for r, lo in zip(regions, borders, strict=False))
    facts["no gap up to f'(oo)"] = tiled and _same(borders[-1], recession)
    return facts


def conjugate_check(d: FDivergence) -> Finding:
    """f* on every smooth piece by the parametrisation, at kinks and ends by the subdifferential, f'' >= 0 and
    the borders.
    """
    convex = d.check_hypotheses() if d.domain[0] != d.domain[1] else None
    smooth = [r for r in d.regions if r.piece is not None]
    pairs = [(parametrisation(r.piece, r.expr), 0) for r in smooth if r.piece and r.expr is not None]
    found = identities(*pairs) if pairs else claims({})
    if found.outcome is not Outcome.HOLDS:
        return found
    last = d.pieces[-1]
    rest = claims(corners(d.pieces, d.regions, last.slope_hi if last.hi == sp.oo else sp.oo))
    if rest.outcome is not Outcome.HOLDS:
        return rest
    grade = max(found.grade, convex.grade if convex else Grade.PROVED, key=lambda g: g.rank)
    details = [f"f*(f'(t)) - (t f'(t) - f(t)) reduced to 0 on {len(pairs)} piece(s)"] if pairs else []
    if any(r.expr is None for r in smooth):
        details = ["no closed form: f* is computed with an enclosure by inverting f'"]
        grade = Grade.ENCLOSED if grade is Grade.PROVED else grade
    if convex:
        details.append(f"f'' >= 0: {convex.reason}")
    return Finding(Outcome.HOLDS, grade, "; ".join([*details, rest.detail]))


def _duality(d: FDivergence) -> Finding:
    found = []
    for support in supports(d):
        space = finite(d)
        r = space.reweight(_H, _TOP if support == "space" else None)
        found.append(bracket(r.primal, r.dual, f"Lambda, {support}", rounding=space.rounding))
        if found[-1].outcome is not Outcome.HOLDS:
            return found[-1]
    return Finding(Outcome.HOLDS, Grade.BRACKETED, "; ".join(f.detail for f in found))


def conjugate_formula(d: FDivergence) -> Formula:
    """f* for display."""
    if not d.closed_form:
        return Formula(
            r"f^*(y) = t(y)\, y - f(t(y)), \quad f'(t(y)) = y", "f*(y) = t(y) y - f(t(y)) with f'(t(y)) = y"
        )
    from theory.render.plain import piecewise_text

    return Formula(r"f^*(y) = " + sp.latex(d.conjugate), "f*(y) = " + piecewise_text(d.conjugate))


def _kl_elimination(_: FDivergence) -> Finding:
    """rho + M e^(-rho-1) is convex in rho and minimal at log M - 1, where it is log M."""
    m = sp.Symbol("M", positive=True)
    g = rho + m * sp.exp(-rho - 1)
    best = sp.log(m) - 1
    return identities(
        (sp.exp(y - rho - 1), sp.exp(y) * sp.exp(-rho - 1)),
        (sp.diff(g, rho).subs(rho, best), 0),
        (sp.diff(g, rho, 2), m * sp.exp(-rho - 1)),
        (g.subs(rho, best), sp.log(m)),
    )


def _tv_elimination(d: FDivergence) -> Finding:
    """At the smallest rho = S - 1/2 the value is E max(h, S - 1); larger rho only adds."""
    space = finite(d)
    for top in (None, _TOP):
        high = max(_H) if top is None else top
        closed = sum(p * max(h, high - 1) for p, h in zip(WEIGHTS, _H, strict=True))
        found = bracket(space.reweight(_H, top).primal, closed, "E max(h, S - 1)")
        if found.outcome is not Outcome.HOLDS:
            return found
    s, h = sp.symbols("S h", real=True)
    half = sp.Rational(1, 2)
    return identities((s - half + sp.Max(h - (s - half), -half), sp.Max(h - s + half, -half) + s - half))


def _cvar_elimination(d: FDivergence) -> Finding:
    """The dual function is least at the quantile, where it is the mean of the upper tail, an atom split.

    The quantile v has the mass m of larger values below beta, and m + p >= beta with its own mass p; `total`
    is E[h; h > v]. The slope of rho + E[(h - rho)_+]/beta is 1 - P(h > rho)/beta.
    """
    m, v, total = sp.Symbol("m", nonnegative=True), sp.Symbol("v", real=True), sp.Symbol("T", real=True)
    split, left = sp.Symbol("w", positive=True), sp.Symbol("u", nonnegative=True)  # beta = m + w, p = w + u
    level = m + split
    before, after = sp.factor(1 - (m + split + left) / level), sp.factor(1 - m / level)
    slopes = claims({"falls up to it": before.is_nonpositive, "grows beyond": after.is_positive})
    if slopes.outcome is not Outcome.HOLDS:
        return slopes
    found = identities((v + (total - m * v) / level, (total + split * v) / level))
    if found.outcome is not Outcome.HOLDS:
        return found
    rest, tail = (number := float(d.parameters["beta"])), 0.0
    for h, p in sorted(zip(_H, WEIGHTS, strict=True), reverse=True):
        tail += min(p, rest) * h
        rest -= min(p, rest)
    r = finite(d).reweight(_H)
    met = bracket(r.primal, tail / number, "mean of the upper tail")
    if met.outcome is not Outcome.HOLDS:
        return met
    return Finding(
        Outcome.HOLDS, Grade.PROVED, f"least at the quantile and the tail mean there; {met.detail}"
    )


_CLOSED: dict[str, tuple[str, Formula, Callable[[FDivergence], Finding]]] = {
    "kl": (
        r"Eliminate $\rho$: $E_P[e^{h - \rho - 1}] = M e^{-\rho - 1}$ with $M = E_P[e^h]$; the "
        r"convex function "
        r"$\rho + M e^{-\rho - 1}$ is minimal at $\rho^* = \log M - 1$.",
        Formula(r"\Lambda^P[h] = \log E_P[e^h]"),
        _kl_elimination,
    ),
    "tv": (
        r"Eliminate $\rho$: the objective grows in $\rho$ (slope $1 - P(h - \rho > -1/2) \ge 0$), "
        r"so $\rho^* = S - 1/2$.",
        Formula(r"\Lambda^P[h] = E_P[\max(h, S - 1)]"),
        _tv_elimination,
    ),
    "cvar": (
        r"With $f^*(y) = \max(y, 0)/\beta$ this is the Rockafellar-Uryasev form of the CVaR. Its slope "
        r"$1 - P(h > \rho)/\beta$ changes sign at the upper $\beta$ quantile $v$: the value is the mean of "
        r"the upper $\beta$ tail, the atom at $v$ split.",
        Formula(
            r"\Lambda^P[h] = \inf_\rho \{ \rho + E_P[(h - \rho)_+]/\beta \}"
            r" = \beta^{-1} \{ E_P[h; h > v] + (\beta - P(h > v)) v \}"
        ),
        _cvar_elimination,
    ),
}


def _steps(d: FDivergence) -> tuple[Step, ...]:
    found = [
        Step(
            r"The convex conjugate of $f$, certified by parametrisation: for $y = f'(t)$ the "
            r"supremum over $t$ is reached, "
            r"so $f^*(f'(t)) = t f'(t) - f(t)$; between the slopes on both sides of a kink or an end $t_0$ "
            r"of the domain $f^*(y) = t_0 y - f(t_0)$, so $-f(0)$ "
            r"below $f'(0^+)$; $+\infty$ above $f'(\infty)$.",
            conjugate_formula(d),
            "conjugate by parametrisation",
            Grade.PROVED,
            lambda: conjugate_check(d),
        ),
        Step(
            r"Relax the total mass by a multiplier $\rho$: the Lagrangian separates over points, "
            r"each supremum over the "
            r"density $t \ge 0$ is $f^*$, and the singular mass contributes $0$ if $\rho \ge S - "
            r"f'(\infty)$ and $+\infty$ "
            r"otherwise. Strong duality: the constraint is affine and $\eta = P$ meets it inside the domain "
            r"of $D$, which piecewise affine $f$ do not need.",
            Formula(r"\Lambda^P_f[h] = \inf_\rho \{ \rho + E_P[f^*(h - \rho)] : \rho \ge S - f'(\infty) \}"),
            "Lagrange duality (Slater)",
            Grade.CITED,
            lambda: _duality(d),
            "Rockafellar, Convex Analysis (1970), Theorem 28.2; Ben-Tal and Teboulle (2007)",
            ("1 in the relative interior of dom f, or f piecewise affine", "h bounded above"),
        ),
    ]
    if d.name in _CLOSED:
        text, formula, check = _CLOSED[d.name]
        found.append(Step(text, formula, "elimination of rho", Grade.PROVED, lambda: check(d)))
    return tuple(found)


def _renyi(d: Renyi) -> tuple[Step, ...]:
    from theory.statements.t10_dro_renyi import conjugate_steps

    return conjugate_steps(d)


STATEMENT = Statement(
    "T3",
    "Re-weighting step",
    (
        r"$f$ convex, lower semicontinuous, finite near 1, $f(1) = 0$",
        r"$S = \sup_X h$ in mode ``space'', $\max_{\mathrm{supp} P} h$ in mode ``reference''",
    ),
    Formula(r"\Lambda^P_f[h] = \inf_\rho \{ \rho + E_P[f^*(h - \rho)] : \rho \ge S - f'(\infty) \}"),
    "arXiv 2309.03791; Ben-Tal and Teboulle (2007)",
    _steps,
    formal=(
        "ArmorD.T03_gibbs.T3_weak_duality",
        "ArmorD.T03_strong.T3_strong_duality",
        "ArmorD.T03_strong.T3_infimum",
        "ArmorD.T03_gibbs.T3_gibbs",
    ),
    renyi=ForRenyi(
        _renyi,
        Formula(
            r"\Lambda^P[h] = \inf_{\rho \ge S} \{ \rho - \alpha^{-1}(\log\alpha + 1)"
            r" - (\alpha-1)^{-1} \log E_P[(\rho-h)^{(\alpha-1)/\alpha}] \}"
        ),
        (
            r"$D(\eta\|P) = R_\alpha(P\|\eta)$, $\alpha > 0$, $\alpha \ne 1$",
            r"$S = \sup_X h$ in mode ``space'', $\max_{\mathrm{supp} P} h$ in mode ``reference''",
        ),
    ),
)
