"""T24: composition, and the triangle inequality."""

# %% An instance to redo by hand
# With $c=|x-y|$ (a metric): $D^c(Q\|P)\le D^c(Q'\|P)+C(Q',Q)$.
from verification.instance import from_mapping as instance
from verification.solve import divergence

p, middle, q = [1, 0, 0], [0, 1, 0], [0, 0, 1]


def value(spec, cost, a, b):
    return divergence(
        instance({"divergence": spec, "cost": cost, "p": a, "q": b, "support": "reference"})
    ).value


metric = [[abs(i - j) for j in range(3)] for i in range(3)]
kl, none = {"name": "kl"}, {"name": "none"}
print(
    f"metric: {value(kl, metric, p, q):.6f} <= {value(kl, metric, p, middle):.6f} + {value(none, metric, middle, q):.6f}"
)

# %% Without the triangle inequality
# With $c=|x-y|^2$ two short moves are cheaper than one long: the inequality is false, and
# $(D^c)^c=D^{c\,\square\,c}$ is smaller than $D^c$.
square = [[(i - j) ** 2 for j in range(3)] for i in range(3)]
twice = [[min(square[i][k] + square[k][j] for k in range(3)) for j in range(3)] for i in range(3)]
print(
    f"square: {value(kl, square, p, q):.6f} against {value(kl, square, p, middle):.6f} + {value(none, square, middle, q):.6f}"
)
print(f"D^c = {value(kl, square, p, q):.6f}, D^(c box c) = {value(kl, twice, p, q):.6f}")

# %% Without $c(x,x)=0$
# A toll of $\tfrac12$ for staying is paid twice by the composition: $(D^c)^c=D^{c\,\square\,c}\ne D^c$.
toll = [[c + 0.5 for c in row] for row in metric]
twice = [[min(toll[i][k] + toll[k][j] for k in range(3)) for j in range(3)] for i in range(3)]
print(f"D^c = {value(kl, toll, p, q):.6f}, D^(c box c) = {value(kl, twice, p, q):.6f}")
