"""The derivations and the table of evidence as one PDF: `python -m companion.supplement FOLDER`.

Generated from the same data as the pages. Needs pdfLaTeX; without it the LaTeX source is written and one sentence says so.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from companion import DOCS
from companion.coq import theorems
from companion.derivations import Documents, documents, grades_of, of_statement
from companion.evidence import GRADES, cells_of, grades, result
from companion.freshness import require, stale
from companion.papermap import place
from companion.statements import ALSO
from companion.text import number

__all__ = ["source", "write"]

_HEAD = r"""\documentclass[11pt,a4paper]{article}
\usepackage[margin=25mm]{geometry}
\usepackage{amsmath,amssymb,longtable,booktabs,xcolor}
\usepackage[hidelinks]{hyperref}
\allowdisplaybreaks
\emergencystretch=3em
\setlength{\parindent}{0pt}\setlength{\parskip}{4pt}
\newcommand{\grade}[1]{{\small\textsc{#1}}}
\begin{document}
"""
WIDE = 160  # characters of LaTeX that fit into a line
_ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_", "^": r"\^{}", "~": r"\~{}",
    "{": r"\{", "}": r"\}", "$": r"\$", "<": r"\ensuremath{<}", ">": r"\ensuremath{>}",
}  # fmt: skip
# Letters that the text font lacks, as mathematics.
_SYMBOLS = {
    "φ": r"\varphi", "ε": r"\varepsilon", "λ": r"\lambda", "κ": r"\kappa", "μ": r"\mu", "ρ": r"\rho", "η": r"\eta",
    "π": r"\pi", "α": r"\alpha", "β": r"\beta", "σ": r"\sigma", "τ": r"\tau", "θ": r"\theta", "Λ": r"\Lambda",
    "Σ": r"\textstyle\sum", "∂": r"\partial", "∞": r"\infty", "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "∈": r"\in",
    "→": r"\to", "‖": r"\Vert", "⟨": r"\langle", "⟩": r"\rangle", "−": "-", "·": r"\cdot", "×": r"\times",
    "√": r"\surd", "□": r"\square", "ᵀ": r"^\top", "∇": r"\nabla", "≪": r"\ll", "⇔": r"\iff", "⁻": "^-", "ℓ": r"\ell",
    "ᶜ": "^c", "₊": "_+", "∝": r"\propto", "≈": r"\approx", "δ": r"\delta", "χ": r"\chi", "′": "'", "∘": r"\circ", "∣": r"\mid",
}  # fmt: skip
# Signs that checks type in ASCII; a bare | would be set as a dash.
_SIGNS = {"||": "‖", "|": "∣", "<=": "≤", ">=": "≥", "D^c": "Dᶜ"}


def _plain(text: object) -> str:
    found = []
    for typed, sign in _SIGNS.items():
        text = str(text).replace(typed, sign)
    for c in str(text):
        if c in _SYMBOLS:
            found.append(rf"\ensuremath{{{_SYMBOLS[c]}}}")
        else:
            found.append(_ESCAPES.get(c, c))
    return "".join(found)


def _breakable(formula: str) -> str:
    """An inline formula whose words (`\\text{...}` outside all braces) become text, where a line may end."""
    pieces, depth, begin = [""], 0, 0
    for found in re.finditer(r"\\text\{([^{}]*)\}|(?<!\\)[{}]", formula):
        if found[0].startswith(r"\text"):
            if depth == 0:
                pieces[-1] += formula[begin : found.start()]
                pieces += [found[1], ""]
                begin = found.end()
        else:
            depth += 1 if found[0] == "{" else -1
    pieces[-1] += formula[begin:]
    last = len(pieces) - 1
    for k in range(0, last + 1, 2):  # an empty atom towards the words keeps the space around a relation
        before, after = ("{}" if k else ""), ("{}" if k < last else "")
        pieces[k] = f"${before}{pieces[k]}{after}$" if pieces[k].strip() else ""
    return "".join(pieces)


def _display(formula: str) -> str:
    """A displayed formula; one that is too long for a line is cut at its `\\quad`."""
    if len(formula) <= WIDE or r"\begin" in formula:
        return formula
    return r"\begin{gathered} " + formula.replace(r", \quad ", r", \\ ") + r" \end{gathered}"


def _prose(text: str) -> str:
    parts = text.split("$")
    parts[1::2] = [_breakable(part) for part in parts[1::2]]
    parts[::2] = [_plain(part.replace("``", "“").replace("''", "”")) for part in parts[::2]]
    return "".join(parts)


def _step(step: Mapping[str, Any]) -> Iterator[str]:
    yield rf"\item \textbf{{{_prose(step['rule'])}}} [\grade{{{step['grade']}}}] {_prose(step['text'])}"
    if step["formula"]["latex"]:
        yield rf"\[ {_display(step['formula']['latex'])} \]"
    if step["reference"]:
        yield rf"\emph{{Cited:}} {_plain(step['reference'])}. \emph{{Needs:}} {_prose('; '.join(step['hypotheses']))}."
        yield rf"\emph{{Finite instance}} [\grade{{{step['instance_grade']}}}]: {_plain(step['detail'])}."
    else:
        yield rf"\emph{{Checked:}} {_plain(step['detail'])}."


def _statement(found: Documents, name: str) -> Iterator[str]:
    items = of_statement(found, name)
    applicable = {key: item for key, item in items.items() if not item["not_applicable"]}
    first = next(iter(applicable.values()))
    yield rf"\section*{{{name}. {_prose(first['title'])}}}\addcontentsline{{toc}}{{section}}{{{name}. {_prose(first['title'])}}}"
    yield rf"\[ {_display(first['formula']['latex'])} \]"
    yield r"\begin{itemize}\setlength{\itemsep}{0pt}"
    yield from (rf"\item Given: {_prose(hypothesis)}" for hypothesis in first["hypotheses"])
    yield rf"\item Source: {_plain(first['source'])}. Place in the paper: {_plain(place(name))}."
    formal = [entry["theorem"] for entry in theorems() if entry["statement"] == name]
    if formal:
        scope = next((item["formal_scope"] for item in applicable.values() if item["formal"]), "")
        part = f" ({_prose(scope)})" if scope else ""
        names = _plain(", ".join(formal)).replace(r"\_", r"\_\allowbreak{}")
        yield rf"\item Machine-checked in Coq{part}: {names}."
    yield r"\end{itemize}"
    for key in [next(iter(applicable)), *(k for k in ALSO.get(name, ()) if k in applicable)]:
        yield rf"\textit{{For the {_plain(found[key]['divergence']['title'])}:}}"
        yield r"\begin{enumerate}"
        for step in applicable[key]["steps"]:
            yield from _step(step)
        yield r"\end{enumerate}"


def _evidence(found: Documents) -> Iterator[str]:
    yield r"\appendix\section*{Table of evidence}\addcontentsline{toc}{section}{Table of evidence}"
    data = result()
    yield (
        rf"From the committed result of \texttt{{armor verify --{data['effort']}}}, seed {data['seed']}, code "
        rf"\texttt{{{data['code']}}}: {_plain(data['verdict'])}. Cells by grade; the worst gap of a cell beside what is "
        "allowed there; steps of all derivations by grade."
    )
    if "evidence" in stale():
        yield rf"\textbf{{Draft: {_plain(stale()['evidence'])}.}}"
    head = " & ".join(["", *(f"\\grade{{{grade}}}" for grade in GRADES), "worst gap", "allowed"])
    yield (
        r"{\small\begin{longtable}{l"
        + "r" * (len(GRADES) + 2)
        + "}"
        + rf"\toprule {head} \\ \midrule \endhead"
    )
    for name in data["statements"]:
        cells = cells_of(name)
        counts = grades(cells)
        steps = sum((grades_of(i) for i in of_statement(found, name).values()), grades_of({"steps": []}))
        measured = [c for c in cells if isinstance(c["gap"], float) and c["tolerance"]]
        worst = max(measured, key=lambda c: c["gap"] / c["tolerance"], default=None)
        row = [name, *(str(counts[g] or "") for g in GRADES)]
        row += [number(worst["gap"]), number(worst["tolerance"])] if worst else ["", ""]
        yield " & ".join(row) + r" \\"
        yield " & ".join([r"\quad steps", *(str(steps[g] or "") for g in GRADES), "", ""]) + r" \\"
    yield r"\bottomrule\end{longtable}}"
    killed = sum(m["killed"] for m in data["mutants"])
    yield f"{killed} of {len(data['mutants'])} mutants were caught by the check that must notice."


def source(found: Documents) -> str:
    """The LaTeX document."""
    lines = [
        _HEAD,
        r"\title{Optimal transport regularized divergences:\\ derivations, their grades, and the table of evidence}",
        r"\author{generated by armor-d}\date{}\maketitle",
        r"Each statement is shown with its hypotheses and its derivation for the first member that it applies to; "
        r"every step carries the grade of evidence it reached: \grade{formal} (machine-checked in Coq), \grade{proved} (a symbolic "
        r"identity reduced to zero), \grade{enclosed} (witnesses in ball arithmetic), \grade{bracketed} (witnesses in floating "
        r"point), \grade{sampled}, \grade{cited}. The paper is arXiv 2309.03791.",
        r"\tableofcontents\clearpage",
    ]
    for name in result()["statements"]:
        lines += _statement(found, name)
    lines += [*_evidence(found), r"\end{document}"]
    return "\n".join(lines) + "\n"


def write(folder: Path) -> int:
    """Write `supplement.tex` and, where pdfLaTeX is installed, the PDF; the exit code."""
    require()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "supplement.tex"
    file.write_text(source(documents(folder.parent / "cache")), encoding="utf-8")
    if shutil.which("pdflatex") is None:
        print(
            f"make pdf needs pdfLaTeX (Debian: texlive-latex-recommended); the LaTeX source is in {file}.",
            file=sys.stderr,
        )
        return 2
    for _ in range(2):  # the second run fills the table of contents
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", file.name]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            print("\n".join(ended.stdout.splitlines()[-25:]), file=sys.stderr)
            return 1
    missing = [line for line in ended.stdout.splitlines() if "Missing character" in line]
    if missing:
        print("\n".join(sorted(set(missing))[:20]), file=sys.stderr)
        return 1
    print(folder / "supplement.pdf")
    return 0


if __name__ == "__main__":
    sys.exit(write(Path(sys.argv[1] if len(sys.argv) > 1 else DOCS.parent / "build" / "docs" / "pdf")))
