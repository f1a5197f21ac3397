"""Every derivation holds, equals its golden page, and is graded honestly."""

import json
import re
from collections import Counter
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
import sympy as sp

from theory.catalogue import divergence
from theory.checks import claims, identities
from theory.costs import stationary
from theory.derivation import Derivation, Finding, Formula, Step
from theory.documents import MEMBERS, by_statement, members, page, row, table
from theory.evidence import Grade, Outcome
from theory.finite import Finite
from theory.render import render
from theory.statement import CORE, derive, statement, statements
from theory.statements.t03_reweighting import conjugate_check, corners
from theory.statements.t09_dro_alpha import closed_value, least_of_two_powers
from theory.symbols import t

_ROOT = Path(__file__).resolve().parents[2]
_DOCS = _ROOT / "docs" / "derivations"
_COMMAND = "regenerate with `python -m theory.documents docs/derivations`"


@pytest.mark.parametrize("name", MEMBERS)
def test_pages_hold_and_equal_their_golden_files(name: str) -> None:
    text, derivations = page(name)
    for item in derivations:
        for result in item.run_checks():
            assert result.outcome is Outcome.HOLDS, f"{item.statement} step {result.number}: {result.detail}"
    assert text == (_DOCS / f"{name}.md").read_text(encoding="utf-8"), _COMMAND
    line = table([row(name, derivations)]).splitlines()[-1]
    assert line in (_DOCS / "README.md").read_text(encoding="utf-8"), _COMMAND


def test_the_table_by_statement_counts_the_steps_of_the_golden_pages() -> None:
    found: dict[str, Counter[str]] = {}
    pages: Counter[str] = Counter()
    for name in members():
        text = (_DOCS / f"{name}.md").read_text(encoding="utf-8")
        for part in re.split(r"^## (?=T\d+ )", text, flags=re.MULTILINE)[1:]:
            number = part.split()[0]
            if number == "T5" and number in found:
                continue
            pages[number] += 1
            grades = re.findall(r"^\d+\. \*\*.*?\*\* — \*(\w+)\*", part, flags=re.MULTILINE)
            found.setdefault(number, Counter()).update(grades)
    readme = (_DOCS / "README.md").read_text(encoding="utf-8")
    for number, grades in found.items():
        cells = [number, *(grades[grade.value] for grade in Grade), grades.total(), pages[number]]
        assert f"| {' | '.join(map(str, cells))} |\n" in readme, _COMMAND
    total = sum(found.values(), Counter[str]())
    cells = ["all", *(total[grade.value] for grade in Grade), total.total()]
    assert f"| {' | '.join(map(str, cells))} |" in readme, _COMMAND


@pytest.mark.slow
def test_the_table_by_statement_is_the_one_in_the_documents() -> None:
    pages = [derive(spec) for spec in members().values()]
    assert by_statement(pages) in (_DOCS / "README.md").read_text(encoding="utf-8"), _COMMAND


def test_all_twenty_nine_statements_are_data() -> None:
    assert list(statements()) == [f"T{n}" for n in range(1, 30)]
    for name in statements():
        found = statement(name)
        assert found.id == name
        assert found.title
        assert found.hypotheses
        assert found.formula.latex
        assert found.source


def test_each_statement_applies_somewhere_and_says_why_where_it_does_not() -> None:
    applied = set()
    for spec in ("kl", "tv", {"name": "alpha", "alpha": 2.5}, {"name": "renyi", "alpha": 0.5}):
        for item in derive(spec):
            if item.not_applicable:
                assert item.outcome is Outcome.NOT_APPLICABLE
                assert not item.steps
            else:
                applied.add(item.statement)
    assert applied == set(statements())


def test_cited_steps_name_their_theorem_and_hypotheses() -> None:
    for item in derive("kl"):
        for step in item.steps:
            assert (step.grade is Grade.CITED) == bool(step.reference), (item.statement, step.rule)
            assert (step.grade is Grade.CITED) == bool(step.hypotheses), (item.statement, step.rule)


def _single(grade: Grade, finding: Finding) -> Derivation:
    step = Step("", Formula(""), "rule", grade, lambda: finding, "reference" if grade is Grade.CITED else "")
    return Derivation("T0", "", "", (), Formula(""), "", (step,))


def test_a_step_is_never_graded_better_than_its_check() -> None:
    weak = _single(Grade.PROVED, Finding(Outcome.HOLDS, Grade.SAMPLED))
    assert weak.run_checks()[0].grade is Grade.SAMPLED
    modest = _single(Grade.SAMPLED, Finding(Outcome.HOLDS, Grade.PROVED))
    assert modest.run_checks()[0].grade is Grade.SAMPLED


def test_a_cited_theorem_stays_cited_however_its_instance_fares() -> None:
    cited = _single(Grade.CITED, Finding(Outcome.HOLDS, Grade.PROVED))
    assert cited.run_checks()[0].grade is Grade.CITED
    assert cited.run_checks()[0].instance is Grade.PROVED


def test_failing_and_undecided_checks_show_in_the_outcome() -> None:
    assert _single(Grade.PROVED, identities((t, t + 1), points=[{t: 2}])).outcome is Outcome.FAILS
    assert _single(Grade.PROVED, claims({"no": False})).outcome is Outcome.FAILS
    assert _single(Grade.PROVED, Finding(Outcome.VACUOUS, Grade.PROVED)).outcome is Outcome.VACUOUS


def test_identities_refute_and_prove() -> None:
    assert identities(((t + 1) ** 2, t**2 + 2 * t + 1)).outcome is Outcome.HOLDS
    assert identities((t**2, t**2 + 1)).outcome is not Outcome.HOLDS


def test_a_least_value_of_two_powers_is_proved_and_its_mutants_refuted() -> None:
    k, m = sp.symbols("k m", positive=True)
    # k x + m/x is least at sqrt(m/k), where it is 2 sqrt(k m)
    best, value = sp.sqrt(m / k), 2 * sp.sqrt(k * m)
    assert least_of_two_powers(k, m, sp.Integer(-1), best, value).outcome is Outcome.HOLDS
    assert least_of_two_powers(k, m, sp.Integer(-1), best, value / 2).outcome is Outcome.FAILS
    assert least_of_two_powers(k, m, sp.Integer(-1), best, -value).outcome is Outcome.FAILS
    assert least_of_two_powers(k, m, sp.Integer(-1), 2 * best, value).outcome is Outcome.FAILS
    assert (
        least_of_two_powers(k, -m, sp.Integer(-1), best, value).outcome is Outcome.FAILS
    )  # no stationary point
    assert least_of_two_powers(-k, -m, sp.Integer(-1), best, -value).outcome is Outcome.FAILS  # a maximum


@pytest.mark.parametrize(
    "spec",
    ["tv", "none", "pearson", {"name": "cvar", "beta": "1/3"}, {"f": "Max(2*(t-1), 1-t, 3*t-4)"}],
)
def test_kinks_and_ends_are_conjugated_and_mutants_refuted(spec: object) -> None:
    """Each region with a constant maximiser: a wrong value, border, maximiser or recession slope fails."""
    d = divergence(spec)  # type: ignore[arg-type]
    assert conjugate_check(d).outcome is Outcome.HOLDS
    regions = list(d.regions)
    assert all(corners(d.pieces, regions, d.recession).values())
    other = sp.Integer(7) if d.recession == sp.oo else d.recession + 1
    assert not all(corners(d.pieces, regions, other).values())
    for k, r in enumerate(regions):
        if r.piece is not None:
            continue
        mutants = [replace(r, expr=sp.sympify(r.expr) + 1)]
        mutants.append(replace(r, lo=r.lo + 1 if r.lo.is_finite else sp.Integer(-9)))
        mutants.append(replace(r, hi=r.hi - sp.Rational(1, 100) if r.hi.is_finite else sp.Integer(9)))
        for mutant in mutants:
            changed = [*regions[:k], mutant, *regions[k + 1 :]]
            assert not all(corners(d.pieces, changed, d.recession).values()), mutant


@pytest.mark.parametrize("beta", ["1/100", "1/4", "3/10", "13/20", "9/10", "99/100"])
def test_cvar_is_the_mean_of_the_upper_tail(beta: str) -> None:
    item = derive({"name": "cvar", "beta": beta}, ["T3"])[0]
    assert item.outcome is Outcome.HOLDS, [r.detail for r in item.run_checks()]
    assert item.run_checks()[-1].grade is Grade.PROVED


_HARD = [[0.0 if i == j else inf for j in range(3)] for i in range(3)]
_LOSSES, _WEIGHTS = (0.2, 1.1, -0.3), (0.4, 0.25, 0.35)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.9])
def test_beyond_the_largest_radius_of_alpha_the_maximum_is_reached(alpha: float) -> None:
    """0 < alpha < 1: no law with density 0 somewhere costs more than 1/(alpha (1 - alpha)): (...)_+ is 0."""
    beyond = 3 / (alpha * (1 - alpha))
    assert closed_value(alpha, _LOSSES, _WEIGHTS, beyond) == pytest.approx(max(_LOSSES), abs=1e-9)
    space = Finite(divergence({"name": "alpha", "alpha": alpha}), _WEIGHTS)
    assert space.dro(_LOSSES, _HARD, beyond, 0.0).lower == pytest.approx(max(_LOSSES), abs=1e-6)


@pytest.mark.parametrize("alpha", [2.5, 0.5, -1.0])
@pytest.mark.parametrize("eps", [0.02, 0.1])
def test_the_printed_multiplier_of_alpha_is_that_of_the_solver(alpha: float, eps: float) -> None:
    found = Finite(divergence({"name": "alpha", "alpha": alpha}), _WEIGHTS).dro(_LOSSES, _HARD, eps, 0.0)
    power, radius = alpha / (alpha - 1), 1 + alpha * (alpha - 1) * eps
    # rho in the raw gauge is that of the one-variable form
    side = [found.rho - v if alpha < 1 else max(v - found.rho, 0.0) for v in _LOSSES]
    mean = sum(p * s**power for p, s in zip(_WEIGHTS, side, strict=True))
    above = (alpha - 1) * radius ** (-1 / power) * mean ** (1 / power)
    below = (1 - alpha) * radius ** ((1 - alpha) / alpha) * mean ** ((alpha - 1) / alpha)
    assert found.lam == pytest.approx(above if alpha > 1 else below, rel=1e-6)


def test_headlines_are_those_of_the_divergence() -> None:
    """T9's of the regime of alpha; T15 and T16 promise no limit that fails for an f affine around 1."""
    headlines = {a: derive({"name": "alpha", "alpha": a}, ["T9"])[0].formula.latex for a in (2, "1/2", -1)}
    assert len(set(headlines.values())) == 3
    for item in derive({"name": "cvar", "beta": "3/10"}, ["T15", "T16"]):
        assert r"\not\to" in item.formula.latex
        assert item.steps[-1].rule == "counterexample"
        assert item.run_checks()[-1].grade is Grade.BRACKETED
    for item in derive("kl", ["T15", "T16"]):
        assert r"\not" not in item.formula.latex


def test_a_stationary_point_counts_only_where_the_objective_is_concave_and_the_point_admissible() -> None:
    z, a, price = sp.symbols("z A L", positive=True)
    best, value = a / (2 * price), a**2 / (4 * price)
    holds = stationary(a * z - price * z**2, best, value)
    assert (holds.outcome, holds.grade) == (Outcome.HOLDS, Grade.PROVED)
    assert stationary(price * z**2 - a * z, best, -value).outcome is Outcome.FAILS  # a minimum
    assert (
        stationary(a * z - price * z**2, best, value, end=a).outcome is Outcome.FAILS
    )  # maybe beyond the end
    assert stationary(a * z - price * z**2, -best, value).outcome is not Outcome.HOLDS
    clamped, least, most = a * z - price * z - z**2 / 2, a - price, (a - price) ** 2 / 2
    assert stationary(clamped, least, most, over=price).outcome is Outcome.HOLDS
    assert stationary(clamped, least, most).outcome is Outcome.FAILS  # not for every A
    assert stationary(clamped, least, most, over=2 * price).outcome is Outcome.FAILS
    assert stationary(clamped, least, most, over=price / 2).outcome is Outcome.FAILS


def test_core_statements_exist() -> None:
    assert set(CORE) <= set(statements())


def _listed() -> dict[str, set[str]]:
    """Qualified names of the machine-checked theorems by statement, from the list of the formal layer."""
    found: dict[str, set[str]] = {}
    for entry in json.loads((_ROOT / "theory" / "formal" / "theorems.json").read_text(encoding="utf-8")):
        found.setdefault(entry["statement"], set()).add(f"ArmorD.{entry['module']}.{entry['theorem']}")
    return found


@pytest.mark.parametrize("name", [f"T{n}" for n in range(1, 30)])
def test_a_statement_names_exactly_its_machine_checked_theorems(name: str) -> None:
    assert set(statement(name).formal) == _listed().get(name, set())


def test_a_derivation_names_only_theorems_that_cover_its_divergence() -> None:
    def formal(spec: object, only: str) -> set[str]:
        return {name.rsplit(".", 1)[-1] for name in derive(spec, [only])[0].formal}  # type: ignore[arg-type]

    assert "T3_gibbs" in formal("kl", "T3")
    assert "T3_gibbs" not in formal("tv", "T3")
    assert "T3_strong_duality" in formal("tv", "T3")
    assert formal("none", "T3") == set()  # its f, finite at 1 alone, is no f of the Coq library
    assert formal("none", "T7") == set()
    one, quarter = {"name": "cvar", "beta": 1}, {"name": "cvar", "beta": "1/4"}
    assert formal(one, "T3") == {"T3_weak_duality"}
    assert formal(one, "T7") == {"T7_weak_duality", "T7_weak_duality_idle"}
    assert "T17_cvar_one" in formal(one, "T17")
    assert "T17_cvar_one" not in formal(quarter, "T17")
    assert "T18_strict" not in formal({"name": "cvar", "beta": "1/2"}, "T18")
    assert formal("pearson", "T28") == {"T28_scaling", "T28_pearson"}
    assert formal({"name": "renyi", "alpha": 2}, "T28") == {"T28_scaling", "T28_renyi_alpha"}
    assert formal({"name": "renyi", "alpha": 2}, "T10") == {
        "renyi_young",
        "T10_weak_duality",
        "T10_renyi_weak_duality",
        "T10_renyi_weak_duality_at_zero",
        "T10_renyi_plan_bound",
        "T10_strong_duality",
        "T10_renyi_strong_duality",
        "T10_weak_closed",
        "T10_infimum",
    }
    assert "T2_renyi_strong_duality" not in formal("kl", "T2")


STRICT = {"T18_strict", "T18_divergence_property", "T17_adversarial_training"}


@pytest.mark.parametrize("spec", ["kl", "js", {"name": "alpha", "alpha": 3}, {"name": "cvar", "beta": "1/2"}])
def test_strict_convexity_counts_where_it_is_proved_in_coq(spec: object) -> None:
    proved = {name.rsplit(".", 1)[-1] for name in statement("T18").formal}
    item = derive(spec, ["T18", "T17"])  # type: ignore[arg-type]
    named = {name.rsplit(".", 1)[-1] for each in item for name in each.formal}
    known = spec["name"] if isinstance(spec, dict) else spec
    assert named & STRICT == (STRICT if f"{known}_strict" in proved else set())
    assert {n for n in named if n.endswith("_strict")} - STRICT <= {f"{known}_strict"}


def test_a_user_f_has_no_better_grade_than_theory_gives_it() -> None:
    for text in ("t*log(t)", "(t-1)**2"):
        d = divergence({"f": text})
        for item in derive(d):
            if item.formal:
                assert item.formal_grade is d.check_hypotheses().grade
                assert item.formal_grade is not Grade.FORMAL
                assert "every closed convex $f$" in item.formal_scope


@pytest.mark.parametrize(
    ("spec", "only", "words"),
    [
        ("kl", "T22", ""),
        ("kl", "T14", "convexity in $Q$ only"),
        ({"name": "renyi", "alpha": 2}, "T10", "the form in $\\lambda$ and $\\rho$; not that"),
        ({"name": "renyi", "alpha": 2}, "T20", "shifting and scaling"),
        ("kl", "T20", ""),
        ({"name": "renyi", "alpha": 2}, "T18", "the counterexample"),
        ({"name": "cvar", "beta": 1}, "T7", "the weak direction only"),
        ("kl", "T7", ""),
        ("kl", "T2", ""),
    ],
)
def test_a_derivation_says_which_part_is_machine_checked(spec: object, only: str, words: str) -> None:
    (item,) = derive(spec, [only])  # type: ignore[arg-type]
    assert item.formal
    assert item.formal_grade is Grade.FORMAL
    assert item.formal_scope.startswith(words)
    assert bool(item.formal_scope) is bool(words)
    text = render(divergence("kl"), [item], "text")
    assert "machine-checked in Coq (" in text if words else "machine-checked in Coq: " in text


@pytest.mark.parametrize("alpha", ["1000", "1/1000", "999999/1000000", "1000001/1000000", "-1000"])
def test_the_dual_formulas_hold_at_the_ends_of_alpha(alpha: str) -> None:
    found = derive({"name": "alpha", "alpha": alpha}, CORE)
    assert {item.outcome for item in found} <= {Outcome.HOLDS, Outcome.NOT_APPLICABLE}


@pytest.mark.parametrize("alpha", ["1000", "1/1000", "999999/1000000", "1000001/1000000"])
def test_the_dual_formulas_hold_at_the_ends_of_renyi(alpha: str) -> None:
    found = derive({"name": "renyi", "alpha": alpha}, CORE)
    assert {item.outcome for item in found} <= {Outcome.HOLDS, Outcome.NOT_APPLICABLE}
