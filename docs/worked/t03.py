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

# %% Without convexity
# $f=\sqrt{|t-1|}$ on two equal points, $h=(0,3)$. The supremum over $\eta$ and the infimum over $\rho$ part,
# since $f^*$ is that of the convex hull $(1-t)_+$.
from math import sqrt

shares = [k / 1000 for k in range(1001)]  # of the second point under eta
primal = max(3 * v - 0.5 * sqrt(abs(2 * v - 1)) - 0.5 * sqrt(abs(1 - 2 * v)) for v in shares)
dual = max(3 * v - 0.5 * max(1 - 2 * v, 0) - 0.5 * max(2 * v - 1, 0) for v in shares)
print(f"sup over eta {primal:.6f}, what the infimum over rho gives {dual:.6f}")
print(
    f"f + 1 in place of f: KL would give {expected['kl'] - 1:.6f} instead of {expected['kl']:.6f}, and Lambda[0] = -1"
)

# %% Without $f$ finite near 1
# $f=-\sqrt{t-1}$ on $[1,\infty)$ is convex with $f(1)=0$, but infinite to the left of 1. Then $\eta=P$ is
# the only choice, $\Lambda[h]=E_P[h]=\tfrac43$, and $f^*(y)=y-\tfrac1{4y}$ for $y<0$: the infimum over
# $\rho$ is approached as $\rho\to\infty$ and never attained.
for rho in (4, 10, 100, 1000):
    bound = rho + sum((v - rho) - 0.25 / (v - rho) for v in h) / 3
    print(f"rho = {rho:>4}: bound - value = {bound - 4 / 3:.6f}")
