"""T19: the DRO value for small radii."""

from math import sqrt

import sympy as sp

from theory.checks import claims, identities
from theory.derivation import Finding, Formula, Step
from theory.evidence import Grade
from theory.fdivergence import FDivergence
from theory.finite import Divergence
from theory.instances import WEIGHTS, finite
from theory.renyi import Renyi
from theory.statement import ForRenyi, NotApplicable, Statement
from theory.symbols import t

_A, _B, _V, _K, _KAPPA = (sp.Symbol(n, positive=n in "aV") for n in ("a", "b", "V", "K", "kappa"))
_X = sp.Symbol("x")
_LOSSES = (0.2, 1.1, -0.3)
_INF = float("inf")


def _conjugate_series() -> Finding:
    """f*(f'(1) + x) = f'(1) + x + x^2/(2a) - b x^3/(6 a^3) + ..., by inverting f' as a series."""
    s = sp.Symbol("s")  # f'(1)
    inverse = _X / _A - _B * _X**2 / (2 * _A**3)  # t - 1
    slope = s + _A * inverse + _B * inverse**2 / 2
    value = (1 + inverse) * (s + _X) - (s * inverse + _A * inverse**2 / 2 + _B * inverse**3 / 6)
    expected = s + _X + _X**2 / (2 * _A) - _B * _X**3 / (6 * _A**3)
    low = sp.series(sp.expand(slope - s - _X), _X, 0, 3).removeO()
    return identities((low, 0), (sp.series(sp.expand(value - expected), _X, 0, 4).removeO(), 0))


def _reweighting_series() -> Finding:
    """Lambda[z h] for centred h, with rho = -f'(1) + z^2 r: z^2 V/(2a) - z^3 b K/(6 a^3) + O(z^4)."""
    z, r = sp.symbols("z r")
    # x = z h - z^2 r; E h = 0, E h^2 = V, E h^3 = K; powers of h beyond the third enter at z^4 only
    h = sp.Symbol("h")
    x = z * h - z**2 * r
    value = sp.expand(z**2 * r + x + x**2 / (2 * _A) - _B * x**3 / (6 * _A**3))
    moments = {0: 1, 1: 0, 2: _V, 3: _K}
    mean = sum(
        coefficient * z**i * moments[j] for (i, j), coefficient in sp.Poly(value, z, h).terms() if i <= 3
    )
    return identities((sp.expand(mean), z**2 * _V / (2 * _A) - z**3 * _B * _K / (6 * _A**3)))


def _lambda_series() -> Finding:
    """inf over mu of (mu - kappa) eps + V/(2 a mu) - b K/(6 a^3 mu^2) at eps = e^2, to order e^2."""
    e, second, s = sp.symbols("e m1 s", positive=True)
    v = 2 * _A * s**2  # s = sigma/sqrt(2 a): mu = s/e + m1 is the leading minimiser with a free correction
    value = -_KAPPA * e**2 + s * e + second * e**2 + s**2 * e / (s + second * e)
    value -= _B * _K * e**2 / (6 * _A**3 * (s + second * e) ** 2)
    expected = 2 * s * e - (_B * _K / (3 * _A**2 * v) + _KAPPA) * e**2
    rest = value - expected  # smooth at e = 0, where its Taylor polynomial of degree 2 is to vanish
    return identities(*((sp.diff(rest, e, k).subs(e, 0), 0) for k in range(3)))


def _numbers(d: FDivergence) -> Finding:
    """a = f''(1) and b = f'''(1) of this divergence, from its own f."""
    piece = next(p for p in d.pieces if p.lo <= 1 < p.hi)  # d has the derivatives: from the right will do
    second, third = (sp.diff(piece.expr, t, k).subs(t, 1).subs(d.numbers) for k in (2, 3))
    return identities((second, d.second_at_one), (third, d.third_at_one))


def stiffness(d: Divergence) -> float:
    """How fast f leaves its parabola at 1: densities a small multiple of 1/stiffness off 1 make the series
    converge, and a radius of `a/stiffness^2` is what they cost. 1 where f has no such series.
    """
    if not d.second_at_one or d.third_at_one is None:
        return 1.0
    a, b, fourth = float(d.second_at_one), float(d.third_at_one), 0.0
    if isinstance(d, FDivergence):
        fourth = float(d.fourth_at_one or 0)
    return max(1.0, abs(b) / a, sqrt(abs(fourth) / a))


def _third_order(d: Divergence) -> Finding:
    """The remainder shrinks like eps^(3/2): dividing eps by 16 divides it by about 64.

    Radii, penalty and remainders in the scale of f (`stiffness`), in which they look alike for every f.
    """
    a, b = float(d.second_at_one), float(d.third_at_one)  # type: ignore[arg-type]
    s = stiffness(d)
    kappa = 0.2 * s / a
    mean = sum(p * v for p, v in zip(WEIGHTS, _LOSSES, strict=True))
    variance, third = (
        sum(p * (v - mean) ** k for p, v in zip(WEIGHTS, _LOSSES, strict=True)) for k in (2, 3)
    )
    rigid = [[0.0 if i == j else _INF for j in range(3)] for i in range(3)]
    rest, blur = [], []
    for eps in (4e-4 * a / s**2, 2.5e-5 * a / s**2):
        found = finite(d).dro(_LOSSES, rigid, eps, kappa)
        series = mean + (2 * variance * eps / a) ** 0.5 - (b * third / (3 * a * a * variance) + kappa) * eps
        rest.append(abs(found.lower - series) * s)
        blur.append(abs(found.upper - found.lower) * s)  # what rounding leaves open
    small = rest[0] < 5e-4 and rest[1] < 1e-5
    return claims(
        {"the remainder falls like eps^(3/2)": small and rest[1] < rest[0] / 20 + 1e-12 + blur[1]},
        Grade.SAMPLED,
    )


_LAMBDA_STEP = Step(
    r"Put $z = 1/\mu$ into T7 and minimise over $\mu$: $\mu \approx "
    r"\sigma/\sqrt{2a\varepsilon}$; its correction does "
    r"not enter at order $\varepsilon$.",
    Formula(
        r"V = m + \sigma\sqrt{2\varepsilon/a} - [ \frac{b K_3}{3a^2\sigma^2} + \kappa ] \varepsilon +"
        r" O(\varepsilon^{3/2})"
    ),
    "elimination of lambda",
    Grade.PROVED,
    _lambda_series,
)


def _remainder(d: Divergence) -> Step:
    return Step(
        r"The remainder is uniform: the minimiser depends smoothly on $\sqrt\varepsilon$.",
        Formula(r"O(\varepsilon^{3/2})"),
        "implicit function theorem",
        Grade.CITED,
        lambda: _third_order(d),
        "Duchi and Namkoong (2019), Theorem 1; Lam (2016)",
        (
            r"$f$ four times continuously differentiable at 1, $f''(1) > 0$",
            r"$\sigma^2 > 0$, bounded losses",
        ),
    )


def _steps(d: FDivergence) -> tuple[Step, ...]:
    a, b = d.second_at_one, d.third_at_one
    if a is None or b is None or d.fourth_at_one is None or a == 0:
        raise NotApplicable("f is not four times differentiable at 1 with f''(1) > 0")
    return (
        Step(
            r"With $a = f''(1)$, $b = f'''(1)$ invert $f'$ as a series around $t = 1$.",
            Formula(r"f^*(f'(1) + x) = f'(1) + x + \frac{x^2}{2a} - \frac{b x^3}{6a^3} + O(x^4)"),
            "series inversion",
            Grade.PROVED,
            _conjugate_series,
        ),
        Step(
            r"For a centred $h$ with variance $\sigma^2$ and third moment $K_3$ the shift $\rho$ "
            r"drops out to this order.",
            Formula(r"\Lambda[z h] = \frac{\sigma^2}{2a} z^2 - \frac{b K_3}{6a^3} z^3 + O(z^4)"),
            "elimination of rho",
            Grade.PROVED,
            _reweighting_series,
        ),
        _LAMBDA_STEP,
        Step(
            rf"Here $a = {sp.latex(a)}$ and $b = {sp.latex(b)}$.",
            Formula(rf"(a, b) = ({sp.latex(a)}, {sp.latex(b)})"),
            "derivatives at 1",
            Grade.PROVED,
            lambda: _numbers(d),
        ),
        _remainder(d),
    )


def _renyi_series() -> Finding:
    """T3's dual at rho = (1 + z^2 r)/alpha for centred h: z^2 V/2 + z^3 (alpha + 1) K/6 + O(z^4), free of "
    "r."""
    z, r, h, a = sp.symbols("z r h alpha")
    u = z**2 * r - a * z * h  # alpha (rho - z h) = 1 + u
    m = (a - 1) / a
    power = m * u + m * (m - 1) / 2 * u**2 + m * (m - 1) * (m - 2) / 6 * u**3  # (1 + u)^m - 1
    moments = {0: 1, 1: 0, 2: _V, 3: _K}
    terms = sp.Poly(sp.expand(power), z, h).terms()
    mean = sum(c * z**i * moments[j] for (i, j), c in terms if i <= 3)
    # -(log alpha + 1)/alpha - log N/(alpha - 1), where log N = log(1 + mean) - (alpha - 1)/alpha log alpha,
    # and log(1 + mean) = mean to this order, since mean starts with z^2
    found = z**2 * r / a - mean / (a - 1)
    return identities((sp.cancel(found - z**2 * _V / 2 - (a + 1) * z**3 * _K / 6), 0))


def _renyi(d: Renyi) -> tuple[Step, ...]:
    return (
        Step(
            r"Put $\rho = (1 + r z^2)/\alpha$ into T3's dual at $z h$, $h$ centred with variance "
            r"$\sigma^2$ and third "
            r"moment $K_3$, and expand; $r$ drops out to this order.",
            Formula(r"\Lambda[z h] = \frac{\sigma^2}{2} z^2 + \frac{(\alpha+1) K_3}{6} z^3 + O(z^4)"),
            "expansion of the conjugate",
            Grade.PROVED,
            _renyi_series,
        ),
        Step(
            r"This is the expansion of an f-divergence with $a = 1$ and $b = -(\alpha+1)$.",
            Formula(rf"(a, b) = (1, {sp.latex(d.third_at_one)})"),
            "comparison of coefficients",
            Grade.PROVED,
            lambda: identities((d.second_at_one, 1), (d.third_at_one, -(d.alpha + 1))),
        ),
        _LAMBDA_STEP,
        _remainder(d),
    )


STATEMENT = Statement(
    "T19",
    "Small-radius expansion",
    (
        r"hard ball; $m, \sigma^2 > 0, K_3$: mean, variance and third central moment of $\varphi^c$",
        r"$f$ four times continuously differentiable at 1, $a = f''(1) > 0$, $b = f'''(1)$",
    ),
    Formula(
        r"V = m + \sigma\sqrt{2\varepsilon/a} - [ \frac{b K_3}{3a^2\sigma^2} + \kappa ] \varepsilon "
        r"+ O(\varepsilon^{3/2})"
    ),
    "derived here; first order: Lam (2016), Duchi and Namkoong (2019)",
    _steps,
    renyi=ForRenyi(
        _renyi,
        hypotheses=(
            r"hard ball; $m, \sigma^2 > 0, K_3$: mean, variance and third central moment of $\varphi^c$",
            r"$a = 1$, $b = -(\alpha+1)$",
        ),
    ),
)
