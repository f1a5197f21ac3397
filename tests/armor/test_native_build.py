"""The compiled solver where something is missing or broken: an answer all the same, and nothing on stderr."""

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import fmean, pvariance

import pytest

from armor.native.build import enabled

SOURCE = "int answer(void) { return 42; }"
LIBRARY = f"""
from armor.native import library
found = library({SOURCE!r})
print(None if found is None else found.answer())
"""
LOSSES = (0.5, 1.25, 3.0, 0.125)
OBJECTIVE = f"""
import torch, armor
objective = armor.objective("pearson", epsilon=0.1, kappa=0.05)
print(objective(torch.tensor({LOSSES}, dtype=torch.float64)).value.item())
"""
needs_compiler = pytest.mark.skipif(not enabled(), reason="no C compiler")


def _start(script: str, **environment: str) -> "subprocess.Popen[str]":
    kept = {k: v for k, v in os.environ.items() if k not in ("CC", "ARMOR_CACHE", "ARMOR_NATIVE")}
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env={**kept, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _said(process: "subprocess.Popen[str]") -> str:
    """Standard output of a process that ends well and says nothing on standard error."""
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert err == ""
    return out.strip()


def test_without_a_compiler_the_general_solver_serves(tmp_path: Path) -> None:
    """Pearson with all masses positive is `mean + sqrt(epsilon variance) - kappa epsilon`."""
    (tmp_path / "bin").mkdir()
    cache = tmp_path / "cache"
    missing = {"PATH": str(tmp_path / "bin"), "CC": "no-such-compiler", "XDG_CACHE_HOME": str(cache)}
    expected = fmean(LOSSES) + math.sqrt(0.1 * pvariance(LOSSES)) - 0.05 * 0.1
    assert float(_said(_start(OBJECTIVE, **missing))) == pytest.approx(expected, abs=1e-12)
    assert not cache.exists()


def test_a_compiler_that_fails_builds_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\nprintf '\\377 broken\\n'\nexit 1\n")
    broken.chmod(0o700)
    assert _said(_start(LIBRARY, CC=str(broken), XDG_CACHE_HOME=str(tmp_path))) == "None"
    assert not [path for path in (tmp_path / "armor-d").rglob("*") if path.is_file()]


def test_a_compiler_that_builds_something_else_is_not_trusted(tmp_path: Path) -> None:
    """It ends well and leaves a text where the library should be."""
    odd = tmp_path / "cc"
    odd.write_text('#!/bin/sh\nfor last; do :; done\n[ $# = 1 ] || echo "no library" > "$last"\n')
    odd.chmod(0o700)
    assert _said(_start(LIBRARY, CC=str(odd), XDG_CACHE_HOME=str(tmp_path))) == "None"


def test_a_cache_that_cannot_be_written_leaves_the_general_solver(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("a file where the folder should be")
    assert _said(_start(LIBRARY, XDG_CACHE_HOME=str(taken))) == "None"
    assert taken.read_text() == "a file where the folder should be"


@needs_compiler
def test_a_damaged_library_is_built_anew(tmp_path: Path) -> None:
    """Cut off, emptied, or with a byte turned: never loaded (mapping a cut one can end the process)."""
    assert _said(_start(LIBRARY, XDG_CACHE_HOME=str(tmp_path))) == "42"
    (library,) = tmp_path.rglob("*.so")
    whole = library.read_bytes()
    turned = bytearray(whole)
    turned[len(whole) // 2] ^= 0xFF
    for damaged in (whole[: len(whole) // 2], b"", bytes(turned)):
        library.write_bytes(damaged)
        assert _said(_start(LIBRARY, XDG_CACHE_HOME=str(tmp_path))) == "42"
        assert library.read_bytes() != damaged


@needs_compiler
def test_processes_that_build_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    together = [_start(LIBRARY, XDG_CACHE_HOME=str(tmp_path)) for _ in range(4)]
    assert [_said(process) for process in together] == ["42"] * 4
    folder = tmp_path / "armor-d" / "native"
    assert [path.suffix for path in folder.iterdir()] == [".so"]


SANITISED = """
import torch, armor
g = torch.Generator().manual_seed(0)
count = 0
renyi = [{"name": "renyi", "alpha": alpha} for alpha in (1.25, 20)]
for name in ("kl", *renyi, "pearson", "js", "neyman"):
    for n in (1, 2, 7, 17, 128, 1000, 8191, 8192, 8193, 8215, 10239, 20000):
        for full in range(3):
            losses = torch.randn(n, generator=g, dtype=(torch.float64, torch.float32)[count % 2])
            costs = torch.rand(n, generator=g) * 0.1 if full else None
            weights = torch.rand(n, generator=g) if full == 2 else None
            solver = armor.objective(name, epsilon=(1e-6, 0.1, 5.0)[count % 3], kappa=(0.0, 0.1)[count % 2])
            solver(losses.requires_grad_(), costs, weights)
            solver.at(losses, costs, weights, mu=0.3)
            count += 1
print(count)
"""


@needs_compiler
@pytest.mark.slow
def test_the_solver_stays_within_its_memory(tmp_path: Path) -> None:
    """Every family and size under GCC's address and undefined-behaviour sanitisers."""
    compiler = shutil.which("gcc")
    found = [
        subprocess.run(
            [compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True
        ).stdout
        for name in ("libasan.so", "libubsan.so")
        if compiler
    ]
    libraries = [name.strip() for name in found if Path(name.strip()).is_absolute()]
    if len(libraries) < 2:
        pytest.skip("GCC's sanitisers are not installed")
    wrapper = tmp_path / "cc"
    wrapper.write_text(
        f'#!/bin/sh\nexec {compiler} -fsanitize=address,undefined -fno-sanitize-recover=undefined "$@"\n'
    )
    wrapper.chmod(0o700)
    done = subprocess.run(
        [sys.executable, "-c", SANITISED],
        env={
            **os.environ, "CC": str(wrapper), "ARMOR_CACHE": str(tmp_path), "OMP_NUM_THREADS": "1",
            "LD_PRELOAD": ":".join(libraries), "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0",
        },
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip() == "216"
    assert len(list(tmp_path.rglob("*.so"))) == 5  # the solver was compiled, not passed over
