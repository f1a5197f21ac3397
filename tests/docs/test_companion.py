"""The site's own machinery: golden pages, scripts, stale recordings, the paper map, links."""

import re
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs"))

from companion import coq, costs, derivations, papermap, scripts, site, supplement, text  # noqa: E402

from theory.statement import statements  # noqa: E402


def test_a_changed_formula_stops_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """T8's formula with a flipped sign: the derivation of KL no longer is the committed page."""
    import theory.statements.t08_dro_kl as t08
    from theory.derivation import Formula
    from theory.documents import members

    wrong = t08.STATEMENT.formula.latex.replace(r"\lambda\varepsilon +", r"\lambda\varepsilon -")
    assert wrong != t08.STATEMENT.formula.latex
    changed = type(t08.STATEMENT)(**{**vars(t08.STATEMENT), "formula": Formula(wrong)})
    monkeypatch.setattr("theory.documents.members", lambda: {"kl": members()["kl"]})
    monkeypatch.setattr(derivations, "_sources", lambda: "test")
    monkeypatch.setattr("joblib.Parallel", lambda **_: lambda tasks: [f(*a, **k) for f, a, k in tasks])
    assert set(derivations.documents(tmp_path / "as_it_is")) == {"kl"}
    monkeypatch.setattr(t08, "STATEMENT", changed)
    with pytest.raises(SystemExit, match=r"docs/derivations/kl\.md is not what the code derives"):
        derivations.documents(tmp_path / "changed")


def test_every_statement_has_a_worked_instance() -> None:
    for name in statements():
        file = ROOT / "docs" / "worked" / f"t{int(name[1:]):02d}.py"
        found = scripts.cells(file.read_text(encoding="utf-8"))
        assert found[0].title == "An instance to redo by hand", file
        assert len(found) >= 2, f"{file.name} shows no dropped hypothesis"
        assert all(cell.code and cell.prose for cell in found), file


@pytest.mark.parametrize("name", ["t02", "t08", "t11", "t18"])
def test_worked_instances_run(name: str) -> None:
    file = ROOT / "docs" / "worked" / f"{name}.py"
    _, seconds, found = scripts._run(name, file.read_text(encoding="utf-8"))
    assert seconds < scripts.LIMIT
    assert all(cell["output"] for cell in found)


def test_a_script_that_fails_stops_the_build() -> None:
    with pytest.raises(SystemExit, match="cell 2 raised AssertionError"):
        scripts._run("bad", "\n# %% One\n# Text\nx = 1\n\n# %% Two\n# Text\nassert x == 2\n")


def test_the_stopwatch_counts_no_waiting() -> None:
    watch = scripts.Stopwatch()
    time.sleep(0.5)
    assert watch.seconds < 0.4
    begin = time.process_time()
    while time.process_time() - begin < 0.2:
        pass
    assert watch.seconds >= 0.15


def test_cells_keep_prose_and_code_apart() -> None:
    first, second = scripts.cells(
        '"""Doc."""\n\n# %% Title\n# Prose $x$.\n# More.\nx = 1\n\n# %%\nprint(x)\n'
    )
    assert (first.title, first.prose, first.code) == ("Title", "Prose $x$.\nMore.", "x = 1")
    assert (second.title, second.code) == ("", "print(x)")


def test_the_paper_map_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    papermap._map.cache_clear()
    assert papermap.place("T6") == "number not known here"
    monkeypatch.setattr(papermap, "DOCS", tmp_path)
    for content, shown in (
        ('T6 = { theorem = "Theorem 3", page = 9 }', "Theorem 3, page 9"),
        ("T99 = {}", None),
        ('T6 = { page = "nine" }', None),
    ):
        (tmp_path / "paper_map.toml").write_text(content, encoding="utf-8")
        papermap._map.cache_clear()
        if shown is None:
            with pytest.raises(SystemExit, match=r"paper_map\.toml"):
                papermap.place("T6")
        else:
            assert papermap.place("T6") == shown
    papermap._map.cache_clear()


def test_theorems_are_quoted_from_their_source() -> None:
    entry = next(entry for entry in coq.theorems() if entry["theorem"] == "T8_strong_duality")
    quoted = coq.text_of(entry)
    assert quoted.startswith("Theorem T8_strong_duality")
    assert "Proof" not in quoted


def test_the_site_check_finds_faults(tmp_path: Path) -> None:
    good = (
        '<html><body><img src="a.png" alt="what it shows exactly"><a href="b.html#here">b</a></body></html>'
    )
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.html").write_text('<p id="here"></p>', encoding="utf-8")
    page = tmp_path / "index.html"
    page.write_text(good, encoding="utf-8")
    site.check(tmp_path)
    for fault, message in (
        ('<script src="https://example.org/x.js"></script>', "fetches https://example.org/x.js"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "fetches //example.org/x.css"),
        ('<img src="a.png">', "no text that says what it shows"),
        ('<img src="a.png" alt="">', "no text that says what it shows"),
        ('<img src="a.png" alt="accuracies">', "no text that says what it shows"),
        ('<img src="sphx_glr_a_thumb.png" alt="">', "no text that says what it shows"),
        (
            '<img src="tutorial_2_coverage_001.png" alt="tutorial 2 coverage 001">',
            "no text that says what it shows",
        ),
        ('<object data="a.png"></object>', "no text that says what it shows"),
        ('<a href="missing.html">x</a>', "leads nowhere"),
        ('<a href="b.html#there">x</a>', "no place 'there'"),
        ('<span class="katex-error"></span>', "did not render"),
        ("<p>[here](generated/formal.md)</p>", "is markup that was not read"),
        (r"<a>c-transform, \varphi^c_\lambda</a>", "is markup that was not read"),
        (r"<strong>counterexample for $\alpha > 1$</strong>", "is markup that was not read"),
    ):
        page.write_text(good.replace("</body>", fault + "</body>"), encoding="utf-8")
        with pytest.raises(SystemExit, match=message.replace("/", r"\/").replace(".", r"\.")):
            site.check(tmp_path)


def test_the_site_check_leaves_code_alone(tmp_path: Path) -> None:
    quoted = r"<pre>$\alpha$</pre><p>as <code>[a](b)</code></p><annotation>\varphi</annotation>"
    (tmp_path / "index.html").write_text(f"<html><body>{quoted}</body></html>", encoding="utf-8")
    site.check(tmp_path)


def test_words_in_formulas_break_in_the_supplement() -> None:
    assert (
        supplement._prose(r"for $\text{the barrier, } q \ge 3$: no") == r"for the barrier, ${} q \ge 3$: no"
    )
    assert supplement._prose(r"$\frac{\text{a}}{b}$") == r"$\frac{\text{a}}{b}$"


def test_every_statement_is_covered_by_coq_or_said_not_to_be() -> None:
    page = (ROOT / "docs" / "formal.md").read_text(encoding="utf-8")
    section = page.partition("## What is covered")[2].partition("The whole table")[0]
    covered, found, missing = section.partition("*Not* covered:")
    assert found

    def named(words: str) -> set[int]:
        spans = re.findall(r"\bT(\d+)(?: to T(\d+))?", words)
        return {k for first, last in spans for k in range(int(first), int(last or first) + 1)}

    proved = {int(e["statement"][1:]) for e in coq.theorems() if re.fullmatch(r"T\d+", e["statement"])}
    every = {int(name[1:]) for name in statements()}
    assert named(covered) == proved
    assert every - proved <= named(missing)
    assert named(covered) | named(missing) == every


def test_the_caption_of_the_costs_has_the_numbers_of_the_picture() -> None:
    caption = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
    square, slope = float(costs.SLOPE @ costs.SLOPE), float(costs.SLOPE @ costs.SLOPE) ** 0.5
    assert rf"$\sqrt{{{square:.2f}}}\approx{slope:.2f}$" in caption
    assert f"by ${1 / (2 * costs.BEND):g}({slope:.2f}-\\mu)$" in caption
    assert "a third for $\\mu=1$" in caption
    assert abs((slope - 1) / (2 * costs.BEND) - 1 / 3) < 0.01


def test_words_and_formulas_survive_markdown() -> None:
    assert text.prose("``a_b'' and $|x|$ -- $\\|y\\|$") == "“a\\_b” and $\\vert x\\vert $ – $\\Vert y\\Vert $"
    assert text.table(["a"], [["b"]]) == "| a |\n| --- |\n| b |\n"
