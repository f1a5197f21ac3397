"""T7: the constraint on rho."""

# %% An instance to redo by hand
# Reverse KL, hard ball, two equal points with losses 0 and 1, mode "reference": $Q=(1-v,v)$ with
# $-\tfrac12\log(4v(1-v))=\varepsilon$, so $v=\tfrac12(1+\sqrt{1-e^{-2\varepsilon}})$.
from math import exp, sqrt

from verification.instance import from_mapping as instance
from verification.solve import dro

rigid = [[0, None], [None, 0]]
for epsilon in (0.01, 0.1, 1.0):
    s = dro(
        instance(
            {
                "divergence": {"name": "reverse_kl"},
                "cost": rigid,
                "p": [0.5, 0.5],
                "phi": [0, 1],
                "epsilon": epsilon,
                "support": "reference",
            }
        )
    )
    by_hand = (1 + sqrt(1 - exp(-2 * epsilon))) / 2
    print(f"epsilon {epsilon:<5} by hand {by_hand:.12f}, solver [{s.lower:.12f}, {s.upper:.12f}]")
    assert s.lower - 1e-9 <= by_hand <= s.upper + 1e-9

# %% Without the constraint for mode "space"
# Hellinger, and a third point with loss 5 that carries no mass and that nothing can reach. In mode
# "space" the constraint is $\rho\ge\sup_X\varphi-(\lambda+\kappa)f'(\infty)$; without it the dual solves
# mode "reference", a different number.
rigid = [[0 if i == j else None for j in range(3)] for i in range(3)]
data = {
    "divergence": {"name": "hellinger"},
    "cost": rigid,
    "p": [0.5, 0.5, 0],
    "phi": [0, 1, 5],
    "epsilon": 0.1,
}
for support in ("space", "reference"):
    s = dro(instance({**data, "support": support}))
    print(
        f"{support:<10} value {s.value:.9f}, Q* = {s.worst_case.round(6)}, lambda* {s.lam:.6f}, rho* {s.rho:.6f}"
    )
