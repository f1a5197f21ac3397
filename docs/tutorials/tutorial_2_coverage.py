"""
Why re-weighting helps, measured
================================

Two measurements on data whose truth is known: how often the training objective covers the true risk, and what
re-weighting does for a rare, hard group.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.stats import chi2

import armor

# %%
# **Coverage.** Draw n adversarial losses from a skewed distribution, compute the plain mean and the DRO
# value, and ask how often each is at least the true mean. The plain mean is an upper bound half of the
# time or less; the value with the chi-squared radius of Duchi and Namkoong covers at the rate that it was
# asked for, up to the error of the asymptotics, which is visible at small n.

generator = torch.Generator().manual_seed(0)
level = 0.95


def epsilon_of(n):
    return chi2.ppf(2 * level - 1, 1) / (2 * n)  # one-sided, f''(1) = 1


print("    n   radius   mean covers   value covers   value - mean, in standard errors")
rows = []
for n in (20, 50, 100, 200, 500):
    losses = -torch.rand(4000, n, generator=generator, dtype=torch.float64).log()  # true mean 1
    s = armor.objective("kl", epsilon=float(epsilon_of(n)))(losses)
    plain, robust = losses.mean(1), s.value
    rows.append((n, (plain >= 1).double().mean().item(), (robust >= 1).double().mean().item()))
    excess = ((robust - plain) / (losses.std(1) / n**0.5)).mean().item()
    print(f"{n:>5}  {epsilon_of(n):.5f}       {rows[-1][1]:.3f}          {rows[-1][2]:.3f}   {excess:.3f}")
print("each rate is known to within", f"{2 * (0.95 * 0.05 / 4000) ** 0.5:.3f}")

# alt: Rate of covering the true risk against the number of samples, from 20 to 500. The plain mean stays near one half;
# the DRO value with KL rises from 0.89 to the dotted line at 0.95.
fig, axis = plt.subplots(figsize=(6, 3), layout="constrained")
n, plain, robust = zip(*rows, strict=True)
axis.semilogx(n, plain, "o-", label="plain mean")
axis.semilogx(n, robust, "o-", label="DRO value (KL)")
axis.axhline(level, color="gray", lw=0.8, ls=":")
axis.set(xlabel="samples", ylabel="rate of covering the true risk", ylim=(0, 1))
axis.legend()
plt.show()

# %%
# **A rare group.** Two groups need different directions of one linear classifier, the second has a tenth
# of the samples. Transport (a hard ball, exact for a linear model) is the same for both methods; only the
# weights differ. Twenty data sets, accuracy under attack on fresh data, with the standard error of the
# difference.


def sample(n, generator):
    rare = torch.rand(n, generator=generator) < 0.1
    y = 2.0 * (torch.rand(n, generator=generator) < 0.5) - 1
    x = torch.randn(n, 2, generator=generator) * 0.8
    x[:, 0] += torch.where(rare, -0.4, 1.5) * y
    x[:, 1] += torch.where(rare, 2.0, 0.3) * y
    return x, y, rare


def train(x, y, objective, radius=0.2):
    theta = torch.zeros(3, requires_grad=True)
    optimiser = torch.optim.LBFGS([theta], max_iter=60, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        margin = (
            y * (x @ theta[:2] + theta[2]) - radius * theta[:2].abs().sum()
        )  # worst point of the linf ball
        losses = torch.nn.functional.softplus(-margin)
        value = losses.mean() if objective is None else objective(losses).value
        value = value + 1e-3 * theta.square().sum()
        value.backward()
        return value

    optimiser.step(closure)
    return theta.detach()


def accuracy(theta, x, y, keep, radius=0.2):
    margin = y * (x @ theta[:2] + theta[2]) - radius * theta[:2].abs().sum()
    return (margin[keep] > 0).double().mean().item()


test = sample(40_000, torch.Generator().manual_seed(99))
methods = {
    "plain": None,
    "0.1": armor.objective("kl", epsilon=0.1),
    "0.3": armor.objective("kl", epsilon=0.3),
    "1.0": armor.objective("kl", epsilon=1.0),
}
found = {name: [] for name in methods}
for seed in range(20):
    x, y, _ = sample(300, torch.Generator().manual_seed(seed))
    for name, objective in methods.items():
        theta = train(x, y, objective)
        groups = (accuracy(theta, test[0], test[1], keep) for keep in (test[2] >= 0, test[2], ~test[2]))
        found[name].append(tuple(groups))
plain = np.array(found.pop("plain"))
for k, group in enumerate(("all", "rare group", "common group")):
    print(f"{group}: plain {plain[:, k].mean():.3f}")
    for name, robust in found.items():
        difference = np.array(robust)[:, k] - plain[:, k]
        error = difference.std(ddof=1) / len(difference) ** 0.5
        print(f"    re-weighted, radius {name:<4} difference {difference.mean():+.3f} +- {2 * error:.3f}")

# %%
# What the common group pays, the rare group gains, and the average stays or falls: re-weighting buys the
# worst case, not the mean, and at small radii the gain hardly rises above the noise of twenty data sets.
# At radius 1 the adversary is too strong to learn from: no classifier has a smaller worst case than the
# constant one, whose accuracy under attack is 0.
