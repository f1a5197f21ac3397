"""T11: the worst case of the README's instance, and a tie."""

# %% An instance to redo by hand
# The worst case re-weights the rows and moves them; both are paid out of $\varepsilon=\tfrac14$.
import numpy as np

from verification.instance import from_mapping as instance
from verification.solve import dro

x = np.arange(4.0)
p, phi, cost = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.0, 1.0, 4.0, 3.0]), (x[:, None] - x) ** 2
s = dro(
    instance(
        {
            "divergence": {"name": "kl"},
            "cost": cost.tolist(),
            "p": p.tolist(),
            "phi": phi.tolist(),
            "epsilon": 0.25,
            "support": "reference",
        }
    )
)
plan = s.plan.dense()
eta = plan.sum(axis=1)
print("plan (rows: from, columns: to)\n", plan.round(6))
print(
    f"D(eta||P) = {np.sum(eta * np.log(eta / p)):.9f}, transport = {np.sum(plan * cost):.9f}, together = {np.sum(eta * np.log(eta / p)) + np.sum(plan * cost):.9f}"
)
print(f"E_Q*[phi] = {plan.sum(axis=0) @ phi:.12f}, certified value [{s.lower:.12f}, {s.upper:.12f}]")

# %% Without mixing at a tie
# At $\lambda^*=3$ the second point is indifferent: staying gains $1$, moving to the third gains
# $4-3\cdot1=1$. Sending it all one way or all the other spends less than $\varepsilon$ or more; only a
# mixture satisfies $\lambda^*(D^c(Q^*\|P)-\varepsilon)=0$.
moved = np.max(phi - s.lam * cost, axis=1)
density = np.exp(moved / s.lam)
eta = p * density / (p @ density)
for name, target in (("all stay", 1), ("all move", 2)):
    choice = np.argmax(phi - s.lam * cost - 1e-12 * np.arange(4), axis=1)
    choice[1] = target
    spent = np.sum(eta * np.log(eta / p)) + sum(eta[i] * cost[i, j] for i, j in enumerate(choice))
    print(f"{name}: spends {spent:.6f} of 0.25, earns {eta @ phi[choice]:.6f}")
print(f"the optimal mixture moves {plan[1, 2] / plan[1].sum():.1%} of it")

# %% Without $\mu^*>0$
# With a radius of 10 the multiplier is 0: the weights of T4 read $h/0$. What then takes their place depends on
# the divergence and the mode: $P(\cdot\mid\operatorname{argmax})$ for KL, the upper half for CVaR, whose $f$
# is infinite beyond density 2, and a point without mass in mode "space" for Hellinger.
still = [[0 if i == j else None for j in range(5)] for i in range(5)]
wide = {"cost": still, "p": [0.25, 0.25, 0.25, 0.25, 0], "phi": [0, 1, 2, 3, 5], "epsilon": 10}
for spec, support in (
    ({"name": "kl"}, "reference"),
    ({"name": "cvar", "beta": "1/2"}, "reference"),
    ({"name": "hellinger"}, "space"),
):
    s = dro(instance({**wide, "divergence": spec, "support": support}))
    print(f"{spec['name']:<10} {support:<10} lambda* {s.lam:.6f}, Q* = {np.abs(s.worst_case).round(6)}")
