"""T20: scaling, shifting, splitting."""

# %% An instance to redo by hand
# $V_{a\kappa}(a\varphi+b;\varepsilon)=aV_\kappa(\varphi;\varepsilon)+b$, here $a=10$, $b=3$.
from verification.instance import from_mapping as instance
from verification.solve import divergence, dro

cost = [[0, 0.2, 0.8], [0.2, 0, 0.2], [0.8, 0.2, 0]]
base = {
    "divergence": {"name": "hellinger"},
    "cost": cost,
    "p": [0.5, 0.3, 0.2],
    "epsilon": 0.1,
    "support": "reference",
}
one = dro(instance({**base, "phi": [0, 1, 3], "kappa": 0.25}))
two = dro(instance({**base, "phi": [3, 13, 33], "kappa": 2.5}))
print(
    f"10 V + 3 = {10 * one.value + 3:.9f}, V of the scaled losses = {two.value:.9f}; lambda*: {one.lam:.6f}, {two.lam:.6f}"
)
assert abs(10 * one.value + 3 - two.value) < 1e-6

# %% Without scaling the penalty too
# A $\kappa$ tuned for one scale of the loss is another penalty for another scale.
wrong = dro(instance({**base, "phi": [3, 13, 33], "kappa": 0.25}))
print(f"kappa left at 0.25: {wrong.value:.9f}")

# %% Without splitting in proportion
# A point split into two copies at mutual cost 0 changes nothing as long as $q$ is split as $p$ is. Two
# copies at cost 0 and a far third point; $q$ lies on one copy only, and that is still free, because
# copies can be exchanged at no cost; with the copies held apart ($c=\infty$) it is not.
for between in (0, None):
    s = divergence(
        instance(
            {
                "divergence": {"name": "kl"},
                "cost": [[0, between, 4], [between, 0, 4], [4, 4, 0]],
                "p": [0.25, 0.25, 0.5],
                "q": [0.5, 0.0, 0.5],
                "support": "reference",
            }
        )
    )
    print(f"cost between the copies {between}: D^c = {abs(s.value):.9f}")

# %% Without $a>0$
# Turning the loss around turns the supremum into an infimum: $V(-\varphi)\ne-V(\varphi)$.
turned = dro(instance({**base, "phi": [0, -1, -3]}))
plain = dro(instance({**base, "phi": [0, 1, 3]}))
print(f"V(-phi) = {turned.value:.6f}, -V(phi) = {-plain.value:.6f}")

# %% With the cost or the radius scaled along
# Scaling the loss by 10 does *not* ask for a larger cost or radius: with either the value is another one.
tenfold = [[10 * c for c in row] for row in cost]
for name, change in (("cost", {"cost": tenfold}), ("radius", {"epsilon": 1.0})):
    other = dro(instance({**base, "phi": [3, 13, 33], "kappa": 2.5, **change}))
    print(f"{name} times 10: {other.value:.9f} instead of {10 * one.value + 3:.9f}")
