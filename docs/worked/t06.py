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
