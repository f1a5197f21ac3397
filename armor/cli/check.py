"""`armor check`: re-checks a certificate without any solver."""

import argparse
import json
import subprocess
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from armor.errors import InputError, require

if TYPE_CHECKING:
    from verification.certificate.checker import Verdict

__all__ = ["configure", "run"]

_EPILOG = """examples:
  armor dro instance.json --certificate proof.json
  armor check proof.json
  armor check proof.json --json
  armor check proof.json --formal    (by the checker extracted from the Coq proofs; `make formal` builds it)
  armor check large.npz --formal     (its doubles are turned into exact rationals first)

Exit code 0: the claimed interval is proved; 1: the certificate is rejected; 2: the file is no certificate.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = _EPILOG
    parser.add_argument("certificate", type=Path, metavar="CERTIFICATE", help="file written by --certificate")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the report")
    parser.add_argument(
        "--formal",
        action="store_true",
        help="re-check by the extracted checker that is proved correct in Coq",
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise InputError(f"the field {twice!r} stands twice in the certificate.")
    return result


def _read(path: Path) -> dict[str, Any]:
    """The certificate at `path`; everything the checker will judge is still text."""
    if not path.exists():
        raise InputError(f"there is no file {str(path)!r}.")
    if not path.is_file():
        raise InputError(f"{str(path)!r} is not a file.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_unique)
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file in UTF-8.") from None
    except RecursionError:
        raise InputError(f"{path} is nested too deeply to be a certificate.") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is not valid JSON: {error.msg} at line {error.lineno}.") from None
    except InputError:
        raise
    except ValueError:
        raise InputError(f"{path} holds a number of more digits than can be read.") from None
    if not isinstance(content, dict) or "format" not in content:
        raise InputError(f"{path} is not a certificate: it has no field 'format'.")
    return content


def _read_large(path: Path) -> dict[str, Any]:
    """A large certificate: an `.npz` archive of doubles."""
    from verification.certificate.archive import load_large

    if not path.is_file():
        raise InputError(f"there is no file {str(path)!r}.")
    try:
        content = load_large(path)
    except ValueError as error:
        raise InputError(f"{path} is not a readable .npz certificate: {error}.") from None
    if "format" not in content:
        raise InputError(f"{path} is not a certificate: it has no field 'format'.")
    return content


def _ends(value: float) -> float | str:
    return value if abs(value) != float("inf") else "inf" if value > 0 else "-inf"


def _plain(text: str) -> str:
    """An exact decimal without its exponent, a quotient that is a double as such; others stay."""
    try:
        if "/" in text:
            number = float(Fraction(text))
            return repr(number) if Fraction(text) == Fraction(number) else text
        return f"{Decimal(text):f}"
    except (
        ValueError,
        ArithmeticError,
    ):  # beyond the doubles, or too long to read
        return text


def _theorem(instance: Any) -> str:
    """Which theorem turns acceptance into a bound: rows and columns as one space where they can be."""
    cost = instance.get("cost") if isinstance(instance, dict) else None
    rows = cost if isinstance(cost, list) else []
    lengths = {len(row) for row in rows if isinstance(row, list)}
    square = lengths == {len(rows)} and all(_is_zero(row[i]) for i, row in enumerate(rows))
    if square:
        return "certificate_sound (rows and columns are the same points: a square cost, zero on its diagonal)"
    return "certificate_sound_joined (rows and columns are different points)"


def _is_zero(entry: Any) -> bool:
    try:
        return Fraction(str(entry)) == 0
    except (ValueError, ZeroDivisionError):
        return False


def _rational(path: Path) -> tuple[dict[str, Any] | None, str]:
    """The rational form of a large certificate and what was repaired in it; or None and why it is unfit."""
    from verification.certificate.rational import NotCovered, Unfit, rational

    try:
        found = rational(_read_large(path))
    except NotCovered as reason:
        raise InputError(f"{path}: not covered by the proved checker: {reason}.") from None
    except Unfit as reason:
        return None, str(reason)
    if not found.repaired:
        return found.certificate, ""
    columns = "1 column" if found.repaired == 1 else f"{found.repaired} columns"
    note = f"{columns} of the plan missed q by rounding, at most {found.rest:.1e}, and were completed exactly"
    return found.certificate, note


def _run_formal(args: argparse.Namespace) -> int:
    """Let the extracted checker decide; its exit codes are those of the command."""
    import theory

    program = Path(theory.__path__[0]) / "formal" / "build" / "armor-formal"
    if not program.is_file():
        raise InputError(
            "the proved checker is not built here: `make formal-deps formal` installs Coq and builds it."
        )
    with TemporaryDirectory() as folder:
        file, note = args.certificate, ""
        if file.suffix == ".npz":
            certificate, note = _rational(file)
            if certificate is None:
                print(
                    json.dumps({"accepted": False, "grade": "none", "reason": note})
                    if args.json
                    else f"rejected: {note}"
                )
                return 1
            file = Path(folder) / "certificate.json"
            with file.open("w", encoding="utf-8") as stream:
                stream.write(json.dumps(certificate))
        else:
            certificate = _read(file)
        done = subprocess.run([program, file], capture_output=True, text=True, check=False)
    try:
        verdict = json.loads(done.stdout)
    except json.JSONDecodeError:
        raise InputError(
            f"the proved checker did not answer: {(done.stderr or done.stdout).strip()!r}."
        ) from None
    if args.certificate.suffix == ".npz":
        verdict["trusted"].append("the reader of the archive rational.py")
        verdict["notes"] = [note] if note else []
    claim = certificate.get("claim")
    kind = str(certificate.get("kind"))
    if done.returncode == 0 and isinstance(claim, dict):
        verdict |= {"kind": kind, "lower": str(claim["lower"]), "upper": str(claim["upper"])}
        verdict["theorem"] = _theorem(certificate.get("instance"))
    if args.json:
        print(json.dumps(verdict))
    elif done.returncode == 0 and isinstance(claim, dict):
        lower, upper = (_plain(str(claim[end])) for end in ("lower", "upper"))
        print(f"accepted: {_named(kind)} lies in [{lower}, {upper}]")
        print(f"  {verdict['grade']}: {verdict['reason']}")
        print(f"  theorem: {verdict['theorem']}")
        if note:
            print(f"  note: {note}")
        print(f"  trusted: {', '.join(verdict['trusted'])}")
    elif done.returncode == 1:
        print(f"rejected: {verdict['reason']}")
    else:
        raise InputError(f"{args.certificate}: {verdict['reason']}.")
    return done.returncode


def _named(kind: str) -> str:
    return "DRO value" if kind == "dro" else "D^c(Q||P)"


def accepted(kind: str, verdict: "Verdict") -> str:
    """What `armor check` prints of an accepted certificate of `kind` ("divergence" or "dro"), two lines."""
    ends = f"[{verdict.lower!r}, {verdict.upper!r}]"
    return (
        f"accepted: {_named(kind)} lies in {ends}, width {verdict.width:.1e}\n"
        f"  {verdict.grade}: {verdict.reason}"
    )


def run(args: argparse.Namespace) -> int:
    """Check and print; 0 when the claimed interval is proved, 1 when the certificate is rejected."""
    if args.formal:
        return _run_formal(args)
    require("flint")
    certificate: dict[str, Any]
    if args.certificate.suffix == ".npz":
        from verification.certificate.large import check_large

        certificate = _read_large(args.certificate)
        verdict = check_large(certificate)
    else:
        from verification.certificate.checker import check

        certificate = _read(args.certificate)
        verdict = check(certificate)
    if args.json:
        fields = {
            "accepted": verdict.accepted,
            "kind": certificate.get("kind", "divergence"),
            "lower": _ends(verdict.lower) if verdict.accepted else None,
            "upper": _ends(verdict.upper) if verdict.accepted else None,
            "width": _ends(verdict.width) if verdict.accepted else None,
            "grade": verdict.grade,
            "reason": verdict.reason,
        }
        print(json.dumps(fields, allow_nan=False))
    elif verdict.accepted:
        print(accepted(str(certificate.get("kind")), verdict))
    else:
        print(f"rejected: {verdict.reason}")
    return 0 if verdict.accepted else 1
