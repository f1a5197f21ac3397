"""The instance format: exact numbers, every kind of bad input refused in one sentence naming the value."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from theory.errors import InputError
from verification.instance import from_mapping, load, to_mapping

GOOD = {
    "divergence": {"name": "alpha", "alpha": 2.5},
    "cost": [[0, 1.2, None], [1.2, 0, 0.3], [None, 0.3, 0]],
    "p": [0.5, 0.5, 0],
    "q": [0.2, 0.3, 0.5],
    "phi": [1.0, 2.0, 0.5],
    "epsilon": 0.1,
    "kappa": 0.0,
    "support": "reference",
}


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_decimals_and_fractions_stay_exact(tmp_path: Path) -> None:
    text = json.dumps(GOOD | {"p": ["1/3", "2/3", 0], "epsilon": 0.1}).replace("0.3, 0.5", "0.30, 5e-1")
    instance = load(write(tmp_path / "i.json", text))
    assert instance.p_exact == (Fraction(1, 3), Fraction(2, 3), Fraction(0))
    assert instance.q_exact == (Fraction(1, 5), Fraction(3, 10), Fraction(1, 2))
    assert instance.epsilon_exact == Fraction(1, 10)
    assert instance.cost_exact[0] == (Fraction(0), Fraction(6, 5), None)
    assert instance.divergence == {"name": "alpha", "alpha": "5/2"}
    assert np.isinf(instance.cost[0, 2])
    assert instance.same_space
    assert instance.notes == ()


def test_mapping_round_trip() -> None:
    instance = from_mapping(GOOD)
    again = from_mapping(to_mapping(instance))
    assert to_mapping(again) == to_mapping(instance)
    assert again.cost_exact == instance.cost_exact


def test_weights_within_1e_9_are_rescaled_exactly_and_it_is_said() -> None:
    instance = from_mapping(GOOD | {"p": [0.3333333333, 0.3333333333, 0.3333333333]})
    assert instance.p_exact == (Fraction(1, 3),) * 3
    assert "rescaled" in instance.notes[0]


def test_points_give_the_named_costs() -> None:
    data = {k: v for k, v in GOOD.items() if k not in ("cost", "q")} | {"x": [[0, 0], [3, 4], [1, 0]]}
    squared = from_mapping(data | {"cost": "sqeuclidean"})
    assert squared.cost[0].tolist() == [0, 25, 1]
    assert squared.same_space
    law = from_mapping(data | {"cost": {"norm": "inf", "power": 2, "scale": 0.5}})
    assert law.cost[0].tolist() == [0, 8, 0.5]
    plain = from_mapping(data | {"cost": {"norm": 1}, "y": [[1, 1]], "phi": [1], "q": [1]})
    assert plain.cost[:, 0].tolist() == [2, 5, 1]
    assert not plain.same_space


def test_npz_equals_json(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "i.npz",
        divergence=json.dumps(GOOD["divergence"]),
        cost=np.array([[0, 1.25, np.inf], [1.25, 0, 0.25], [np.inf, 0.25, 0]]),
        p=np.array([0.5, 0.5, 0]),
        phi=np.array([1.0, 2.0, 0.5]),
        epsilon=0.125,
        support="reference",
    )
    archive = load(tmp_path / "i.npz")
    mapping = GOOD | {"cost": [[0, 1.25, None], [1.25, 0, 0.25], [None, 0.25, 0]], "epsilon": 0.125}
    del mapping["q"]
    assert to_mapping(archive) == to_mapping(from_mapping(mapping))


BAD_FIELDS = [
    ({"p": [1.5, -0.5, 0]}, "p[1] is the negative weight -0.5"),
    ({"p": [0.5, 0.4, 0]}, "sum to 0.9"),
    ({"q": [0.2, 0.3, 0.6]}, "weights q must sum to 1, but sum to 1.1"),
    ({"p": [0.5, 0.5]}, "p has 2 entries, but cost is 3 x 3"),
    ({"phi": [1, 2]}, "phi has 2 entries, but cost is 3 x 3"),
    ({"q": [1]}, "q has 1 entries, but cost is 3 x 3"),
    ({"p": "half"}, "p must be a list of numbers, but is 'half'"),
    ({"p": []}, "p is an empty list"),
    ({"p": [0.5, True, 0]}, "p[1] must be a number, but is True"),
    ({"p": [0.5, "1/0", 0.5]}, "divides by zero"),
    ({"p": [0.5, "many", 0.5]}, "p[1] must be a number such as"),
    ({"p": [1, "1e-400", 0]}, "too small for a double"),
    ({"cost": [[0, -1], [1, 0]]}, "cost[0][1] is the negative cost -1"),
    ({"cost": [[0, 1], [1]]}, "cost[1] has 1 entries where cost[0] has 2"),
    ({"cost": [[0, "1e400"], [1, 0]]}, "cost[0][1] is beyond the largest double"),
    ({"cost": []}, "cost must be a matrix"),
    ({"cost": [[]]}, "cost[0] is an empty row"),
    ({"cost": "sqeuclidean"}, "needs the points"),
    ({"cost": "cosine", "x": [[0], [1], [2]]}, "but is 'cosine'"),
    ({"cost": {"norm": 3}, "x": [[0], [1], [2]]}, "norm of cost must be 1, 2"),
    ({"cost": {"norm": 2, "power": 0}, "x": [[0], [1], [2]]}, "power of cost must be positive"),
    ({"cost": "euclidean", "x": [[0], [1, 2], [2]]}, "x[1] has 2 coordinates where x[0] has 1"),
    ({"phi": [1, float("nan"), 2]}, "phi[1] must be finite, but is nan"),
    ({"phi": [1, float("inf"), 2]}, "phi[1] must be finite, but is inf"),
    ({"epsilon": -0.1}, "epsilon must be at least 0, but is -0.1"),
    ({"kappa": -2}, "kappa must be at least 0, but is -2"),
    ({"support": "everywhere"}, 'support must be "space" or "reference", but is \'everywhere\''),
    ({"support": 3}, "support must be"),
    ({"divergence": {"name": "pearsn"}}, "nearest known name is 'pearson'"),
    ({"divergence": {"name": "alpha"}}, "needs the parameter 'alpha'"),
    ({"divergence": {"name": "alpha", "alpha": 1}}, "other than 0 and 1, of size 1e-6 to 1000, but is 1"),
    ({"divergence": {"name": "renyi", "alpha": -1}}, "positive number other than 1, but is -1"),
    ({"divergence": {"name": "cvar", "beta": 1.5}}, "in (0, 1], but is 1.5"),
    ({"divergence": {"name": "kl", "alpha": 2}}, "has no parameter 'alpha'"),
    ({"divergence": {}}, "needs a 'name'"),
    ({"divergence": 7}, "divergence must be a name or an object"),
    ({"divergence": {"f": "t**2"}}, "f(1)"),
    ({"same_space": "yes"}, "same_space must be true or false"),
    ({"same_space": True, "cost": [[1, 1], [1, 0]], "p": [0.5, 0.5], "q": [1, 0], "phi": [1, 2]},
     "same_space is true, but cost[0][0] is 1"),
    ({"radius": 1}, "unknown field 'radius'"),
    ({"kapa": 1}, "did you mean 'kappa'?"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), BAD_FIELDS, ids=[message[:40] for _, message in BAD_FIELDS])
def test_bad_field_is_one_sentence_naming_the_value(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        from_mapping(GOOD | change)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", ["divergence", "cost", "p", "support"])
def test_missing_field_is_named(field: str) -> None:
    with pytest.raises(InputError, match=f"'{field}' is missing"):
        from_mapping({k: v for k, v in GOOD.items() if k != field})


BAD_FILES = [
    ("", "is empty"),
    ('{"p": [0.5', "is not valid JSON"),
    ("[1, 2]", "must hold a JSON object"),
    ('{"p": [1], "p": [1]}', "'p' stands twice"),
    ('{"p": [NaN]}', "NaN is not a number of the format"),
    ('{"cost": [[Infinity]]}', "write null"),
    ('{"a":' * 100000, "nested too deeply"),
]


@pytest.mark.parametrize(("text", "message"), BAD_FILES, ids=[message for _, message in BAD_FILES])
def test_bad_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load(write(tmp_path / "i.json", text))
    assert message in str(caught.value)


def test_bad_paths(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        load(tmp_path / "nothing.json")
    with pytest.raises(InputError, match="is not a file"):
        load(tmp_path)
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        load(tmp_path / "b.json")


def test_bad_archives(tmp_path: Path) -> None:
    path = tmp_path / "i.npz"
    path.write_bytes(b"PK\x03\x04 truncated")
    with pytest.raises(InputError, match=r"not a readable \.npz"):
        load(path)
    np.savez(path, p=np.array([object()], dtype=object))
    with pytest.raises(InputError, match=r"not a readable \.npz"):
        load(path)
    np.savez(path, divergence="kl", support="space", p=np.array([1.0]), cost=np.array([[np.nan]]))
    with pytest.raises(InputError, match="not a number"):
        load(path)
    np.savez(path, divergence="kl", support="space", p=np.array([1.0]), cost=np.array([[-1.0]]))
    with pytest.raises(InputError, match="negative cost"):
        load(path)
