"""T28: one divergence under two names."""

# %% An instance to redo by hand
# Pearson $=2\cdot\alpha(2)$, Neyman $=2\cdot\alpha(-1)$, Hellinger $=\tfrac12\alpha(\tfrac12)$, each with
# the cost scaled along: $(sD)^c=sD^{c/s}$.
from math import exp

from verification.instance import from_mapping as instance
from verification.solve import divergence, dro

p, q, cost = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [[0, 0.2, 0.8], [0.2, 0, 0.2], [0.8, 0.2, 0]]


def value(spec, scale):
    c = [[scale * v for v in row] for row in cost]
    return divergence(instance({"divergence": spec, "cost": c, "p": p, "q": q, "support": "reference"})).value


for name, alpha, s in (("pearson", 2, 2), ("neyman", -1, 2), ("hellinger", 0.5, 0.5)):
    other = s * value({"name": "alpha", "alpha": alpha}, 1 / s)
    print(f"{name:<10} {value({'name': name}, 1):.9f}, {s} x alpha({alpha}) = {other:.9f}")
    assert abs(value({"name": name}, 1) - other) < 1e-7

# %% With a soft cost where the identity needs a hard one
# Hard ball: the Rényi-$\alpha$ ball of radius $\varepsilon$ *is* the alpha-$(1-\alpha)$ ball of radius
# $\frac{e^{\alpha(\alpha-1)\varepsilon}-1}{\alpha(\alpha-1)}$. With a soft cost the two spend their
# budget at different rates, and the values part.
alpha, epsilon = 2.5, 0.1
radius = (exp(alpha * (alpha - 1) * epsilon) - 1) / (alpha * (alpha - 1))
rigid = [[0 if i == j else None for j in range(3)] for i in range(3)]
for label, c in (("hard", rigid), ("soft", cost)):
    data = {"cost": c, "p": p, "phi": [0, 1, 3], "support": "reference"}
    renyi = dro(instance({**data, "divergence": {"name": "renyi", "alpha": alpha}, "epsilon": epsilon})).value
    other = dro(
        instance({**data, "divergence": {"name": "alpha", "alpha": 1 - alpha}, "epsilon": radius})
    ).value
    print(f"{label}: Renyi {renyi:.9f}, alpha {other:.9f}")

# %% Without $s>0$
# $-D$ is concave and $0\cdot D$ is no divergence; both are refused.
from theory.errors import InputError

for f in ("-t*log(t)", "0*t*log(t)"):
    try:
        divergence(instance({"divergence": {"f": f}, "cost": cost, "p": p, "q": q, "support": "space"}))
    except InputError as refused:
        print(f"{f}: {refused}")

# %% Without one gauge, or the singular term
# Hellinger and $\tfrac12\alpha(\tfrac12)$ differ by a multiple of $t-1$. With all singular mass,
# $P=(1,0)$, $Q=(0,1)$, the regular terms alone are $f(0)$: they disagree. With $f'(\infty)$ times that mass
# both are 2.
from theory.catalogue import divergence as member

for name, spec, s in (
    ("Hellinger", {"name": "hellinger"}, 1.0),
    ("alpha(1/2)/2", {"name": "alpha", "alpha": "1/2"}, 0.5),
):
    d = member(spec)
    regular, slope = s * float(d.f_at_zero), s * float(d.recession)
    print(f"{name:<13} f(0) = {regular:.6f}, f(0) + f'(oo) = {regular + slope:.6f}")
