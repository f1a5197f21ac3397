"""
The worst case of a batch
=========================

What the objective does to 30 losses as its radius grows: weights, value, multiplier.
"""

import matplotlib.pyplot as plt
import torch

import armor

generator = torch.Generator().manual_seed(3)
losses = torch.rand(30, generator=generator, dtype=torch.float64).square().sort().values * 3

# alt: Two panels. Left: the weights of 30 losses at radius 0.1 for four divergences, growing with the loss. Right: the
# value against the radius, from the mean of the losses on the left to their maximum on the right.
fig, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for name in ("kl", {"name": "alpha", "alpha": 6}, "hellinger", "tv"):
    label = name if isinstance(name, str) else "alpha 6"
    s = armor.objective(name, epsilon=0.1)(losses)
    axes[0].plot(losses, s.weights * 30, "o-", ms=3, label=label)
    radii = torch.logspace(-4, 1, 40)
    axes[1].semilogx(
        radii, [armor.objective(name, epsilon=float(e))(losses).value for e in radii], label=label
    )
axes[0].set(xlabel="loss", ylabel="weight / (1/B)", title="weights at radius 0.1")
axes[1].set(xlabel="radius", title="value: from the mean to the maximum")
axes[1].axhline(losses.mean(), color="gray", lw=0.8, ls=":")
axes[1].axhline(losses.max(), color="gray", lw=0.8, ls=":")
axes[0].legend()
plt.show()

# %%
# Every value comes with a certified gap, and with the multipliers that say how much a larger radius would
# cost (T22).

for epsilon in (0.001, 0.01, 0.1, 1.0):
    s = armor.objective("kl", epsilon=epsilon)(losses)
    print(
        f"radius {epsilon:<6} value {s.value.item():.6f}  lambda {s.lam.item():8.4f}  gap {s.gap.item():.1e}"
    )
