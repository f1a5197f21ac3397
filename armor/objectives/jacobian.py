"""How the worst re-weighting answers to the losses."""

__all__ = ["jacobian"]

from armor.objectives.arrays import Array, Ops


def jacobian(xp: Ops, s: Array, v: Array | None, gamma: Array | None, g: Array) -> Array:
    """`M g`, the change of the weights when h changes by g; symmetric, annihilates constants.

    The inverse Hessian `diag(1/s) + gamma v v'` of the divergence on sum-zero changes, `v` with `s'v = 0`.
    """
    mass = xp.sum(s)
    safe = xp.where(mass > 0, mass, 1.0)
    change = s * (g - xp.sum(s * g) / safe)
    if v is None or gamma is None:
        return change
    return change - s * v * (gamma * xp.sum(s * v * g) / (1.0 + gamma * xp.sum(s * v * v)))
