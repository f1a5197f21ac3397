"""T1 by hand: two points, KL."""

# %% An instance to redo by hand
# Two points, $P=(\tfrac12,\tfrac12)$, $Q=(\tfrac14,\tfrac34)$, cost $c=\tfrac12$ either way, KL.
# Re-weighting to $\eta=(1-e,e)$ costs $\log 2+(1-e)\log(1-e)+e\log e$ with slope $\log(e/(1-e))$; moving
# costs $c$ per unit. So re-weight until the slope is $c$, $e=1/(1+e^{-c})$, and move the rest,
# $\tfrac34-e$.
from math import exp, log

from verification.instance import from_mapping as instance
from verification.solve import divergence

c = 0.5
e = 1 / (1 + exp(-c))
by_hand = log(2) + (1 - e) * log(1 - e) + e * log(e) + c * (0.75 - e)
s = divergence(
    instance(
        {
            "divergence": {"name": "kl"},
            "cost": [[0, c], [c, 0]],
            "p": [0.5, 0.5],
            "q": [0.25, 0.75],
            "support": "space",
        }
    )
)
print(f"eta = ({1 - e:.6f}, {e:.6f}), solver {s.weights}")
print(f"by hand {by_hand:.15f}")
print(f"solver  [{s.lower:.15f}, {s.upper:.15f}], rigorous: {s.rigorous}")
assert s.lower - 1e-12 <= by_hand <= s.upper + 1e-12

# %% Without the singular part
# Hellinger, $f(0)=f'(\infty)=1$, $P=(1,0)$, $Q=(0,1)$, nothing can be moved. In mode "space" the new mass
# is created at the price $f'(\infty)$: $D^c=f(0)+f'(\infty)=2$. A program without $s$ (which is mode
# "reference") calls the same instance infeasible.
data = {"divergence": {"name": "hellinger"}, "cost": [[0, None], [None, 0]], "p": [1, 0], "q": [0, 1]}
for support in ("space", "reference"):
    s = divergence(instance({**data, "support": support}))
    print(f"{support:<10} [{s.lower}, {s.upper}]")
