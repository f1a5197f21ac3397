"""From a recipe to the objects of a run: objective, method, model description, validation attack."""

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any

from armor.data import Reader
from armor.data.malware import MALICIOUS
from armor.errors import InputError
from armor.methods import Method, method
from armor.methods.base import Dual
from armor.models import ModelSpec
from armor.objectives import Objective, hold, objective
from armor.objectives.pooling import Pooled
from armor.recipes import Recipe
from armor.transport import (
    L1,
    L2,
    Ascent,
    Ball,
    Barrier,
    Cost,
    FlipAscent,
    Linf,
    NormPower,
    SoftAscent,
    SoftBall,
    Transported,
)

__all__ = ["make_method", "make_objective", "make_spec", "movable", "validation_attack"]

_BALLS: dict[str, Callable[[float], Ball]] = {"linf": Linf, "l2": L2, "l1": L1}
_ORDERS = {"linf": inf, "l2": 2.0, "l1": 1.0}


def make_objective(recipe: Recipe) -> Objective | None:
    """The objective of a recipe, None for `divergence = "none"` (the plain mean).

    Raises:
        InputError: unknown divergence or a parameter out of range.
    """
    chosen = recipe.method.divergence
    if chosen in ("none", {"name": "none"}):
        return None
    return objective(chosen, epsilon=recipe.method.epsilon, kappa=recipe.method.kappa, support="reference")


def _transport(recipe: Recipe) -> Ascent | SoftAscent | FlipAscent:
    attack = recipe.attack
    radius, step, steps = float(attack.radius), float(attack.step), attack.steps
    if attack.cost == "ball":
        return Ascent(
            _BALLS[attack.norm](radius),
            step=step,
            steps=steps,
            restarts=attack.restarts,
            start=attack.start,
            keep=attack.keep,
            schedule=attack.schedule,
        )
    if attack.cost == "flips":
        start = max(steps // 2, 1) if attack.restarts > 1 else 0
        return FlipAscent(attack.scale, steps=steps, per_step=1, restarts=attack.restarts, start=start)
    costs: dict[str, Callable[[], Cost]] = {
        "soft-ball": lambda: SoftBall(radius, float(attack.tau), attack.scale),
        "power": lambda: NormPower(attack.scale, attack.power, _ORDERS[attack.norm]),
        "barrier": lambda: Barrier(attack.scale, radius),
    }
    # A start away from x gives the first gradient of a cost with a kink at x a direction.
    spread = {"none": 0.0, "gaussian": 0.001, "uniform": 0.001 if attack.restarts == 1 else step}
    return SoftAscent(
        costs[attack.cost](),
        step=step,
        steps=steps,
        schedule=attack.schedule,
        start=spread[attack.start],
        restarts=attack.restarts,
    )


def make_method(recipe: Recipe, size: int, *, pooled: bool = False) -> Method:
    """The method of a recipe: its loss, its attack, its objective.

    Args:
        recipe: what to do. size: number of training samples, over which a carried dual extends.
        pooled: whether several workers pool their losses (for an exact dual; the others are means).

    Raises:
        InputError: a divergence that the chosen dual cannot hold, or parameters that do not fit.
    """
    chosen, dual = recipe.method, recipe.dual
    base = make_objective(recipe)
    options: dict[str, Any] = {"beta": chosen.beta} if chosen.loss in ("trades", "mart") else {}
    if chosen.loss == "mart":
        options["attack"] = chosen.mart_attack
    if chosen.loss == "udr":
        base = base or objective("none", epsilon=chosen.epsilon, kappa=chosen.kappa)
        options |= {"mu": dual.lam + chosen.kappa, "rounds": recipe.attack.rounds, "only": movable(recipe)}
    held: Dual | None = base
    if base is not None:
        held = hold(base, dual.mode, size=size, lam=dual.lam, rho=dual.rho, every=dual.every)
        held = Pooled(held) if pooled and isinstance(held, Objective) else held
    return method(
        chosen.loss,
        _transport(recipe),
        objective=held,
        natural_weight=chosen.natural,
        batchnorm=recipe.attack.batchnorm,
        smoothing=chosen.smoothing,
        **options,
    )


def movable(recipe: Recipe) -> int | None:
    """The label of the samples that the adversary may move, None for all."""
    return MALICIOUS if recipe.attack.moves == "malicious" else None


def validation_attack(recipe: Recipe) -> tuple[str, Callable[..., Transported]]:
    """The attack that selects the best epoch, with its name.

    PGD in the ball of `attack.radius`, steps of a quarter of it; for binary features as many free flips as
    `validation.steps`, one at a time.
    """
    steps, radius = recipe.validation.steps, float(recipe.attack.radius)
    if recipe.attack.cost == "flips":
        aimed = "" if movable(recipe) is None else "-malicious"
        return f"flips{steps}{aimed}", partial(FlipAscent(1e-9, steps=steps, per_step=1), mu=1.0)
    # The norm of a soft cost says what moving costs, not in which ball robustness is measured.
    norm = recipe.attack.norm if recipe.attack.cost == "ball" else "linf"
    name = f"pgd{steps}" + ("" if norm == "linf" else f"-{norm}")
    return name, Ascent(_BALLS[norm](radius), step=radius / 4, steps=steps)


def make_spec(recipe: Recipe, reader: Reader) -> ModelSpec:
    """The model of a recipe for a data set's images and classes."""
    if recipe.model.name == "cnn-mnist" and reader.shape != (1, 28, 28):
        raise InputError(f"model cnn-mnist takes 28 x 28 grey images, {reader.title} has {reader.shape}")
    return ModelSpec(recipe.model.name, len(reader.classes), reader.shape, reader.mean, reader.std)
