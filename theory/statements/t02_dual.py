"""T2: the dual of D^c."""

import sympy as sp

from theory.checks import identities, without_max
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.finite import Divergence
from theory.instances import each, max_plus, nearest_bracket, rationals
from theory.renyi import Renyi
from theory.statement import ForRenyi, Statement


def _smallest_partner(seed: int) -> bool:
    """g^c satisfies every constraint g_j - h_i <= c_ij, and lowering any entry of it violates one."""
    numbers = rationals(15, seed)
    g, cost = numbers[:3], [[abs(x) for x in numbers[3 + 3 * i : 6 + 3 * i]] for i in range(4)]
    h = max_plus(g, cost)
    feasible = all(g[j] - h[i] <= cost[i][j] for i in range(4) for j in range(3))
    tight = all(any(g[j] - h[i] == cost[i][j] for j in range(3)) for i in range(4))
    return feasible and tight


def _shift() -> Finding:
    """(g - rho)^c = g^c - rho, for two points (more by induction)."""
    a, b, r = sp.symbols("a b rho", real=True)
    return identities((without_max(sp.Max(a - r, b - r)), without_max(sp.Max(a, b) - r)))


def _same_top(seed: int) -> bool:
    numbers = rationals(12, seed)
    g, cost = numbers[:3], [[abs(x) for x in numbers[3 + 3 * i : 6 + 3 * i]] for i in range(3)]
    for i in range(3):
        cost[i][i] *= 0
    return max(max_plus(g, cost)) == max(g)


def _steps(d: Divergence) -> tuple[Step, ...]:
    bound = (
        r"$f'(\infty) = \infty$ here: neither mode constrains $g$."
        if d.recession == sp.oo
        else rf"Here $f'(\infty) = {sp.latex(d.recession)}$."
    )
    own = (
        Formula(
            r"D^c(Q\|P) = \sup_{g^c < 0} \{ q \cdot g + \alpha^{-1}(\log\alpha + 1)"
            r" + (\alpha-1)^{-1} \log \sum_i p_i (-g^c(x_i))^{(\alpha-1)/\alpha} \}"
        )
        if isinstance(d, Renyi)
        else Formula(r"D^c(Q\|P) = \sup_g \{ q \cdot g - \sum_i p_i f^*(g^c(x_i)) \}")
    )
    return (
        Step(
            r"Write the transport cost by its potentials; for given $g$ the best partner is the "
            r"smallest $h$ with "
            r"$g(y) - h(x) \le c(x, y)$.",
            Formula(r"C(\eta, Q) = \sup_g \{ E_Q[g] - E_\eta[g^c] \}"),
            "Kantorovich duality",
            Grade.CITED,
            lambda: each(20, _smallest_partner, "g^c is feasible and tight"),
            "Villani, Optimal Transport: Old and New (2009), Theorem 5.10",
            ("c lower semicontinuous and bounded below",),
        ),
        Step(
            r"Exchange $\inf_\eta$ and $\sup_g$: the bracket is convex and lower semicontinuous in "
            r"$\eta$, affine in $\eta$ "
            r"through the potentials and concave in $g$, and the probability measures are compact.",
            Formula(
                r"\inf_\eta \sup_g \{ D(\eta\|P) + E_Q[g] - E_\eta[g^c] \} = \sup_g \inf_\eta \{ \cdots \}"
            ),
            "minimax exchange",
            Grade.CITED,
            lambda: nearest_bracket(d),
            "Sion (1958), Theorem 3.4",
            ("finite (or compact) space", r"$D(\cdot\|P)$ convex and lower semicontinuous", "g bounded"),
        ),
        Step(
            r"The inner infimum is minus the convex conjugate of $D(\cdot\|P)$ at $g^c$; by T3 it "
            r"carries a shift $\rho$, "
            r"which $g$ absorbs since $(g - \rho)^c = g^c - \rho$ and $Q$ has mass 1.",
            own,
            "conjugate of the divergence; absorption of the shift",
            Grade.PROVED,
            _shift,
        ),
        Step(
            r"In mode ``space'' the constraint of T3, $\rho \ge \sup_X g^c - f'(\infty)$, becomes "
            r"$g \le f'(\infty)$, since "
            r"$c(x, x) = 0 \le c$ gives $\sup_X g^c = \sup_X g$. In mode ``reference'' only "
            r"$g^c(x_i) \le f'(\infty)$ "
            r"remains, the domain of the conjugate. " + bound,
            Formula(
                r"g_j \le f'(\infty) \ (\text{space}), \qquad g^c(x_i) \le f'(\infty) \ (\text{reference})"
            ),
            "c-transform keeps the supremum",
            Grade.SAMPLED,
            lambda: each(20, _same_top, "max g^c = max g when c(x, x) = 0"),
        ),
    )


STATEMENT = Statement(
    "T2",
    r"Dual of $D^c$",
    (
        r"$f$ convex, lower semicontinuous, $f(1) = 0$",
        r"$c \ge 0$ lower semicontinuous, $\infty$ allowed; $c(x, x) = 0$ for mode ``space''",
        r"the supremum need not be attained: $g_j = -\infty$ is allowed where $q_j = 0$; $+\infty$ "
        r"is a legitimate value",
    ),
    Formula(
        r"D^c(Q\|P) = \sup_g \{ E_Q[g] - \Lambda^P_D[g^c] \}, \qquad g^c(x) = \sup_y \{ g(y) - c(x, y) \}"
    ),
    "arXiv 2309.03791",
    _steps,
    formal=(
        "ArmorD.T02_weak.T2_weak_duality",
        "ArmorD.T02_weak.T2_weak_duality_idle",
        "ArmorD.T02_weak.T2_plan_bound",
        "ArmorD.T02_strong.T2_strong_duality",
        "ArmorD.T07_strong.T2_f_strong_duality",
        "ArmorD.RenyiProgram.T2_renyi_weak_duality",
        "ArmorD.Renyi.T2_renyi_strong_duality",
        "ArmorD.T02_attained.T2_open_weak",
        "ArmorD.T02_attained.T2_attained",
        "ArmorD.T02_attained.T2_attained_finite_cost",
        "ArmorD.T02_attained.T2_catalogue_attained",
        "ArmorD.T02_attained.T2_cvar_attained",
        "ArmorD.T02_attained.T2_renyi_attained",
        "ArmorD.T02_attained.T2_f_attained",
        "ArmorD.T02_attained.T2_not_attained",
        "ArmorD.T02_infinite.T2_ray",
        "ArmorD.T02_infinite.T2_idle_infinite",
        "ArmorD.T02_infinite.T2_renyi_ray",
        "ArmorD.T02_infinite.T2_renyi_idle_infinite",
    ),
    renyi=ForRenyi(
        _steps,
        hypotheses=(
            r"$\alpha > 0$, $\alpha \ne 1$; the recession slope is $f'(\infty) = 0$",
            r"$c \ge 0$ lower semicontinuous, $\infty$ allowed; $c(x, x) = 0$ for mode ``space''",
            r"the supremum need not be attained; $+\infty$ is a legitimate value",
        ),
    ),
)
