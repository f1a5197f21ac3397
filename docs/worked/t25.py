"""T25: total variation truncates the cost."""

# %% An instance to redo by hand
# Mode "space": $\mathrm{TV}^c=C_{\min(c,1)}(P,Q)$. Here it pays to re-create what is more than 1 away.
from verification.instance import from_mapping as instance
from verification.solve import divergence

cost = [[0, 0.5, 3], [0.5, 0, 2], [3, 2, 0]]
data = {"p": [0.5, 0.5, 0], "q": [0.2, 0.3, 0.5]}
capped = [[min(c, 1) for c in row] for row in cost]
tv = divergence(instance({**data, "divergence": {"name": "tv"}, "cost": cost, "support": "space"}))
plain = divergence(instance({**data, "divergence": {"name": "none"}, "cost": capped, "support": "reference"}))
print(f"TV^c = {tv.value:.12f}, transport with min(c, 1) = {plain.value:.12f}")
assert abs(tv.value - plain.value) < 1e-9

# %% Without mode "space"
# In mode "reference" mass can only appear where $P$ has some, so re-creating costs 1 *plus* the way from
# the nearest such point: the cap is $1+\min_{z\in\operatorname{supp}P}c(z,y)$.
capped = [[min(c, 1 + min(cost[0][j], cost[1][j])) for j, c in enumerate(row)] for row in cost]
tv = divergence(instance({**data, "divergence": {"name": "tv"}, "cost": cost, "support": "reference"}))
plain = divergence(instance({**data, "divergence": {"name": "none"}, "cost": capped, "support": "reference"}))
print(f"TV^c = {tv.value:.12f}, transport with the other cap = {plain.value:.12f}")
assert abs(tv.value - plain.value) < 1e-9

# %% With another divergence
# Hellinger has $f'(\infty)=1$ as well, but its price is not linear in the mass that is re-created. The caps 1 and 2
# give other values. Some cap between them fits, as transport grows with the cap; but it is another one for another
# $Q$, so no truncated cost gives the divergence.
from scipy.optimize import brentq

cost = [[0, 0.5, 3], [0.5, 0, 2], [3, 2, 0]]


def transport(cap, q):
    capped = [[min(c, cap) for c in row] for row in cost]
    data = {
        "p": [0.5, 0.5, 0],
        "q": q,
        "divergence": {"name": "none"},
        "cost": capped,
        "support": "reference",
    }
    return divergence(instance(data)).value


fitting = []
for q in ([0.2, 0.3, 0.5], [0.4, 0.4, 0.2]):
    data = {"p": [0.5, 0.5, 0], "q": q, "divergence": {"name": "hellinger"}, "cost": cost, "support": "space"}
    h = divergence(instance(data)).value
    fitting.append(brentq(lambda cap: transport(cap, q) - h, 1, 2, xtol=1e-9))
    print(
        f"Q = {q}: Hellinger^c = {h:.9f}; transport with min(c, 1) {transport(1, q):.9f}, with min(c, 2) "
        f"{transport(2, q):.9f}; it fits with min(c, {fitting[-1]:.6f})"
    )
assert abs(fitting[0] - fitting[1]) > 1e-2
