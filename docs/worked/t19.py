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
