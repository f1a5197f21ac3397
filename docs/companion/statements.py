"""One page per statement, from the statement's data, its checks, its script and the committed result."""

import inspect
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from companion import ROOT, hypotheses
from companion.certificates import Offered
from companion.coq import shown, theorems
from companion.derivations import Documents, grades_of, of_statement
from companion.evidence import cells_of, grades, result
from companion.papermap import place
from companion.scripts import Cell
from companion.text import badge, escaped, grade_counts, number, prose, table

__all__ = ["index", "page"]

# Shown in full beside the first member that the statement applies to: families whose derivation is another one.
ALSO = {
    "T9": ("alpha_between_0_and_1", "alpha_below_0"),
    "T10": ("renyi_below_1",),
    "T14": ("renyi_above_1",),
}


def _step(step: Mapping[str, Any]) -> Iterator[str]:
    yield f"{step['number']}. **{prose(step['rule'])}** {badge(step['grade'])}"
    if step["outcome"] != "holds":
        yield f"   [{step['outcome']}]{{.outcome-{step['outcome']}}}"
    yield ""
    yield f"   {prose(step['text'])}"
    yield ""
    if step["formula"]["latex"]:
        yield "   $$"
        yield f"   {' '.join(step['formula']['latex'].split())}"
        yield "   $$"
        yield ""
    if step["reference"]:
        yield f"   *Cited*: {escaped(step['reference'])}. *Needs*: {prose('; '.join(step['hypotheses']))}."
        instance = badge(step["instance_grade"]) if step["instance_grade"] else ""
        yield f"   *Its finite instance* {instance}: {escaped(step['detail'])}."
    else:
        yield f"   *Checked*: {escaped(step['detail'])}."
    yield ""


def _derivation(found: Documents, statement: str) -> Iterator[str]:
    items = of_statement(found, statement)
    applicable = {name: item for name, item in items.items() if not item["not_applicable"]}
    shown = [next(iter(applicable)), *(n for n in ALSO.get(statement, ()) if n in applicable)]
    yield "## Derivation"
    yield ""
    for k, name in enumerate(shown):
        title = found[name]["divergence"]["title"]
        yield f"For the {escaped(title)}:" if k == 0 else f":::{{dropdown}} The same for the {escaped(title)}"
        yield ""
        for step in applicable[name]["steps"]:
            yield from _step(step)
        if k:
            yield ":::"
            yield ""
    yield ":::{dropdown} The other members, steps by grade"
    rows = []
    for name, item in items.items():
        link = f"[{escaped(found[name]['divergence']['title'])}](../../derivations/{name}.md)"
        if item["not_applicable"]:
            rows.append([link, f"does not apply: {prose(item['not_applicable'])}"])
        else:
            rows.append([link, grade_counts(grades_of(item))])
    yield table(["divergence", "steps"], rows)
    yield ":::"
    yield ""


def _formal(found: Documents, statement: str) -> Iterator[str]:
    items = list(of_statement(found, statement).values())
    entries = [entry for entry in theorems() if entry["statement"] == statement]
    yield "## Machine-checked in Coq"
    yield ""
    if not entries:
        yield "No theorem about this statement is in `theory/formal`; the strongest evidence is in the cells below."
        yield ""
        return
    yield (
        f"{len(entries)} {'theorem' if len(entries) == 1 else 'theorems'}, {badge('formal')}: nothing admitted; each is shown as its "
        "source states it and closed, with its premises and its axioms, here and in [the list of all theorems](../formal.md)."
    )
    yield ""
    scopes: dict[str, list[str]] = defaultdict(list)
    for name, item in of_statement(found, statement).items():
        if item["formal_scope"]:
            scopes[item["formal_scope"]].append(name)
    for scope, names in scopes.items():
        about = "" if len(names) == len(items) else f" ({', '.join(f'`{name}`' for name in names)})"
        yield f"- Machine-checked in part{about}: {prose(scope)}."
    if scopes:
        yield ""
    for entry in entries:
        yield f":::{{dropdown}} `{entry['theorem']}`: {escaped(entry['says'])}"
        yield from shown(entry)
        covered = sum(f"ArmorD.{entry['module']}.{entry['theorem']}" in item["formal"] for item in items)
        yield f"In `theory/formal/{entry['module']}.v`; its hypotheses hold for {covered} of {len(items)} members."
        yield ":::"
    yield ""


def _program(statement: str) -> Iterator[str]:
    from verification.matrix.registry import checks

    mine = [check for check in checks() if check.statement == statement]
    yield "## The finite programs that check it"
    yield ""
    for check in mine:
        module = inspect.getmodule(inspect.unwrap(check.run))
        file = getattr(module, "__file__", None)
        where = str(file).removeprefix(str(ROOT) + "/") if file else ""
        yield f"- layer `{check.layer}`: {escaped(check.words)} (`{where}`)"
    yield ""
    own = next((check for check in mine if check.layer == "verification"), None)
    if own is not None:
        yield ":::{dropdown} What a cell runs"
        yield "```python"
        yield inspect.getsource(own.run).rstrip()
        yield "```"
        yield ":::"
        yield ""
    yield "Repeat every cell of it:"
    yield ""
    yield "```console"
    yield f"$ armor verify --only {statement}"
    yield "```"
    yield ""


def _cells(statement: str) -> Iterator[str]:
    cells = cells_of(statement)
    effort = result()["effort"]
    yield "## Its cells of the matrix"
    yield ""
    yield (
        f"From the committed result of `armor verify --{effort}` (code `{result()['code']}`): "
        f"{grade_counts(grades(cells))}. A gap is how far the claim of the worst sample is off, beside what is allowed."
    )
    yield ""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for cell in cells:
        _, divergence, _, _, _, layer = cell["cell"].split("/")
        groups[layer, divergence].append(cell)
    rows = []
    reasons: dict[str, list[str]] = defaultdict(list)
    for (layer, divergence), group in groups.items():
        held = [cell for cell in group if cell["outcome"] == "holds"]
        other = [cell for cell in group if cell["outcome"] not in ("holds", "not applicable")]
        for cell in group:
            if cell["outcome"] == "not applicable":
                reasons[cell["note"]].append(divergence)
        if not held and not other:
            continue
        measured = [c for c in group if c["gap"] is not None]
        worst = max(measured, key=_severity, default=None)
        widths = [c["width"] for c in group if isinstance(c["width"], float)]
        rows.append(
            [
                layer,
                f"`{divergence}`",
                grade_counts(grades(group)) if held else "",
                ", ".join(f"[{c['outcome']}]{{.outcome-{c['outcome']}}}" for c in other),
                number(worst["gap"]) if worst else "",
                number(worst["tolerance"]) if worst else "",
                number(max(widths)) if widths else "",
            ]
        )
    yield table(
        ["layer", "divergence", "cells that hold", "other", "worst gap", "allowed", "widest interval"],
        rows,
        right=(4, 5, 6),
    )
    if reasons:
        yield ":::{dropdown} Where it does not apply, and why"
        for reason, names in reasons.items():
            yield f"- {escaped(reason)}: {', '.join(f'`{n}`' for n in dict.fromkeys(names))}"
        yield ":::"
        yield ""
    closest = max((c for c in cells if c["gap"] is not None), key=_severity, default=None)
    if closest is not None and closest["claim"]:
        yield ":::{dropdown} The cell that came closest to failing"
        yield f"`{closest['cell']}`: {escaped(closest['claim'])}. Off by {number(closest['gap'])}, allowed "
        yield f"{number(closest['tolerance'])}; {closest['effective']} of {closest['tried']} samples met the hypotheses."
        yield ""
        yield "```console"
        yield f"$ {closest['reproduce']}"
        yield "```"
        yield ":::"
        yield ""


def _severity(cell: Mapping[str, Any]) -> float:
    gap, allowed = float(cell["gap"]), float(cell["tolerance"] or 0.0)
    return gap / allowed if allowed else gap * 1e300


def _mutants(statement: str) -> Iterator[str]:
    mine = [m for m in result()["mutants"] if m["check"].split("/")[0] == statement]
    if not mine:
        return
    yield "## Wrong formulas that this check caught"
    yield ""
    yield table(
        ["mutant", "what was changed", "off by", "allowed", ""],
        [
            [
                f"`{m['name']}`",
                escaped(m["words"]),
                number(m["gap"]),
                number(m["tolerance"]),
                "dies" if m["killed"] else "**survives**",
            ]
            for m in mine
        ],
        right=(2, 3),
    )


def _worked(statement: str, script: Sequence[Cell]) -> Iterator[str]:
    """The cells of the worked instance as Markdown: prose, code, what it printed."""
    for cell in script:
        if cell.title:
            yield f"({hypotheses.label(statement, cell.title)})="
            yield f"## {cell.title}"
            yield ""
        if cell.prose:
            yield cell.prose
            yield ""
        if cell.code:
            yield "```python"
            yield cell.code
            yield "```"
            yield ""
        if cell.output:
            yield "```text"
            yield cell.output
            yield "```"
            yield ""


def _certificate(offered: Offered) -> Iterator[str]:
    several = len(offered.certificates) > 1
    yield "## Certificates behind it" if several else "## A certificate behind it"
    yield ""
    yield (
        f"{'Each file holds' if several else 'The file holds'} an instance with exact data and its witnesses. While this page "
        "was built the checker that imports no solver and trusts no formula of `theory` re-checked "
        f"{'them' if several else 'it'}; [how to read one](../../guide/certificates.md)."
    )
    yield ""
    kinds = {"divergence": "$D^c$", "dro": "DRO value"}
    yield table(
        ["download", "holds", "proved interval"],
        [
            [
                f"{{download}}`{c.file} <../certificates/{c.file}>`",
                kinds[c.kind],
                f"`[{float(c.lower):.12g}, {float(c.upper):.12g}]`",
            ]
            for c in offered.certificates
        ],
    )
    yield "```console"
    for c in offered.certificates:
        yield f"$ {c.command}"
        yield c.verdict
    yield "```"
    yield ""
    yield "What follows from these intervals, by arithmetic alone:"
    yield ""
    for sentence in offered.consequences:
        yield f"- {sentence}"
    yield ""


def page(statement: str, found: Documents, script: Sequence[Cell], offered: Offered) -> str:
    """The page of one statement."""
    from theory.statement import statement as lookup

    data = lookup(statement)
    items = [item for item in of_statement(found, statement).values() if not item["not_applicable"]]
    steps = sum((grades_of(item) for item in items), grades_of({"steps": []}))
    lines = [
        f"({statement.lower()})=",
        f"# {statement}. {prose(data.title)}",
        "",
        "$$",
        " ".join(data.formula.latex.split()),
        "$$",
        "",
        *(f"- Given: {prose(given)}" for given in data.hypotheses),
        f"- Source: {escaped(data.source)}",
        f"- Place in the paper: {place(statement)}",
        f"- Evidence: {grade_counts(grades(cells_of(statement)))} among the cells of the matrix, "
        f"{grade_counts(steps)} among the steps of its derivations ({len(items)} members)"
        + (f", {len(formal)} {badge('formal')} theorems" if (formal := _entries(statement)) else ""),
        "",
        *_worked(statement, script),
        *hypotheses.section(statement, data.hypotheses),
        *_certificate(offered),
        *_derivation(found, statement),
        *_formal(found, statement),
        *_program(statement),
        *_cells(statement),
        *_mutants(statement),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _entries(statement: str) -> list[Mapping[str, str]]:
    return [entry for entry in theorems() if entry["statement"] == statement]


def index(found: Documents) -> str:
    """The table of all statements with their evidence."""
    from theory.statement import statement as lookup
    from theory.statement import statements

    rows = []
    for name in statements():
        items = [item for item in of_statement(found, name).values() if not item["not_applicable"]]
        steps = sum((grades_of(item) for item in items), grades_of({"steps": []}))
        rows.append(
            [
                f"[{name}]({name.lower()}.md)",
                prose(lookup(name).title),
                str(len(_entries(name)) or ""),
                grade_counts(grades(cells_of(name))),
                grade_counts(steps),
            ]
        )
    head = ["", "statement", "theorems in Coq", "cells of the matrix", "steps of the derivations"]
    entries = "\n".join(name.lower() for name in statements())
    return (
        "# The statements\n\n"
        "One page each: hypotheses, formula, an instance to redo by hand, what goes wrong without a hypothesis, the "
        "derivation with the grade of every step, its theorem in Coq, the program that checks it, its cells.\n\n"
        f"{table(head, rows, right=(2,))}\n"
        "```{toctree}\n:hidden:\n\n" + entries + "\n```\n"
    )
