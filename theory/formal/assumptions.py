#!/usr/bin/env python3
"""Print what every theorem of `theorems.json` assumes; compare it with the allow-list and with the record.

Run in this directory after `make all`. `theorems.json` is the committed record, one object per theorem:
statement (T-id), module, theorem, says (one line of English), coq (as written in the source), type (closed,
as the compiled library has it), hypotheses (the premises of that type, in order), assumptions (axioms). A
new theorem needs the first four; `--record` asks Coq for the rest and rewrites the file. A type is no better
than the definitions in it: `definitions.json` records each one that the theorems speak of, through others
too: its text, and the digest of the term in full (without notations, implicit arguments written). `--json`
prints the answers. They are also kept in `build/answers.json` beside the digest of the compiled library that
gave them, where the check matrix reads them.

Exit 0: every theorem exists in the compiled library, it and its definitions are as recorded, closed under the
allowed axioms. Exit 1: a theorem is missing, differs from the record or assumes more, or a source admits
something. Exit 2: no Coq.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

# The classical axioms of Coq's standard reals, and nothing of our own.
ALLOWED = {
    "ClassicalDedekindReals.sig_forall_dec",
    "ClassicalDedekindReals.sig_not_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
    "Classical_Prop.classic",
}
# The fields of the record: those written by hand, and those that Coq answers.
WRITTEN = ("statement", "theorem", "module", "says")
ASKED = ("coq", "type", "hypotheses", "assumptions")
# Ways to leave a hole in a proof or to weaken the kernel; none may occur in a source.
FORBIDDEN = re.compile(
    r"\b(Admitted|admit|give_up|Axioms?|Parameters?|Conjecture|bypass_check|Unset\s+\w+\s+Checking|Declare\s+Module)\b"
)
# Outside a section these make an axiom; inside, a premise.
OUTSIDE = re.compile(
    r"^\s*(?:(?:Local|Global|#\[[^\]]*\])\s+)*(Hypothes[ie]s|Variables?|Context)\b", re.MULTILINE
)
SECTION = re.compile(r"^\s*(Section|Module(?:\s+Type)?|End)\b[^.]*\.", re.MULTILINE)
# Records with proofs inside, and the fields that are data.
DATA = {
    "FenchelYoung.fenchel": tuple(f"FenchelYoung.{name}" for name in ("val", "val0", "dom", "star", "deriv")),
    "Definitions.ffun": ("Definitions.f_val",),
}
NAME = re.compile(r"[A-Za-z_][\w']*(?:\.[A-Za-z_][\w']*)*")
OPEN = re.compile(r"\b(?:forall|exists|let|fun|if|match)\b|<->")
COMMENT = re.compile(r'"[^"]*"|\(\*.*?\*\)', re.DOTALL)  # a string may hold what looks like one


def holes(source: str) -> list[str]:
    """The forbidden words of a Coq source, comments apart, and hypotheses outside of every section."""
    source = COMMENT.sub(" ", source)
    found = {m.group(0) for m in FORBIDDEN.finditer(source)}
    marks = [(m.start(), 1 if m[1] == "Section" else -1) for m in SECTION.finditer(source) if m[1][0] != "M"]
    for m in OUTSIDE.finditer(source):
        if sum(step for place, step in marks if place < m.start()) <= 0:
            found.add(f"{m[1]} outside a section")
    return sorted(found)


def assumed(block: str) -> set[str]:
    """The names of the axioms in one answer of `Print Assumptions`."""
    if "Closed under the global context" in block:
        return set()
    return set(re.findall(r"^([A-Za-z_][\w.']*)\s*:", block, re.MULTILINE)) - {"Axioms"}


def stated(source: str, theorem: str) -> str:
    """The statement of a theorem as it is written in its source; "" where it is not there."""
    pattern = rf"^(?:Theorem|Lemma|Corollary) {re.escape(theorem)}\b.*?\.(?=\s*\nProof\b)"
    found = re.search(pattern, source, re.DOTALL | re.MULTILINE)
    return found.group(0) if found else ""


def premises(kind: str) -> list[str]:
    """What stands before an arrow in a closed type, from the outside in; binders are no premises."""
    found: list[str] = []
    while True:
        kind = kind.strip()
        mark = "," if kind.startswith("forall ") else "->"
        depth, cut = 0, -1
        for k, letter in enumerate(kind):
            depth += (letter in "([{") - (letter in ")]}")
            if depth:
                continue
            if kind.startswith(mark, k):
                cut = k
                break
            # What binds weaker than an arrow, or hides one: the conclusion starts here.
            if mark == "->" and OPEN.match(kind, k):
                break
        if cut < 0:
            return found
        if mark == "->":
            found.append(kind[:cut].strip())
        kind = kind[cut + len(mark) :]


def coqtop(before: list[str], questions: list[str]) -> tuple[list[str], str]:
    """Coq's answers after the lines `before`, up to the first question it cannot answer; and its error."""
    lines = ["Set Printing Width 110.", *before]
    for k, question in enumerate(questions):
        lines += [f"Definition mark_{k} := Set. Print mark_{k}.", question]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ask.v"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = ["coqtop", "-Q", str(HERE), "ArmorD", "-w", "none", "-batch", "-l", str(file)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    return re.split(r"^mark_\d+ = Set\s+: Type$", run.stdout, flags=re.MULTILINE)[1:], run.stderr.strip()


def ask(theorems: list[dict[str, Any]]) -> list[dict[str, object]]:
    """Types and assumptions as Coq prints them; a theorem that does not exist has an error instead.

    Types are asked with the library imported, so that they read as the sources do; assumptions without, so
    that axioms come with their full names. Coq stops at a missing theorem; those after it have the error too.
    """
    modules = sorted({t["module"] for t in theorems})
    names = [f"{t['module']}.{t['theorem']}" for t in theorems]
    imported = [f"From ArmorD Require Import {module}." for module in modules]
    types, error = coqtop([*imported, "Open Scope R_scope."], [f"About {name}." for name in names])
    known = sum("Expands to:" in text for text in types)
    required = [f"From ArmorD Require {module}." for module in modules]
    axioms, _ = coqtop(required, [f"Print Assumptions {name}." for name in names[:known]])
    result: list[dict[str, object]] = []
    for k, t in enumerate(theorems):
        if k >= min(known, len(axioms)):
            reason = (error.splitlines() or ["it is not in the compiled library"])[-1]
            result.append({**t, "error": reason})
            continue
        about = types[k].partition("Expands to:")[0]
        kind = " ".join(re.split(r"\n\n", about.strip())[0].split()).partition(" : ")[2]
        result.append(
            {
                **{key: t[key] for key in WRITTEN},
                "coq": stated((HERE / f"{t['module']}.v").read_text(encoding="utf-8"), t["theorem"]),
                "type": kind,
                "hypotheses": premises(kind),
                "assumptions": sorted(assumed(axioms[k])),
            }
        )
    return result


def defined(folder: Path = HERE) -> dict[str, list[str]]:
    """The definitions of the compiled library by short name: the qualified names that have it."""
    found: dict[str, list[str]] = {}
    for glob in sorted(folder.glob("*.glob")):
        lines = re.findall(
            r"^(?:def|ind|rec|proj|constr) \S+ \S+ (\S+)$", glob.read_text("utf-8"), re.MULTILINE
        )
        for name in lines:
            found.setdefault(name, []).append(f"{glob.stem}.{name}")
    return found


def spoken(text: str, known: dict[str, list[str]]) -> set[str]:
    """The definitions whose names occur in a term; a bound variable of the same name counts too."""
    return {each for name in NAME.findall(text) for each in known.get(name.rpartition(".")[2], ())}


def binders(kind: str) -> int:
    """How many arguments a closed type printed in full takes: `forall (a b : R) (_ : P), T` takes 3."""
    count = 0
    while kind.strip().startswith("forall "):
        kind = kind.strip()[len("forall ") :]
        depth, groups, start = 0, [], 0
        for k, letter in enumerate(kind):
            if letter == "(" and depth == 0:
                start = k + 1
            depth += (letter in "([{") - (letter in ")]}")
            if letter == ")" and depth == 0:
                groups.append(kind[start:k])
            if letter == "," and depth == 0:
                break
        listed = groups if kind.startswith("(") else [kind[:k]]
        count += sum(len(group.partition(":")[0].split()) for group in listed)
        kind = kind[k + 1 :]
    return count


def _printed(name: str, kind: str) -> str:
    """The question that prints a definition; of a record with proofs inside, its data."""
    kind = " ".join(kind.split()).partition(" : ")[2]
    fields = DATA.get(kind.rpartition(" ")[2])
    if not fields:
        return f"Print {name}."
    given = [f"x{k}" for k in range(binders(kind))]
    head, applied = (f"fun {' '.join(given)} => " if given else ""), " ".join([f"@{name}", *given])
    return " ".join(
        f"Eval cbv beta iota delta [{name} {field}] in ({head}{field} ({applied}))." for field in fields
    )


def definitions(theorems: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Text and digest of every definition that the theorems speak of, by qualified name.

    Raises:
        RuntimeError: Coq does not know one of them.
    """

    def answers(before: list[str], questions: list[str]) -> list[str]:
        found, error = coqtop(before, questions)
        if len(found) < len(questions) or error:
            raise RuntimeError(
                f"Coq did not print every definition: {(error.splitlines() or ['it stopped'])[-1]}"
            )
        return [re.split(r"\n\nArguments ", text)[0].strip() for text in found]

    known = defined()
    names = sorted(each for group in known.values() for each in group)
    modules = sorted({name.partition(".")[0] for name in names} | {t["module"] for t in theorems})
    required = [*(f"From ArmorD Require {module}." for module in modules), "Set Printing All."]
    imported = [*(f"From ArmorD Require Import {module}." for module in modules), "Open Scope R_scope."]
    stated = [f"{t['module']}.{t['theorem']}" for t in theorems]
    types = answers(required, [f"Check @{name}." for name in (*stated, *names)])
    questions = [_printed(name, kind) for name, kind in zip(names, types[len(stated) :], strict=True)]
    terms = dict(zip(names, answers(required, questions), strict=True))
    todo = set().union(*(spoken(text, known) for text in types[: len(stated)]))
    found: set[str] = set()
    while todo:
        name = todo.pop()
        found.add(name)
        todo |= spoken(terms[name], known) - found
    listed = sorted(found)
    texts = answers(imported, [questions[names.index(name)] for name in listed])
    return {
        name: {"text": text, "digest": hashlib.sha256(terms[name].encode()).hexdigest()}
        for name, text in zip(listed, texts, strict=True)
    }


def weakened(recorded: dict[str, Any], answered: dict[str, Any]) -> list[str]:
    """The definitions in which the record and the compiled library differ."""
    return sorted(name for name in {*recorded, *answered} if recorded.get(name) != answered.get(name))


def library(folder: Path = HERE) -> str:
    """The digest of the compiled library; `ValueError` where it is missing or older than its sources."""
    listed = (folder / "theorems.json").read_bytes()
    modules = {each["module"] for each in json.loads(listed)}
    digest = hashlib.sha256(listed)
    for source in sorted(path for path in folder.glob("*.v") if path.stem != "Extraction"):
        compiled = source.with_suffix(".vo")
        if not compiled.is_file():
            if source.stem not in modules:
                continue
            raise ValueError("the proofs are not compiled: make formal")
        if compiled.stat().st_mtime < source.stat().st_mtime:
            raise ValueError(f"the compiled proofs are older than {source.name}: make formal")
        digest.update(compiled.read_bytes())
    return digest.hexdigest()


def keep(
    answers: list[dict[str, object]], defined: dict[str, dict[str, str]] | None = None, folder: Path = HERE
) -> None:
    """Write `build/answers.json`: Coq's answers, the definitions, and the library they are about."""
    file = folder / "build" / "answers.json"
    file.parent.mkdir(exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}.part")
    found = {"library": library(folder), "answers": answers, "definitions": defined or {}}
    part.write_text(json.dumps(found), encoding="utf-8")
    part.replace(file)


def kept(folder: Path = HERE) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Answers and definitions that `keep` wrote about the library as it is compiled now; `ValueError` where
    nobody asked yet.
    """
    digest = library(folder)
    try:
        found = json.loads((folder / "build" / "answers.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = {}
    if found.get("library") != digest:
        raise ValueError("nobody asked Coq about these proofs yet: make formal")
    return found["answers"], found["definitions"]


def recorded_definitions(folder: Path = HERE) -> dict[str, Any]:
    """What `definitions.json` records; nothing where there is none."""
    file = folder / "definitions.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


def differences(recorded: dict[str, object], answer: dict[str, object]) -> list[str]:
    """The fields in which the record and the compiled library differ."""
    return [key for key in ASKED if recorded.get(key) != answer.get(key)]


def main(arguments: list[str]) -> int:
    if shutil.which("coqtop") is None:
        print("Coq is not installed; see the README of this directory", file=sys.stderr)
        return 2
    bad = 0
    for source in sorted(HERE.glob("*.v")):
        if found := holes(source.read_text(encoding="utf-8")):
            print(f"{source.name} contains {', '.join(found)}", file=sys.stderr)
            bad += 1
    record = HERE / "theorems.json"
    recorded = json.loads(record.read_text(encoding="utf-8"))
    try:
        library()
    except ValueError as reason:
        print(reason, file=sys.stderr)
        return 1
    answers = ask(recorded)
    if "--json" in arguments:
        print(json.dumps(answers, indent=1))
    recording = "--record" in arguments and not any("error" in answer for answer in answers)
    if recording:
        record.write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    try:
        meant = definitions(recorded)
    except RuntimeError as reason:
        print(reason, file=sys.stderr)
        return 1
    if recording:
        text = json.dumps(meant, indent=1, ensure_ascii=False) + "\n"
        (HERE / "definitions.json").write_text(text, encoding="utf-8")
    keep(answers, meant)
    for name in weakened(recorded_definitions(), meant):
        print(
            f"{name} is not as recorded in definitions.json: the theorems say something else", file=sys.stderr
        )
        bad += 1
    for entry, answer in zip(recorded, answers, strict=True):
        name = f"{answer['module']}.{answer['theorem']}"
        if "error" in answer:
            print(f"{name}: {answer['error']}", file=sys.stderr)
            bad += 1
            continue
        if not recording and (changed := differences(entry, answer)):
            print(f"{name} is not as recorded in theorems.json: {', '.join(changed)}", file=sys.stderr)
            bad += 1
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
            f"{len(answers)} theorems and {len(meant)} definitions, each as recorded; "
            "none assumes more than the classical axioms of the reals",
            file=sys.stderr,
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
