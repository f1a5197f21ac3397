"""What the objectives are measured against, written as the published scripts solve their duals."""

__all__ = ["Vector", "kl_bisection", "kl_bisection_lean", "renyi_lbfgs"]

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import bisect, minimize
from scipy.special import logsumexp, softmax

Vector = NDArray[np.float64]


def kl_bisection(losses: Vector, epsilon: float, kappa: float) -> tuple[float, Vector]:
    """T8 by SciPy's bisection on the dual's derivative: float64, bracket [1e-4, 100], xtol 1e-6.

    The bracket caps lambda at 100 (trap 9): callers choose instances whose lambda lies inside.
    """
    log_n = math.log(losses.size)

    def slope(lam: float) -> float:
        z = losses / (lam + kappa)
        return float(epsilon + logsumexp(z) - log_n - softmax(z) @ z)

    lam = float(bisect(slope, 1e-4, 100.0, xtol=1e-6))
    z = losses / (lam + kappa)
    return lam * epsilon + (lam + kappa) * float(logsumexp(z) - log_n), softmax(z)


def kl_bisection_lean(losses: Vector, epsilon: float, kappa: float) -> tuple[float, Vector]:
    """The same bisection with the exponentials written out in NumPy: the strongest form of this baseline."""
    log_n = math.log(losses.size)

    def tilted(lam: float) -> tuple[Vector, float, Vector]:
        z = losses / (lam + kappa)
        top = float(z.max())
        e = np.exp(z - top)
        return z, top + math.log(float(e.sum())), e

    def slope(lam: float) -> float:
        z, log_sum, e = tilted(lam)
        return epsilon + log_sum - log_n - float(e @ z) / float(e.sum())

    lam = float(bisect(slope, 1e-4, 100.0, xtol=1e-6))
    _, log_sum, e = tilted(lam)
    return lam * epsilon + (lam + kappa) * (log_sum - log_n), e / e.sum()


def renyi_lbfgs(losses: Vector, alpha: float, epsilon: float, kappa: float) -> float:
    """T10 by SciPy's L-BFGS-B over (log lambda, log(rho - max)), gradients by finite differences."""
    top = float(losses.max())

    def value(x: Vector) -> float:
        lam, rho = math.exp(x[0]), top + math.exp(x[1])
        mu = lam + kappa
        inside = float(np.mean((rho - losses) ** ((alpha - 1) / alpha)))
        constant = (mu * math.log(mu) - mu * (math.log(alpha) + 1)) / alpha
        return lam * epsilon + rho + constant - mu / (alpha - 1) * math.log(inside)

    found = minimize(value, np.zeros(2), method="L-BFGS-B", options={"maxiter": 200})
    return float(found.fun)
