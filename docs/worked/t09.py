"""T9: mean plus standard deviation, and where that stops."""

# %% An instance to redo by hand
# $\alpha=2$, nothing moves, $\kappa=0$: as long as no density is clamped at 0 the value is
# $m+\sigma\sqrt{2\varepsilon}$.
from math import sqrt

import numpy as np

from verification.instance import from_mapping as instance
from verification.solve import dro

rigid = [[0 if i == j else None for j in range(3)] for i in range(3)]
p, phi = np.array([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 2.0])
mean, sigma = p @ phi, sqrt(p @ phi**2 - (p @ phi) ** 2)
data = {
    "divergence": {"name": "alpha", "alpha": 2},
    "cost": rigid,
    "p": p.tolist(),
    "phi": phi.tolist(),
    "support": "reference",
}
for epsilon in (0.01, 0.1, 0.5):
    s = dro(instance({**data, "epsilon": epsilon}))
    by_hand = mean + sigma * sqrt(2 * epsilon)
    print(
        f"epsilon {epsilon:<5} m + sigma sqrt(2 eps) = {by_hand:.10f}, solver [{s.lower:.10f}, {s.upper:.10f}]"
    )
    if epsilon < 0.5:
        assert s.lower - 1e-9 <= by_hand <= s.upper + 1e-9

# %% Without the positive part
# $(\varphi^c-\rho)_+$ is what keeps densities nonnegative. Without it the formula is
# $m+\sigma\sqrt{2\varepsilon}$ for every radius and passes the largest loss, 2, which no distribution
# can:
for epsilon in (0.5, 1, 2, 4):
    s = dro(instance({**data, "epsilon": epsilon}))
    print(
        f"epsilon {epsilon:<4} without {mean + sigma * sqrt(2 * epsilon):.6f}, with {s.value:.6f}, Q* = {s.worst_case.round(4)}"
    )

# %% With a penalty, or with a cost that is soft
# The form without $\lambda$ is for a hard ball and $\kappa=0$. With $\kappa=1$, or once points may move at a
# price, it answers another question.
from verification.solve import dro as solve

form = mean + sigma * sqrt(2 * 0.1)
print(f"form without lambda:       {form:.6f}")
print(f"kappa = 1:                 {solve(instance({**data, 'epsilon': 0.1, 'kappa': 1})).value:.6f}")
soft = [[(i - j) ** 2 / 8 for j in range(3)] for i in range(3)]
print(f"squared distance / 8:      {solve(instance({**data, 'epsilon': 0.1, 'cost': soft})).value:.6f}")

# %% Without mode "reference" for $\alpha<1$
# A fourth point with loss 5 and no mass: for $\alpha=\tfrac12$ the adversary may create mass there in mode
# "space" ($f'(\infty)<\infty$), for $\alpha=2$ it may not.
four = [[0 if i == j else None for j in range(4)] for i in range(4)]
for alpha in ("1/2", 2):
    spec = {"name": "alpha", "alpha": alpha}
    base = {
        "divergence": spec,
        "cost": four,
        "p": [*p.tolist(), 0],
        "phi": [*phi.tolist(), 5],
        "epsilon": 0.1,
    }
    values = [solve(instance({**base, "support": support})).value for support in ("reference", "space")]
    print(f"alpha = {alpha}: reference {values[0]:.6f}, space {values[1]:.6f}")
