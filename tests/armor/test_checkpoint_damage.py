"""Damaged checkpoints: whatever was changed, one sentence says so and nothing is evaluated."""

from pathlib import Path
from typing import Any

import pytest
import torch

from armor.errors import InputError
from armor.models import ModelSpec
from armor.numbers import ratio
from armor.training.checkpoint import load, save

SPEC = ModelSpec("cnn-small", 10, (3, 32, 32), (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
CONTENT: dict[str, Any] = {
    "model": {"weight": torch.arange(6.0).reshape(2, 3), "half": torch.ones(3, dtype=torch.bfloat16)},
    "history": [{"epoch": 1, "loss": 0.5}],
    "step": 7,
}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "a.pt"
    save(path, CONTENT, SPEC)
    return path


def test_an_intact_checkpoint_loads(saved: Path) -> None:
    assert load(saved)["step"] == 7


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(step=8),
        lambda c: c["model"]["weight"].mul_(1.0000001),
        lambda c: c["model"].update(weight=c["model"]["weight"].to(torch.float64)),
        lambda c: c["model"].update(weight=c["model"]["weight"].to_sparse()),
        lambda c: c["history"].append({"epoch": 2}),
        lambda c: c.pop("history"),
        lambda c: c.pop("digest"),
    ],
)
def test_any_change_is_seen(saved: Path, change: Any) -> None:
    content = torch.load(saved, weights_only=True)
    change(content)
    torch.save(content, saved)
    with pytest.raises(InputError, match="does not match its digest"):
        load(saved)


def test_a_flipped_bit_is_seen(saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    at = data.index(CONTENT["model"]["weight"].numpy().tobytes())
    data[at + 9] ^= 16
    saved.write_bytes(bytes(data))
    with pytest.raises(InputError, match="damaged"):
        load(saved)


@pytest.mark.parametrize("text", ["1e-999999999", "1e99999", "9" * 500])
def test_a_number_of_endless_digits_is_refused_at_once(text: str) -> None:
    with pytest.raises(InputError, match="radius"):
        ratio(text, "radius")
