"""T18: when zero means equal."""

# %% An instance to redo by hand
# $Q\ne P$. With KL and a cost that is 0 only on the diagonal $D^c>0$.
from verification.instance import from_mapping as instance
from verification.solve import divergence

p, q = [0.5, 0.5], [0.4, 0.6]


def value(spec, c):
    s = divergence(
        instance({"divergence": spec, "cost": [[0, c], [c, 0]], "p": p, "q": q, "support": "reference"})
    )
    return f"D^c = {abs(s.value):.9f}"


print("KL, c = 1:                  ", value({"name": "kl"}, 1))

# %% Without its hypotheses
# Any one of them dropped, and two different distributions are at distance 0: a cost that vanishes off the
# diagonal (the hard ball of every adversarial training), CVaR, and an $f$ that is flat around 1.
print("KL, hard ball (c = 0):      ", value({"name": "kl"}, 0))
print("CVaR 1/2, c = 1:            ", value({"name": "cvar", "beta": "1/2"}, 1))
print("f = Max(0, |t-1| - 1/2), c=1:", value({"f": "Max(0, Abs(t - 1) - 1/2)"}, 1))
