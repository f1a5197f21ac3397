"""An evaluation as a file: what `--json` prints, and the answer to every image, for paired comparisons.

While it is being made, `FILE.partial` holds the answers so far; `Progress` goes on from there, or from a
finished record to which attacks are added. Nothing recorded is lost: a record whose answers cannot stand
beside the new ones, as they belong to other weights, images or seeds, or to another ball, becomes `FILE.old`.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from armor.errors import InputError
from armor.evaluation.attacks import AttackSpec
from armor.evaluation.evaluate import Evaluation
from armor.files import write_atomically

__all__ = [
    "Conditions",
    "Progress",
    "Record",
    "as_record",
    "read_record",
    "refuse_to_overwrite",
    "write_record",
]


@dataclass(frozen=True)
class Conditions:
    """What an answer depends on besides the attack.

    Attributes:
        model: SHA-256 of its file. dataset: name. images: SHA-256 of the `n` images and their labels, as a
        data set of the user's own has no fixed content. total: images of the whole test set.
        seed, batch: fix the random starts.
    """

    model: str
    dataset: str
    images: str
    n: int
    total: int
    seed: int
    batch: int


@dataclass(frozen=True)
class Record:
    """`result`: the mapping of `--json`; `right`: "natural" and each attack -> right images, bool."""

    result: dict[str, Any]
    right: dict[str, NDArray[np.bool_]]


def _pack(right: Any) -> str:
    return np.packbits(right.numpy()).tobytes().hex()


def _unpack(text: str, n: int) -> NDArray[np.bool_]:
    bits = bytes.fromhex(text)
    if n < 0 or len(bits) != (n + 7) // 8:
        raise ValueError("wrong number of images")
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=n).astype(bool)


def _partial(path: Path) -> Path:
    return path.with_name(path.name + ".partial")


def refuse_to_overwrite(path: Path) -> None:
    """`InputError` if there is a record at `path`, or an unfinished one."""
    for found in (path, _partial(path)):
        if found.exists():
            raise InputError(f"{found} exists already: go on with it by --resume, or name another --record")


def as_record(evaluation: Evaluation) -> Record:
    """What `read_record` would give of `evaluation`."""
    right = {result.spec.name: result.right.numpy() for result in evaluation.attacks}
    return Record(evaluation.to_mapping(None), {"natural": evaluation.right.numpy(), **right})


def write_record(
    path: Path,
    evaluation: Evaluation,
    preflight: dict[str, Any] | None,
    described: str,
    conditions: Conditions | None = None,
    machine: str | None = None,
) -> None:
    """Write `evaluation` of the model that `described` names, whole or not at all; it replaces `Progress`.

    Attacks that a record at `path` holds under the same `conditions` stay in it, before the new ones.
    `machine`: on what it was measured, in words.

    Raises:
        InputError: what is at `path` is no record.
    """
    content = evaluation.to_mapping(preflight) | {
        "model": described,
        "conditions": None if conditions is None else asdict(conditions),
        "machine": machine,
        "right": {
            "natural": _pack(evaluation.right),
            **{result.spec.name: _pack(result.right) for result in evaluation.attacks},
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and not _joined(content, read_record(path)):
        _aside(path)
    write_atomically(path, (json.dumps(content) + "\n").encode())
    _settle(_partial(path), [result.spec.name for result in evaluation.attacks], content["conditions"])


def _joined(content: dict[str, Any], before: Record) -> bool:
    """Add the attacks of the record `before` that `content` lacks; whether it then holds all of them."""
    conditions = content["conditions"]
    if conditions is None or before.result.get("conditions") != conditions:
        return False
    own = {entry["name"]: entry for entry in content["attacks"]}
    old = before.result["attacks"]
    kept = [entry for entry in old if entry["name"] not in own]
    right = {entry["name"]: _pack(torch.from_numpy(before.right[entry["name"]])) for entry in kept}
    again = [entry for entry in old if entry["name"] in own]
    same = [entry for entry in again if _ball(entry) == _ball(own[entry["name"]])]
    if kept or same:  # the answers are of both machines
        machines = [before.result.get("machine"), content["machine"]]
        content["machine"] = "; ".join(dict.fromkeys(m for m in machines if m)) or None
    content["attacks"] = kept + content["attacks"]
    content["right"] |= right
    return len(same) == len(again)


def _ball(entry: Mapping[str, Any]) -> list[Any]:
    return [entry[key] for key in ("norm", "radius", "steps", "restarts")]


def _settle(partial: Path, done: Sequence[str], conditions: dict[str, Any] | None) -> None:
    """Of an unfinished evaluation leave the attacks that are still unfinished, if there are any."""
    attacks = _unfinished(partial, conditions)
    if attacks is None:
        return
    left = {name: entry for name, entry in attacks.items() if name not in done}
    if left:
        write_atomically(partial, json.dumps({"conditions": conditions, "attacks": left}).encode())
    else:
        partial.unlink(missing_ok=True)


def _aside(path: Path) -> None:
    """Rename `path` to the first free of `path.old`, `path.old2`, ...: what was recorded is not lost."""
    names = (path.with_name(f"{path.name}.old{number or ''}") for number in (0, *range(2, 10_000)))
    os.replace(path, next(name for name in names if not name.exists()))


def _unfinished(partial: Path, conditions: dict[str, Any] | None) -> dict[str, Any] | None:
    """By attack, what `partial` holds of an evaluation under `conditions`; nothing if it is damaged.

    None where it holds one under other conditions.
    """
    try:
        content = json.loads(partial.read_text(encoding="utf-8"))
        attacks = dict(content["attacks"])
        return attacks if content["conditions"] == conditions or not attacks else None
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def read_record(path: Path) -> Record:
    """The record at `path`.

    Raises:
        InputError: missing, or not a record.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        counts = {"natural": int(content["n"])}
        counts |= {str(entry["name"]): int(entry.get("n", content["n"])) for entry in content["attacks"]}
        packed = dict(content.pop("right"))
        right = {name: _unpack(packed[name], count) for name, count in counts.items()}
    except FileNotFoundError:
        raise InputError(f"no evaluation at {path}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a recorded evaluation ({error})") from None
    return Record(content, right)


def _settings(spec: AttackSpec) -> list[Any]:
    return [spec.norm, str(spec.radius), spec.steps, spec.restarts]


class Progress:
    """The answers of an unfinished evaluation, kept beside its record and found again.

    Args:
        path: of the record. conditions: of this evaluation; answers under others are not taken.
        attacks: of this evaluation.
    """

    def __init__(self, path: Path, conditions: Conditions, attacks: Sequence[AttackSpec]) -> None:
        self.path, self.conditions, self.attacks = path, conditions, attacks
        self.partial = _partial(path)
        self.known: dict[str, Tensor] = {}
        self.others: dict[str, Any] = {}  # unfinished attacks of another list: they stay unfinished

    def find(self) -> Mapping[str, Tensor]:
        """Take over what the record and the unfinished one hold of the same evaluation, by attack."""
        self._from_record()
        self._from_partial()
        return self.known

    def _take(self, name: str, right: NDArray[np.bool_]) -> None:
        spec = next((spec for spec in self.attacks if spec.name == name), None)
        whole = spec is not None and right.size == spec.count(self.conditions.n)
        if spec is not None and (whole or right.size % self.conditions.batch == 0):
            self.known[name] = torch.from_numpy(right.copy())

    def _from_record(self) -> None:
        if not self.path.is_file():
            return
        record = read_record(self.path)
        if record.result.get("conditions") != asdict(self.conditions):
            return
        same = {(s.name, s.norm, float(s.radius), s.steps, s.restarts) for s in self.attacks}
        for entry in record.result["attacks"]:
            if tuple(entry[key] for key in ("name", "norm", "radius", "steps", "restarts")) in same:
                self._take(entry["name"], record.right[entry["name"]])

    def _from_partial(self) -> None:
        own = {spec.name: _settings(spec) for spec in self.attacks}
        for name, entry in (_unfinished(self.partial, asdict(self.conditions)) or {}).items():
            try:
                if name not in own:
                    self.others[name] = entry
                elif own[name] == entry["settings"]:
                    self._take(name, _unpack(entry["right"], int(entry["done"])))
            except (ValueError, KeyError, TypeError):
                continue  # damaged: its answers are worked out again

    def keep(self, name: str, right: Tensor) -> None:
        """Write down the answers so far."""
        self.known[name] = right
        own = {spec.name: _settings(spec) for spec in self.attacks}
        content = {
            "conditions": asdict(self.conditions),
            "attacks": self.others
            | {
                name: {"settings": own[name], "done": bits.numel(), "right": _pack(bits)}
                for name, bits in self.known.items()
            },
        }
        self.partial.parent.mkdir(parents=True, exist_ok=True)
        if _unfinished(self.partial, asdict(self.conditions)) is None:
            _aside(self.partial)
        write_atomically(self.partial, json.dumps(content).encode())
