"""T29: potentials are derivatives."""

# %% An instance to redo by hand
# $\nabla_QD^c=g^*$ modulo constants: move a little mass of $Q$ from the first point to the third.
import numpy as np

from verification.instance import from_mapping as instance
from verification.solve import divergence, dro

p, q, cost = [0.5, 0.3, 0.2], np.array([0.2, 0.3, 0.5]), [[0, 0.2, 0.8], [0.2, 0, 0.2], [0.8, 0.2, 0]]


def solve(target):
    return divergence(
        instance(
            {"divergence": {"name": "kl"}, "cost": cost, "p": p, "q": target.tolist(), "support": "reference"}
        )
    )


s = solve(q)
step = np.array([-1, 0, 1]) * 1e-5
slope = (solve(q + step).value - solve(q - step).value) / 2e-5
print(f"g_3 - g_1 = {s.potential[2] - s.potential[0]:.7f}, difference quotient {slope:.7f}")
assert abs(slope - (s.potential[2] - s.potential[0])) < 1e-4

# %% A shared budget
# Soft cost $\|\cdot\|^2/(2\tau)$ and small $\varepsilon$: $V\approx
# m+\sqrt{2\varepsilon(\operatorname{Var}\varphi/f''(1)+\tau E\|\nabla\varphi\|^2)}$. On a fine grid with
# $\varphi(y)=\sin y$, $P$ on five of its points, $\tau=\tfrac12$:
y = np.linspace(-3, 3, 601)
atoms = np.array([100, 200, 300, 400, 500])
c = (y[atoms][:, None] - y) ** 2
mean, var, slope2 = np.mean(np.sin(y[atoms])), np.var(np.sin(y[atoms])), np.mean(np.cos(y[atoms]) ** 2)
for epsilon in (1e-2, 1e-3):
    v = dro(
        instance(
            {
                "divergence": {"name": "kl"},
                "cost": c.tolist(),
                "p": [0.2] * 5,
                "phi": np.sin(y).tolist(),
                "epsilon": epsilon,
                "support": "reference",
            }
        )
    ).value
    print(
        f"epsilon {epsilon:<6} value - mean {v - mean:.6f}, formula {np.sqrt(2 * epsilon * (var + 0.5 * slope2)):.6f}"
    )


# %% Where the potential is not unique
# Total variation on an instance where nothing needs to be re-weighted has many optimal potentials: the
# slopes to the two sides differ, and $g^*$ is only one subgradient.
def tv(target):
    return divergence(
        instance(
            {"divergence": {"name": "tv"}, "cost": cost, "p": p, "q": target.tolist(), "support": "reference"}
        )
    ).value


at = np.array(p)
print(f"at Q = P: slope to the right {tv(at + step) / 1e-5:.4f}, to the left {-tv(at - step) / 1e-5:.4f}")


# %% Without its hypotheses for small radii
# The same five points and cost. Total variation has no $f''(1)$: its gain is linear in $\varepsilon$ where nothing moves,
# and with transport the root holds the gradient alone. And a loss that outgrows the cost, $y^4$ against
# $y^2$, makes the value depend on how far the grid reaches, however small the radius.
def gain(spec, points, loss, epsilon):
    where = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    data = {
        "divergence": spec,
        "cost": ((where[:, None] - points) ** 2).tolist(),
        "p": [0.2] * 5,
        "phi": loss(points).tolist(),
        "epsilon": epsilon,
        "support": "reference",
    }
    return dro(instance(data)).value - np.mean(loss(where))


for epsilon in (1e-2, 1e-3):
    print(
        f"tv, epsilon {epsilon:<6} gain {gain({'name': 'tv'}, y, np.sin, epsilon):.6f}, formula with f''(1) = 1 "
        f"{np.sqrt(2 * epsilon * (var + 0.5 * slope2)):.6f}, gradient alone {np.sqrt(epsilon * slope2):.6f}"
    )
for reach in (3, 30, 300):
    points = np.union1d(np.linspace(-3, 3, 301), np.linspace(-reach, reach, 301))
    print(f"y^4, grid up to {reach:>3}: gain {gain({'name': 'kl'}, points, lambda v: v**4, 1e-3):.4f}")
