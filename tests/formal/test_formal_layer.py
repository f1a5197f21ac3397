"""The formal layer: no holes, a true list of theorems, and a checker that refuses what is wrong."""

import copy
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from verification.matrix import formal_layer
from verification.matrix.cells import SkipCell

FORMAL = Path(__file__).resolve().parents[2] / "theory" / "formal"
CHECKER = FORMAL / "build" / "armor-formal"
needs_coq = pytest.mark.skipif(shutil.which("coqc") is None, reason="Coq is not installed")
needs_checker = pytest.mark.skipif(
    not CHECKER.exists(), reason="the formal checker is not built (make formal)"
)


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("formal_assumptions", FORMAL / "assumptions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def listed() -> list[dict[str, Any]]:
    theorems: list[dict[str, Any]] = json.loads((FORMAL / "theorems.json").read_text(encoding="utf-8"))
    return theorems


@pytest.mark.parametrize("source", sorted(FORMAL.glob("*.v")), ids=lambda p: p.name)
def test_no_source_admits_anything(source: Path) -> None:
    assert script().holes(source.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "Admitted.",
        "Axiom x : False.",
        "Parameter y : nat.",
        "Proof. admit. Abort.",
        "Hypothesis x : False.",
        "Section S. Variable z : nat.\nEnd S.\nVariables x y : nat.",
    ],
)
def test_holes_are_seen(line: str) -> None:
    assert script().holes(f"(* idea *)\nLemma a : True.\n{line}\n")


def test_words_in_comments_are_no_holes() -> None:
    assert script().holes("(* nothing is Admitted, no Axiom *) Lemma a : True. Proof. exact I. Qed.") == []


def test_a_hypothesis_inside_a_section_is_no_hole() -> None:
    assert script().holes("Section S.\nSection T.\nEnd T.\nHypothesis x : True.\nEnd S.\n") == []


def test_arguments_of_a_type_are_counted() -> None:
    count = script().binders
    assert count("fenchel") == 0
    assert count("forall a : R, fenchel") == 1
    assert count("forall (a b : R) (_ : not (@eq R a b)) (c : forall x : R, R), forall z : R, fenchel") == 5


def test_a_changed_definition_is_seen_and_fails_every_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = script()
    recorded = json.loads((FORMAL / "definitions.json").read_text(encoding="utf-8"))
    weaker = {**recorded, "Definitions.prob": {**recorded["Definitions.prob"], "digest": "0"}}
    assert tool.weakened(recorded, recorded) == []
    assert tool.weakened(recorded, weaker) == ["Definitions.prob"]
    assert tool.weakened({}, {"Definitions.prob": {}}) == tool.weakened({"Definitions.prob": {}}, {})
    folder = _library(tmp_path)
    shutil.copy(FORMAL / "assumptions.py", folder)
    shutil.copy(FORMAL / "definitions.json", folder)
    (folder / "M.vo").write_bytes(b"compiled")
    monkeypatch.setattr(formal_layer, "_folder", lambda: folder)
    for meant, wrong in (
        (recorded, ()),
        (weaker, ("Definitions.prob is not as recorded in definitions.json",)),
    ):
        tool.keep([], meant, folder)
        assert formal_layer._answers.__wrapped__()[2] == wrong


def test_the_definitions_of_the_statements_are_recorded() -> None:
    recorded = json.loads((FORMAL / "definitions.json").read_text(encoding="utf-8"))
    for name in ("prob", "ffun", "Df", "C", "Dc", "program", "Lambda", "DRO", "conjugate", "recession"):
        assert f"Definitions.{name}" in recorded
    for name in (
        "Checker.check_lower",
        "FenchelYoung.divergence",
        "Catalogue.kl",
        "Prelude.Inf",
        "Renyi.renyi",
    ):
        assert name in recorded
    assert all(set(each) == {"text", "digest"} and each["text"] for each in recorded.values())


@pytest.mark.slow
@needs_coq
def test_a_weaker_definition_changes_the_record(tmp_path: Path) -> None:
    for source in [*FORMAL.glob("*.v"), FORMAL / "assumptions.py"]:
        shutil.copy(source, tmp_path)
    text = (tmp_path / "Definitions.v").read_text(encoding="utf-8")
    right = "(forall x, 0 <= p x) /\\ sum p = 1."
    assert text.count(right) == 1
    found = []
    for statement in (right, right.replace("sum p = 1", "sum p <= 1")):
        (tmp_path / "Definitions.v").write_text(text.replace(right, statement), encoding="utf-8")
        for name in ("Prelude", "Definitions"):
            command = ["coqc", "-Q", ".", "ArmorD", "-w", "none", f"{name}.v"]
            subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        code = (
            "import json, sys, assumptions; t = [{'module': 'Definitions', 'theorem': 'Dc'}];"
            "assumptions.DATA.pop('FenchelYoung.fenchel'); print(json.dumps(assumptions.definitions(t)))"
        )
        run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=True)
        found.append(json.loads(run.stdout))
    assert "Definitions.prob" in found[0]
    assert script().weakened(*found) == ["Definitions.prob"]


@pytest.mark.parametrize("entry", listed(), ids=lambda e: e["theorem"])
def test_every_listed_theorem_is_stated_in_its_file(entry: dict[str, Any]) -> None:
    source = (FORMAL / f"{entry['module']}.v").read_text(encoding="utf-8")
    pattern = rf"^(Theorem|Lemma|Corollary) {re.escape(entry['theorem'])}\b"
    assert re.search(pattern, source, re.MULTILINE)


@pytest.mark.parametrize("entry", listed(), ids=lambda e: e["theorem"])
def test_the_record_is_complete_and_allowed(entry: dict[str, Any]) -> None:
    tool = script()
    assert set(entry) == {*tool.WRITTEN, *tool.ASKED}
    assert entry["coq"] == tool.stated((FORMAL / f"{entry['module']}.v").read_text("utf-8"), entry["theorem"])
    assert entry["coq"]
    assert set(entry["assumptions"]) <= tool.ALLOWED
    assert entry["hypotheses"] == tool.premises(entry["type"])


def test_premises_are_what_stands_before_an_arrow() -> None:
    premises = script().premises
    assert premises("forall (X : T) [p : X -> R], prob p -> (0 < e -> A) -> forall q, prob q -> B /\\ C") == [
        "prob p",
        "(0 < e -> A)",
        "prob q",
    ]
    assert premises("A -> B <-> C -> D") == ["A"]
    assert premises("exists x, P x -> Q") == []


def test_a_missing_theorem_and_a_changed_hypothesis_are_seen() -> None:
    tool = script()
    entry = listed()[0]
    assert tool.differences(entry, entry) == []
    assert tool.differences(entry, {**entry, "hypotheses": entry["hypotheses"][1:]}) == ["hypotheses"]
    assert tool.differences(entry, {**entry, "assumptions": [*entry["assumptions"], "mine"]}) == [
        "assumptions"
    ]
    if shutil.which("coqtop") is None or not (FORMAL / "Theorems.vo").exists():
        pytest.skip("Coq is not installed, or the proofs are not compiled (make formal)")
    (answer,) = tool.ask([{**entry, "theorem": "T1_which_nobody_proved"}])
    assert "error" in answer


def _library(folder: Path) -> Path:
    (folder / "theorems.json").write_text('[{"module": "M", "theorem": "t", "statement": "T1"}]')
    (folder / "M.v").write_text("Theorem t : True. exact I. Qed.")
    return folder


def test_answers_are_read_only_for_the_library_that_gave_them(tmp_path: Path) -> None:
    tool = script()
    kept = tool.kept
    folder = _library(tmp_path)
    with pytest.raises(ValueError, match="not compiled: make formal"):
        kept(folder)
    (folder / "M.vo").write_bytes(b"compiled")
    with pytest.raises(ValueError, match="nobody asked Coq about these proofs yet"):
        kept(folder)
    answers = [{"theorem": "t", "assumptions": []}]
    tool.keep(answers, {"M.d": {"text": "d = 1", "digest": "0"}}, folder)
    assert kept(folder) == (answers, {"M.d": {"text": "d = 1", "digest": "0"}})
    assert [path.name for path in (folder / "build").iterdir()] == ["answers.json"]
    (folder / "M.vo").write_bytes(b"compiled otherwise")
    with pytest.raises(ValueError, match="nobody asked Coq about these proofs yet"):
        kept(folder)
    os.utime(folder / "M.vo", (1, 1))
    with pytest.raises(ValueError, match=r"older than M\.v"):
        kept(folder)


def test_the_matrix_skips_proofs_that_are_not_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _library(tmp_path)
    shutil.copy(FORMAL / "assumptions.py", folder)
    monkeypatch.setattr(formal_layer, "_folder", lambda: folder)
    ask = formal_layer._answers.__wrapped__
    with pytest.raises(SkipCell, match="not compiled: make formal"):
        ask()
    (folder / "M.vo").write_bytes(b"compiled")
    script().keep([{"module": "M", "theorem": "t", "assumptions": ["mine"]}], {}, folder)
    table, wrong, holes = ask()
    assert set(table) == set(wrong) == {"ArmorD.M.t"}
    assert holes == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hypotheses", ["convenient", "prob p"]),
        ("type", "True"),
        ("coq", "Theorem t : True."),
        ("assumptions", ["Classical_Prop.classic"]),
    ],
)
def test_a_theorem_that_differs_from_the_record_fails_its_cell(
    field: str, value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from theory.evidence import Outcome
    from verification.matrix.cells import NONE, Cell
    from verification.matrix.runner import execute

    name = "T8_strong_duality"
    (entry,) = [each for each in listed() if each["theorem"] == name]
    others = [each for each in listed() if each["statement"] == "T8" and each["theorem"] != name]
    folder = _library(tmp_path)
    shutil.copy(FORMAL / "assumptions.py", folder)
    (folder / "theorems.json").write_text(json.dumps([entry, *others]))
    for module in {each["module"] for each in (entry, *others)}:
        (folder / f"{module}.v").write_text("")
        (folder / f"{module}.vo").write_bytes(b"compiled")
    monkeypatch.setattr(formal_layer, "_folder", lambda: folder)
    monkeypatch.setattr(formal_layer, "_answers", formal_layer._answers.__wrapped__)
    cell = Cell("T8", "kl", NONE, NONE, NONE, "formal")
    for answer, outcome in ((entry, Outcome.HOLDS), ({**entry, field: value}, Outcome.FAILS)):
        script().keep([answer, *others], {}, folder)
        result = execute(cell, 0, "quick")
        assert result.outcome is outcome
    assert field in result.claim
    assert name in result.claim


def test_a_cell_says_which_part_is_machine_checked_and_grades_a_user_f_as_theory_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from theory.evidence import Grade
    from verification.matrix.cells import NONE, Cell
    from verification.matrix.runner import execute

    table = {f"ArmorD.{each['module']}.{each['theorem']}": each for each in listed()}
    monkeypatch.setattr(formal_layer, "_answers", lambda: (table, {}, ()))
    in_part = execute(Cell("T22", "kl", NONE, NONE, NONE, "formal"), 0, "quick")
    assert in_part.grade is Grade.FORMAL
    assert in_part.note.startswith("the identity in κ and")
    assert in_part.note in in_part.claim or "no source admits" in in_part.claim
    whole = execute(Cell("T7", "kl", NONE, NONE, NONE, "formal"), 0, "quick")
    assert (whole.grade, whole.note) == (Grade.FORMAL, "")
    own = execute(Cell("T7", "user", NONE, NONE, NONE, "formal"), 0, "quick", "t*log(t)")
    assert own.grade is Grade.PROVED
    assert "every closed convex f" in own.note
    assert list(own.numbers["steps"]) == ["proved"]


def test_every_statement_names_listed_theorems() -> None:
    from theory.statement import statement, statements

    known = {f"ArmorD.{e['module']}.{e['theorem']}" for e in listed()}
    for name in statements():
        assert set(statement(name).formal) <= known, name


def test_assumptions_are_read_from_the_answer_of_coq() -> None:
    answer = "Axioms:\nClassical_Prop.classic : forall P : Prop, P \\/ ~ P\nmine : False\n"
    assert script().assumed(answer) == {"Classical_Prop.classic", "mine"}
    assert script().assumed("Closed under the global context\n") == set()


@pytest.mark.slow
@needs_coq
def test_every_theorem_assumes_only_what_is_allowed() -> None:
    subprocess.run(["make", "-C", str(FORMAL), "all"], check=True, capture_output=True)
    assert script().main([]) == 0
    assert len(script().kept()[0]) == len(listed())


@pytest.mark.slow
@needs_coq
def test_a_conjugate_with_a_flipped_sign_does_not_compile(tmp_path: Path) -> None:
    for source in FORMAL.glob("*.v"):
        shutil.copy(source, tmp_path)
    flags = ["-Q", ".", "ArmorD", "-w", "none"]
    for name in ("Prelude", "Definitions", "Basics", "FenchelYoung"):
        subprocess.run(["coqc", *flags, f"{name}.v"], cwd=tmp_path, check=True, capture_output=True)
    wrong = (tmp_path / "Catalogue.v").read_text(encoding="utf-8")
    assert wrong.count("(fun y => -1 - ln (- y))") == 1
    (tmp_path / "Catalogue.v").write_text(
        wrong.replace("(fun y => -1 - ln (- y))", "(fun y => -1 + ln (- y))"), encoding="utf-8"
    )
    assert subprocess.run(["coqc", *flags, "Catalogue.v"], cwd=tmp_path, capture_output=True).returncode != 0


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
        assert verdict(data, tmp_path)[0] == 2
        return
    data["lower"]["g"][1] = "-inf"
    assert verdict(data, tmp_path)[0] == 0
    data["claim"]["lower"] = moved(data["claim"]["lower"], Fraction(1, 10**6))
    assert verdict(data, tmp_path)[0] == 1
