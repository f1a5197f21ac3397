"""T3: three closed forms, and S taken over the wrong set."""

# %% An instance to redo by hand
# $P$ uniform on three points, $h=(0,1,3)$. KL: $\log\frac{1+e+e^3}{3}$. CVaR at $\beta=\tfrac12$: half of
# the mass is the top third and a half of the next third: $\frac{3/3+1/6}{1/2}=\tfrac73$. Total variation
# in mode "reference", $S=3$: $E_P\max(h,S-1)=\frac{2+2+3}{3}=\tfrac73$.
from math import exp, log

from theory.catalogue import divergence
from theory.finite import Finite

p, h = (1 / 3, 1 / 3, 1 / 3), (0.0, 1.0, 3.0)
expected = {"kl": log((1 + exp(1) + exp(3)) / 3), "cvar": 7 / 3, "tv": 7 / 3}
for name, value in expected.items():
    spec = {"name": name, "beta": "1/2"} if name == "cvar" else {"name": name}
    found = Finite(divergence(spec), p).reweight(h)
    print(
        f"{name:<5} by hand {value:.12f}, primal {found.primal:.12f}, dual {found.dual:.12f}, rho* {found.rho:+.6f}"
    )
    assert abs(found.primal - value) < 1e-9 and abs(found.dual - value) < 1e-9

# %% Without the points that carry no mass
# Let a fourth point have $h=5$ and no mass. In mode "space" the adversary may create mass there, $S=5$,
# and total variation gives $E_P\max(h,S-1)=4$. Taking $S$ over the support of $P$ only is off by 5/3, and
# no error message tells.
tv = Finite(divergence("tv"), p)
print(
    f"S over X:      {tv.reweight(h, top=5.0).primal:.12f}, singular mass {tv.reweight(h, top=5.0).singular:.6f}"
)
print(f"S over supp P: {tv.reweight(h).primal:.12f}")
