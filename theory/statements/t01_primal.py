"""T1: the primal program of D^c on a finite space."""

import sympy as sp

from theory.checks import claims, identities
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.fdivergence import FDivergence
from theory.instances import nearest_bracket
from theory.renyi import REGIMES, Renyi
from theory.statement import ForRenyi, Statement
from theory.symbols import t


def _recession(d: FDivergence) -> Finding:
    """f'(oo) is the limit of f(t)/t, which is what mass off the support of P costs."""
    if d.domain[1] != sp.oo:
        return claims({"f = oo beyond the domain, so f'(oo) = oo": d.recession == sp.oo})
    ratio = sp.limit(sp.expand(d.pieces[-1].expr / t).subs(d.numbers), t, sp.oo)
    return claims(
        {f"lim f(t)/t = {ratio} = lim f'(t)": sp.simplify(ratio - d.recession) == 0 or ratio == d.recession}
    )


def _steps(d: FDivergence) -> tuple[Step, ...]:
    return (
        Step(
            r"Split $\eta$ into row masses $r = \pi 1$ on the support of $P$ and a singular part "
            r"$s$; the singular part "
            r"costs $f'(\infty) = \lim f(t)/t$ per unit, so it exists only if that is finite.",
            Formula(r"D_f(\eta\|P) = \sum_i p_i f(r_i/p_i) + f'(\infty)\, s(X)"),
            "definition of an f-divergence",
            Grade.PROVED,
            lambda: _recession(d),
        ),
        Step(
            r"Singular mass is created where it is used, at zero transport cost: its price does not "
            r"depend on the place, "
            r"and $c(y, y) = 0 \le c(z, y)$.",
            Formula(r"\min_z \{ f'(\infty) + c(z, y) \} = f'(\infty)"),
            "exchange argument",
            Grade.PROVED,
            lambda: identities(*[(sp.Min(*(0, sp.Symbol("c", nonnegative=True))), 0)]),
        ),
        Step(
            r"The program is convex: $(r, p) \mapsto p f(r/p)$ is the perspective of $f$, the rest "
            r"is linear. The feasible "
            r"set is compact and the objective lower semicontinuous, so the minimum is attained.",
            Formula(
                r"D^c(Q\|P) = \min_{\pi \ge 0, s \ge 0} \sum_i p_i f(r_i/p_i) + f'(\infty) \sum_j "
                r"s_j + \langle c, \pi \rangle"
            ),
            "perspective; Weierstrass",
            Grade.CITED,
            lambda: nearest_bracket(d),
            "Rockafellar and Wets, Variational Analysis (1998), Theorem 1.9",
            ("finite space", "f convex and lower semicontinuous"),
        ),
    )


def _renyi_singular() -> Finding:
    """R_alpha of (1 - s) P plus s singular mass is -log(1 - s)/alpha: the singular part itself is free."""
    s = sp.Symbol("s", positive=True)
    pairs = []
    for a in REGIMES:
        p, q = sp.Rational(1, 3), sp.Rational(2, 3)
        power = (1 - a) * sp.log(1 - s)  # of ((1 - s) p)^(1 - a) = p^(1 - a) e^power
        total = (p + q) * sp.exp(power)
        pairs.append((sp.expand_log(sp.log(total), force=True) / (a * (a - 1)), -sp.log(1 - s) / a))
    return identities(*pairs)


def _renyi(d: Renyi) -> tuple[Step, ...]:
    return (
        Step(
            r"Only the part $r = \pi 1$ of $\eta$ on the support of $P$ enters $\sum_i p_i^\alpha "
            r"\eta_i^{1-\alpha}$: "
            r"singular mass is free in itself, and it is dear only because it is missing in $r$.",
            Formula(r"R_\alpha(P\|(1-s)P + s\,\eta_{\mathrm{sing}}) = -\alpha^{-1}\log(1-s)"),
            "definition of the Rényi divergence",
            Grade.PROVED,
            _renyi_singular,
        ),
        Step(
            r"$\eta \mapsto R_\alpha(P\|\eta)$ is convex and lower semicontinuous, the feasible set "
            r"compact: the "
            r"minimum is attained.",
            Formula(_RENYI.latex),
            "convexity in the second argument; Weierstrass",
            Grade.CITED,
            lambda: nearest_bracket(d),
            "van Erven and Harremoës (2014), Theorems 12 and 19; Rockafellar and Wets (1998), Theorem 1.9",
            ("finite space", r"$\alpha > 0$, $\alpha \ne 1$"),
        ),
    )


_RENYI = Formula(
    r"D^c(Q\|P) = \min_{\pi \ge 0, s \ge 0} \frac{1}{\alpha(\alpha-1)} \log \sum_i p_i^\alpha (\pi "
    r"1)_i^{1-\alpha}"
    r" + \langle c, \pi \rangle \quad \text{s.t. } \pi^\top 1 + s = q"
)
STATEMENT = Statement(
    "T1",
    r"Primal program of $D^c$",
    (r"finite space", r"$p_i > 0$", r"$c(x, x) = 0$, $c \ge 0$, $\infty$ allowed"),
    Formula(
        r"D^c(Q\|P) = \min_{\pi \ge 0, s \ge 0} \sum_i p_i f((\pi 1)_i/p_i) + f'(\infty) \sum_j s_j "
        r"+ \langle c, \pi \rangle"
        r" \quad \text{s.t. } \pi^\top 1 + s = q"
    ),
    "arXiv 2309.03791, definition of the OT-regularized divergence on a finite space",
    _steps,
    formal=(
        "ArmorD.T01_primal.T1_primal",
        "ArmorD.T01_primal.T1_primal_dro",
        "ArmorD.Compactness.T1_attained",
        "ArmorD.RenyiProgram.T1_renyi_primal",
        "ArmorD.RenyiProgram.T1_renyi_primal_dro",
        "ArmorD.T01_joined.T1_joined",
        "ArmorD.T01_joined.T1_renyi_joined",
    ),
    renyi=ForRenyi(_renyi, _RENYI),
)
