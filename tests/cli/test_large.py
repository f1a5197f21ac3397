"""Large instances from `.npz` archives: solved, certified, graded, and a changed certificate refused."""

import json
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import theory
from armor.cli.main import main
from armor.errors import InputError
from armor.exact.certificate import save_certificate
from verification.certificate.rational import _between_points

CHECKER = Path(theory.__path__[0]) / "formal" / "build" / "armor-formal"
needs_checker = pytest.mark.skipif(
    not CHECKER.exists(), reason="the proved checker is not built: make formal"
)


@pytest.fixture
def instance(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.random((260, 2)), rng.random((240, 2)) + 0.2
    path = tmp_path / "instance.npz"
    np.savez(
        path,
        divergence='{"name": "hellinger"}',
        cost='{"norm": 2, "power": 2, "scale": 3}',
        support="space",
        x=x,
        y=y,
        p=rng.dirichlet(np.full(260, 3.0)),
        q=rng.dirichlet(np.full(240, 3.0)),
        phi=np.sin(7 * y[:, 0]),
        epsilon=0.05,
    )
    return path


def test_divergence_and_its_certificate(instance, tmp_path, capsys):
    proof = tmp_path / "proof.npz"
    assert main(["divergence", str(instance), "--json", "--certificate", str(proof)]) == 0
    solved = json.loads(capsys.readouterr().out)
    assert solved["rigorous"] is True
    assert solved["gap"] <= 1e-8 * solved["value"]
    assert sum(solved["weights"]) + sum(solved["singular"]) == pytest.approx(1, abs=1e-12)
    assert main(["check", str(proof), "--json"]) == 0
    graded = json.loads(capsys.readouterr().out)
    assert graded["accepted"] is True
    assert graded["grade"] == "enclosed"
    assert (graded["lower"], graded["upper"]) == (solved["lower"], solved["upper"])
    with np.load(proof) as archive:
        content = dict(archive)
    content["mass"] = content["mass"] * 1.001
    np.savez(proof, **content)
    assert main(["check", str(proof)]) == 1
    assert "rejected" in capsys.readouterr().out


def test_dro(instance, capsys):
    assert main(["dro", str(instance), "--json"]) == 0
    solved = json.loads(capsys.readouterr().out)
    assert solved["lower"] <= solved["value"] <= solved["upper"]
    assert solved["gap"] <= 2e-8
    assert sum(solved["worst_case"]) == pytest.approx(1, abs=1e-12)


def test_what_is_missing_is_one_sentence(instance, tmp_path, capsys):
    with np.load(instance) as archive:
        content = dict(archive)
    del content["q"]
    np.savez(instance, **content)
    assert main(["divergence", str(instance)]) == 2
    assert "'q' is missing" in capsys.readouterr().err
    assert main(["check", str(instance)]) == 2
    assert "format" in capsys.readouterr().err
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 torn")
    assert main(["check", str(tmp_path / "torn.npz")]) == 2
    assert "torn.npz" in capsys.readouterr().err


def changed(instance, **fields):
    with np.load(instance) as archive:
        content = {**dict(archive), **fields}
    np.savez(instance, **content)


def matrix(instance):
    """Costs as a matrix in place of points, infinite far away."""
    with np.load(instance) as archive:
        content = dict(archive)
    x, y = content.pop("x"), content.pop("y")
    cost = np.abs(x[:, None] - y[None, :]).sum(axis=2)
    np.savez(instance, **{**content, "cost": np.where(cost > 1.2, np.inf, cost)})


def entry(name, value):
    """A change of one entry of an array field."""

    def change(content):
        array = content[name].copy()
        array.flat[3] = value
        return {name: array}

    return change


@pytest.mark.parametrize("command", ["divergence", "dro"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (entry("p", np.nan), "p[3] = nan is not a weight"),
        (entry("p", -0.25), "p[3] = -0.25 is not a weight"),
        (lambda c: {"p": 1.1 * c["p"]}, "p sums to 1.0999999999999"),
        (lambda c: {"p": c["p"][:-1]}, "p has 259 weights for 260 points"),
        (lambda c: {"p": c["p"][None]}, "shape (1, 260)"),
        (lambda c: {"p": c["p"].astype(complex)}, "complex128"),
        (lambda c: {"p": c["p"].astype(str)}, "type <U"),
        (lambda c: {"p": c["p"].astype(object)}, "not a readable .npz archive"),
        (entry("x", np.inf), "x holds a coordinate that is not finite"),
        (lambda c: {"x": 1e200 * c["x"]}, "apart have costs beyond 1e+150"),
        (lambda c: {"x": c["x"][:, :1]}, "x has 1 coordinates and y has 2"),
        (lambda _: {"cost": '{"norm": 2, "power": "two"}'}, "power of cost must be a number such as 0.25"),
        (lambda _: {"cost": '{"norm": 2, "power": 2'}, "not valid JSON"),
        (lambda _: {"cost": '{"norm": 2, "pow": 2}'}, "cost has no field 'pow'"),
        (lambda _: {"divergence": '{"name": "kl", "beta": 1}'}, "has no parameter 'beta'"),
        (
            lambda _: {"divergence": '{"name": "alpha", "alpha": "x"}'},
            "alpha of alpha must be a number such as 0.25",
        ),
        (lambda _: {"divergence": '{"name": "alpha"}'}, "needs the parameter 'alpha'"),
        (lambda _: {"support": "everywhere"}, "'everywhere'"),
        (lambda _: {"same_space": True}, "same_space is true, but y is not x"),
        (lambda _: {"same_space": 2}, "same_space must be true or false"),
        (lambda _: {"cost": '{"norm": 2, "radius": 0.1, "barrier": 1}'}, "with 'barrier' takes no 'radius'"),
        (lambda _: {"cost": '{"radius": 0.1, "power": 2}'}, "with 'radius' takes no 'power'"),
        (lambda _: {"cost": '{"tau": 0.1, "scale": 2}'}, "with 'tau' takes no 'scale'"),
        (lambda _: {"cost": '{"tau": 0.1, "norm": 1}'}, "so its norm is 2"),
        (lambda _: {"divergence": '{"f": "t*log(t)", "x": 1}'}, "a divergence given by its f"),
        (entry("q", -0.25), "q[3] = -0.25 is not a weight"),
        (lambda c: {"q": c["q"][1:]}, "q has 239 weights for 240 points"),
        (entry("phi", np.nan), "phi must hold 240 finite losses"),
        (lambda _: {"epsilon": -1.0}, "epsilon must be finite and at least 0"),
        (lambda _: {"kappa": -1.0}, "kappa must be finite and at least 0"),
        (lambda _: {"zeta": np.ones(3)}, "unknown field 'zeta'"),
    ],
)
def test_bad_archives_are_refused_in_one_sentence(instance, capsys, command, change, words):
    with np.load(instance) as archive:
        content = dict(archive)
    changed(instance, **change(content))
    assert main([command, str(instance)]) == 2
    out, err = capsys.readouterr()
    assert words in err
    assert err.count("\n") == 1
    assert out == ""


@pytest.mark.parametrize("command", ["divergence", "dro"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.nan, "cost[0, 3] = nan is not in [0, inf]"),
        (-1.0, "cost[0, 3] = -1 is not in [0, inf]"),
        (1e300, "beyond 1e+150"),
    ],
)
def test_bad_matrices_are_refused_in_one_sentence(instance, capsys, command, value, words):
    matrix(instance)
    with np.load(instance) as archive:
        content = dict(archive)
    changed(instance, **entry("cost", value)(content))
    assert main([command, str(instance)]) == 2
    assert words in capsys.readouterr().err


def test_unreachable_points_have_the_value_infinity_with_an_explanation(instance, capsys):
    matrix(instance)
    with np.load(instance) as archive:
        cost = archive["cost"].copy()
    cost[:, 5] = np.inf
    changed(instance, cost=cost, divergence='{"name": "kl"}', support="reference")
    assert main(["divergence", str(instance)]) == 0
    out = capsys.readouterr().out
    assert "value        inf" in out
    assert "column 5" in out


@pytest.mark.parametrize(("key", "value"), [("epsilon", np.ones(2)), ("epsilon", -1.0), ("kappa", -1.0)])
def test_bad_radii_are_refused_in_one_sentence(instance, capsys, key, value):
    changed(instance, **{key: value})
    assert main(["dro", str(instance)]) == 2
    assert key in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: {"x": 1e200 * c["x"]}, "too far apart"),
        (lambda c: {"x": c["x"][None]}, "x is no array of doubles"),
        (lambda c: {"mass": c["mass"].astype(np.float32)}, "mass is no array of doubles"),
        (lambda _: {"divergence": "[]"}, "rejected"),
        (lambda _: {"cost": '{"norm": 2, "power": 1e308, "scale": 1e308}'}, "too large"),
        (lambda _: {"cost": '{"norm": 2, "power": 2, "scale": 3, "tau": 0}'}, "out of range"),
        (lambda _: {"zeta": np.ones(3)}, "unknown field"),
        (entry("mass", np.nan), "mass has a bad entry"),
        (entry("g", np.inf), "g has a bad entry"),
    ],
)
def test_bad_certificates_are_rejected_in_one_sentence(instance, tmp_path, capsys, change, words):
    proof = tmp_path / "proof.npz"
    assert main(["divergence", str(instance), "--certificate", str(proof)]) == 0
    capsys.readouterr()
    with np.load(proof) as archive:
        content = dict(archive)
    np.savez(proof, **{**content, **change(content)})
    assert main(["check", str(proof)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("rejected: ")
    assert words in out
    assert out.count("\n") == 1


@needs_checker
@pytest.mark.parametrize("divergence", ["kl", "tv", "hellinger"])
@pytest.mark.parametrize("support", ["space", "reference"])
@pytest.mark.parametrize("costs", ["points", "matrix"])
def test_the_proved_checker_reads_the_archive(instance, tmp_path, capsys, divergence, support, costs):
    changed(instance, divergence=json.dumps({"name": divergence}), support=support)
    if costs == "matrix":
        matrix(instance)
    proof = tmp_path / "proof.npz"
    assert main(["divergence", str(instance), "--json", "--certificate", str(proof)]) == 0
    capsys.readouterr()
    assert main(["check", str(proof), "--formal", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["grade"] == "formal"
    assert any("rational.py" in name for name in answer["trusted"])
    assert "of the plan missed q by rounding" in answer["notes"][0]
    assert main(["check", str(proof), "--formal"]) == 0
    assert "completed exactly" in capsys.readouterr().out
    with np.load(proof) as archive:
        content = dict(archive)
    low, high = content["claim"]
    for name, value in {
        "claim": np.array([low + 1e-6, high]),
        "g": content["g"] + 1e-3 * np.arange(len(content["g"])),
        "mass": content["mass"] * 1.001,
        "q": np.roll(content["q"], 1),
    }.items():
        np.savez(proof, **{**content, name: value})
        assert main(["check", str(proof), "--formal"]) == 1, name
        assert capsys.readouterr().out.startswith("rejected: ")


@needs_checker
@pytest.mark.slow
@pytest.mark.parametrize("name", ["proof.npz", "proof.json"])
@pytest.mark.parametrize("spec", [{"name": "kl"}, {"name": "hellinger"}, {"name": "renyi", "alpha": "2.5"}])
def test_one_thousand_points_in_half_a_minute(spec, name, tmp_path, capsys):
    x, y = np.random.default_rng(7).random((2, 1000, 2))
    even = [1 / 1000] * 1000
    fields = {
        "divergence": spec,
        "cost": "sqeuclidean",
        "x": x.tolist(),
        "y": y.tolist(),
        "p": even,
        "q": even,
    }
    instance, proof = tmp_path / "instance.json", tmp_path / name
    instance.write_text(json.dumps({**fields, "support": "reference"}))
    assert main(["divergence", str(instance), "--certificate", str(proof)]) == 0
    capsys.readouterr()
    begin = time.perf_counter()
    assert main(["check", str(proof), "--formal"]) == 0
    assert time.perf_counter() - begin < 30
    if name.endswith("json"):
        content = json.loads(proof.read_text())
        content["claim"]["lower"] = str(Fraction(content["claim"]["lower"]) + Fraction(1, 10**6))
        proof.write_text(json.dumps(content))
        assert main(["check", str(proof), "--formal"]) == 1


@needs_checker
def test_irrational_costs_are_not_covered(instance, tmp_path, capsys):
    changed(instance, cost='{"norm": 2, "power": 1, "scale": 3}')
    proof = tmp_path / "proof.npz"
    assert main(["divergence", str(instance), "--certificate", str(proof)]) == 0
    capsys.readouterr()
    assert main(["check", str(proof), "--formal"]) == 2
    error = capsys.readouterr().err
    assert "not covered" in error
    assert "irrational" in error
    assert main(["divergence", str(instance), "--certificate", str(tmp_path / "proof.json")]) == 2
    assert ".npz archive" in capsys.readouterr().err


def test_a_large_certificate_may_be_json(instance, tmp_path, capsys):
    proof = tmp_path / "proof.json"
    assert main(["divergence", str(instance), "--json", "--certificate", str(proof)]) == 0
    solved = json.loads(capsys.readouterr().out)
    assert main(["check", str(proof), "--json"]) == 0
    graded = json.loads(capsys.readouterr().out)
    assert graded["accepted"] is True
    assert graded["upper"] == pytest.approx(solved["upper"], abs=1e-15)
    if CHECKER.exists():
        assert main(["check", str(proof), "--formal"]) == 0
        assert f"{solved['lower']!r}, {solved['upper']!r}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ((1.0, 1.0, 0.5), lambda d: sum(map(abs, d)) / 2),
        ((np.inf, 3.0, 1.0), lambda d: max(map(abs, d)) ** 3),
        ((2.0, 2.0, 0.1), lambda d: sum(v * v for v in d) * Fraction(0.1)),
        ((2.0, 4.0, 1.0), lambda d: sum(v * v for v in d) ** 2),
    ],
)
def test_costs_of_points_are_formed_exactly(rule, expected):
    norm, power, scale = rule
    rng = np.random.default_rng(1)
    x, y = rng.random((3, 2)) * 1e-3, rng.random((2, 2)) - 5
    text = json.dumps({"norm": "inf" if np.isinf(norm) else norm, "power": power, "scale": scale})
    found = _between_points({"cost": text, "x": x, "y": y})
    for i in range(3):
        for j in range(2):
            d = [Fraction(b) - Fraction(a) for a, b in zip(x[i].tolist(), y[j].tolist(), strict=True)]
            assert Fraction(found[i][j]) == expected(d)


def as_json(instance, tmp_path, **fields):
    """The instance as a JSON file with some fields as given."""
    with np.load(instance) as archive:
        content = {name: archive[name].tolist() for name in archive.files}
    content["divergence"], content["cost"] = json.loads(content["divergence"]), json.loads(content["cost"])
    path = tmp_path / "instance.json"
    path.write_text(json.dumps({**content, **fields}).replace('"HUGE"', "1e400").replace('"TINY"', "1e-400"))
    return path


@pytest.mark.parametrize("command", ["divergence", "dro"])
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"cost": None}, "with points, cost must name a law"),
        ({"x": [["HUGE", 0]] * 260}, "x is beyond the largest double"),
        ({"y": [["HUGE", 0]] * 240}, "y is beyond the largest double"),
        ({"phi": ["HUGE"] * 240}, "phi is beyond the largest double"),
        ({"p": ["TINY"] * 260}, "p is not zero but too small"),
        ({"epsilon": "HUGE"}, "epsilon is beyond the largest double"),
        ({"kappa": "HUGE"}, "kappa is beyond the largest double"),
        ({"x": None}, "'x' is missing"),
        ({"support": None}, 'support must be "space" or "reference", but is None'),
        ({"support": ["space"]}, 'support must be "space" or "reference"'),
        ({"x": None, "y": None}, "needs the points 'x'"),
        ({"x": None, "y": None, "cost": [3]}, "cost must have 2 dimensions"),
    ],
)
def test_bad_numbers_are_refused_in_one_sentence(instance, tmp_path, capsys, command, fields, words):
    assert main([command, str(as_json(instance, tmp_path, **fields))]) == 2
    out, err = capsys.readouterr()
    assert words in err
    assert err.count("\n") == 1
    assert out == ""


@pytest.mark.parametrize("points", [8, 250])
@pytest.mark.parametrize(
    ("fields", "same"),
    [
        ({"divergence": {"name": "alpha", "alpha": "5/2"}}, {"divergence": {"name": "alpha", "alpha": 2.5}}),
        ({"cost": {"norm": 2, "power": "1/2"}}, {"cost": {"norm": "2", "power": 0.5, "scale": 1}}),
        ({"cost": {"radius": "1/4"}}, {"cost": {"norm": 2, "radius": 0.25}}),
        ({"cost": {"tau": "1/8", "radius": 0.125}}, {"cost": {"norm": 2, "tau": 0.125, "radius": 0.125}}),
        ({"cost": {"barrier": 4}}, {"cost": {"norm": 2, "scale": "1", "barrier": "4"}}),
    ],
)
def test_small_and_large_instances_are_read_alike(tmp_path, capsys, points, fields, same):
    rng = np.random.default_rng(points)
    x = (rng.integers(0, 8, (points, 2)) / 8).tolist()
    even = [1 / points] * points
    base = {
        "divergence": "hellinger",
        "cost": "sqeuclidean",
        "x": x,
        "p": even,
        "q": rng.permutation(even).tolist(),
    }
    found = []
    for change in (fields, same):
        path = tmp_path / "instance.json"
        path.write_text(json.dumps({**base, "y": x[::2] + x[::2], "support": "reference", **change}))
        assert main(["divergence", str(path), "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0]["value"] == pytest.approx(found[1]["value"], rel=1e-9, abs=1e-12)
    assert found[0]["rigorous"]


@pytest.mark.parametrize(
    "cost", [{"radius": 0.3}, {"norm": 1, "radius": 0.3}, {"tau": 0.1, "radius": 0.1}, {"barrier": 1.0}]
)
def test_small_instances_have_the_costs_of_large_ones(cost):
    """On a grid of tenths, where doubles put pairs on the edge of a ball on either side of it."""
    from armor.exact.clouds import pairwise
    from armor.exact.costs import point_cost
    from verification.points import point_costs

    x = np.stack(np.meshgrid(np.arange(7) / 10, np.arange(6) / 10), axis=-1).reshape(-1, 2)
    np.testing.assert_allclose(point_costs(x, None, cost), pairwise(point_cost(cost), x, x), rtol=1e-13)


@pytest.mark.parametrize("command", ["divergence", "dro"])
def test_any_wrong_byte_of_an_archive_is_one_sentence(tmp_path, capsys, command):
    path = tmp_path / "i.npz"
    np.savez_compressed(path, divergence="kl", p=np.full(4, 0.25), support="space")
    sound = path.read_bytes()
    for place in range(len(sound)):
        for flip in (0x01, 0x40, 0xFF):
            path.write_bytes(sound[:place] + bytes([sound[place] ^ flip]) + sound[place + 1 :])
            assert main([command, str(path)]) == 2
            out, err = capsys.readouterr()
            assert (out, err.count("\n")) == ("", 1)


@pytest.mark.parametrize("suffix", ["npz", "json"])
def test_a_certificate_that_cannot_be_written_is_refused_before_the_solve(
    instance, tmp_path, capsys, monkeypatch, suffix
):
    def solve(*_, **__):
        raise AssertionError("solved first")

    monkeypatch.setattr("armor.exact.divergence", solve)
    (tmp_path / f"folder.{suffix}").mkdir()
    for path, words in (
        (tmp_path / "none" / f"c.{suffix}", "there is no folder"),
        (tmp_path / f"folder.{suffix}", "it is a folder"),
        (instance, "is the instance file itself"),
    ):
        assert main(["divergence", str(instance), "--certificate", str(path)]) == 2
        assert words in capsys.readouterr().err
    changed(instance, cost='{"norm": 2, "power": 1, "scale": 3}')
    assert main(["divergence", str(instance), "--certificate", str(tmp_path / "c.json")]) == 2
    assert "irrational" in capsys.readouterr().err


def test_an_older_certificate_stays_until_the_new_one_is_whole(tmp_path, monkeypatch):
    def torn(file, **_):
        file.write(b"PK torn")
        raise OSError(28, "No space left on device")

    path = tmp_path / "c.npz"
    save_certificate(path, {"format": "old"})
    monkeypatch.setattr(np, "savez_compressed", torn)
    with pytest.raises(InputError, match="No space left on device; what was there before is intact"):
        save_certificate(path, {"format": "new"})
    with np.load(path) as archive:
        assert str(archive["format"]) == "old"
    assert list(tmp_path.iterdir()) == [path]
