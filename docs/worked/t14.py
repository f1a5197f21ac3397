"""T14: convexity in (Q, P), and Renyi's exception."""

# %% An instance to redo by hand
# Midpoints: $D(\tfrac{\eta+\eta'}2\|\tfrac{P+P'}2)\le\tfrac12D(\eta\|P)+\tfrac12D(\eta'\|P')$ for every
# f-divergence. Nothing moves here, so $D^c=D$.
from verification.instance import from_mapping as instance
from verification.solve import divergence

rigid = [[0, None], [None, 0]]


def value(spec, p, q):
    return divergence(
        instance({"divergence": spec, "cost": rigid, "p": p, "q": q, "support": "reference"})
    ).value


def violation(spec, one, two):
    middle = [[(a + b) / 2 for a, b in zip(*pair, strict=False)] for pair in zip(one, two, strict=False)]
    return value(spec, *middle) - (value(spec, *one) + value(spec, *two)) / 2


one, two = ([0.01, 0.99], [0.001, 0.999]), ([0.999, 0.001], [0.001, 0.999])
for spec in (
    {"name": "kl"},
    {"name": "reverse_kl"},
    {"name": "pearson"},
    {"name": "hellinger"},
    {"name": "renyi", "alpha": 0.5},
):
    print(f"{spec!s:<36} midpoint - mean of ends = {violation(spec, one, two):+.6f}")
    assert violation(spec, one, two) <= 1e-9

# %% Rényi above 1
# The same four distributions. Convexity in $P$ fails, so whatever rests on it (T21, T23) must not be
# claimed for Rényi with $\alpha>1$.
for alpha in (1.5, 2.5):
    print(
        f"renyi {alpha}: midpoint - mean of ends = {violation({'name': 'renyi', 'alpha': alpha}, one, two):+.6f}"
    )
