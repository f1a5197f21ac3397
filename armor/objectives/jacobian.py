"""How the worst re-weighting answers to the losses."""

__all__ = ["balanced", "jacobian"]

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


def balanced(xp: Ops, s: Array, change: Array) -> Array:
    """`change` with the sum zero that it has by rights, at the expense of the samples that answer most.

    Where s spans fifteen digits (a steep divergence, most of the mass on one sample) that sample's change is
    the difference of numbers it does not fit in; what the others gain or lose is known.
    """
    heavy = s >= xp.max(s)
    share = xp.where(heavy, 1.0 + 0.0 * s, 0.0)
    share = share / xp.sum(share)
    known = xp.sum(xp.where(heavy, 0.0, change))
    own = change - xp.sum(share * change)
    return xp.where(heavy, own - share * known, change)
