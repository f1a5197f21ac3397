"""The import rule of the packages: who may import whom, and what must start without torch, cvxpy or flint."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What each package may import when it is loaded; inside functions more is allowed (second table).
AT_LOAD = {
    "theory": {"theory", "sympy", "mpmath"},
    "verification": {
        "verification",
        "theory",
        "numpy",
        "scipy",
        "cvxpy",
        "flint",
        "hypothesis",
        "joblib",
        "matplotlib",
        "tqdm",
        "sympy",
        "mpmath",
    },
    "armor": {"armor", "torch", "numpy", "scipy", "matplotlib", "tqdm"},
}
IN_FUNCTIONS = {
    "theory": {"numpy", "flint", "torch"},
    "verification": set(),
    "armor": {"theory", "verification", "sympy", "pyautoattack", "qdldl", "ot", "tensorboard"},
}
# The one module that checks `armor` may import it inside functions.
IN_FUNCTIONS_OF = {
    "verification/matrix/armor_layer.py": {"armor", "torch"},
}
# Modules that only functions load, and what they may therefore import.
ON_DEMAND = {
    "theory/backends/arb_ops.py": {"flint"},
    "verification/pot_adapters.py": {"ot"},
    **{
        f"armor/objectives/fused/{part}.py": {"triton"}
        for part in ("elementary", "f", "kl", "operations", "power", "printed", "rows", "step")
    },
}


def _modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def _roots(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        return [(node.module or "").split(".")[0]]
    return [alias.name.split(".")[0] for alias in node.names]


def _imports(tree: ast.AST) -> tuple[set[str], set[str]]:
    """Top-level packages imported when the module loads, and those imported inside functions or guarded by
    `try: ... except ModuleNotFoundError`."""
    at_load: set[str] = set()
    inside: set[str] = set()

    def walk(node: ast.AST, in_function: bool, typing_only: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                if not typing_only:
                    (inside if in_function else at_load).update(_roots(child))
            elif isinstance(child, ast.Try) and any("NotFoundError" in ast.dump(h) for h in child.handlers):
                walk(child, True, typing_only)
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                walk(child, in_function, True)
            else:
                is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                walk(child, in_function or is_function, typing_only)

    walk(tree, False, False)
    return at_load, inside


def test_modules_on_demand_are_loaded_by_functions_only() -> None:
    names = {name.removesuffix(".py").replace("/", ".") for name in ON_DEMAND}
    offences = []
    for path in (p for package in AT_LOAD for p in _modules(package)):
        if path.relative_to(ROOT).as_posix() in ON_DEMAND:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom):
                loaded = {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                loaded = {alias.name for alias in node.names}
            else:
                continue
            offences += [f"{path.relative_to(ROOT)} loads {name}" for name in sorted(loaded & names)]
    assert not offences, "\n".join(offences)


@pytest.mark.parametrize("package", sorted(AT_LOAD))
def test_static_imports(package: str) -> None:
    offences = []
    for path in _modules(package):
        at_load, inside = _imports(ast.parse(path.read_text(encoding="utf-8")))
        name = path.relative_to(ROOT).as_posix()
        allowed = AT_LOAD[package] | set(sys.stdlib_module_names)
        allowed |= ON_DEMAND.get(name, set())
        offences += [f"{name} imports {root} when it loads" for root in sorted(at_load - allowed)]
        extra = inside - allowed - IN_FUNCTIONS[package] - IN_FUNCTIONS_OF.get(name, set())
        offences += [f"{name} imports {root} inside a function" for root in sorted(extra)]
    assert not offences, "\n".join(offences)


def test_the_rule_sees_offences() -> None:
    """The walker tells apart load-time, function-level and typing-only imports."""
    source = """
import numpy
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import cvxpy
class A:
    import scipy
def f():
    import torch
try:
    import qdldl
except ModuleNotFoundError:
    qdldl = None
"""
    at_load, inside = _imports(ast.parse(source))
    assert at_load == {"numpy", "typing", "scipy"}
    assert inside == {"torch", "qdldl"}


def _python(code: str, *hidden: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in a fresh interpreter in which the `hidden` packages do not exist."""
    block = f"""
import sys
class _Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {set(hidden)!r}:
            raise ModuleNotFoundError('No module named ' + repr(name), name=name)
sys.meta_path.insert(0, _Hidden())
"""
    return subprocess.run(
        [sys.executable, "-c", block + code], capture_output=True, text=True, cwd=ROOT, check=False
    )


@pytest.mark.parametrize(
    ("code", "hidden"),
    [
        ("import theory, theory.catalogue, theory.numeric", ("torch", "numpy", "flint", "cvxpy")),
        ("import verification, verification.instance, verification.solve", ("torch",)),
        ("import armor; armor.objective('kl', epsilon=0.1)", ("cvxpy", "flint", "joblib", "hypothesis")),
    ],
    ids=["theory", "verification", "armor"],
)
def test_packages_load_without_what_they_do_not_need(code: str, hidden: tuple[str, ...]) -> None:
    done = _python(code, *hidden)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "hidden"),
    [
        (["derive", "kl"], ("torch", "cvxpy", "flint", "scipy")),
        (["verify", "--only", "theory", "--quick"], ("torch",)),
        (["divergence", "tests/data/kl_three_points.json"], ("torch",)),
        (["dro", "tests/data/kl_three_points.json"], ("torch",)),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_commands_start_without_torch(words: list[str], hidden: tuple[str, ...]) -> None:
    done = _python(f"from armor.cli.main import main; sys.exit(main({words!r}))", *hidden)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_check_needs_no_solver(tmp_path: Path) -> None:
    certificate = tmp_path / "certificate.json"
    words = ["divergence", "tests/data/kl_three_points.json", "--certificate", str(certificate)]
    made = _python(f"from armor.cli.main import main; sys.exit(main({words!r}))", "torch")
    assert made.returncode == 0, made.stderr
    words = ["check", str(certificate)]
    done = _python(
        f"from armor.cli.main import main; sys.exit(main({words!r}))", "torch", "cvxpy", "scipy", "sympy"
    )
    assert done.returncode == 0, done.stderr


def test_a_missing_extra_is_one_sentence() -> None:
    words = ["divergence", "tests/data/kl_three_points.json"]
    done = _python(f"from armor.cli.main import main; sys.exit(main({words!r}))", "flint")
    assert done.returncode == 2
    assert "armor-d[verify]" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
