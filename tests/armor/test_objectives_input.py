"""Bad input of `armor.objective`: one sentence that names the offending value, never a traceback."""

import math

import numpy as np
import pytest
import torch

import armor
from armor.errors import InputError

LOSSES = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)


@pytest.mark.parametrize(
    ("spec", "options", "sentence"),
    [
        (None, {}, "not None"),
        (5, {}, "not 5"),
        ("kl", {"epsilon": 10**400}, "epsilon must be finite"),
        ("kl", {"epsilon": "0.1"}, "epsilon must be a number, not '0.1'"),
        ("kl", {"epsilon": True}, "epsilon must be a number, not True"),
        ("kl", {"iterations": "a"}, "iterations must be a whole number, at least 1, not 'a'"),
        ("kl", {"iterations": 2.5}, r"not 2\.5"),
        ("kl", {"iterations": 0}, "not 0"),
        ("renyi", {}, "needs its parameter alpha"),
        ("cvar", {}, "needs its parameter beta"),
        ({"name": "renyi", "alpha": "two"}, {}, "'two' is not a number"),
        ({"name": "renyi", "alpha": math.inf}, {}, "inf"),
        ({"name": "renyi", "alpha": 1}, {}, "not 1"),
        ({"name": "cvar", "beta": "3/2"}, {}, "'3/2'"),
        ({"name": "kl", "alpha": 2}, {}, "does not take the parameters {'alpha': 2}"),
        ({"name": "renyi", "alpha": 2, "epsilon": 2}, {}, "does not take the parameters {'epsilon': 2}"),
        ("kl", {"support": "adversarial"}, "support must be 'reference', not 'adversarial'"),
        ("kl", {"support": "space"}, "support='space' cannot be trained"),
    ],
)
def test_a_bad_objective(spec: object, options: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        armor.objective(spec, **{"epsilon": 0.1, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([1.0, 2.0],), "floating-point tensor, not list"),
        ((LOSSES.to(torch.complex128),), "not torch.complex128"),
        ((LOSSES, [0, 0, 0]), "costs must be a tensor of real numbers, not list"),
        ((LOSSES, None, [1, 1, 1]), "reference_weights must be a tensor of real numbers, not list"),
        ((LOSSES, None, torch.full((3,), 1e308, dtype=torch.float64)), "a sum that overflows"),
        ((LOSSES, None, torch.zeros(3)), "all zeros"),
    ],
)
def test_a_bad_batch(arguments: tuple[object, ...], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        armor.objective("kl", epsilon=0.1)(*arguments)  # type: ignore[arg-type]


def test_numbers_of_any_kind() -> None:
    assert armor.objective("kl", epsilon=np.float32(0.5), iterations=np.int64(3)).epsilon == 0.5  # type: ignore[arg-type]
    for name, key in (("renyi", "alpha"), ("alpha", "alpha"), ("cvar", "beta")):
        exact, text = (armor.objective({"name": name, key: v}, epsilon=0.1) for v in (0.5, "1/2"))
        assert float(exact(LOSSES).value) == float(text(LOSSES).value)
