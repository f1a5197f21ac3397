"""Generated fragments that hand-written pages include, and the page of all machine-checked theorems."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from companion import DOCS
from companion.coq import shown, theorems
from companion.derivations import Documents, grades_of
from companion.evidence import GRADES, grades, other_versions, result
from companion.freshness import warning
from companion.text import badge, escaped, table

__all__ = ["formal", "fragments", "pictures"]


def fragments(found: Documents) -> dict[str, str]:
    """Name and Markdown of each fragment."""
    return {
        "grades": "\n".join(_grades(found)) + "\n",
        "verdict": "\n".join(_verdict()) + "\n",
        "machine": "\n".join(_machine()) + "\n",
        "results": _toctree(list((DOCS / "results").glob("*.md"))),
        "further": _toctree(_further()),
    }


_LISTED = {
    "generated",
    "derivations",
    "guide",
    "api",
    "results",
}  # folders with a table of contents of their own


def _toctree(found: list[Path]) -> str:
    """A table of contents of these pages."""
    entries = [str(path.relative_to(DOCS).with_suffix("")) for path in sorted(found)]
    if not entries:
        return "\n"
    return "```{toctree}\n:maxdepth: 1\n:caption: Further\n\n" + "\n".join(entries) + "\n```\n"


def _further() -> list[Path]:
    """Pages that no table of contents names: what others added to `docs`."""
    named = {"index", *(DOCS / "index.md").read_text(encoding="utf-8").split("\n")}
    pages = [path for path in DOCS.rglob("*.md") if path.relative_to(DOCS).parts[0] not in _LISTED]
    return [path for path in pages if str(path.relative_to(DOCS).with_suffix("")) not in named]


def _grades(found: Documents) -> Iterator[str]:
    cells = list(result()["cells"])
    by_layer = {
        layer: grades([cell for cell in cells if cell["cell"].endswith(f"/{layer}")])
        for layer in result()["layers"]
    }
    steps: Counter[str] = Counter()
    for document in found.values():
        for item in document["derivations"]:
            steps.update(grades_of(item))
    meaning = {
        "formal": "machine-checked in Coq, nothing admitted",
        "proved": "a symbolic identity reduced to zero, its hypotheses checked",
        "enclosed": "primal and dual witness in ball arithmetic: a rigorous interval",
        "bracketed": "primal and dual witness in float64, the gap reported",
        "sampled": "random instances agree to a tolerance",
        "cited": "a theorem of the literature; its finite instances carry one of the grades above",
    }
    rows = []
    for grade in GRADES:
        formal = str(len(theorems())) if grade == "formal" else ""
        rows.append(
            [
                badge(grade),
                meaning[grade],
                *(str(by_layer[layer][grade] or "") for layer in result()["layers"]),
                str(steps[grade] or ""),
                formal,
            ]
        )
    yield table(
        [
            "grade",
            "what it means",
            *(f"cells, `{layer}`" for layer in result()["layers"]),
            "steps of derivations",
            "Coq",
        ],
        rows,
        right=range(2, 4 + len(result()["layers"])),
    )


def _verdict() -> Iterator[str]:
    found = result()
    yield "```text"
    yield str(found["verdict"])
    yield "```"
    yield ""
    if stale := warning("evidence"):
        yield stale
    else:
        yield f"The result belongs to the code of this build (`{found['sources']}`, everything that `armor verify` may load or read)."
    if others := other_versions():
        yield f"It was computed with other packages than this build: {', '.join(others)}."
    yield ""
    killed = sum(m["killed"] for m in found["mutants"])
    yield (
        f"{killed} of {len(found['mutants'])} mutants (wrong formulas: a flipped sign, a forgotten constant, a dropped "
        "multiplier …) were caught by the check that must notice; each is listed on the page of its statement."
    )


def _machine() -> Iterator[str]:
    found = result()
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    yield f"`armor verify --{found['effort']}`, seed {found['seed']}, {found['jobs']} processes, {found['seconds']:.0f} s; {versions}."


def pictures(folder: Path) -> dict[str, str]:
    """The numbers behind the pictures: of the plane from this build, of real images as committed with them."""
    found = json.loads((folder / "moved_plane.json").read_text(encoding="utf-8"))
    rows = [
        [
            row["epsilon"],
            f"[{row['lower']:.9f}, {row['upper']:.9f}]",
            f"{row['information']:.4f}",
            f"{row['transport']:.4f}",
            f"{row['moved']:.0%}",
            f"{row['largest']:.2f}",
            f"{row['hill']:.0%}",
        ]
        for row in found["rows"]
    ]
    head = [
        "ε",
        "certified value",
        "re-weighting",
        "transport",
        "mass moved",
        "largest weight",
        "mass above the lower hill's top",
    ]
    plane = f"Mean loss of the data: {found['mean']:.4f}.\n\n" + table(head, rows, right=range(1, 7))
    images = json.loads((DOCS / "pictures" / "images.json").read_text(encoding="utf-8"))
    old = warning("pictures")
    costs = old + table(
        ["adversary", "the network says", "loss", "largest change", "Euclidean change"],
        [
            [name, row["label"], f"{row['loss']:.2f}", f"{row['linf'] * 255:.1f}/255", f"{row['l2']:.2f}"]
            for name, row in images["costs"].items()
        ],
        right=(2, 3, 4),
    )
    shown = images["moved"]
    moved = f"{old}Mean loss of the eight images as they are: {shown['mean']:.4f}.\n\n" + table(
        ["ε", "value", "re-weighting", "transport", "of 8 misclassified", "largest weight"],
        [
            [
                epsilon,
                f"{row['value']:.3f}",
                f"{row['information']:.4f}",
                f"{row['transport']:.4f}",
                row["wrong"],
                f"{row['largest']:.2f}",
            ]
            for epsilon, row in shown.items()
            if epsilon != "mean"
        ],
        right=range(1, 6),
    )
    if old:  # what made them is not known to be what is here
        return {"moved_plane": plane, "costs_images": costs, "moved_images": moved}
    made = images["made"]
    by = (
        f"\nMade by `{made['command']}` on {made['machine']}, from {made['data']}, and {made['network']}; the code behind it "
        f"has the hash `{made['code']}`, checked in this build as are the files of the pictures.\n"
    )
    return {"moved_plane": plane, "costs_images": costs + by, "moved_images": moved + by}


def formal() -> str:
    """Every machine-checked theorem by statement, with its text."""
    groups: dict[str, list[str]] = defaultdict(list)
    for entry in theorems():
        groups[entry["statement"]].append(entry["theorem"])
    lines = [
        "# The machine-checked theorems",
        "",
        f"{len(theorems())} theorems, as `theory/formal/theorems.json` lists them and their Coq sources state them. "
        "`make formal` compiles them and prints what each assumes; nothing is admitted. A section of a source fixes variables "
        "and hypotheses; the closed form below each theorem has them as premises. Its axioms are those of Coq's classical "
        "reals and excluded middle, and no others; [how to read it](../formal.md).",
        "",
    ]
    for statement in groups:
        known = statement in {f"T{k}" for k in range(1, 30)}
        lines += [
            f"## [{statement}](statements/{statement.lower()}.md)" if known else f"## {escaped(statement)}",
            "",
        ]
        for entry in theorems():
            if entry["statement"] != statement:
                continue
            lines += [f"**`{entry['theorem']}`** (`{entry['module']}.v`): {escaped(entry['says'])}", ""]
            lines += [*shown(entry), ""]
    return "\n".join(lines)
