"""An evaluation as a file: what `--json` prints, and the answer to every image, for paired comparisons."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from armor.errors import InputError
from armor.evaluation.evaluate import Evaluation
from armor.training.checkpoint import write_atomically

__all__ = ["Record", "read_record", "write_record"]


@dataclass(frozen=True)
class Record:
    """`result`: the mapping of `--json`; `right`: "natural" and each attack -> right images, (N,) bool."""

    result: dict[str, Any]
    right: dict[str, NDArray[np.bool_]]


def _pack(right: Any) -> str:
    return np.packbits(right.numpy()).tobytes().hex()


def write_record(
    path: Path, evaluation: Evaluation, preflight: dict[str, Any] | None, described: str
) -> None:
    """Write `evaluation` of the model that `described` names, whole or not at all."""
    content = evaluation.to_mapping(preflight) | {
        "model": described,
        "right": {
            "natural": _pack(evaluation.right),
            **{result.spec.name: _pack(result.right) for result in evaluation.attacks},
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(content) + "\n").encode())


def read_record(path: Path) -> Record:
    """The record at `path`.

    Raises:
        InputError: missing, or not a record.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        n = int(content["n"])
        packed = {str(name): bytes.fromhex(text) for name, text in content.pop("right").items()}
        if any(len(bits) != (n + 7) // 8 for bits in packed.values()):
            raise ValueError("wrong number of images")
    except FileNotFoundError:
        raise InputError(f"no evaluation at {path}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a recorded evaluation ({error})") from None
    right = {
        name: np.unpackbits(np.frombuffer(bits, np.uint8), count=n).astype(bool)
        for name, bits in packed.items()
    }
    return Record(content, right)
