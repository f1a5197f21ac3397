"""T17: special cases: OT-DRO, f-divergence DRO, PGD, UDR, TRADES, MART."""

import sympy as sp

from theory.checks import bracket, claims, identities
from theory.costs import COSTS
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade, Outcome
from theory.fdivergence import FDivergence
from theory.finite import Divergence, Finite
from theory.instances import COST, PHI, WEIGHTS, each, finite, max_plus, rationals
from theory.statement import ForRenyi, Statement
from theory.symbols import mu, rho

_INF = float("inf")


def _transport_only() -> Finding:
    """f* = y turns T7's integrand into E[phi^c]: rho + mu (h - rho)/mu = h; and both witnesses meet."""
    from theory.catalogue import divergence

    none = divergence("none")
    h = sp.Symbol("h", real=True)
    first = identities((rho + mu * none.conjugate.subs(sp.Symbol("y", real=True), (h - rho) / mu), h))
    if first.outcome is not Outcome.HOLDS:
        return first
    s = Finite(none, WEIGHTS).dro(PHI, COST, 0.1, 0.0)
    met = bracket(s.lower, s.upper, "OT-DRO")
    return first if met.outcome is Outcome.HOLDS else met


def _rigid(d: Divergence) -> Finding:
    """c = oo off the diagonal: nothing moves, phi^c = phi, and both witnesses meet."""
    rigid = [[0.0 if i == j else _INF for j in range(4)] for i in range(3)]
    space = finite(d)
    values, columns = space.transform(PHI, rigid, 0.7)
    if columns != [0, 1, 2] or values != list(PHI[:3]):
        return claims({"phi^c = phi": False})
    s = space.dro(PHI, rigid, 0.1, 0.2)
    return bracket(s.lower, s.upper, "divergence DRO", rounding=space.rounding * max(1.0, s.lam + 0.2))


def _tiny_radius(d: Divergence) -> float:
    """1e-10, or what densities of 1 +- 1e-4 cost where that is less: f flat or small."""
    if not isinstance(d, FDivergence) or not d.strictly_convex_at_one:
        return 1e-10
    fn, step = finite(d).fn, 1e-4
    slope = float(fn.f_prime(1.0))
    return min(1e-10, *(float(fn.f(1 + s)) - s * slope for s in (step, -step)))


def _plain_adversarial(d: Divergence) -> Finding:
    """Hard ball, eps down to 1e-10: the value tends to the mean adversarial loss iff f is strictly convex
    at 1.
    """
    ball = [[0.0, 0.0, _INF, _INF], [_INF, 0.0, 0.0, _INF], [0.0, _INF, 0.0, _INF]]
    space = finite(d)
    moved, _ = space.transform(PHI, ball, 1.0)
    mean = sum(p * v for p, v in zip(WEIGHTS, moved, strict=True))
    eps = _tiny_radius(d)
    if eps == 0:
        return Finding(Outcome.SKIPPED, Grade.SAMPLED, "f(1 + 1/10^4) underflows: no radius is small enough")
    value = space.dro(PHI, ball, eps, 0.0).lower
    if d.strictly_convex_at_one:
        near = abs(value - mean) < 1e-3
        return claims({f"within 1e-3 of E[phi^c] = {mean:.4f} at eps = {eps:.0e}": near}, Grade.SAMPLED)
    return claims(
        {f"stays at {value:.4f}, above {mean:.4f}: f is flat at 1": value > mean + 0.01}, Grade.SAMPLED
    )


def _doubled(seed: int) -> bool:
    """States (x, x', y): a cost on x' alone, infinite when x or y moves, leaves a maximum over x' alone."""
    numbers = rationals(40, seed)
    states = [(x, u, y) for x in range(2) for u in range(3) for y in range(2)]
    phi = dict(zip(states, numbers, strict=False))
    price = [[abs(numbers[12 + 3 * i + j]) * (i != j) for j in range(3)] for i in range(3)]
    big = 10**6  # beyond every difference of losses: stands for the infinite cost in exact arithmetic
    cost = [[price[s[1]][v[1]] if (s[0], s[2]) == (v[0], v[2]) else big for v in states] for s in states]
    whole = max_plus([phi[s] for s in states], cost)  # type: ignore[arg-type]
    alone = [max(phi[(x, v, y)] - price[u][v] for v in range(3)) for x, u, y in states]
    return whole == alone


def _kl_gap() -> Finding:
    """TRADES' attack maximises CE(f(x), y) + beta KL(f(x)||f(x')) over x'; the first term does not contain
    x'.
    """
    entropy, divergence, weight = (
        sp.Symbol("CE"),
        sp.Function("KL")(sp.Symbol("u")),
        sp.Symbol("beta", positive=True),
    )
    loss = entropy + weight * divergence
    return identities((sp.diff(loss, sp.Symbol("u")), weight * sp.diff(divergence, sp.Symbol("u"))))


def _mart_gap() -> Finding:
    """MART: the maximiser of plain CE need not maximise the whole loss (two candidate points, three
    classes).
    """
    from math import log

    clean = (0.5, 0.3, 0.2)
    points = ((0.30, 0.35, 0.35), (0.34, 0.65, 0.01))  # class probabilities at two admissible x'

    def plain(f: tuple[float, ...]) -> float:
        return -log(f[0])

    def mart(f: tuple[float, ...]) -> float:
        kl = sum(a * log(a / b) for a, b in zip(clean, f, strict=True))
        return plain(f) - log(1 - max(f[1:])) + 6 * kl * (1 - clean[0])

    by_plain, best = max(points, key=plain), max(points, key=mart)
    short = mart(best) - mart(by_plain)
    return claims(
        {f"the plain-CE attack falls short of the supremum by {short:.2f}": short > 1e-6}, Grade.BRACKETED
    )


def _steps(d: Divergence) -> tuple[Step, ...]:
    soft = next(cost for cost in COSTS if cost.name == "soft ball (UDR)")
    limit = (
        r"E_P[\varphi^c]" if d.strictly_convex_at_one else r"\text{the limit fails: } f \text{ is flat at } 1"
    )
    return (
        Step(
            r"$D = \infty \cdot 1[\eta \ne P]$ (CVaR at $\beta = 1$): $f^*(y) = y$, the multiplier "
            r"$\rho$ cancels.",
            Formula(r"V = \inf_{\lambda \ge 0} \{ \lambda\varepsilon + E_P[\varphi^c_{\lambda+\kappa}] \}"),
            "OT-DRO",
            Grade.PROVED,
            _transport_only,
        ),
        Step(
            r"$c = \infty \cdot 1[x \ne y]$: $\varphi^c = \varphi$.",
            Formula(r"V = \inf_\lambda \{ \lambda\varepsilon + \mu \Lambda^P_D[\varphi/\mu] \}"),
            "divergence DRO",
            Grade.BRACKETED,
            lambda: _rigid(d),
        ),
        Step(
            r"Hard ball, $\varepsilon \downarrow 0$: plain adversarial training (PGD), if $f$ is "
            r"strictly convex at 1.",
            Formula(r"V \to " + limit),
            "PGD",
            Grade.SAMPLED,
            lambda: _plain_adversarial(d),
        ),
        Step(
            r"The soft ball gives UDR; for linear losses its transport step is closed (T5).",
            Formula(r"\varphi^c_\mu - \varphi = " + soft.gain),
            "UDR",
            Grade.PROVED,
            soft.check,
        ),
        Step(
            r"TRADES and MART: states $(x, x', y)$, $P$ on $(x, x, y)$, cost $c(x', u')$ if the "
            r"first and third coordinates "
            r"stay and $\infty$ otherwise; only $x'$ moves.",
            Formula(r"\varphi^c(x, x', y) = \sup_{u'} \{ \varphi(x, u', y) - \mu c(x', u') \}"),
            "TRADES, MART on the doubled space",
            Grade.SAMPLED,
            lambda: each(12, _doubled, "c-transform on the doubled space"),
        ),
        Step(
            r"Hard ball: TRADES' KL attack maximises exactly $\varphi^c$: the natural term does not "
            r"contain $x'$.",
            Formula(r"\nabla_{x'} [CE(f(x), y) + \beta KL(f(x)\|f(x'))] = \beta \nabla_{x'} KL(f(x)\|f(x'))"),
            "TRADES attack",
            Grade.PROVED,
            _kl_gap,
        ),
        Step(
            r"MART's published attack maximises plain cross-entropy, which is not the MART loss: it "
            r"can fall short.",
            Formula(r"\mathrm{argmax}\, CE(f(x'), y) \ne \mathrm{argmax}\, \varphi"),
            "MART attack: counterexample",
            Grade.BRACKETED,
            _mart_gap,
        ),
    )


STATEMENT = Statement(
    "T17",
    "Special cases",
    (r"$c(x, x) = 0$", r"PGD limit: $f$ strictly convex at 1"),
    Formula(r"\text{OT-DRO, } f\text{-divergence DRO, PGD, UDR, TRADES, MART are instances of T6}"),
    "arXiv 2309.03791; TRADES (Zhang et al. 2019), MART (Wang et al. 2020), UDR (Bui et al. 2022)",
    _steps,
    formal=(
        "ArmorD.T17_doubled.T17_transport_step",
        "ArmorD.T17_doubled.T17_doubled_space",
        "ArmorD.T25_truncated_transport.T17_only_transport",
        "ArmorD.T13_order.T17_rigid",
        "ArmorD.T13_order.T17_cvar_one",
        "ArmorD.T13_order.T17_ot_dro",
        "ArmorD.T13_order.T17_adversarial_training",
    ),
    renyi=ForRenyi(_steps),
)
