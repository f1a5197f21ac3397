"""T3: the re-weighting step, the conjugate of the divergence in its first argument."""

from collections.abc import Callable

import sympy as sp

from theory.checks import bracket, claims, identities
from theory.conjugate import parametrisation
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade, Outcome
from theory.fdivergence import FDivergence
from theory.instances import WEIGHTS, finite, supports
from theory.renyi import Renyi
from theory.statement import ForRenyi, Statement
from theory.symbols import beta, rho, y

_H = (0.2, 1.1, -0.3)
_TOP = 1.6  # the supremum over the space, beyond the largest value that P sees


def conjugate_check(d: FDivergence) -> Finding:
    """f* on every smooth piece by the parametrisation, f'' >= 0 and the borders."""
    convex = d.check_hypotheses() if d.domain[0] != d.domain[1] else None
    pairs = [
        (parametrisation(r.piece, r.expr), 0) for r in d.regions if r.piece is not None and r.expr is not None
    ]
    found = identities(*pairs) if pairs else claims({"f is piecewise affine, f* by its breakpoints": True})
    if found.outcome is not Outcome.HOLDS:
        return found
    grade = max(found.grade, convex.grade if convex else Grade.PROVED, key=lambda g: g.rank)
    detail = f"f*(f'(t)) - (t f'(t) - f(t)) reduced to 0 on {len(pairs)} piece(s)"
    if any(r.expr is None for r in d.regions):
        detail = "no closed form: f* is computed with an enclosure by inverting f'"
        grade = Grade.ENCLOSED if grade is Grade.PROVED else grade
    if convex:
        detail += f"; f'' >= 0: {convex.reason}"
    return Finding(Outcome.HOLDS, grade, detail)


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


def _cvar_elimination(_: FDivergence) -> Finding:
    """rho + max(h - rho, 0)/beta: the Rockafellar-Uryasev form, read off f*."""
    x = sp.Symbol("x", nonnegative=True)
    return identities((sp.Max(x, 0) / beta, x / beta), (sp.Max(-x, 0) / beta, 0))


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
        r"With $f^*(y) = \max(y, 0)/\beta$ this is the Rockafellar-Uryasev form of the CVaR: the "
        r"mean of the upper "
        r"$\beta$ tail, the atom at the quantile split.",
        Formula(r"\Lambda^P[h] = \inf_\rho \{ \rho + E_P[(h - \rho)_+]/\beta \}"),
        _cvar_elimination,
    ),
}


def _steps(d: FDivergence) -> tuple[Step, ...]:
    found = [
        Step(
            r"The convex conjugate of $f$, certified by parametrisation: for $y = f'(t)$ the "
            r"supremum over $t$ is reached, "
            r"so $f^*(f'(t)) = t f'(t) - f(t)$; $-f(0)$ below $f'(0^+)$, $+\infty$ above $f'(\infty)$.",
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
            r"otherwise. Strong duality: $\eta = P$ is strictly feasible.",
            Formula(r"\Lambda^P_f[h] = \inf_\rho \{ \rho + E_P[f^*(h - \rho)] : \rho \ge S - f'(\infty) \}"),
            "Lagrange duality (Slater)",
            Grade.CITED,
            lambda: _duality(d),
            "Rockafellar, Convex Analysis (1970), Theorem 28.2; Ben-Tal and Teboulle (2007)",
            ("f finite near 1", "h bounded above"),
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
