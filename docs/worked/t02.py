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

# %% Without convexity, or with $f(1)\ne0$
# The dual only sees the convex hull of $f$. For $f=\sqrt{|t-1|}$ the hull is $(1-t)_+$: with
# $P=(\tfrac12,\tfrac12)$, $Q=(\tfrac14,\tfrac34)$ and nothing that moves the primal is larger than the best
# dual bound. A constant added to $f$ is added to $D^c$, so $D^c(P\|P)\ne0$. Both are refused, a jump
# (an $f$ that is not lower semicontinuous) likewise.
from math import sqrt

from theory.errors import InputError

density = [0.5, 1.5]
primal = sum(0.5 * sqrt(abs(t - 1)) for t in density)
hull = sum(0.5 * max(1 - t, 0) for t in density)
print(f"f = sqrt|t-1|: primal {primal:.6f}, supremum of the dual {hull:.6f}")
rigid = [[0, None], [None, 0]]
for f in ("sqrt(Abs(t - 1))", "t*log(t) + 1", "Piecewise((0, t <= 2), (1, True))"):
    try:
        divergence(
            instance(
                {
                    "divergence": {"f": f},
                    "cost": rigid,
                    "p": [0.5, 0.5],
                    "q": [0.25, 0.75],
                    "support": "space",
                }
            )
        )
    except InputError as refused:
        print(f"{f}: {refused}")

# %% Without $c(x,x)=0$ in mode "space"
# $g_j\le f'(\infty)$ prices mass that is created where it is used. If every way to a point costs at least 1,
# staying included, larger $g_j$ are sound and the dual stops short: Hellinger, $P=(1,0)$, $Q=(0,1)$.
data = {"divergence": {"name": "hellinger"}, "cost": [[1, None], [None, 1]], "p": [1, 0], "q": [0, 1]}
s = divergence(instance({**data, "support": "space"}))
print(f"g_2 <= 1: {s.value:.6f} with g = {s.potential}; by definition f(0) + f'(oo) + 1 = 3")
