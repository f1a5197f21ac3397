"""T15: between divergence and transport."""

# %% An instance to redo by hand
# $D^{rc}$ for costs scaled by $r$: towards $D$ as $r\to\infty$, and $D^{rc}/r$ towards $C$ as
# $r\downarrow0$.
from verification.instance import from_mapping as instance
from verification.solve import divergence

p, q, cost = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [[0, 0.2, 0.8], [0.2, 0, 0.2], [0.8, 0.2, 0]]


def scaled(spec, r):
    c = [[r * v for v in row] for row in cost]
    return divergence(instance({"divergence": spec, "cost": c, "p": p, "q": q, "support": "reference"})).value


rigid = [[0 if i == j else None for j in range(3)] for i in range(3)]
D = divergence(
    instance({"divergence": {"name": "kl"}, "cost": rigid, "p": p, "q": q, "support": "reference"})
).value
C = scaled({"name": "none"}, 1)
for r in (0.001, 0.01, 0.1, 1, 10, 100):
    v = scaled({"name": "kl"}, r)
    print(f"r = {r:<6} D^rc = {v:.6f} (D = {D:.6f})   D^rc / r = {v / r:.6f} (C = {C:.6f})")

# %% Without strict convexity at 1
# CVaR's $f$ is flat at 1: every density up to $1/\beta$ is free, so $D^{rc}/r$ tends to the cheapest
# transport from *some* such $\eta$, not from $P$.
for r in (0.001, 0.01, 0.1):
    v = scaled({"name": "cvar", "beta": 0.5}, r)
    print(f"CVaR, r = {r:<6} D^rc / r = {v / r:.6f} (C = {C:.6f})")

# %% Without $c>0$ off the diagonal
# If the first two points are at distance 0, moving between them stays free for every $r$, and the limit is
# the divergence of the *merged* distributions, below $D$.
cost = [[0, 0, 0.8], [0, 0, 0.2], [0.8, 0.2, 0]]
merged = divergence(
    instance(
        {
            "divergence": {"name": "kl"},
            "cost": [[0, None], [None, 0]],
            "p": [0.8, 0.2],
            "q": [0.5, 0.5],
            "support": "reference",
        }
    )
).value
for r in (1, 10, 100):
    print(f"r = {r:<4} D^rc = {scaled({'name': 'kl'}, r):.6f} (D = {D:.6f}, merged {merged:.6f})")
