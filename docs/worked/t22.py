"""T22: what the multipliers mean."""

# %% An instance to redo by hand
# $\partial V/\partial\varepsilon=\lambda^*$, $\partial V/\partial\kappa=-D^c(Q^*\|P)$, and
# $\lambda^*_\kappa=(\lambda^*_0-\kappa)_+$.
from verification.instance import from_mapping as instance
from verification.solve import dro

cost = [[0, 0.2, 0.8], [0.2, 0, 0.2], [0.8, 0.2, 0]]
base = {
    "divergence": {"name": "pearson"},
    "cost": cost,
    "p": [0.5, 0.3, 0.2],
    "phi": [0, 1, 3],
    "support": "reference",
}


def solve(epsilon, kappa):
    return dro(instance({**base, "epsilon": epsilon, "kappa": kappa}))


h = 1e-4
free = solve(0.1, 0)
print(
    f"lambda* = {free.lam:.6f}, slope in epsilon {(solve(0.1 + h, 0).value - solve(0.1 - h, 0).value) / (2 * h):.6f}"
)
for kappa in (0.0, 1.0, 2.0, 4.0):
    s = solve(0.1, kappa)
    print(
        f"kappa {kappa}: lambda* {s.lam:.6f}, (lambda*_0 - kappa)_+ {max(free.lam - kappa, 0):.6f}, value {s.value:.6f}"
    )
slope = (solve(0.1, 1 + h).value - solve(0.1, 1 - h).value) / (2 * h)
print(f"slope in kappa at kappa = 1: {slope:.6f} = -epsilon, the ball is used up")

# %% Where the derivative is not unique
# Total variation is piecewise linear: at a kink of $V$ the slopes on both sides differ, and $\lambda^*$
# is any number between them.
rigid = [[0 if i == j else None for j in range(3)] for i in range(3)]
kink = {**base, "divergence": {"name": "tv"}, "cost": rigid}


def at(e):
    return dro(instance({**kink, "epsilon": e})).value


print(
    f"tv at epsilon = 0.5: slope from the left {(at(0.5) - at(0.5 - h)) / h:.6f}, to the right {(at(0.5 + h) - at(0.5)) / h:.6f}"
)
