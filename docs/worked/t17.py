"""T17: the special cases as one instance."""

# %% An instance to redo by hand
# One space, four limits of one program: OT-DRO, f-divergence DRO, plain adversarial training.
import numpy as np

from verification.instance import from_mapping as instance
from verification.solve import dro

cost, rigid = [[0, 1, 4], [1, 0, 1], [4, 1, 0]], [[0 if i == j else None for j in range(3)] for i in range(3)]
ball = [[0 if abs(i - j) <= 1 else None for j in range(3)] for i in range(3)]
p, phi = [0.5, 0.3, 0.2], [0, 1, 3]
base = {"p": p, "phi": phi, "support": "reference"}


def value(spec, c, epsilon):
    return dro(instance({**base, "divergence": spec, "cost": c, "epsilon": epsilon})).value


cvar = {"name": "cvar", "beta": 1}
print(
    f"OT-DRO: CVaR with beta = 1 gives {value(cvar, cost, 0.1):.9f}, transport alone {value({'name': 'none'}, cost, 0.1):.9f}"
)
adversarial = p[0] * phi[1] + p[1] * phi[2] + p[2] * phi[2]
for epsilon in (0.1, 0.001, 1e-5, 1e-7):
    print(
        f"hard ball, KL, epsilon {epsilon:<7} value {value({'name': 'kl'}, ball, epsilon):.6f} (mean adversarial loss {adversarial:.6f})"
    )

# %% With an attack that maximises something else
# MART's loss is $\mathrm{CE}(f(x'),y)-\log(1-\max_{k\ne
# y}f_k(x'))+\beta\,\mathrm{KL}(f(x)\|f(x'))(1-f_y(x))$. Its published attack maximises the cross-entropy
# alone. Three classes, the adversary moves the logits by at most 2 each ($\beta=6$): the loss at the
# attacked point falls short of its supremum.


def softmax(v):
    e = np.exp(v - v.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


natural = np.array([1.0, 0.0, -1.0])
axis = np.linspace(-2, 2, 41)
moved = natural + np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
f, g = softmax(natural), softmax(moved)
ce = -np.log(g[:, 0])
kl = (f * np.log(f / g)).sum(-1)
mart = ce - np.log(1 - g[:, 1:].max(-1)) + 6 * kl * (1 - f[0])
print(f"MART's loss where cross-entropy is largest: {mart[ce.argmax()]:.4f}; its supremum: {mart.max():.4f}")
trades = -np.log(f[0]) + 6 * kl
print(
    f"TRADES' loss where its own attack (KL) is largest: {trades[kl.argmax()]:.4f}; its supremum: {trades.max():.4f}"
)

# %% Without $c(x,x)=0$
# A toll of $\tfrac12$ for staying: no distribution is within 0.1, the OT-DRO value is a supremum over nothing.
toll = [[c + 0.5 for c in row] for row in cost]
for name, spec in (("CVaR, beta = 1", cvar), ("transport alone", {"name": "none"})):
    print(f"{name}: {value(spec, toll, 0.1)}")

# %% Without strict convexity at 1
# CVaR at level $\tfrac12$ re-weights for nothing, so with a hard ball the limit $\varepsilon\downarrow0$ is the CVaR of
# the adversarial losses and not their mean, the loss of plain adversarial training.
for epsilon in (0.1, 1e-5):
    v = value({"name": "cvar", "beta": "1/2"}, ball, epsilon)
    print(f"CVaR, epsilon {epsilon:<7} value {v:.6f} (mean adversarial loss {adversarial:.6f})")
