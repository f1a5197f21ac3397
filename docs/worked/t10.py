"""T10: a boundary that is attained, and a cancellation."""

# %% An instance to redo by hand
# Rényi $\alpha=2$ of a coin with losses 0 and 1, nothing moves, mode "reference":
# $R_2(P\|Q)=\tfrac12\log\frac{1}{4v(1-v)}$ for $P=(\tfrac12,\tfrac12)$, so
# $v=\tfrac12(1+\sqrt{1-e^{-2\varepsilon}})$.
from math import exp, expm1, log, log1p, sqrt

from verification.instance import from_mapping as instance
from verification.solve import dro

coin = {
    "divergence": {"name": "renyi", "alpha": 2},
    "cost": [[0, None], [None, 0]],
    "p": [0.5, 0.5],
    "phi": [0, 1],
}
for epsilon in (0.05, 0.2, 1.0):
    s = dro(instance({**coin, "epsilon": epsilon, "support": "reference"}))
    by_hand = (1 + sqrt(1 - exp(-2 * epsilon))) / 2
    print(f"epsilon {epsilon:<5} by hand {by_hand:.10f}, solver [{s.lower:.10f}, {s.upper:.10f}]")
    assert s.lower - 1e-8 <= by_hand <= s.upper + 1e-8

# %% Without the points that carry no mass
# $P=(\tfrac12,\tfrac12,0)$, $\varphi=(0,1,5)$, $\varepsilon=0.2$. In mode "space" the infimum sits on the
# boundary $\rho=S=5$; with $S$ over the support of $P$ the value is another one.
rigid = [[0 if i == j else None for j in range(3)] for i in range(3)]
data = {
    "divergence": {"name": "renyi", "alpha": 2},
    "cost": rigid,
    "p": [0.5, 0.5, 0],
    "phi": [0, 1, 5],
    "epsilon": 0.2,
}
for support in ("space", "reference"):
    s = dro(instance({**data, "support": support}))
    print(f"{support:<10} value {s.value:.9f}, rho* {s.rho:.9f}, Q* = {s.worst_case.round(6)}")

# %% Without log1p near $\alpha=1$
# The last term divides $\log E_P[(\rho-\varphi^c)^{(\alpha-1)/\alpha}]$ by $\alpha-1$. As printed it
# loses every digit when $\alpha\to1$; written with `expm1` and `log1p` it does not.
for power in (4, 8, 12, 15):
    a = 1 + 10.0**-power
    k = (a - 1) / a
    printed = log(0.5 * 2.0**k + 0.5 * 3.0**k) / (a - 1)
    stable = log1p(0.5 * expm1(k * log(2)) + 0.5 * expm1(k * log(3))) / (a - 1)
    print(f"alpha - 1 = 1e-{power:<3} as printed {printed:.12f}, stable {stable:.12f}")

# %% Without $\alpha>0$
# For $\alpha=-1$ the expression is $\tfrac12\log\sum\eta_i^2/p_i$, a logarithm that is not convex in $\eta$:
# with $P=(\tfrac9{10},\tfrac1{10})$ a midpoint lies above the mean of the ends. No duality holds; it is refused.
from theory.errors import InputError


def minus_one(v):
    return 0.5 * log((1 - v) ** 2 / 0.9 + v**2 / 0.1)


print(f"midpoint {minus_one(0.75):.6f} > mean of the ends {(minus_one(0.5) + minus_one(1)) / 2:.6f}")
try:
    instance({**coin, "divergence": {"name": "renyi", "alpha": -1}, "epsilon": 0.2, "support": "reference"})
except InputError as refused:
    print(refused)
