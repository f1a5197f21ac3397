"""T8: a coin."""

# %% An instance to redo by hand
# A coin with loss 1 on heads, $P(\text{heads})=\tfrac14$, nothing moves. The worst coin in the KL ball of
# radius $\varepsilon$ has $v\log\frac{v}{1/4}+(1-v)\log\frac{1-v}{3/4}=\varepsilon$. And $\lambda^*=0$
# exactly when $\varepsilon\ge-\log\tfrac14=\log4$: then heads alone is in the ball.
from math import log

from scipy.optimize import brentq

from verification.instance import from_mapping as instance
from verification.solve import dro

data = {
    "divergence": {"name": "kl"},
    "cost": [[0, None], [None, 0]],
    "p": [0.75, 0.25],
    "phi": [0, 1],
    "support": "reference",
}
for epsilon in (0.1, 0.5, 1.3, 1.39):
    s = dro(instance({**data, "epsilon": epsilon}))

    def excess(v):
        return v * log(4 * v) + (1 - v) * log((1 - v) / 0.75) - epsilon

    by_hand = brentq(excess, 0.25, 1 - 1e-15) if epsilon < log(4) else 1.0
    print(
        f"epsilon {epsilon:<5} by hand {by_hand:.10f}, solver [{s.lower:.10f}, {s.upper:.10f}], lambda* {s.lam:.6f}"
    )
    assert s.lower - 1e-8 <= by_hand <= s.upper + 1e-8
print(f"log 4 = {log(4):.6f}")

# %% With another divergence than KL
# The one-variable form is KL's alone. Put into it, the same radius of another divergence gets KL's
# answer:
for name in ("kl", "reverse_kl", "pearson", "hellinger"):
    s = dro(instance({**data, "divergence": {"name": name}, "epsilon": 0.1}))
    print(f"{name:<11} value {s.value:.10f}")
