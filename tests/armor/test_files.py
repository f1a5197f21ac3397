"""Files are replaced whole or not at all, and nothing half-written stays behind."""

import errno
import os
import re
from pathlib import Path

import pytest

from armor.errors import InputError
from armor.files import remove_leftovers, replacing, write_atomically


def test_a_file_is_replaced_and_readable_as_any_other(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    plain = tmp_path / "plain"
    plain.write_text("")
    write_atomically(path, "σ = 1")
    assert path.read_bytes() == "σ = 1".encode()
    assert path.stat().st_mode == plain.stat().st_mode
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "plain"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("before", [True, False])
def test_a_full_disk_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, before: bool
) -> None:
    path = tmp_path / "a.txt"
    if before:
        path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(InputError, match=r"a\.txt cannot be written: No space left on device") as caught:
        write_atomically(path, b"new")
    assert ("what was there before is intact" in str(caught.value)) == before
    assert os.listdir(tmp_path) == (["a.txt"] if before else [])
    assert not before or path.read_text() == "old"


def test_an_interruption_leaves_no_part_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"

    def interrupted() -> None:
        with replacing(path) as stream:
            stream.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert os.listdir(tmp_path) == []


def test_what_is_no_place_for_a_file_is_refused(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path, "it is a folder"),
        (tmp_path / "none" / "a", "there is no folder"),
        (Path("/dev/null"), "not a regular file"),
    ):
        with pytest.raises(InputError, match=words):
            write_atomically(path, b"")


def test_only_parts_of_the_named_files_are_left_overs(tmp_path: Path) -> None:
    with replacing(tmp_path / "last.pt"):
        (part,) = os.listdir(tmp_path)
    (tmp_path / "last.pt").rename(tmp_path / part)  # as a killed process leaves it
    others = (".other.abc.part", ".last.pt", ".last.pt.abc", "last.pt.abc.part")
    for name in others:
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path, re.compile(r"(last|best)\.pt"))
    assert sorted(os.listdir(tmp_path)) == sorted(others)
