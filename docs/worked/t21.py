"""T21: the objective of a batch is biased, by a known amount."""

# %% An instance to redo by hand
# KL, a data set with six values of the loss, batches of $B=64$ drawn with replacement. The bias of the
# batch value, times $B$, against the formula.
import numpy as np
import torch

import armor

losses = torch.tensor([0.0, 0.2, 0.5, 1.0, 1.6, 2.5], dtype=torch.float64)
epsilon, B = 0.1, 64
objective = armor.objective("kl", epsilon=epsilon)
full = objective(losses)
w = full.weights.numpy() * 6
lam = full.lam.item()
p, q = np.full(6, 1 / 6), full.weights.numpy()


def variance(mass, v):
    return mass @ v**2 - (mass @ v) ** 2


predicted = -lam / 2 * (variance(p, w) + variance(p, w * (1 + epsilon - np.log(w))) / variance(q, np.log(w)))
# the integrand of T7 at the data set's multipliers has the mean V(P): subtracting it removes most of the
# noise
integrand = lam * epsilon + full.rho.item() + lam * np.exp((losses.numpy() - full.rho.item()) / lam - 1)
print(f"B x bias, predicted for large B: {predicted:.4f}")
for size in (B, 8 * B):  # what is left of the difference is of the next order, 1/B
    draws = torch.randint(0, 6, (20_000, size), generator=torch.Generator().manual_seed(0))
    values = objective(losses[draws]).value.numpy()
    rest = size * (values - integrand[draws].mean(axis=1))
    print(f"B = {size:>4}: simulated {rest.mean():.4f} +- {2 * rest.std() / np.sqrt(len(rest)):.4f}")
print(f"the integrand's mean {integrand.mean():.9f} is the value {full.value.item():.9f}")

# %% With more samples in a batch
# The bias falls like $1/B$; a batch sees a milder adversary than the data set.
for size in (16, 64, 256):
    draws = torch.randint(0, 6, (10_000, size), generator=torch.Generator().manual_seed(1))
    print(
        f"B = {size:>4}: mean batch value {objective(losses[draws]).value.mean().item():.5f}, data set {full.value.item():.5f}"
    )

# %% Without pooling the workers
# Two workers with half of the losses each: the mean of their two values is not the value of all losses.
halves = [objective(losses[:3]).value.item(), objective(losses[3:]).value.item()]
print(
    f"mean of the workers' values {np.mean(halves):.5f}, value of the pooled losses {full.value.item():.5f}"
)

# %% Without concavity in $P$
# Rényi with $\alpha>1$ is not convex in $(Q,P)$ (T14), and with a dominating penalty the bias has the
# other sign: losses 0 and 12, $P=(0.1,0.9)$, all batches of three, exactly.
from math import comb

renyi = armor.objective({"name": "renyi", "alpha": 2.5}, epsilon=5.0, kappa=1.0)
two = torch.tensor([0.0, 12.0], dtype=torch.float64)


def value(top):
    return renyi(two, None, torch.tensor([1 - top, top], dtype=torch.float64)).value.item()


mean = sum(comb(3, k) * 0.9**k * 0.1 ** (3 - k) * value(k / 3) for k in range(4))
print(f"mean batch value {mean:.6f} > data set {value(0.9):.6f}")
