"""T16: the same for the values."""

# %% An instance to redo by hand
# Balls $\{D^{rc}\le\varepsilon\}$ tend to those of $D$ as $r\to\infty$, balls $\{D^{rc}\le
# r\varepsilon\}$ to those of $C$ as $r\downarrow0$.
from verification.instance import from_mapping as instance
from verification.solve import dro

cost, rigid = (
    [[0, 0.2, 0.8], [0.2, 0, 0.2], [0.8, 0.2, 0]],
    [[0 if i == j else None for j in range(3)] for i in range(3)],
)
base = {"p": [0.5, 0.3, 0.2], "phi": [0, 1, 3], "support": "reference"}


def value(spec, c, epsilon):
    return dro(instance({**base, "divergence": spec, "cost": c, "epsilon": epsilon})).value


kl, none = {"name": "kl"}, {"name": "none"}
print(f"re-weighting alone {value(kl, rigid, 0.1):.6f}, transport alone {value(none, cost, 0.1):.6f}")
for r in (0.001, 0.01, 0.1, 1, 10, 100):
    c = [[r * v for v in row] for row in cost]
    print(f"r = {r:<6} radius eps: {value(kl, c, 0.1):.6f}   radius r eps: {value(kl, c, 0.1 * r):.6f}")

# %% Without strict convexity at 1
# CVaR re-weights for nothing at any radius, so its small-$r$ limit stays above transport alone.
cvar = {"name": "cvar", "beta": 0.5}
for r in (0.001, 0.01):
    c = [[r * v for v in row] for row in cost]
    print(f"CVaR, r = {r:<6} radius r eps: {value(cvar, c, 0.1 * r):.6f}")

# %% Without $c>0$ off the diagonal
# The first and the last point at distance 0: the limit $r\to\infty$ keeps the free move and stays above
# re-weighting alone.
free = [[0, 0.2, 0], [0.2, 0, 0.2], [0, 0.2, 0]]
for r in (1, 100):
    c = [[r * v for v in row] for row in free]
    print(f"r = {r:<4} radius eps: {value(kl, c, 0.1):.6f} (re-weighting alone {value(kl, rigid, 0.1):.6f})")


# %% Without scaling the penalty
# With $\kappa>0$ the second limit needs the penalty $\kappa/r$ (in units of $D^{rc}$). With $\kappa$ left as it is,
# the penalty fades and the limit is the value without one.
def penalised(spec, c, epsilon, kappa):
    return dro(instance({**base, "divergence": spec, "cost": c, "epsilon": epsilon, "kappa": kappa})).value


print(
    f"transport alone: kappa = 1 {penalised(none, cost, 0.1, 1.0):.6f}, kappa = 0 {value(none, cost, 0.1):.6f}"
)
for r in (0.01, 0.001):
    c = [[r * v for v in row] for row in cost]
    print(
        f"r = {r:<6} penalty kappa/r: {penalised(kl, c, 0.1 * r, 1.0 / r):.6f}, penalty kappa: {penalised(kl, c, 0.1 * r, 1.0):.6f}"
    )
