"""The symbols in which every formula is written: one place, so that expressions of different modules
compare.
"""

import sympy as sp

__all__ = ["alpha", "beta", "eps", "kappa", "lam", "mu", "rho", "t", "y"]

t = sp.Symbol("t", positive=True)  # argument of f, a likelihood ratio
y = sp.Symbol("y", real=True)  # argument of f*, a payoff
alpha = sp.Symbol("alpha", real=True)
beta = sp.Symbol("beta", positive=True)
lam = sp.Symbol("lambda", nonnegative=True)  # multiplier of the radius
rho = sp.Symbol("rho", real=True)  # multiplier of the total mass
eps = sp.Symbol("epsilon", nonnegative=True)  # radius
kappa = sp.Symbol("kappa", nonnegative=True)  # penalty
mu = sp.Symbol("mu", positive=True)  # lambda + kappa
