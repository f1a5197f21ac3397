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
