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
# Hellinger has $f'(\infty)=1$ as well, but its price is not linear in the mass that is re-created: truncating
# the cost at any level $k$ gives another value.
data = {"p": [0.5, 0.5, 0], "q": [0.2, 0.3, 0.5]}
cost = [[0, 0.5, 3], [0.5, 0, 2], [3, 2, 0]]
h = divergence(instance({**data, "divergence": {"name": "hellinger"}, "cost": cost, "support": "space"}))
print(f"Hellinger^c = {h.value:.9f}")
for k in (1, 2):
    capped = [[min(c, k) for c in row] for row in cost]
    plain = divergence(
        instance({**data, "divergence": {"name": "none"}, "cost": capped, "support": "reference"})
    )
    print(f"transport with min(c, {k}) = {plain.value:.9f}")
