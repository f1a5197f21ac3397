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
