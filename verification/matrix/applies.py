"""Why a statement may not apply to a divergence: the hypotheses that several checks share."""

from collections.abc import Callable

from verification.matrix.members import Member

__all__ = ["every", "f_divergence", "named", "once", "smooth_at_one", "strictly_convex"]

Condition = Callable[[Member, str], str | None]


def every(*conditions: Condition) -> Condition:
    """All conditions; the first reason counts."""

    def applies(member: Member, support: str) -> str | None:
        return next((reason for each in conditions if (reason := each(member, support)) is not None), None)

    return applies


def f_divergence(member: Member, support: str) -> str | None:
    """The divergence is an f-divergence."""
    del support
    return None if member.is_f_divergence else "not an f-divergence"


def named(*names: str) -> Condition:
    """The divergence is one of `names`."""

    def applies(member: Member, support: str) -> str | None:
        del support
        return None if member.name in names else f"stated for {' and '.join(names)} only"

    return applies


def strictly_convex(member: Member, support: str) -> str | None:
    """`f` is strictly convex at 1."""
    del support
    return None if member.strictly_convex else "f is not strictly convex at 1"


def once(member: Member, support: str) -> str | None:
    """The statement does not involve the divergence: it is checked under KL alone (or the user's own `f`)."""
    del support
    return None if member.name in ("kl", "user") else "the same for every divergence, checked under kl"


def smooth_at_one(member: Member, support: str) -> str | None:
    """`f` is three times differentiable at 1 with `f''(1) > 0`."""
    del support
    if not member.is_f_divergence:
        return "no re-weighting to expand in" if member.name == "none" else None
    if member.curvature is None or member.third is None:
        return "f is not three times differentiable at 1"
    return None if member.curvature > 0 else "f''(1) = 0"
