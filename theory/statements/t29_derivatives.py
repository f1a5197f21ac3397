"""T29: derivatives of D^c."""

from math import exp, log, sqrt

import sympy as sp

from theory.checks import claims, identities
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade, Outcome
from theory.finite import Divergence, Finite
from theory.instances import TWO, WEIGHTS, Q
from theory.renyi import Renyi
from theory.statement import ForRenyi, Statement
from theory.statements.t19_expansion import stiffness

_STEP = 1e-5
_SLACK = 1e-4


def _in_q(d: Divergence) -> Finding:
    """Moving mass from the first to the second point changes D^c by g_2 - g_1."""
    space = Finite(d, WEIGHTS)
    s = space.potential(TWO, Q)
    base, up, down = (space.nearest(TWO, (Q[0] - h, Q[1] + h))[0] for h in (0.0, _STEP, -_STEP))
    inside = (base - down) / _STEP - _SLACK <= s <= (up - base) / _STEP + _SLACK
    return claims(
        {f"g_2 - g_1 = {s:.4f} lies between the one-sided difference quotients": inside}, Grade.SAMPLED
    )


def _in_p(d: Divergence) -> Finding:
    """Moving mass of P changes D^c by the difference of -f*(g^c)."""
    space = Finite(d, WEIGHTS)
    s = space.potential(TWO, Q)
    found, _ = space.moved(TWO, s, bounded=False)
    moved, _ = space.transform((0.0, s), TWO, 1.0)
    if isinstance(d, Renyi):
        a, gaps = float(d.alpha), [found.rho - v for v in moved]
        scale = max(gaps) if a > 1 else min(gaps)  # of which the powers neither over- nor underflow
        powers = [(g / scale) ** ((a - 1) / a) for g in gaps]
        mean = sum(p * g for p, g in zip(WEIGHTS, powers, strict=True))
        slopes = [g / ((a - 1) * mean) for g in powers]
    else:
        slopes = [-float(space.fn.conjugate(v - found.rho)) for v in moved]
    expected = slopes[1] - slopes[0]

    def at(h: float) -> float:
        return Finite(d, (WEIGHTS[0] - h, WEIGHTS[1] + h, WEIGHTS[2])).nearest(TWO, Q)[0]

    base, up, down = at(0.0), at(_STEP), at(-_STEP)
    inside = (base - down) / _STEP - _SLACK <= expected <= (up - base) / _STEP + _SLACK
    return claims({f"{expected:.4f} lies between the one-sided difference quotients": inside}, Grade.SAMPLED)


def _soft_step() -> Finding:
    """<a, s> + h |s|^2/2 - mu |s|^2/(2 tau) is largest at s = a/(mu/tau - h), for mu/tau > h; with h = -H and
    h = H this bounds the gain from both sides, and both bounds are tau |a|^2/(2 mu) + O(mu^-2).
    """
    a, z, tau, m = sp.symbols("a z tau mu", positive=True)
    h = sp.Symbol("h", real=True)
    objective = a * z + h * z**2 / 2 - m * z**2 / (2 * tau)
    best, value = a / (m / tau - h), a**2 / (2 * (m / tau - h))
    found = identities(
        (sp.diff(objective, z).subs(z, best), 0),
        (sp.diff(objective, z, 2), h - m / tau),
        (objective.subs(z, best), value),
    )
    if found.outcome is not Outcome.HOLDS:
        return found
    rest = sp.limit(sp.cancel(m**2 * (value - tau * a**2 / (2 * m))), m, sp.oo)
    return claims({f"{found.detail}; mu^2 (gain - tau a^2/(2 mu)) tends to {rest}": rest.is_finite})


def _shared_budget() -> Finding:
    """inf over mu of mu eps + (V/a + tau G)/(2 mu): both mechanisms enter through one sum."""
    m, e, v, a, tau, g = sp.symbols("mu epsilon V a tau G", positive=True)
    spread = v / a + tau * g
    value = m * e + spread / (2 * m)
    best = sp.sqrt(spread / (2 * e))
    return identities(
        (sp.diff(value, m).subs(m, best), 0),
        (sp.expand(value.subs(m, best) ** 2), sp.expand(2 * e * spread)),
        (sp.diff(value, m, 2), spread / m**3),
    )


def _both_mechanisms(d: Divergence) -> Finding:
    """phi_i + <a_i, z> on three clouds: the value against m + sqrt(2 eps (Var/a + tau E|a|^2)), two radii."""
    a, s = float(d.second_at_one or 1), stiffness(d)
    space, tau = Finite(d, WEIGHTS), 0.6 / a
    phi, slopes = (0.2, 1.1, -0.3), (0.9, -0.4, 1.3)
    mean = sum(p * v for p, v in zip(WEIGHTS, phi, strict=True))
    spread = sum(p * (v - mean) ** 2 for p, v in zip(WEIGHTS, phi, strict=True)) / a
    spread += tau * sum(p * g * g for p, g in zip(WEIGHTS, slopes, strict=True))

    def at(log_mu: float, eps: float) -> tuple[float, float]:
        """The dual value, and how far the primal one stays below it."""
        m = exp(log_mu)
        moved = [v + tau * g * g / (2 * m) for v, g in zip(phi, slopes, strict=True)]
        found = space.reweight([v / m for v in moved])
        return m * eps + m * found.dual, m * abs(found.dual - found.primal)

    rest, blur = [], []
    for eps in (1e-4 * a / s**2, 1e-6 * a / s**2):
        middle = log(spread / (2 * eps)) / 2
        lo, hi = middle - 1, middle + 1
        for _ in range(50):
            left, right = lo + (hi - lo) * 0.381966, lo + (hi - lo) * 0.618034
            lo, hi = (lo, right) if at(left, eps)[0] < at(right, eps)[0] else (left, hi)
        value, open_ = at((lo + hi) / 2, eps)
        rest.append(abs(value - mean - sqrt(2 * eps * spread)) * s)
        blur.append(open_ * s)
    return claims(
        {"the remainder falls like eps": rest[0] < 100 * 1e-4 and rest[1] < rest[0] / 50 + 1e-10 + blur[1]},
        Grade.SAMPLED,
    )


_SOFT = (
    Step(
        r"Soft cost $c = \|y-x\|^2/(2\tau)$, $\|\nabla^2\varphi\| \le H$ near the point and $\mu > \tau "
        r"H$ so "
        r"large that the step ends there: $\varphi$ lies within $\tfrac{H}{2} \|y-x\|^2$ of its tangent, "
        r"which "
        r"bounds the gain by $\|\nabla\varphi\|^2/(2(\mu/\tau \pm H))$ from both sides.",
        Formula(r"\varphi^c_\mu = \varphi + \frac{\tau}{2\mu} \|\nabla\varphi\|^2 + O(\mu^{-2})"),
        "transport step between two quadratics",
        Grade.PROVED,
        _soft_step,
    ),
    Step(
        r"With the second-order term of the conjugate (T19) the dual function is $m + \mu\varepsilon + "
        r"[\mathrm{Var}\varphi/a + \tau E\|\nabla\varphi\|^2]/(2\mu)$, $a = f''(1)$; minimise over $\mu$: "
        r"transport "
        r"and re-weighting share one budget.",
        Formula(
            r"V \approx m + \sqrt{2\varepsilon (\mathrm{Var}_P \varphi / f''(1) + \tau "
            r"E_P\|\nabla\varphi\|^2)}"
        ),
        "elimination of lambda",
        Grade.PROVED,
        _shared_budget,
    ),
)


def _soft_steps(d: Divergence) -> tuple[Step, ...]:
    """The small-radius form for a soft cost, where f''(1) > 0 exists."""
    if not d.second_at_one:
        return ()
    return (
        *_SOFT,
        Step(
            r"The expansion on three clouds of points with linear losses, two radii.",
            Formula(""),
            "instance",
            Grade.SAMPLED,
            lambda: _both_mechanisms(d),
        ),
    )


def _envelope(d: Divergence) -> tuple[Step, ...]:
    found = [
        Step(
            r"T2 is a supremum of functions affine in $Q$; its subgradients are the optimal potentials.",
            Formula(r"\nabla_Q D^c(Q\|P) = g^*"),
            "envelope theorem",
            Grade.CITED,
            lambda: _in_q(d),
            "Bonnans and Shapiro, Perturbation Analysis (2000), Theorem 4.13",
            ("modulo constants, where the potential is unique",),
        )
    ]
    if isinstance(d, Renyi):
        text = r"In $P$ it is smooth through $-\Lambda^P[g^c]$, with $x = \rho^* - (g^*)^c$ and $N$ of T3."
        formula = Formula(
            r"\nabla_P D^c(Q\|P) = -\nabla_P \Lambda^P[(g^*)^c] = x^{(\alpha-1)/\alpha} / ((\alpha-1) N)"
        )
    elif all(piece.affine for piece in d.pieces):
        return tuple(found)
    else:
        text = r"It is affine in $P$ too, through $-\sum_i p_i f^*(g^c(x_i))$."
        formula = Formula(r"\nabla_P D^c(Q\|P) = -f^*((g^*)^c)")
    found.append(
        Step(
            text,
            formula,
            "envelope theorem",
            Grade.CITED,
            lambda: _in_p(d),
            "Bonnans and Shapiro, Perturbation Analysis (2000), Theorem 4.13",
            ("modulo constants, where the potential is unique",),
        )
    )
    return tuple(found)


def _steps(d: Divergence) -> tuple[Step, ...]:
    return (*_envelope(d), *_soft_steps(d))


STATEMENT = Statement(
    "T29",
    r"Derivatives of $D^c$",
    (
        r"the optimal potential $g^*$ is unique up to constants (otherwise one-sided derivatives)",
        r"small radius: $c = \|y-x\|^2/(2\tau)$, $f''(1) > 0$, $\varphi$ twice differentiable with a bounded "
        r"second derivative near the points of $P$, $\varphi^c_\lambda$ finite for some $\lambda$",
    ),
    Formula(r"\nabla_Q D^c = g^*, \qquad \nabla_P D^c = -f^*((g^*)^c)"),
    "derived here",
    _steps,
    renyi=ForRenyi(
        _steps, Formula(r"\nabla_Q D^c = g^*, \qquad \nabla_P D^c = -\nabla_P \Lambda^P[(g^*)^c]")
    ),
)
