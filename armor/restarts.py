"""When independent runs of an attack are more than one run repeated: a rule of recipes and attacks alike."""

__all__ = ["check_restarts"]

from armor.errors import InputError


def check_restarts(
    restarts: int, *, random: bool, keeps_best: bool = True, prefix: str = "the attack's "
) -> None:
    """Refuse runs of which none but one could count.

    restarts: how many runs.  random: whether each starts elsewhere.  keeps_best: whether the best point of
    all counts, not the last one of the last run.  prefix: what the message begins with.
    Raises `armor.errors.InputError`.
    """
    given = f"{prefix}restarts = {restarts!r}"
    if isinstance(restarts, bool) or not isinstance(restarts, int) or restarts < 1:
        raise InputError(f"{given} is not a number of runs, at least 1")
    if restarts > 1 and not keeps_best:
        raise InputError(f'{given} needs keep = "best": of a last iterate only one run would count')
    if restarts > 1 and not random:
        raise InputError(f"{given} needs a random start: otherwise they repeat one run")
