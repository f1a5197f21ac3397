"""From a recipe to the objects of a run: objective, method, model description, validation attack."""

from typing import Any

from armor.data import Reader
from armor.errors import InputError
from armor.methods import Method, method
from armor.models import ModelSpec
from armor.objectives import Objective, objective
from armor.recipes import Recipe
from armor.transport import Ascent, pgd

__all__ = ["make_method", "make_objective", "make_spec", "validation_attack"]


def make_objective(recipe: Recipe) -> Objective | None:
    """The objective of a recipe, None for `divergence = "none"` (the plain mean).

    Raises:
        InputError: unknown divergence or a parameter out of range.
    """
    chosen = recipe.method.divergence
    if chosen in ("none", {"name": "none"}):
        return None
    return objective(chosen, epsilon=recipe.method.epsilon, kappa=recipe.method.kappa, support="reference")


def make_method(recipe: Recipe) -> Method:
    """The method of a recipe: its loss, its attack, its objective."""
    attack = recipe.attack
    transport = pgd(
        float(attack.radius),
        step=float(attack.step),
        steps=attack.steps,
        start=attack.start,
        keep="last",  # as published; the best iterate would cost one more pass
        schedule=attack.schedule,
    )
    options: dict[str, Any] = {} if recipe.method.loss == "pgd" else {"beta": recipe.method.beta}
    if recipe.method.loss == "mart":
        options["attack"] = recipe.method.mart_attack
    return method(
        recipe.method.loss,
        transport,
        objective=make_objective(recipe),
        natural_weight=recipe.method.natural,
        batchnorm=attack.batchnorm,
        **options,
    )


def validation_attack(recipe: Recipe) -> Ascent:
    """PGD in the training ball that selects the best epoch; steps of a quarter of the radius."""
    radius = float(recipe.attack.radius)
    return pgd(radius, step=radius / 4, steps=recipe.validation.steps)


def make_spec(recipe: Recipe, reader: Reader) -> ModelSpec:
    """The model of a recipe for a data set's images and classes."""
    if recipe.model.name == "cnn-mnist" and reader.shape != (1, 28, 28):
        raise InputError(f"model cnn-mnist takes 28 x 28 grey images, {reader.title} has {reader.shape}")
    return ModelSpec(recipe.model.name, len(reader.classes), reader.shape, reader.mean, reader.std)
