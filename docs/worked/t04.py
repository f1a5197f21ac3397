"""T4: where (f*)' alone does not give a distribution."""

# %% An instance to redo by hand
# Total variation, four equal points, $h=(0,1,2,3)$, nothing moves, radius $\varepsilon=0.1$: take 0.1
# from the lowest, put it on the highest.
from verification.instance import from_mapping as instance
from verification.solve import dro

rigid = [[0 if i == j else None for j in range(4)] for i in range(4)]
data = {"divergence": {"name": "tv"}, "cost": rigid, "p": [0.25] * 4, "phi": [0, 1, 2, 3], "epsilon": 0.1}
s = dro(instance({**data, "support": "reference"}))
print(f"Q* = {s.worst_case.round(12)}, value [{s.lower:.12f}, {s.upper:.12f}], by hand {1.5 + 0.1 * 3}")

# %% Without the choice inside the subdifferential
# On this interval $f^*$ of total variation is made of two lines with a kink at $-\tfrac12$: $(f^*)'$ is 0
# below it and 1 above. The worst case has densities 0.6 at the kink and 1.4 at the end of the domain:
# neither is a value of $(f^*)'$, both lie in the subdifferential.
from theory.catalogue import divergence
from theory.numeric import callables

slope = callables(divergence("tv"), "float").conjugate_prime
for h, mass in zip((0.0, 1.0, 2.0, 3.0), s.worst_case, strict=False):
    y = (h - s.rho) / s.lam
    sides = [float(slope(y + side)) for side in (-1e-9, 1e-9)]
    print(
        f"h = {h}: y = {y:+.3f}, (f*)' on the left {sides[0]}, on the right {sides[1]}, density of Q* {mass / 0.25:.3f}"
    )

# %% Without an attained infimum
# $f=-\sqrt{t-1}$ on $[1,\infty)$ (T3): the infimum over $\rho$ is not attained, and $(f^*)'(h-\rho)=1+
# \tfrac1{4(\rho-h)^2}$ has a mass above 1 for every $\rho$. Here $h=(0,1,2,3)$ and $P$ is uniform.
for rho in (4.0, 10.0, 100.0):
    densities = [1 + 0.25 / (rho - v) ** 2 for v in (0, 1, 2, 3)]
    print(f"rho = {rho:>5}: total mass {sum(densities) / 4:.6f}")
