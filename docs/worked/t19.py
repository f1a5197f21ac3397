"""T19: the expansion for small radii."""

# %% An instance to redo by hand
# KL, three samples: $V\approx m+\sigma\sqrt{2\varepsilon}+\frac{K_3}{3\sigma^2}\varepsilon$ ($a=1$,
# $b=-1$). A radius smaller by 100 leaves an error smaller by 1000.
import numpy as np

from verification.instance import from_mapping as instance
from verification.solve import dro

rigid = [[0 if i == j else None for j in range(3)] for i in range(3)]
p, phi = np.array([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 3.0])
mean = p @ phi
variance, third = p @ (phi - mean) ** 2, p @ (phi - mean) ** 3
base = {"cost": rigid, "p": p.tolist(), "phi": phi.tolist(), "support": "reference"}
for epsilon in (1e-1, 1e-3, 1e-5):
    v = dro(instance({**base, "divergence": {"name": "kl"}, "epsilon": epsilon})).value
    first = mean + np.sqrt(2 * variance * epsilon)
    second = first + third / (3 * variance) * epsilon
    print(
        f"epsilon {epsilon:<6} value {v:.9f}, first order off {v - first:+.2e}, second order off {v - second:+.2e}"
    )

# %% Without $f''(1)>0$
# Total variation has a kink at 1: the value starts linearly, with slope max − min. $f=(t-1)^4$ has
# $f''(1)=0$: it starts like $\varepsilon^{1/4}$, far steeper than any root.
for epsilon in (1e-2, 1e-4, 1e-6):
    tv = dro(instance({**base, "divergence": {"name": "tv"}, "epsilon": epsilon})).value - mean
    flat = dro(instance({**base, "divergence": {"f": "(t-1)**4"}, "epsilon": epsilon})).value - mean
    print(
        f"epsilon {epsilon:<7} tv: gain/eps = {tv / epsilon:.6f}   (t-1)^4: gain/eps^(1/4) = {flat / epsilon**0.25:.6f}"
    )

# %% Without a hard ball
# Once the points may move at a price, movement shares the budget and the leading term is larger: a line of
# points, $c=\tfrac12(y-x)^2$ on a grid, $\varphi(y)=y$. $\sigma\sqrt{2\varepsilon}$ forgets the slope of the loss (T29).
grid = np.linspace(-1, 4, 2001)
cost = (phi[:, None] - grid) ** 2 / 2
for epsilon in (1e-2, 1e-3):
    soft = {"divergence": {"name": "kl"}, "cost": cost.tolist(), "phi": grid.tolist(), "epsilon": epsilon}
    gain = dro(instance({**base, **soft})).value - mean
    print(
        f"epsilon {epsilon:<6} gain {gain:.6f}, sigma sqrt(2 eps) {np.sqrt(2 * variance * epsilon):.6f}, "
        f"with the slope {np.sqrt(2 * (variance + 1) * epsilon):.6f}"
    )

# %% Without $\sigma^2>0$
# Equal losses: there is nothing to re-weight, the value is their mean at every radius, and $K_3/\sigma^2$ reads
# $0/0$.
for epsilon in (1e-2, 1.0):
    v = dro(instance({**base, "divergence": {"name": "kl"}, "phi": [2, 2, 2], "epsilon": epsilon})).value
    print(f"epsilon {epsilon:<5} value {v:.9f}")

# %% Without smoothness at 1
# $f=(t-1)^2+|t-1|^3$ has $f''(1)=2$ but no third derivative there (it is $\pm6$ on the two sides). No choice of
# $b$ leaves an error of the order $\varepsilon^{3/2}$: with $b=0$ the rest is of the order $\varepsilon$.
for epsilon in (1e-2, 1e-4, 1e-6):
    v = dro(instance({**base, "divergence": {"f": "(t-1)**2 + Abs(t-1)**3"}, "epsilon": epsilon})).value
    rest = v - mean - np.sqrt(variance * epsilon)
    smooth = dro(instance({**base, "divergence": {"name": "pearson"}, "epsilon": epsilon})).value
    print(
        f"epsilon {epsilon:<7} rest/eps {rest / epsilon:+.6f}; for (t-1)^2 alone "
        f"{(smooth - mean - np.sqrt(variance * epsilon)) / epsilon:+.6f}"
    )
