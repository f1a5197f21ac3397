"""T23: more data, larger value."""

# %% An instance to redo by hand
# All samples of size $B$ from four points, exactly: the mean of $V(P_B)$ grows with $B$ towards $V(P)$.
from itertools import product

import numpy as np
import torch

import armor

losses = torch.tensor([0.0, 0.5, 1.0, 2.0], dtype=torch.float64)
objective = armor.objective("kl", epsilon=0.1)
full = objective(losses).value.item()
means = []
for B in (1, 2, 3, 4, 5, 6):
    picks = torch.tensor(list(product(range(4), repeat=B)))
    means.append(objective(losses[picks]).value.mean().item())
    print(f"B = {B}: E V(P_B) = {means[-1]:.6f}")
print(f"V(P) = {full:.6f}")
assert all(np.diff(means) > -1e-12) and means[-1] < full

# %% An instance of the two-sided bound
# With $m_{\lambda,\rho}$ the integrand of T7: $(E_P-E_{P_n})m_{\theta^*(P)}\le
# V(P)-V(P_n)\le(E_P-E_{P_n})m_{\theta^*(P_n)}$, here for one resample.
sample = losses[[0, 1, 1, 3]]
own = {"P": objective(losses), "P_n": objective(sample)}


def integrand(values, s):
    lam = s.lam.item()
    rho = s.rho.item()
    return lam * 0.1 + rho + lam * np.exp((values.numpy() - rho) / lam - 1)


low = integrand(losses, own["P"]).mean() - integrand(sample, own["P"]).mean()
high = integrand(losses, own["P_n"]).mean() - integrand(sample, own["P_n"]).mean()
difference = full - own["P_n"].value.item()
print(f"{low:.6f} <= {difference:.6f} <= {high:.6f}")
assert low <= difference + 1e-9 and difference <= high + 1e-9

# %% Without minimisers for both
# A resample whose losses are all equal: its value is that loss, the infimum over $\lambda$ is approached as
# $\lambda\downarrow0$ and no $\theta^*(P_n)$ exists. The upper bound is then worth nothing: the integrand of the
# points that the resample missed explodes.
level = losses[1].item()  # the only loss of the resample
for lam in (1.0, 0.1, 0.01):
    rho = level - lam  # the best rho: all integrands of the resample are then equal
    at_p = lam * 0.1 + rho + lam * np.exp((losses.numpy() - rho) / lam - 1)
    print(f"lambda = {lam}: V(P) - V(P_n) = {full - level:.4f} <= {at_p.mean() - (lam * 0.1 + level):.4g}")

# %% Without the same support
# Reverse KL needs $\rho$ above the largest loss. A resample without the worst point chooses a $\rho$ below it, where
# the integrand is infinite: the upper bound says nothing.
reverse = armor.objective("reverse_kl", epsilon=0.1, support="reference")
small = reverse(losses[[0, 1, 1, 2]])
print(f"rho* of the resample {small.rho.item():.6f}, largest loss of P {losses.max().item()}")
