"""What is recorded beside the pages against the code: stale ends the build, a draft builds and says so."""

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs"))

from companion import evidence, freshness, gallery, images, overview, record  # noqa: E402

GOOD = {
    "effort": "full", "interrupted": False, "holds": True, "verdict": "ALL HOLD",
    "cells": [{"cell": "T1/kl", "outcome": "holds"}], "sources": "now", "versions": {},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    freshness.stale.cache_clear()
    yield
    freshness.stale.cache_clear()


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of documentation in which everything belongs to the code."""
    docs = tmp_path / "docs"
    (docs / "pictures").mkdir(parents=True)
    (docs / "recorded").mkdir()
    (docs / "evidence").mkdir()
    (docs / "pictures" / "a.png").write_bytes(b"picture")
    made = {"code": "now", "pictures": {"a.png": images._sha256(b"picture")}}
    (docs / "pictures" / "images.json").write_text(json.dumps({"made": made}), encoding="utf-8")
    for module in (freshness, record):
        monkeypatch.setattr(module, "ROOT", tmp_path)
        monkeypatch.setattr(module, "DOCS", docs)
    code = tmp_path / "code"
    code.write_text("code", encoding="utf-8")
    monkeypatch.setattr(images, "code", lambda: "now")
    monkeypatch.setattr(evidence, "FILE", docs / "evidence" / "verify.json.gz")
    monkeypatch.setattr(evidence, "result", lambda: GOOD)
    monkeypatch.setattr("verification.matrix.cache.code_meaning", lambda: "now")
    monkeypatch.setattr(record, "behind", lambda _: {"x": code})
    monkeypatch.delenv("ARMOR_DOCS_DRAFT", raising=False)
    entry = record.Recorded("train", "armor train x", needs="data")
    entry.path.write_text(record.replace(entry, hash=entry.current()).text(), encoding="utf-8")
    return tmp_path


def test_nothing_stale_builds_without_a_banner(fresh: Path) -> None:
    assert fresh.is_dir()
    assert freshness.stale() == {}
    freshness.require()
    assert freshness.banner() == ""
    assert freshness.warning("evidence") == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sources": "then"}, "recorded for code with the hash then, the present one is now"),
        ({"sources": None}, "the present one is now"),
        ({"effort": "quick"}, "not the result of a whole"),
        ({"interrupted": True}, "not the result of a whole"),
        ({"holds": False, "verdict": "1 FAILS"}, r"not everything holds in it \(1 FAILS\)"),
        ({"cells": [{"cell": "T1/kl/formal", "outcome": "skipped"}]}, "T1/kl/formal among them"),
    ],
)
def test_stale_evidence_ends_the_build(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], said: str
) -> None:
    assert fresh.is_dir()
    monkeypatch.setattr(evidence, "result", lambda: {**GOOD, **change})
    with pytest.raises(
        SystemExit, match=rf"verify\.json\.gz: .*{said}.*: run `make docs-record ARGS=evidence`"
    ):
        freshness.require()
    monkeypatch.setenv("ARMOR_DOCS_DRAFT", "1")
    freshness.require()
    assert "<strong>Draft.</strong> Not of the present code: evidence." in freshness.banner()
    assert freshness.warning("evidence").startswith("```{warning}\ndocs/evidence/verify.json.gz: ")


@pytest.mark.parametrize("value", ["yes", "2", "true"])
def test_an_odd_switch_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ARMOR_DOCS_DRAFT", value)
    with pytest.raises(SystemExit, match=f"is 1 for a draft, or 0, not '{value}'"):
        freshness.is_draft()


def test_a_stale_recording_ends_the_build(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = fresh / "docs" / "changed"
    changed.write_text("another", encoding="utf-8")
    monkeypatch.setattr(record, "behind", lambda _: {"x": changed})
    with pytest.raises(
        SystemExit, match=r"train\.toml shows .*: run `make docs-record ARGS=train` \(it needs data\)"
    ):
        freshness.require()
    monkeypatch.setenv("ARMOR_DOCS_DRAFT", "1")
    assert "recorded train" in freshness.banner()


def test_a_file_that_a_recording_made_is_watched(fresh: Path) -> None:
    picture = fresh / "made.png"
    picture.write_bytes(b"one")
    entry = record.load("train")
    entry = record.replace(entry, made={"made.png": images._sha256(b"one")})
    entry.path.write_text(entry.text(), encoding="utf-8")
    assert freshness.stale() == {}
    freshness.stale.cache_clear()
    picture.write_bytes(b"two")
    assert "made.png is not the file" in freshness.stale()["recorded train"]


def test_pictures_are_watched(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = fresh / "docs" / "pictures" / "a.png"
    for said, act in (
        ("hash now, the present one is later", lambda: monkeypatch.setattr(images, "code", lambda: "later")),
        (r"a\.png is not the picture", lambda: picture.write_bytes(b"other")),
        (r"a\.png is not the picture", picture.unlink),
    ):  # fmt: skip
        act()
        freshness.stale.cache_clear()
        with pytest.raises(SystemExit, match=f"{said}.*run `make docs-pictures`"):
            freshness.require()
    picture.write_bytes(b"picture")
    monkeypatch.setattr(images, "code", lambda: "now")
    (picture.parent / "b.png").write_bytes(b"")
    freshness.stale.cache_clear()
    with pytest.raises(SystemExit, match=r"b\.png is described by nothing"):
        freshness.require()


def test_the_page_of_the_evidence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "warning", "WARNED {}".format)
    assert "WARNED evidence" in "\n".join(overview._verdict())
    monkeypatch.setattr(overview, "warning", lambda _: "")
    monkeypatch.setattr(overview, "other_versions", lambda: ["numpy 1 (here 2)"])
    found = {**evidence.result(), "sources": "abc"}
    monkeypatch.setattr(overview, "result", lambda: found)
    shown = "\n".join(overview._verdict())
    assert "belongs to the code of this build (`abc`" in shown
    assert "numpy 1 (here 2)" in shown


def test_the_code_behind_a_command_is_found_from_it() -> None:
    train = record.behind("armor train cifar10-smoke --data X")
    assert {"armor/training/trainer.py", "armor/objectives/kl.py", "armor/recipes/cifar10-smoke.toml"} <= set(
        train
    )
    assert "armor/cli/verify.py" not in train
    both = record.behind('cp a b && armor evaluate b; python docs/examples/cifar10_two_sample.py --data "$X"')
    assert {"armor/cli/evaluate.py", "docs/examples/cifar10_two_sample.py", "armor/exact/api.py"} <= set(both)
    assert "theory/documents.py" in record.behind("python -m theory.documents out")
    with pytest.raises(SystemExit, match="names no program of this project"):
        record.behind("echo armored; ls /usr/armor train")
    with pytest.raises(SystemExit, match=r"no module 'armor\.cli\.trian'"):
        record.behind("armor trian x")
    with pytest.raises(SystemExit, match=r"missing\.py"):
        record.behind("python docs/missing.py")


def test_the_code_behind_the_pictures_is_no_more_than_that() -> None:
    from verification.sources import sources

    found = sources(["companion.images"], (ROOT, ROOT / "docs"), resolved=["companion"])
    assert {
        "docs/companion/images.py",
        "armor/transport/ascent.py",
        "armor/models/resnet.py",
        "armor/data/cifar10.py",
    } <= set(found)
    assert not {"docs/companion/generate.py", "verification/matrix/runner.py"} & set(found)


def test_a_recording_survives_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "DOCS", tmp_path)
    (tmp_path / "recorded").mkdir()
    entry = record.Recorded("a", "echo \"x\" 'y'", 'a "machine"', "λ", "two\nlines", "12", {"f.png": "00"})
    entry.path.write_text(entry.text(), encoding="utf-8")
    assert record.replace(record.load("a"), output="") == record.replace(entry, output="")
    assert record.load("a").output.strip() == entry.output
    with pytest.raises(SystemExit, match=r"no docs/recorded/b\.toml \(known: a\)"):
        record.load("b")


def test_recording_keeps_output_machine_and_hash(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (fresh / "docs" / "recorded" / "train.toml").write_text("command = 'echo done'\n", encoding="utf-8")
    record.record("train")
    found = record.load("train")
    assert found.output.strip() == "done"
    assert "cores of" in found.machine
    assert found.hash == found.current()
    (fresh / "docs" / "recorded" / "train.toml").write_text("command = 'echo no; exit 3'\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="ended with 3"):
        record.record("train")
    hashes = iter(["before", "after"])
    monkeypatch.setattr(record.Recorded, "current", lambda _: next(hashes))
    (fresh / "docs" / "recorded" / "train.toml").write_text("command = 'echo done'\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="the code changed while"):
        record.record("train")


@pytest.fixture
def fences() -> ModuleType:
    """`companion.fences`, which reads pages with a package of the extra docs."""
    pytest.importorskip("markdown_it", reason="the pages are read with the extra docs")
    return import_module("companion.fences")


def test_fences(fences: ModuleType, tmp_path: Path) -> None:
    good = "# T\n\n```{live}\nx\n```\n\n```text\na -> b\n```\n\n* item\n\n  more\n\nend\n"
    page = tmp_path / "page.md"
    page.write_text(good, encoding="utf-8")
    fences.check(tmp_path)
    for block, word in (
        ("```python\nx\n```\n", "python"),
        ("```\nx\n```\n", "no language"),
        ("~~~sh\nls\n~~~\n", "sh"),
        ("    indented = 1\n", "no language"),
    ):
        page.write_text(good + "\n" + block, encoding="utf-8")
        with pytest.raises(SystemExit, match=rf"page\.md:1[67]: a block of code \({word}\)"):
            fences.check(tmp_path)


def test_the_pages_hold_no_plain_code(fences: ModuleType) -> None:
    fences.check()


def test_pictures_of_tutorials_have_words(tmp_path: Path) -> None:
    for script in sorted((ROOT / "docs" / "tutorials").glob("tutorial_*.py")):
        assert len(gallery.alt(script).split()) > 12, script.name
    name = "tutorial_1_worst_case"
    text = [
        f".. image:: /generated/tutorials/images/thumb/sphx_glr_{name}_thumb.png\n    :alt:\n\nEND",
    ]
    gallery.describe(None, "generated/tutorials/index", text)
    words = gallery.alt(ROOT / "docs" / "tutorials" / f"{name}.py")
    assert text[0].endswith(f":alt: {words}\n\nEND")
    page = [
        f".. image-sg:: /generated/tutorials/images/sphx_glr_{name}_001.png\n   :alt: {name}\n   :class: x\n"
    ]
    gallery.describe(None, f"generated/tutorials/{name}", page)
    assert f"   :alt: {words}\n   :class: x\n" in page[0]
    (tmp_path / "mute.py").write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"mute\.py does not say what its picture shows"):
        gallery.alt(tmp_path / "mute.py")
