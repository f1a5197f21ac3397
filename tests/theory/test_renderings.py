"""Every rendering shows hypotheses first, then numbered steps with their grades; the LaTeX compiles."""

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from theory.catalogue import any_divergence
from theory.derivation import Derivation
from theory.errors import InputError
from theory.render import FORMATS, render
from theory.render.plain import escaped, plain, prose
from theory.statement import derive

_SPECS: dict[str, dict[str, object]] = {
    "kl": {"name": "kl"},
    "renyi": {"name": "renyi", "alpha": "5/2"},
    "no closed form": {"f": "(t-1)**2*(t+1)/t"},
}


@cache
def _derived(name: str) -> tuple[Derivation, ...]:
    return tuple(item for item in derive(_SPECS[name]) if not item.not_applicable)


@cache
def _rendered(name: str, form: str) -> str:
    return render(any_divergence(_SPECS[name]), _derived(name), form)


@pytest.mark.parametrize("form", ["text", "markdown", "latex"])
def test_hypotheses_come_before_numbered_graded_steps(form: str) -> None:
    text = _rendered("kl", form)
    head = {"text": "{id}  ", "markdown": "## {id} ", "latex": r"\section*{{{id} "}[form]
    starts = [text.index(head.format(id=item.statement)) for item in _derived("kl")]
    assert starts == sorted(starts)
    for item, start, end in zip(_derived("kl"), starts, [*starts[1:], len(text)], strict=True):
        section = text[start:end].lower()
        first = {"text": "  1. [", "markdown": "\n1. ", "latex": r"\begin{enumerate}"}[form]
        assert section.count("given: ") == len(item.hypotheses)
        assert section.rindex("given: ") < section.index(first)
        for result in item.run_checks():
            shown = {"text": f"{result.number}. [{result.grade.value}]", "markdown": f"\n{result.number}. **"}
            assert shown.get(form, rf"(\emph{{{result.grade.value}}}, ") in section
        if form == "latex":
            assert section.count("\n\\item \\textbf{") == len(item.steps)


def test_json_holds_the_whole_derivation() -> None:
    document = json.loads(_rendered("kl", "json"))
    assert document["divergence"]["name"] == "kl"
    for found, item in zip(document["derivations"], _derived("kl"), strict=True):
        assert found["statement"] == item.statement
        assert found["hypotheses"] == list(item.hypotheses)
        assert found["formal"] == list(item.formal)
        assert [s["number"] for s in found["steps"]] == list(range(1, len(item.steps) + 1))
        assert [s["grade"] for s in found["steps"]] == [r.grade.value for r in item.run_checks()]
        assert all(s["rule"] and s["formula"].keys() == {"latex", "text"} for s in found["steps"])


@pytest.mark.parametrize("name", _SPECS)
def test_text_needs_no_latex(name: str) -> None:
    """No macro, dollar sign or braced exponent of LaTeX is left over for the terminal."""
    assert not re.search(r"\\[A-Za-z]|\$|\^\{|math(bb|rm)|frac", _rendered(name, "text"))


def test_latex_compiles(tmp_path: Path) -> None:
    """One document made of the bodies of all: pdflatex stops at the first error and overfills no line."""
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    documents = [_rendered(name, "latex") for name in _SPECS]
    head = documents[0].partition(r"\begin{document}")[0]
    bodies = [d.partition(r"\begin{document}")[2].partition(r"\end{document}")[0] for d in documents]
    source = head + r"\begin{document}" + "\n\\newpage\n".join(bodies) + r"\end{document}"
    (tmp_path / "all.tex").write_text(source, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=300, check=False)
    log = run.stdout.decode(errors="replace")
    complaints = [line for line in log.splitlines() if line.startswith(("!", "Overfull"))]
    assert complaints == []
    assert run.returncode == 0
    assert (tmp_path / "all.pdf").stat().st_size > 20_000


def test_primes_and_bars_survive_in_formulas() -> None:
    """Two closing quotes are a quotation mark in prose and two primes in a formula."""
    assert prose("mode ``space'', $f''(1)$, $f'''(1)$") == "mode “space”, f''(1), f'''(1)"
    assert plain(r"\bar X_B") == "X\u0304_B"
    assert plain(r"a \not\to b") == "a ↛ b"
    for form in ("text", "markdown"):
        assert "f”" not in _rendered("kl", form)
        assert "f''(1) > 0" in _rendered("kl", form)
    assert "X\u0304" in _rendered("kl", "text")


def test_prose_is_escaped_and_formulas_are_not() -> None:
    assert escaped(r"a_b & 50 % of {x}, $x_i^2$") == r"a\_b \& 50 \% of \{x\}, $x_i^2$"


def test_unknown_formats_are_refused() -> None:
    assert set(FORMATS) == {"text", "latex", "markdown", "json"}
    with pytest.raises(InputError, match="unknown format 'html'"):
        render(any_divergence("kl"), [], "html")
