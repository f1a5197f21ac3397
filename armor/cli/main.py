"""Entry point of the console script: parses the command line, runs one command, maps errors to exit codes.

Exit codes: 0 done and all hold; 1 a check falls short; 2 bad input, usage or environment; 130 interrupted.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn, Protocol, cast

from armor import __version__
from armor.errors import InputError, missing_extra

__all__ = ["main"]

# name -> one line for `armor --help`; the module is armor.cli.<name>
_COMMANDS = {
    "verify": "run the check matrix: statements x divergences x costs x supports x layers",
    "derive": "print the derivation of a divergence's dual formulas, step by step",
    "divergence": "D^c(Q||P) of an instance, with its certified interval",
    "dro": "worst-case expectation over a D^c ball, with its certified interval",
    "check": "re-check a certificate without any solver",
    "data": "download a data set from its authors and verify it",
    "train": "train a model from a recipe",
    "reproduce": "every row of a table of results, into one table and plots",
    "bench": "benchmarks, as ratios measured side by side in one run",
    "evaluate": "natural and robust accuracy of a checkpoint, with 95 %% intervals",
}


class _Command(Protocol):
    def configure(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, args: argparse.Namespace) -> int: ...


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see '{self.prog} --help')\n")


def _load(name: str) -> _Command:
    return cast(_Command, import_module(f"armor.cli.{name}"))


def _parser(argv: Sequence[str]) -> _Parser:
    """The parser; only the command that `argv` names is imported and configured."""
    parser = _Parser(
        prog="armor", description="Adversarial training whose mathematics is proved before it is trained."
    )
    parser.add_argument("--version", action="version", version=f"armor {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser, required=True)
    named = next((word for word in argv if not word.startswith("-")), None)
    for name, summary in _COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=summary,
            description=summary.replace("%%", "%"),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == named:
            _load(name).configure(sub)
    return parser


def _is_bad_input(error: BaseException) -> bool:
    """Whether `error` is a package's own 'bad input' error, found without importing that package."""
    theory_errors = sys.modules.get("theory.errors")
    kinds: tuple[type[BaseException], ...] = (InputError,)
    if theory_errors is not None:
        kinds += (theory_errors.InputError,)
    return isinstance(error, kinds)


def _out_of_memory(error: BaseException) -> str | None:
    """The sentence for a CUDA device that is full, found without importing torch; None for other errors."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(error, torch.OutOfMemoryError):
        return None
    tried = re.search(r"[Tt]ried to allocate [\d.]+ \w+", str(error))
    asked = f" ({tried[0][0].lower()}{tried[0][1:]})" if tried else ""
    return (
        f"the CUDA device has not enough memory left{asked}: take smaller batches (--batch of evaluate, "
        "training.batch of a recipe) or another --device"
    )


def _joined(words: Sequence[str]) -> list[str]:
    """`--f EXPR` as one word, so that an expression may begin with a minus sign."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] == "--f" and not word.startswith("--"):
            joined[-1] = f"--f={word}"
        else:
            joined.append(word)
    return joined


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = _joined(sys.argv[1:] if argv is None else argv)
    try:
        args = _parser(words).parse_args(words)
        code = _load(args.command).run(args)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("armor: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of the pipe (head, less) has gone: nothing is wrong with the result.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        print(f"armor: {error.strerror or error}{where}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        absent = missing_extra(error)
        if absent is None:
            raise
        print(f"armor: {absent}", file=sys.stderr)
        return 2
    except Exception as error:
        full = _out_of_memory(error)
        if full is None and not _is_bad_input(error):
            raise
        print(f"armor: {full or error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
