"""Recipes: every shipped one is valid; what is wrong is refused by key and value."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from armor import recipes
from armor.errors import InputError


@pytest.mark.parametrize("name", recipes.names())
def test_shipped_recipes_are_valid_and_survive_the_round_trip(name: str) -> None:
    recipe = recipes.find(name)
    assert recipe.title
    assert recipes.from_mapping(recipes.to_mapping(recipe), name) == recipe


def test_the_smoke_recipe_is_shipped() -> None:
    recipe = recipes.find("cifar10-smoke")
    assert recipe.attack.radius == Fraction(8, 255)
    assert recipe.method.divergence == "kl"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"training": {"epoch": 3}}, ["training.epoch", "'training.epochs'"]),
        ({"trainin": {}}, ["'trainin'", "'training'"]),
        ({"optimizer": {"momentun": 0.9}}, ["'optimizer.momentum'"]),
        ({"training": {"epochs": -3}}, ["training.epochs = -3"]),
        ({"training": {"epochs": 2.5}}, ["training.epochs = 2.5"]),
        ({"training": {"epochs": True}}, ["training.epochs = True"]),
        ({"training": 3}, ["training = 3"]),
        ({"attack": {"radius": "8/0"}}, ["attack.radius = '8/0'"]),
        ({"attack": {"radius": "-8/255"}}, ["attack.radius = '-8/255'"]),
        ({"attack": {"radius": 0}}, ["attack.radius = 0"]),
        ({"attack": {"radius": "1e-400"}}, ["attack.radius = '1e-400'", "rounds to zero"]),
        ({"attack": {"radius": "nan"}}, ["attack.radius = 'nan'"]),
        ({"method": {"epsilon": 0}}, ["method.epsilon = 0"]),
        ({"method": {"epsilon": -1.0}}, ["method.epsilon = -1.0"]),
        ({"method": {"epsilon": float("nan")}}, ["method.epsilon = nan"]),
        ({"method": {"kappa": -0.1}}, ["method.kappa = -0.1"]),
        ({"method": {"natural": 1.0}}, ["method.natural = 1.0"]),
        ({"method": {"divergence": 3}}, ["method.divergence = 3"]),
        ({"model": {"name": "resnet19"}}, ["model.name = 'resnet19'", "'resnet18'"]),
        ({"data": {"name": "cifar11"}}, ["data.name = 'cifar11'"]),
        ({"augment": {"flip": 1}}, ["augment.flip = 1"]),
        ({"schedule": {"milestones": [3, 2]}}, ["schedule.milestones = [3, 2]"]),
        ({"schedule": {"name": "cosin"}}, ["'cosine'"]),
        ({"optimizer": {"nesterov": True, "momentum": 0}}, ["momentum > 0"]),
        ({"data": {"validation": 100}}, ["validation.images = 1000", "data.validation = 100"]),
        ({"data": {"limit": 50}}, ["training.batch = 128", "data.limit = 50"]),
        ({"training": {"swa": 200, "epochs": 10}}, ["training.swa = 200", "training.epochs = 10"]),
        ({"title": 3}, ["title = 3"]),
        ({"method": {"loss": "udr"}}, ["'udr'", "soft attack.cost", "'ball'"]),
        ({"attack": {"cost": "soft-ball"}}, ["'trades'", "'soft-ball'"]),
        ({"attack": {"radius": 3}}, ["attack.radius = 3"]),
        ({"attack": {"restarts": 2}}, ["attack.restarts = 2", 'keep = "best"']),
        (
            {"attack": {"restarts": 3, "keep": "best", "start": "none"}},
            ["attack.restarts = 3", "random start"],
        ),
        (
            {"attack": {"restarts": 2, "cost": "soft-ball", "start": "none"}, "method": {"loss": "udr"}},
            ["attack.restarts = 2", "random start"],
        ),
        ({"dual": {"mode": "held"}}, ["dual.mode = 'held'"]),
        ({"dual": {"lambda": 1}}, ["'dual.lam'"]),
        ({"dual": {"mode": "learned"}, "method": {"divergence": "none"}}, ["dual.mode = 'learned'"]),
    ],
)
def test_refusals_name_key_and_value(content: dict[str, object], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        recipes.from_mapping(content, "mine")
    message = str(caught.value)
    assert "\n" not in message
    assert "recipe mine" in message
    assert all(word in message for word in words)


def test_images_have_no_malicious_class() -> None:
    with pytest.raises(InputError, match=r"attack\.moves = 'malicious' does not fit data\.name = 'mnist'"):
        recipes.find("mnist-kl", ["attack.moves=malicious"])


def test_settings_on_the_command_line() -> None:
    recipe = recipes.find(
        "cifar10-smoke",
        ["attack.radius=4/255", "training.epochs=3", "schedule.name=cosine", "schedule.milestones=[1, 2]",
         "optimizer.nesterov=false", 'method.divergence={name = "alpha", alpha = 6}', "training.epochs=4"],
    )  # fmt: skip
    assert recipe.attack.radius == Fraction(4, 255)
    assert recipe.training.epochs == 4
    assert recipe.schedule.milestones == (1, 2)
    assert recipe.optimizer.nesterov is False
    assert recipe.method.divergence == {"name": "alpha", "alpha": 6}


@pytest.mark.parametrize("setting", ["epochs=3", "training.epochs", "training.=3", "=", "title.x=3"])
def test_malformed_settings(setting: str) -> None:
    with pytest.raises(InputError, match="--set"):
        recipes.find("cifar10-smoke", [setting])


def test_files_and_names(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[attack]\nradius = "2/255"\n')
    assert recipes.find(str(path)).attack.radius == Fraction(2, 255)
    assert recipes.find(str(path)).name == "own"
    with pytest.raises(InputError, match="no recipe file"):
        recipes.find(str(tmp_path / "none.toml"))
    with pytest.raises(InputError, match="'cifar10-smoke'"):
        recipes.find("cifar10-smok")
    path.write_text("[attack\n")
    with pytest.raises(InputError, match="not valid TOML"):
        recipes.find(str(path))
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a TOML file"):
        recipes.find(str(path))


@pytest.mark.parametrize("data", ["cifar10", "cifar100"])
def test_every_method_comes_plain_and_with_kl_and_alpha(data: str) -> None:
    for loss in ("pgd", "udr", "trades", "mart"):
        for suffix, divergence in (("", "none"), ("-kl", "kl"), ("-alpha", "alpha")):
            recipe = recipes.find(f"{data}-{loss}{suffix}")
            chosen = recipe.method.divergence
            assert (chosen if isinstance(chosen, str) else chosen["name"]) == divergence
            assert (recipe.method.loss, recipe.data.name) == (loss, data)


def test_the_attack_of_a_recipe_has_its_restarts_and_keeps_what_it_says() -> None:
    from armor.training.build import make_method

    def built(*settings: str, recipe: str = "cifar10-trades") -> Any:
        return make_method(recipes.find(recipe, settings), 6).transport

    plain = built()
    assert (plain.keep, plain.restarts) == ("last", 1)
    best = built("attack.keep=best", "attack.restarts=3", "attack.start=uniform")
    assert (best.keep, best.restarts) == ("best", 3)
    soft = ("method.loss=udr", "attack.cost=soft-ball", "attack.restarts=2", "attack.step=0.01")
    udr = built(*soft, "attack.start=uniform")
    assert (udr.restarts, udr.start) == (2, 0.01)
    # Alone, a soft attack begins just beside the sample, where a cost with a kink at it has a slope.
    for start, spread in (("uniform", 0.001), ("gaussian", 0.001), ("none", 0.0)):
        assert built(*soft, "attack.restarts=1", f"attack.start={start}").start == spread
    flips = built("attack.restarts=2", "attack.steps=10", recipe="malware")
    assert (flips.restarts, flips.start) == (2, 5)


@pytest.mark.parametrize("name", [n for n in recipes.names() if not n.startswith("malware")])
def test_every_recipe_takes_a_step(name: str) -> None:
    """Its loss, attack, objective and dual fit together: the loss is finite and reaches the weights."""
    import torch

    from armor.data import reader
    from armor.methods import Udr
    from armor.models import ModelSpec, create
    from armor.training.build import make_method, validation_attack

    recipe = recipes.find(name, ["attack.steps=2"])
    found = reader(recipe.data.name)
    network = "cnn-mnist" if recipe.model.name == "cnn-mnist" else "cnn-small"
    model = create(ModelSpec(network, len(found.classes), found.shape, found.mean, found.std))
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(6, *found.shape, generator=generator)
    y = torch.arange(6) % len(found.classes)
    built = make_method(recipe, 6)
    result = built.step(model, x, y, generator, index=torch.arange(6))
    if isinstance(built, Udr):
        assert built.alternation is not None
        assert built.alternation.rounds == 4
        assert bool(torch.isfinite(built.alternation.gap))  # what is left to minimise is known for every row
    result.loss.backward()
    assert torch.isfinite(result.loss)
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    assert float(result.x.min()) >= 0
    assert float(result.x.max()) <= 1  # pixels stay pixels
    name, attack = validation_attack(recipe)
    assert name == f"pgd{recipe.validation.steps}"  # selected by what is evaluated
    still = torch.full((2, *found.shape), 0.5)
    moved = attack(lambda z: z.flatten(1).sum(1), still, generator=generator).x
    assert torch.allclose(moved - still, torch.full_like(still, float(recipe.attack.radius)))
