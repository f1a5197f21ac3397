#!/usr/bin/env python3
"""Print what every theorem of `theorems.json` assumes, and compare it with the allow-list.

Run in this directory after `make all`. `--json` prints one object per theorem (statement, module, theorem,
type, assumptions). Exit 0: every theorem exists in the compiled library, closed under the allowed axioms.
Exit 1: a theorem is missing or assumes more, or a source admits something. Exit 2: no Coq.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

# The classical axioms of Coq's standard reals, and nothing of our own.
ALLOWED = {
    "ClassicalDedekindReals.sig_forall_dec",
    "ClassicalDedekindReals.sig_not_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
    "Classical_Prop.classic",
}
# Ways to leave a hole in a proof or to weaken the kernel; none may occur in a source.
FORBIDDEN = re.compile(
    r"\b(Admitted|admit|give_up|Axioms?|Parameters?|Conjecture|bypass_check|Unset\s+\w+\s+Checking)\b"
)
COMMENT = re.compile(r"\(\*.*?\*\)", re.DOTALL)


def holes(source: str) -> list[str]:
    """The forbidden words of a Coq source, comments apart."""
    return sorted({m.group(0) for m in FORBIDDEN.finditer(COMMENT.sub(" ", source))})


def assumed(block: str) -> set[str]:
    """The names of the axioms in one answer of `Print Assumptions`."""
    if "Closed under the global context" in block:
        return set()
    return set(re.findall(r"^([A-Za-z_][\w.']*)\s*:", block, re.MULTILINE)) - {"Axioms"}


def ask(theorems: list[dict[str, str]]) -> list[dict[str, object]]:
    """Types and assumptions as Coq prints them; a theorem that does not exist has an error instead."""
    lines = ["Set Printing Width 110."]
    for module in sorted({t["module"] for t in theorems}):
        lines.append(f"From ArmorD Require {module}.")
    for k, t in enumerate(theorems):
        full = f"{t['module']}.{t['theorem']}"
        lines.append(f"Definition mark_{k} := {k}. Print mark_{k}.")
        lines += [f"About {full}.", f"Print Assumptions {full}."]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ask.v"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = ["coqtop", "-Q", str(HERE), "ArmorD", "-w", "none", "-batch", "-l", str(file)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    blocks = re.split(r"^mark_(\d+) = \d+.*$", run.stdout, flags=re.MULTILINE)
    answers = {int(k): text for k, text in zip(blocks[1::2], blocks[2::2], strict=True)}
    result: list[dict[str, object]] = []
    for k, t in enumerate(theorems):
        text = answers.get(k)
        if text is None or "Expands to:" not in text:
            result.append(
                {**t, "error": (run.stderr.strip().splitlines() or ["it is not in the compiled library"])[-1]}
            )
            continue
        about, _, rest = text.partition("Expands to:")
        statement = re.split(r"\n\n", about.strip())[0]
        result.append({**t, "type": " ".join(statement.split()), "assumptions": sorted(assumed(rest))})
    return result


def main(arguments: list[str]) -> int:
    if shutil.which("coqtop") is None:
        print("Coq is not installed; see the README of this directory", file=sys.stderr)
        return 2
    bad = 0
    for source in sorted(HERE.glob("*.v")):
        if found := holes(source.read_text(encoding="utf-8")):
            print(f"{source.name} contains {', '.join(found)}", file=sys.stderr)
            bad += 1
    answers = ask(json.loads((HERE / "theorems.json").read_text(encoding="utf-8")))
    if "--json" in arguments:
        print(json.dumps(answers, indent=1))
    for answer in answers:
        name = f"{answer['module']}.{answer['theorem']}"
        if "error" in answer:
            print(f"{name}: {answer['error']}", file=sys.stderr)
            bad += 1
            continue
        names = answer["assumptions"]
        assert isinstance(names, list)
        extra = sorted(set(names) - ALLOWED)
        bad += bool(extra)
        if "--json" not in arguments:
            short = ", ".join(n.rpartition(".")[2] for n in names) or "nothing"
            print(f"{answer['statement']:<10} {name:<48} {short}")
        if extra:
            print(f"{name} assumes {', '.join(extra)}, which is not allowed", file=sys.stderr)
    if not bad:
        print(
            f"{len(answers)} theorems, none assumes more than the classical axioms of the reals",
            file=sys.stderr,
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
