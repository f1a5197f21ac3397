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

# %% Without mass on every row
# $p_i=0$ makes $p_if(\eta_i/p_i)$ read $0\cdot\infty$; it stands for the singular mass, at the price
# $f'(\infty)$. A program that skips such rows lets $\eta$ put mass there for nothing: KL, $P=(1,0)$,
# $Q=(0,1)$, nothing moves.
skipped = 1 * 0.0  # the only row with mass: f(0) = 0, and the second row is not counted
data = {"divergence": {"name": "kl"}, "cost": [[0, None], [None, 0]], "p": [1, 0], "q": [0, 1]}
print(
    f"rows with p_i = 0 skipped: {skipped}, solver: {divergence(instance({**data, 'support': 'space'})).value}"
)

# %% Without $c(x,x)=0$, or with $c<0$
# The program creates singular mass where it is used, for free. If staying costs 1, that mass must pay too:
# Hellinger, $P=(1,0)$, $Q=(0,1)$, nothing moves: the definition says $2+1$, the program 2. With a negative
# cost $D^c$ itself is no divergence any more: the plan below has both marginals $P$ and a negative price.
# The solver refuses it.
from theory.errors import InputError

data = {"divergence": {"name": "hellinger"}, "cost": [[1, None], [None, 1]], "p": [1, 0], "q": [0, 1]}
print(
    f"staying costs 1: program {divergence(instance({**data, 'support': 'space'})).value:.6f}, definition 3"
)
plan, cost = ((0.0, 0.5), (0.5, 0.0)), ((0.0, -1.0), (0.5, 0.0))
price = sum(plan[i][j] * cost[i][j] for i in range(2) for j in range(2))
print(f"c_12 = -1, c_21 = 1/2: swapping the two halves of P gives D^c(P||P) <= {price}")
try:
    instance({**data, "cost": [[0, -1], [0.5, 0]], "support": "space"})
except InputError as refused:
    print(refused)
