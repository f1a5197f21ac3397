"""T26: data processing."""

# %% An instance to redo by hand
# Three points on a line, the kernel merges the last two (it does not lengthen distances): $D^c$ can only
# fall.
from verification.instance import from_mapping as instance
from verification.solve import divergence


def value(cost, p, q):
    return divergence(
        instance({"divergence": {"name": "kl"}, "cost": cost, "p": p, "q": q, "support": "reference"})
    ).value


p, q = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5]
before = value([[0, 0.2, 0.4], [0.2, 0, 0.2], [0.4, 0.2, 0]], p, q)
after = value([[0, 0.2], [0.2, 0]], [p[0], p[1] + p[2]], [q[0], q[1] + q[2]])
print(f"before {before:.9f}, after {after:.9f}")
assert after <= before + 1e-12

# %% With a kernel that lengthens distances
# A map that sends the points apart (all distances times 3) is no contraction, and $D^c$ rises.
print(
    f"before {before:.9f}, after stretching {value([[0, 0.6, 1.2], [0.6, 0, 0.6], [1.2, 0.6, 0]], p, q):.9f}"
)


# %% With something that is no Markov kernel
# Keeping only the third point and scaling up ("conditioning on it being seen") is no kernel: it turns two
# near distributions into whatever remains. Two points, half of the first is dropped before rescaling.
def seen(masses):
    kept = [0.5 * masses[0], masses[1]]
    return [m / sum(kept) for m in kept]


one, two = [0.9, 0.1], [0.8, 0.2]
near = [[0, 0.2], [0.2, 0]]
print(f"before {value(near, one, two):.9f}, after selection {value(near, seen(one), seen(two)):.9f}")
