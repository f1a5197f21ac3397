"""T2: a supremum that is not attained, and a constraint that matters."""

# %% An instance to redo by hand
# KL, $P=(\tfrac12,\tfrac12)$, $Q=(1,0)$, nothing moves: $D^c=\log 2$. With $g=(0,g_2)$ the bound is
# $q\cdot g-\log E_P e^{g}=-\log\frac{1+e^{g_2}}{2}$: it reaches $\log 2$ only as $g_2\to-\infty$.
from math import exp, log

from verification.instance import from_mapping as instance
from verification.solve import divergence

for g2 in (0, -1, -2, -5, -10, -40):
    print(f"g2 = {g2:>4}: bound {-log((1 + exp(g2)) / 2):.15f}")
s = divergence(
    instance(
        {
            "divergence": {"name": "kl"},
            "cost": [[0, None], [None, 0]],
            "p": [0.5, 0.5],
            "q": [1, 0],
            "support": "space",
        }
    )
)
print(f"log 2 = {log(2):.15f}, solver [{s.lower:.15f}, {s.upper:.15f}], its g = {s.potential}")

# %% With the wrong constraint on g
# Hellinger, $P=(1,0)$, $Q=(\tfrac12,\tfrac12)$, $c=5$. In mode "space" $g_j\le f'(\infty)=1$ must hold at
# *every* point; in mode "reference" only $g^c\le1$ where $P$ has mass. A potential that is allowed in the
# second and not in the first overstates the value of the first: the answer to the other question.
data = {"divergence": {"name": "hellinger"}, "cost": [[0, 5], [5, 0]], "p": [1, 0], "q": [0.5, 0.5]}
for support in ("space", "reference"):
    s = divergence(instance({**data, "support": support}))
    print(f"{support:<10} value {s.value:.12f}, g = {s.potential}")
