"""How long a user waits: `python -m theory.benchmark` times cold starts, each in a process of its own.

Prints the best of `--repeat` runs, wall clock and processor seconds: `import theory`, and `armor derive` for
every page of `docs/derivations`.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence

from theory.documents import members

__all__ = ["main"]

_DERIVE = "import sys; from armor.cli.main import main; sys.exit(main(sys.argv[1:]))"


def _timed(command: Sequence[str], repeat: int) -> tuple[float, float]:
    """The smallest wall and processor time of a child process; `RuntimeError` when it fails."""
    best = (float("inf"), float("inf"))
    for _ in range(repeat):
        before, start = os.times(), time.perf_counter()
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        wall, after = time.perf_counter() - start, os.times()
        if run.returncode:
            raise RuntimeError(run.stderr)
        used = after.children_user + after.children_system - before.children_user - before.children_system
        best = (min(best[0], wall), min(best[1], used))
    return best


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m theory.benchmark", description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each command; the best counts")
    repeat = parser.parse_args(arguments).repeat
    rows = [("import theory", [sys.executable, "-c", "import theory; theory.derive"])]
    for spec in members().values():
        options = [f"--{k}={v}" for k, v in spec.items() if k != "name"]
        name = str(spec["name"])
        rows.append(
            (
                " ".join(["armor derive", name, *options]),
                [sys.executable, "-c", _DERIVE, "derive", name, *options],
            )
        )
    print(f"{'':<34}{'wall':>8}{'processor':>12}")
    for label, command in rows:
        wall, used = _timed(command, repeat)
        print(f"{label:<34}{wall:>6.2f} s{used:>10.2f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
