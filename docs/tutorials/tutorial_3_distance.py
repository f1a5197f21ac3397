"""
The distance between two samples
================================

D^c between two clouds of points with a certified interval: how much of the difference is mass, how much is movement.
"""

import matplotlib.pyplot as plt
import numpy as np

import armor

rng = np.random.default_rng(0)
x = np.concatenate([rng.normal((0, 0), 0.3, (150, 2)), rng.normal((2, 0), 0.3, (150, 2))])
y = np.concatenate(
    [rng.normal((0.4, 0.2), 0.3, (240, 2)), rng.normal((2.4, 0.2), 0.3, (60, 2))]
)  # moved, re-weighted

print("cost scale    D^c             certified gap    re-weighting    transport")
for scale in (0.1, 1.0, 10.0, 100.0):
    s = armor.divergence("kl", x=x, y=y, cost={"norm": 2, "power": 2, "scale": scale})
    eta = np.asarray(s.eta)
    information = float(np.sum(eta * np.log(np.where(eta > 0, eta, 1) * len(x))))
    print(
        f"{scale:>8}      {s.value:.8f}      {s.upper - s.lower:.1e}          {information:.6f}        {s.value - information:.6f}"
    )

# %%
# With a cheap cost everything is moved, with a dear one mass is exchanged as far as possible. The middle
# one does both: it halves the right cluster and shifts the rest.

s = armor.divergence("kl", x=x, y=y, cost={"norm": 2, "power": 2, "scale": 1.0})
eta = np.asarray(s.eta) * len(x)
# alt: Two clouds of points in the plane. The left one of P has been given more weight, most of it where Q lies, the
# right one less than one half; every point of Q lies a little to the upper right of its cloud of P.
fig, axis = plt.subplots(figsize=(7, 3), layout="constrained")
axis.scatter(*y.T, s=8, color="#c64600", label="Q")
points = axis.scatter(*x.T, s=14 * eta, c=eta, cmap="viridis", label="P, re-weighted")
fig.colorbar(points, label="density of eta")
axis.set_aspect("equal")
axis.legend()
plt.show()
