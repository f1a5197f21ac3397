"""T13: the order, and the mode in which one of its parts is false."""

# %% An instance to redo by hand
# Three points on a line, KL. $0\le D^c\le\min(D,C)$, and the DRO value lies above what either mechanism
# does alone.
from verification.instance import from_mapping as instance
from verification.solve import divergence, dro

cost = [[0, 0.2, 0.8], [0.2, 0, 0.2], [0.8, 0.2, 0]]
rigid = [[0 if i == j else None for j in range(3)] for i in range(3)]
p, q, phi = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0, 1, 3]
both = divergence(
    instance({"divergence": {"name": "kl"}, "cost": cost, "p": p, "q": q, "support": "reference"})
)
only_d = divergence(
    instance({"divergence": {"name": "kl"}, "cost": rigid, "p": p, "q": q, "support": "reference"})
)
only_c = divergence(
    instance({"divergence": {"name": "none"}, "cost": cost, "p": p, "q": q, "support": "reference"})
)
print(f"D^c = {both.value:.6f} <= min(D = {only_d.value:.6f}, C = {only_c.value:.6f})")
assert 0 <= both.value <= min(only_d.value, only_c.value) + 1e-9
base = {"p": p, "phi": phi, "epsilon": 0.1, "support": "reference"}
values = {
    "re-weighting only": dro(instance({**base, "divergence": {"name": "kl"}, "cost": rigid})).value,
    "transport only": dro(instance({**base, "divergence": {"name": "none"}, "cost": cost})).value,
    "both": dro(instance({**base, "divergence": {"name": "kl"}, "cost": cost})).value,
}
for name, value in values.items():
    print(f"{name:<18} {value:.6f}")
assert values["both"] >= max(values["re-weighting only"], values["transport only"])

# %% Without mode "reference"
# For a hard ball the value lies between the mean and the maximum adversarial loss; but not in mode
# "space" when $f'(\infty)<\infty$: mass created on a third point (loss 2, no mass, out of reach) lifts
# the value above the maximum 1 over the data.
data = {"cost": rigid, "p": [0.5, 0.5, 0], "phi": [0, 1, 2], "epsilon": 0.5}
for name in ("tv", "hellinger", "kl"):
    for support in ("reference", "space"):
        s = dro(instance({**data, "divergence": {"name": name}, "support": support}))
        print(f"{name:<10} {support:<10} {s.value:.6f}" + ("  > 1" if s.value > 1 + 1e-9 else ""))

# %% Without $c(x,x)=0$
# If staying costs $\tfrac12$, $D^c(P\|P)=\tfrac12$ although $D(P\|P)=0$: $D^c\le D$ is false, and a ball of
# radius $0.1$ around $P$ is empty. (With $c<0$ even $0\le D^c$ is, see T1.)
toll = [[0.5, 1], [1, 0.5]]
base = {"divergence": {"name": "kl"}, "cost": toll, "p": [0.5, 0.5], "support": "reference"}
print(f"D^c(P||P) = {divergence(instance({**base, 'q': [0.5, 0.5]})).value:.6f}")
s = dro(instance({**base, "phi": [0, 1], "epsilon": 0.1}))
print(f"value {s.value}: {s.status.value}")
