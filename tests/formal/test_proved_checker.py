"""The checker extracted from Coq accepts what holds, refuses what was changed, and says what it cannot do."""

import copy
import json
import subprocess
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from armor.cli.main import main

CHECKER = Path(__file__).resolve().parents[2] / "theory" / "formal" / "build" / "armor-formal"
needs_checker = pytest.mark.skipif(
    not CHECKER.exists(), reason="the formal checker is not built (make formal)"
)

SPECS: list[dict[str, object]] = [
    {"name": "kl"},
    {"name": "reverse_kl"},
    {"name": "pearson"},
    {"name": "neyman"},
    {"name": "tv"},
    {"name": "hellinger"},
    {"name": "js"},
    {"name": "triangular"},
    {"name": "jeffreys"},
    {"name": "cvar", "beta": 0.5},
    {"name": "alpha", "alpha": 2.5},
    {"name": "alpha", "alpha": 0.5},
    {"name": "alpha", "alpha": -1.5},
    {"name": "renyi", "alpha": 0.5},
    {"name": "renyi", "alpha": 2},
    {"name": "renyi", "alpha": 3},
    {"name": "renyi", "alpha": 2.5},
]
SUPPORTS = ["space", "reference"]


def certificate(
    spec: dict[str, object],
    kind: str,
    support: str,
    epsilon: float = 0.1,
    kappa: float = 0.5,
    **other: object,
) -> dict[str, Any]:
    from verification import solve
    from verification.instance import from_mapping

    instance = from_mapping(
        {
            "divergence": spec,
            "cost": [[0, 1.2, None], [1.2, 0, 0.3], [None, 0.3, 0]],
            "p": [0.5, 0.25, 0.25],
            "q": [0.2, 0.3, 0.5],
            "phi": [1.0, 2.0, 0.5],
            "epsilon": epsilon,
            "kappa": kappa,
            "support": support,
            **other,
        }
    )
    return dict(getattr(solve, kind)(instance).certificate())


def verdict(data: dict[str, Any], folder: Path) -> tuple[int, dict[str, Any]]:
    file = folder / "certificate.json"
    file.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    run = subprocess.run([str(CHECKER), str(file)], capture_output=True, text=True, check=False)
    return run.returncode, json.loads(run.stdout)


def moved(text: str, by: Fraction) -> str:
    value = Fraction(text) + by
    return (
        f"{value.numerator}/{value.denominator}" if value >= 0 else f"-{-value.numerator}/{value.denominator}"
    )


@needs_checker
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["divergence", "dro"])
@pytest.mark.parametrize("support", SUPPORTS)
@pytest.mark.parametrize("spec", SPECS, ids=lambda s: "-".join(map(str, s.values())))
def test_the_proved_checker_accepts_what_holds_and_refuses_what_was_changed(
    spec: dict[str, object], support: str, kind: str, tmp_path: Path
) -> None:
    data = certificate(spec, kind, support)
    assert verdict(data, tmp_path)[0] == 0
    for side, sign in (("lower", 1), ("upper", -1)):
        worse = copy.deepcopy(data)
        worse["claim"][side] = moved(worse["claim"][side], sign * Fraction(1, 10**6))
        assert verdict(worse, tmp_path)[0] == 1, side
        missing = copy.deepcopy(data)
        del missing[side]
        assert verdict(missing, tmp_path)[0] == 1, side
    worse = copy.deepcopy(data)
    plan = worse["upper" if kind == "divergence" else "lower"]["plan"]
    plan[0][2] = moved(plan[0][2], Fraction(1, 1000))
    assert verdict(worse, tmp_path)[0] == 1


@needs_checker
@pytest.mark.parametrize("support", SUPPORTS)
@pytest.mark.parametrize(
    "spec",
    [{"name": "kl"}, {"name": "tv"}, {"name": "cvar", "beta": 0.5}, {"name": "renyi", "alpha": 2}],
)
def test_the_reachable_supremum_is_checked_where_lambda_and_kappa_are_zero(
    spec: dict[str, object], support: str, tmp_path: Path
) -> None:
    data = certificate(spec, "dro", support, epsilon=50, kappa=0)
    assert Fraction(data["upper"]["lambda"]) == 0
    assert verdict(data, tmp_path)[0] == 0
    for key, side in (("rho", "upper"), ("upper", "claim")):
        worse = copy.deepcopy(data)
        worse[side][key] = moved(worse[side][key], -Fraction(1, 10**6))
        assert verdict(worse, tmp_path)[0] == 1, key


def assert_tight(data: dict[str, Any], folder: Path) -> None:
    """Accepted as it is, refused when it claims more on either side."""
    assert verdict(data, folder)[0] == 0
    for side, sign in (("lower", 1), ("upper", -1)):
        worse = copy.deepcopy(data)
        worse["claim"][side] = moved(worse["claim"][side], sign * Fraction(1, 10**6))
        assert verdict(worse, folder)[0] == 1, side


ALONE = [[0, None, 1.0], [None, 0, None], [1.0, None, 0]]  # the second point reaches itself only


@needs_checker
@pytest.mark.parametrize("alpha", ["1/2", "2"])
@pytest.mark.parametrize("support", SUPPORTS)
def test_renyi_at_an_empty_ball_keeps_the_reference_exactly(support: str, alpha: str, tmp_path: Path) -> None:
    data = certificate({"name": "renyi", "alpha": alpha}, "dro", support, epsilon=0, kappa=0)
    assert verdict(data, tmp_path)[0] == 0
    plan = data["lower"]["plan"]
    plan[0][2], plan[1][2] = moved(plan[0][2], Fraction(1, 10**30)), moved(plan[1][2], -Fraction(1, 10**30))
    assert verdict(data, tmp_path)[0] == 1  # R(P||eta) > 0 = epsilon


@needs_checker
def test_renyi_below_one_drops_a_row_that_cannot_send(tmp_path: Path) -> None:
    spec: dict[str, object] = {"name": "renyi", "alpha": "1/2"}
    data = certificate(spec, "divergence", "reference", cost=ALONE, q=[0.5, 0, 0.5])
    assert data["lower"]["g"][1] == "-inf"
    assert_tight(data, tmp_path)
    data["instance"]["divergence"] = {"name": "renyi", "alpha": "2"}  # R = inf there; no finite price says so
    assert verdict(data, tmp_path)[0] == 1


@needs_checker
def test_renyi_in_the_whole_space_attains_the_boundary_of_rho(tmp_path: Path) -> None:
    data = certificate(
        {"name": "renyi", "alpha": 2},
        "dro",
        "space",
        epsilon=0.2,
        kappa=0,
        p=[0.5, 0.5, 0],
        phi=[0, 1, 5],
        cost=ALONE,
    )
    assert data["upper"]["rho"] == "5"
    assert_tight(data, tmp_path)
    data["upper"]["rho"] = "4.999"
    assert verdict(data, tmp_path)[0] == 1


@needs_checker
@pytest.mark.parametrize("alpha", ["0", "1", "-1/2"])
def test_renyi_of_a_foreign_order_is_refused(alpha: str, tmp_path: Path) -> None:
    data = certificate({"name": "renyi", "alpha": 2}, "divergence", "space")
    data["instance"]["divergence"]["alpha"] = alpha
    data["claim"] = {"lower": "-1000", "upper": "1000"}
    assert verdict(data, tmp_path)[0] == 1
    data["instance"]["divergence"]["alpha"] = "2"
    assert verdict(data, tmp_path)[0] == 0


def changes(data: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The certificate with one field changed at a time, in both directions where it is a number."""
    found: list[tuple[str, dict[str, Any]]] = []

    def walk(node: Any, path: tuple[Any, ...]) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                walk(value, (*path, key))
        elif isinstance(node, list) and not (path[-2:-1] == ("plan",) and len(node) == 3):
            for key, value in enumerate(node):
                walk(value, (*path, key))
        elif isinstance(node, list):
            walk(node[2], (*path, 2))
        elif (
            isinstance(node, str)
            and path[0] not in ("format", "kind")
            and path[-1] not in ("name", "support")
        ):
            if node in ("inf", "-inf"):
                return
            for sign in (1, -1):
                worse = copy.deepcopy(data)
                place: Any = worse
                for key in path[:-1]:
                    place = place[key]
                place[path[-1]] = moved(node, sign * Fraction(1, 10))
                found.append((f"{'.'.join(map(str, path))} {'+' if sign > 0 else '-'}", worse))

    walk(data, ())
    for name, other in (("name", "pearson"), ("support", "none")):
        worse = copy.deepcopy(data)
        if name == "name":
            worse["instance"]["divergence"] = {"name": other}
        else:
            worse["instance"]["support"] = other
        found.append((name, worse))
    return found


@needs_checker
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["divergence", "dro"])
@pytest.mark.parametrize("spec", SPECS, ids=lambda s: "-".join(map(str, s.values())))
@pytest.mark.parametrize("support", SUPPORTS)
def test_no_changed_field_passes_that_the_other_checker_refuses(
    spec: dict[str, object], support: str, kind: str, tmp_path: Path
) -> None:
    from verification.certificate.checker import check

    data = certificate(spec, kind, support)
    refused = set()
    for name, changed in changes(data):
        accepted = verdict(changed, tmp_path)[0] == 0
        assert accepted <= check(changed).accepted, name
        if not accepted:
            refused.add(name.split(" ")[0].split(".")[1] if "." in name else name)
    assert {"p", "cost", "support", "lower", "upper", "plan"} <= refused
    assert ({"q", "g"} if kind == "divergence" else {"phi", "epsilon", "kappa", "lambda"}) <= refused


@needs_checker
@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        ({"divergence": {"name": "none"}}, 2, "not covered"),
        ({"divergence": {"f": "t*log(t)"}}, 2, "not covered by the proved checker: a user's own f"),
        (
            {"divergence": {"name": "alpha", "alpha": "1e9999"}},
            2,
            "not covered by the proved checker: numbers beyond 2^1024",
        ),
        ({"p": ["1/2", "1/2", "1/2"]}, 2, "distribution"),
        ({"support": "both"}, 2, "support"),
        ({"q": ["0.2", "0.3", "x"]}, 2, "exact number"),
        ({"q": ["0.2", "0.3", "1e99999"]}, 2, "not an exact number"),
        ({"q": ["0.2", "0.3", "1" * 20000]}, 2, "too many digits"),
        ({"unknown é": 1}, 2, "unknown field unknown é"),
        ({"kappa": "-1/2"}, 1, "kappa is negative"),
    ],
)
def test_unfit_input_is_named(change: dict[str, object], code: int, word: str, tmp_path: Path) -> None:
    data = certificate({"name": "kl"}, "divergence", "reference")
    data["instance"] = {**data["instance"], **change}
    found, answer = verdict(data, tmp_path)
    assert found == code
    assert not answer["accepted"]
    assert word in answer["reason"]


@needs_checker
@pytest.mark.parametrize("kind", ["divergence", "dro"])
@pytest.mark.parametrize("size", ["1e40", "-1e40", "1e400", "1e9999", "1e99999", "-1e300", "1e-9999"])
def test_a_number_of_any_size_gets_a_sentence(size: str, kind: str, tmp_path: Path) -> None:
    data = certificate({"name": "kl"}, kind, "space")
    side, place = ("lower", "g") if kind == "divergence" else ("upper", "rho")
    data[side][place] = [size, size, size] if place == "g" else size
    begin = time.perf_counter()
    code, answer = verdict(data, tmp_path)
    assert time.perf_counter() - begin < 30
    assert code == (1 if answer["grade"] == "none" else 2)
    assert not answer["accepted"]
    assert answer["reason"]


@needs_checker
def test_a_certificate_nested_without_end_gets_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "deep.json"
    file.write_text("[" * 5_000_000)
    run = subprocess.run([str(CHECKER), str(file)], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert json.loads(run.stdout)["reason"]


@needs_checker
@pytest.mark.parametrize("kind", ["divergence", "dro"])
def test_claims_that_say_nothing_are_named_as_such(kind: str, tmp_path: Path) -> None:
    data = certificate({"name": "kl"}, kind, "space")
    assert verdict(data, tmp_path)[1]["reason"] == "both witnesses were evaluated by the proved checker"
    half = {**data, "claim": {**data["claim"], "lower": "-inf"}}
    assert verdict(half, tmp_path)[1]["reason"].startswith("the upper witness was evaluated")
    empty = {**data, "claim": {"lower": "-inf", "upper": "inf"}}
    code, answer = verdict(empty, tmp_path)
    assert code == 0
    assert "claim nothing" in answer["reason"]
    del empty["lower"]
    assert verdict(empty, tmp_path)[0] == 0
    for side, rubbish in (("lower", {"g": "rubbish"}), ("upper", ["rubbish"]), ("lower", {"plan": 1})):
        assert verdict({**empty, side: rubbish}, tmp_path)[0] == 2


@needs_checker
def test_a_negative_entry_of_the_plan_is_refused_even_where_the_sum_is_not(tmp_path: Path) -> None:
    data = certificate({"name": "kl"}, "divergence", "space")
    i, j, mass = data["upper"]["plan"][0]
    data["upper"]["plan"] += [[i, j, moved(mass, Fraction(1))], [i, j, moved(f"-{mass}", -Fraction(1))]]
    code, answer = verdict(data, tmp_path)
    assert code == 1
    assert "negative entry" in answer["reason"]


@needs_checker
def test_the_answer_names_all_that_is_trusted(tmp_path: Path) -> None:
    named = " ".join(verdict(certificate({"name": "kl"}, "dro", "space"), tmp_path)[1]["trusted"])
    for what in ("extraction", "OCaml", "zarith", "fast.ml", "main.ml"):
        assert what in named


@needs_checker
@pytest.mark.parametrize("spec", SPECS, ids=lambda s: "-".join(map(str, s.values())))
def test_a_row_that_reaches_no_priced_column_enters_with_minus_f_of_0(
    spec: dict[str, object], tmp_path: Path
) -> None:
    """T2's example: nothing leaves the second point, which Q does not charge: its price is -oo."""
    data = certificate(
        spec, "divergence", "reference", cost=[[0, None], [None, 0]], p=[0.5, 0.5], q=[1, 0], phi=[0, 0]
    )
    if data["claim"]["lower"] == "inf":  # f(0) is infinite, and so is the value
        assert verdict(data, tmp_path)[0] == 0
        data["lower"]["g"][1] = "0"  # the row reaches a priced column: no reason left
        assert verdict(data, tmp_path)[0] == 1
        return
    data["lower"]["g"][1] = "-inf"
    assert verdict(data, tmp_path)[0] == 0
    data["claim"]["lower"] = moved(data["claim"]["lower"], Fraction(1, 10**6))
    assert verdict(data, tmp_path)[0] == 1


APART = [[0, None, None], [None, 0, 0.5], [None, 0.5, 0]]  # the first point reaches itself only


def infinite(spec: dict[str, object], support: str) -> dict[str, Any]:
    """Q charges the first point, P does not: no mass gets there unless it is created."""
    return certificate(spec, "divergence", support, cost=APART, p=[0, 0.5, 0.5], q=[0.2, 0.3, 0.5])


@needs_checker
@pytest.mark.parametrize("spec", SPECS, ids=lambda s: "-".join(map(str, s.values())))
def test_a_ray_proves_an_infinite_divergence(spec: dict[str, object], tmp_path: Path) -> None:
    data = infinite(spec, "reference")
    assert data["claim"]["lower"] == "inf"
    assert "ray" in data["lower"]
    code, answer = verdict(data, tmp_path)
    assert (code, answer["grade"]) == (0, "formal")
    assert "the value is inf" in answer["reason"]
    flat = copy.deepcopy(data)
    flat["lower"]["ray"] = ["0", "0", "0"]
    other = copy.deepcopy(data)  # with a way there the value is finite
    other["instance"]["cost"][1][0] = "1"
    short = copy.deepcopy(data)
    short["lower"]["ray"].pop()
    missing = {key: value for key, value in data.items() if key != "lower"}
    assert [verdict(each, tmp_path)[0] for each in (flat, other, short, missing)] == [1, 1, 2, 1]


@needs_checker
@pytest.mark.parametrize("spec", SPECS, ids=lambda s: "-".join(map(str, s.values())))
def test_a_ray_leaves_out_mass_that_may_be_created(spec: dict[str, object], tmp_path: Path) -> None:
    """In mode "space" the same prices prove nothing where the recession slope is finite."""
    data = infinite(spec, "reference")
    data["instance"]["support"] = "space"
    created = infinite(spec, "space")["claim"]["lower"] != "inf"
    assert verdict(data, tmp_path)[0] == (1 if created else 0)


@needs_checker
@pytest.mark.parametrize("scale", ["1", "-1"])
def test_a_ray_of_cvar_counts_what_a_capped_row_can_earn(scale: str, tmp_path: Path) -> None:
    """Each of two points carries at most p/beta = 5/8 of the mass, and Q asks for 7/8 at the second."""
    spec: dict[str, object] = {"name": "cvar", "beta": 0.8}
    pair = {"cost": [[0, None], [None, 0]], "p": [0.5, 0.5], "phi": [0, 0]}
    data = certificate(spec, "divergence", "reference", q=[0.125, 0.875], **pair)
    assert data["claim"]["lower"] == "inf"
    assert verdict(data, tmp_path)[0] == 0
    data["lower"]["ray"] = [
        scale,
        f"{-int(scale)}",
    ]  # pays 6/8 at most for what may earn 5/8: only one sign does
    assert verdict(data, tmp_path)[0] == (1 if scale == "1" else 0)
    inside = certificate(spec, "divergence", "reference", q=[0.4, 0.6], **pair)
    assert inside["claim"]["lower"] != "inf"
    assert verdict({**inside, "claim": data["claim"], "lower": data["lower"]}, tmp_path)[0] == 1


@needs_checker
@pytest.mark.parametrize("support", SUPPORTS)
@pytest.mark.parametrize("spec", SPECS, ids=lambda s: "-".join(map(str, s.values())))
def test_a_constant_price_proves_an_empty_ball(spec: dict[str, object], support: str, tmp_path: Path) -> None:
    """Every column is at least 2 away from every row, and the budget is a tenth."""
    far = [[2, 3], [None, 2.5]]
    data = certificate(spec, "dro", support, epsilon=0.1, cost=far, p=[0.5, 0.5], q=[0.5, 0.5], phi=[1, 2])
    if data["claim"]["upper"] != "-inf":
        assert support == "space"  # creating mass at the columns is cheap enough
        return
    assert "constant" in data["upper"]
    code, answer = verdict(data, tmp_path)
    assert (code, answer["grade"]) == (0, "formal")
    assert "the value is -inf" in answer["reason"]
    for field, value in (("epsilon", "50"), ("cost", [["0", "3"], ["0", "2.5"]])):
        worse = copy.deepcopy(data)
        worse["instance"][field] = value
        assert verdict(worse, tmp_path)[0] == 1, field
    worse = copy.deepcopy(data)
    worse["upper"]["constant"] = "-1000"
    assert verdict(worse, tmp_path)[0] == 1


@needs_checker
@pytest.mark.parametrize("upper", [f"{2**1024 + 1}/1", "0" * 5000 + "1/1"])
def test_an_accepted_end_beyond_what_python_reads_is_printed_as_it_stands(
    upper: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = certificate({"name": "kl"}, "divergence", "space")
    file = tmp_path / "wide.json"
    file.write_text(json.dumps({**data, "claim": {**data["claim"], "upper": upper}}))
    assert main(["check", "--formal", str(file)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("accepted: D^c(Q||P) lies in [")
    assert upper in printed
    assert "theorem: certificate_sound (" in printed


@needs_checker
def test_different_points_are_named_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = certificate({"name": "kl"}, "dro", "space")
    cost = copy.deepcopy(data["instance"]["cost"])
    assert main(["check", "--formal", "--json", str(_written(data, tmp_path))]) == 0
    assert json.loads(capsys.readouterr().out)["theorem"].startswith("certificate_sound (")
    cost[0][0] = "0.125"
    apart = {**data, "instance": {**data["instance"], "cost": cost}}
    apart["claim"] = {"lower": "-inf", "upper": "inf"}
    assert main(["check", "--formal", "--json", str(_written(apart, tmp_path))]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["theorem"].startswith("certificate_sound_joined")
    assert (answer["kind"], answer["lower"], answer["upper"]) == ("dro", "-inf", "inf")


def _written(data: dict[str, Any], folder: Path) -> Path:
    file = folder / "certificate.json"
    file.write_text(json.dumps(data))
    return file
