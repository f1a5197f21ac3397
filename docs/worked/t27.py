"""T27: products."""

# %% An instance to redo by hand
# Two independent copies of a two-point problem, costs added: KL adds exactly.
import numpy as np

from verification.instance import from_mapping as instance
from verification.solve import divergence

p, q, c = np.array([0.5, 0.5]), np.array([0.125, 0.875]), np.array([[0, 1.0], [1.0, 0]])
p2, q2 = np.kron(p, p), np.kron(q, q)
c2 = np.array([[c[i // 2, j // 2] + c[i % 2, j % 2] for j in range(4)] for i in range(4)])


def value(name, cost, a, b):
    data = {
        "divergence": {"name": name},
        "cost": cost.tolist(),
        "p": a.tolist(),
        "q": b.tolist(),
        "support": "reference",
    }
    return divergence(instance(data)).value


print(f"KL: product {value('kl', c2, p2, q2):.9f}, sum {2 * value('kl', c, p, q):.9f}")
assert abs(value("kl", c2, p2, q2) - 2 * value("kl", c, p, q)) < 1e-9

# %% With another divergence
# The others do not add; here they are strictly smaller than the sum.
for name in ("tv", "hellinger", "js", "triangular"):
    print(f"{name:<11} product {value(name, c2, p2, q2):.6f}, sum {2 * value(name, c, p, q):.6f}")

# %% With costs that do not add
# With the larger of the two costs instead of their sum moving both coordinates is cheaper than moving each:
# KL is not additive then.
larger = np.array([[max(c[i // 2, j // 2], c[i % 2, j % 2]) for j in range(4)] for i in range(4)])
print(f"KL, max(c1, c2): product {value('kl', larger, p2, q2):.9f}, sum {2 * value('kl', c, p, q):.9f}")
