"""The formal layer: no holes, and a true record of theorems, definitions and what covers what."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from verification.matrix import formal_layer
from verification.matrix.cells import SkipCell

FORMAL = Path(__file__).resolve().parents[2] / "theory" / "formal"
needs_coq = pytest.mark.skipif(shutil.which("coqc") is None, reason="Coq is not installed")


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
        "Local Hypothesis x : False.",
        "#[local] Hypothesis x : False.",
        "Declare Module M : T.",
        'Definition s := "(*".\nAdmitted.\nDefinition t := "*)".',
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


@pytest.mark.parametrize("module", sorted({e["module"] for e in listed()}))
def test_a_source_lists_its_theorems_at_its_top_with_what_they_say(module: str) -> None:
    source = (FORMAL / f"{module}.v").read_text(encoding="utf-8")
    stated = re.findall(r"^(?:Theorem|Lemma|Corollary) ([\w']+)", source, re.MULTILINE)
    says = {e["theorem"]: e["says"].replace('"', "'") for e in listed() if e["module"] == module}
    head = source[: source.index("\nFrom ")]
    (block,) = re.findall(r"^\(\*\* Theorems:\n(.*?) \*\)$", head, re.DOTALL | re.MULTILINE)
    found = {
        name: " ".join(text.split())
        for name, text in re.findall(r"- \[([\w']+)\]: ([^\0]*?)(?=\n    - |\Z)", block)
    }
    assert found == says
    assert list(found) == [name for name in stated if name in says]


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
    in_part = execute(Cell("T14", "kl", NONE, NONE, NONE, "formal"), 0, "quick")
    assert in_part.grade is Grade.FORMAL
    assert in_part.note.startswith("convexity in Q")
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
