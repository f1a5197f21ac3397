"""T6: every multiplier is an upper bound, one of them is the value."""

# %% An instance to redo by hand
# The four points of the README. Each $\lambda$ gives an upper bound; the certified value touches the
# smallest.
import numpy as np

from verification.instance import from_mapping as instance
from verification.solve import dro

x = np.arange(4.0)
p, phi, cost = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.0, 1.0, 4.0, 3.0]), (x[:, None] - x) ** 2
data = {
    "divergence": {"name": "kl"},
    "cost": cost.tolist(),
    "p": p.tolist(),
    "phi": phi.tolist(),
    "support": "reference",
}


def dual(lam, epsilon):
    moved = np.max(phi - lam * cost, axis=1)
    return lam * epsilon + lam * np.log(p @ np.exp((moved - moved.max()) / lam)) + moved.max()


s = dro(instance({**data, "epsilon": 0.25}))
for lam in (0.5, 1.0, 2.0, 3.0, 4.0, 8.0):
    print(f"lambda = {lam:3}: bound {dual(lam, 0.25):.12f}")
print(f"certified value [{s.lower:.12f}, {s.upper:.12f}] at lambda* = {s.lam}")
assert all(dual(lam, 0.25) >= s.lower - 1e-12 for lam in np.linspace(0.05, 20, 400))

# %% Without a positive radius
# At $\varepsilon=0$ the value on a finite space is $E_P[\varphi]$, but no $\lambda$ attains it: the
# bounds approach it like $1/\lambda$. A solver that waits for a minimiser waits forever.
s = dro(instance({**data, "epsilon": 0}))
print(f"E_P[phi] = {p @ phi:.12f}, certified [{s.lower:.12f}, {s.upper:.12f}]")
for lam in (10, 100, 1000, 10_000):
    print(f"lambda = {lam:>6}: bound - value = {dual(lam, 0.0) - p @ phi:.3e}")

# %% Without $\kappa\ge0$
# A negative $\kappa$ rewards distance. A coin, $P=(\tfrac34,\tfrac14)$, KL, $\varepsilon=2>\log4$,
# $\kappa=-1$: over all $v$ the supremum is $1+\log4$ (heads alone), while the dual still charges
# $\lambda+\kappa\ge0$ for all of $\varepsilon$. The solver refuses it.
from theory.errors import InputError

v = np.linspace(0, 1, 100_001)[1:-1]
spent = v * np.log(4 * v) + (1 - v) * np.log((1 - v) / 0.75)
print(
    f"supremum {max(np.max(v + spent), 1 + np.log(4)):.6f}, dual {2 + 1.0:.6f} (lambda = 1, so lambda + kappa = 0)"
)
try:
    instance({**data, "epsilon": 0.25, "kappa": -1})
except InputError as refused:
    print(refused)

# %% Without a finite $\varphi^c_\lambda$
# $\varphi(y)=y^2$ and $c=|y-x|$ on the line: for every $\lambda$ the transport step is infinite. So is the
# value: moving the share $\varepsilon/R$ of the mass by $R$ costs $\varepsilon$ and earns $\varepsilon R$. Both
# sides are $\infty$; no solver finds a multiplier.
for reach in (10, 100, 1000):
    print(
        f"up to {reach:>4}: phi^c at lambda = 5: {max(0, reach**2 - 5 * reach)}, value at least {0.25 / reach * reach**2:.1f}"
    )

# %% Without reading the term at $\lambda+\kappa=0$ as stated
# CVaR at level $\tfrac12$, nothing moves, $P$ uniform on losses $(0,1,2,3)$. Any radius is large enough, so
# $\lambda^*=0$, and the term is the CVaR of the reachable maxima. "The largest loss that is reachable", right
# for KL, would be too much.
still = [[0 if i == j else None for j in range(4)] for i in range(4)]
for name, extra in (("cvar", {"beta": "1/2"}), ("kl", {})):
    s = dro(
        instance(
            {
                "divergence": {"name": name, **extra},
                "cost": still,
                "p": [0.25] * 4,
                "phi": [0, 1, 2, 3],
                "epsilon": 10,
                "support": "reference",
            }
        )
    )
    print(f"{name:<5} value {s.value:.6f}, lambda* {s.lam}, largest loss 3")
