"""What a result depends on, read from the sources: every module that a program may load, the data beside
it, and a digest of what they mean.

The closure is static: it reads files and runs nothing, so it is the same on every machine, whatever is
installed. A module depends on

* what it imports, inside functions too (for typing alone not), and the packages above that;
* a module whose dotted name it holds as a string, as entry tables do;
* all modules of a package whose name begins a formatted string (`f"theory.divergences.{name}"`), or which it
  imports or names where it also calls `iter_modules`.

Data counts when it lies beside the modules of a package that is loaded, or in a folder below one whose name
some module joins to a path (`folder / "instances"`). `tests/verification/test_sources.py` holds the closure
against what runs really load and open.

The digest covers Python without comments, docstrings and layout, other files byte by byte.
"""

import ast
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

__all__ = ["digest", "meaning", "sources"]

_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_SKIPPED = {"__pycache__", "build"}  # folders of what is made from the sources; files of that kind:
_MADE = {".pyc", ".so", ".vo", ".vos", ".vok", ".glob", ".aux", ".conf"}
_NO_DATA = _MADE | {".py", ".typed", ".md"}
_HERE = Path(__file__).resolve().parent.parent


def sources(
    entries: Iterable[str],
    roots: Sequence[Path] = (_HERE,),
    resolved: Iterable[str] = (),
    scripts: Iterable[Path] = (),
) -> dict[str, Path]:
    """Every file that a program may read as code or as data of its packages.

    Args:
        entries: dotted names of the modules that it begins in.
        roots: folders that hold the packages.
        resolved: packages one of whose modules is chosen by a word that is known: of `armor.cli` with
            `armor train` only what `entries` names counts, and what is imported outright.
        scripts: files under `roots` that are no modules and that it begins in.

    Returns:
        Path by its name below its root (`armor/errors.py`), in the order of the names.

    Raises:
        ValueError: an entry that is no module under `roots`.
    """
    tree = _Tree(tuple(roots))
    waiting = list(entries)
    for entry in waiting:
        if tree.file(entry) is None:
            raise ValueError(f"no module {entry!r} under {', '.join(map(str, roots))}")
    found: dict[str, Path] = {}
    for script in scripts:
        found[tree.label(script)] = script
        seen = _references(script.read_text(encoding="utf-8"), "")
        waiting += [*seen.imported, *seen.named]
    chosen = set(resolved)
    modules: dict[str, Path] = {}
    joined: set[str] = set()
    while waiting:
        name = waiting.pop()
        file = tree.file(name)
        if file is None or name in modules:
            continue
        modules[name] = file
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        seen = _references(file.read_text(encoding="utf-8"), package)
        waiting += [name.rpartition(".")[0], *seen.imported]
        families = seen.prefixes | (seen.leaves | seen.named if seen.searches else set())
        named = seen.named | {each for family in families for each in tree.below(family)}
        waiting += [each for each in named if each.rpartition(".")[0] not in chosen]
        joined |= seen.joined
    found |= {tree.label(file): file for file in modules.values()}
    for folder in {file.parent for file in modules.values() if file.name == "__init__.py"}:
        data = [path for path in folder.iterdir() if path.suffix not in _NO_DATA]
        for below in (folder / name for name in joined):
            if below.is_dir() and not (below / "__init__.py").exists():
                data += (path for path in below.rglob("*") if path.suffix not in _MADE)
        for path in data:
            parts = path.relative_to(folder).parts
            if path.is_file() and _SKIPPED.isdisjoint(parts) and not any(part[0] == "." for part in parts):
                found[tree.label(path)] = path
    return dict(sorted(found.items()))


def digest(files: Mapping[str, Path]) -> str:
    """16 hexadecimal digits over the names and meanings of these files."""
    total = hashlib.sha256()
    for name, path in files.items():
        total.update(f"{name}\0".encode() + hashlib.sha256(meaning(path)).digest())
    return total.hexdigest()[:16]


def meaning(path: Path) -> bytes:
    """What of a file can matter: of Python the syntax tree without docstrings, of others every byte."""
    return _tree_of(path.read_text(encoding="utf-8")) if path.suffix == ".py" else path.read_bytes()


@cache
def _tree_of(text: str) -> bytes:
    written: list[str] = []
    _write(_parsed(text), written.append)
    return "".join(written).encode()


def _write(node: object, put: Callable[[str], object]) -> None:
    """A syntax tree as text. Not `ast.dump`: what that prints for one and the same source differs between
    versions of Python. Here empty fields are left out, and with them those that a later version adds."""
    if isinstance(node, ast.AST):
        put(f"({type(node).__name__}")
        for name, value in ast.iter_fields(node):
            if value is not None and value != [] and name not in {"ctx", "kind", "type_comment"}:
                put(f" {name}=")
                _write(value, put)
        put(")")
    elif isinstance(node, list):
        put("[")
        for item in node:
            _write(item, put)
        put("]")
    else:
        put(f"{node!r};")


def _parsed(text: str) -> ast.Module:
    """The syntax tree without docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                del node.body[0]
    return tree


class _Tree:
    """Modules under some folders, by name."""

    def __init__(self, roots: tuple[Path, ...]) -> None:
        self._roots = roots
        self.file = cache(self._file)

    def _file(self, name: str) -> Path | None:
        """The file of a module of a package (a module outside of packages is none of ours)."""
        for root in self._roots:
            base = root.joinpath(*name.split("."))
            if name and (base / "__init__.py").is_file():
                return base / "__init__.py"
            if "." in name and (base.parent / "__init__.py").is_file() and base.with_suffix(".py").is_file():
                return base.with_suffix(".py")
        return None

    def below(self, package: str) -> list[str]:
        """The modules directly in `package`; none for what is no package."""
        file = self.file(package)
        if file is None or file.name != "__init__.py":
            return []
        files = [*file.parent.glob("*.py"), *(path.parent for path in file.parent.glob("*/__init__.py"))]
        return [f"{package}.{path.stem}" for path in files if path != file]

    def label(self, path: Path) -> str:
        root = next(root for root in self._roots if path.is_relative_to(root))
        return path.relative_to(root).as_posix()


@dataclass
class _References(ast.NodeVisitor):
    """What one module refers to; names that are no module of ours are dropped by who asks."""

    package: str
    imported: set[str] = field(default_factory=set)
    leaves: set[str] = field(default_factory=set)  # of `from a.b import c` only `a.b.c`
    named: set[str] = field(default_factory=set)
    prefixes: set[str] = field(default_factory=set)
    joined: set[str] = field(default_factory=set)
    searches: bool = False

    def _take(self, names: Iterable[str]) -> None:
        names = set(names)
        self.imported |= names
        self.leaves |= names

    def visit_If(self, node: ast.If) -> None:
        typing_only = "TYPE_CHECKING" in ast.dump(node.test)
        for child in node.orelse if typing_only else ast.iter_child_nodes(node):
            self.visit(child)

    def visit_Import(self, node: ast.Import) -> None:
        self._take(alias.name for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        above = self.package.split(".")
        base = (
            [*above[: len(above) - node.level + 1], *filter(None, [node.module])]
            if node.level
            else [node.module]
        )
        name = ".".join(map(str, base))
        self.imported.add(name)
        self._take(f"{name}.{alias.name}" for alias in node.names)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and _DOTTED.fullmatch(node.value):
            self.named.add(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        first = node.values[0]
        if isinstance(first, ast.Constant) and str(first.value).endswith("."):
            self.prefixes.add(str(first.value)[:-1])
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        right = node.right
        if isinstance(node.op, ast.Div) and isinstance(right, ast.Constant) and isinstance(right.value, str):
            self.joined.add(right.value.split("/")[0])
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.searches |= node.attr == "iter_modules"
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self.searches |= node.id == "iter_modules"


@cache
def _references(text: str, package: str) -> _References:
    found = _References(package)
    found.visit(_parsed(text))
    return found
