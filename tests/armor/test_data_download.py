"""Downloads against a local server: whole, resumed, broken off, wrong, refused."""

import functools
import hashlib
import http.server
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_cifar

from armor.cli.main import main
from armor.data import cifar10, download, names
from armor.data.download import Remote, fetch, remotes
from armor.errors import InputError

CONTENT = bytes(range(256)) * 20_000


class Server(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT at any path; the path says how it misbehaves."""

    protocol_version = "HTTP/1.1"
    ranges: list[str | None]

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.ranges.append(asked)
        if self.path == "/missing":
            self.send_error(404)
            return
        body = b"<!DOCTYPE html><html>not here</html>" if self.path == "/page" else CONTENT
        start = 0
        if asked and self.path != "/no-ranges":
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(body):
                self.send_error(416)
                return
            start = 0 if self.path == "/whole-as-part" else start
            said = start + 7 if self.path == "/elsewhere" and len(self.ranges) == 1 else start
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {said}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        rest = body[start:]
        broken = self.path == "/breaks" and len(self.ranges) == 1
        self.wfile.write(rest[: len(rest) // 3] if broken else rest)
        self.close_connection = True

    def log_message(self, *_arguments: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[tuple[str, list[str | None]]]:
    ranges: list[str | None] = []
    handler = type("Handler", (Server,), {"ranges": ranges})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler)) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", ranges
        running.shutdown()


def _remote(address: str, path: str) -> Remote:
    return Remote(address + path, "folder/file.gz", hashlib.md5(CONTENT).hexdigest())


def test_a_whole_download_and_its_progress(server: tuple[str, list[str | None]], tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    path = fetch(_remote(server[0], "/whole"), tmp_path / "new", lambda n, of: seen.append((n, of)))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [p.name for p in path.parent.iterdir()] == ["file.gz"]
    fetch(_remote(server[0], "/whole"), tmp_path / "new")
    assert len(server[1]) == 1  # a verified file is not asked for again


def test_a_broken_transfer_is_resumed(server: tuple[str, list[str | None]], tmp_path: Path) -> None:
    remote = _remote(server[0], "/breaks")
    with pytest.raises(InputError, match="run again to resume"):
        fetch(remote, tmp_path)
    assert not (tmp_path / "folder/file.gz").exists()
    kept = (tmp_path / "folder/file.gz.part").stat().st_size
    assert 0 < kept < len(CONTENT)
    assert fetch(remote, tmp_path).read_bytes() == CONTENT
    assert server[1] == [None, f"bytes={kept}-"]


@pytest.mark.parametrize("path", ["/no-ranges", "/ranges"])
@pytest.mark.parametrize("kept", [1000, len(CONTENT)])
def test_parts_of_an_earlier_attempt(
    server: tuple[str, list[str | None]], tmp_path: Path, path: str, kept: int
) -> None:
    part = tmp_path / "folder" / "file.gz.part"
    part.parent.mkdir()
    part.write_bytes(CONTENT[:kept])
    assert fetch(_remote(server[0], path), tmp_path).read_bytes() == CONTENT
    assert not part.exists()


def test_a_wrong_part_is_noticed_and_dropped(server: tuple[str, list[str | None]], tmp_path: Path) -> None:
    part = tmp_path / "folder" / "file.gz.part"
    part.parent.mkdir()
    part.write_bytes(b"x" * 1000)
    with pytest.raises(InputError, match="md5"):
        fetch(_remote(server[0], "/ranges"), tmp_path)
    assert not part.exists()
    assert fetch(_remote(server[0], "/ranges"), tmp_path).read_bytes() == CONTENT


def test_a_server_that_answers_another_range(server: tuple[str, list[str | None]], tmp_path: Path) -> None:
    part = tmp_path / "folder" / "file.gz.part"
    part.parent.mkdir()
    part.write_bytes(CONTENT[:1000])
    assert fetch(_remote(server[0], "/whole-as-part"), tmp_path / "one").read_bytes() == CONTENT
    server[1].clear()
    with pytest.raises(InputError, match="resumes at another place"):
        fetch(_remote(server[0], "/elsewhere"), tmp_path)
    assert fetch(_remote(server[0], "/elsewhere"), tmp_path).read_bytes() == CONTENT  # not stuck for ever
    part.write_bytes(CONTENT[:1000])
    (part.parent / "file.gz").unlink()
    assert fetch(_remote(server[0], "/whole-as-part"), tmp_path).read_bytes() == CONTENT


def test_a_full_disk_keeps_what_came(
    server: tuple[str, list[str | None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = _remote(server[0], "/whole")
    monkeypatch.setattr(download, "_CHUNK", 1 << 10)
    # A limit on the size of a file stands for a full disk: the kernel refuses the write in the same way.
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(InputError, match=r"file\.gz\.part cannot be written: File too large"):
            fetch(remote, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    kept = (tmp_path / "folder/file.gz.part").stat().st_size
    assert 0 < kept <= 10_000
    assert fetch(remote, tmp_path).read_bytes() == CONTENT
    assert server[1][-1] == f"bytes={kept}-"


def test_the_command_gets_verifies_and_reads(
    server: tuple[str, list[str | None]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    parts = tiny_cifar.files(per_batch=10, test=8)
    (tmp_path / "made").mkdir()
    archive = tiny_cifar.write_archive(tmp_path / "made", parts)
    content = archive.read_bytes()
    layout = replace(
        tiny_cifar.layout_of(parts), url=server[0] + "/breaks", archive_md5=hashlib.md5(content).hexdigest()
    )
    monkeypatch.setattr(cifar10, "LAYOUT", layout)
    monkeypatch.setattr(sys.modules[__name__], "CONTENT", content)
    words = ["data", "get", "cifar10", "--data", str(tmp_path / "got")]
    assert main(words) == 2  # the connection breaks
    said = capsys.readouterr()
    assert "run again to resume" in said.err
    assert said.out == ""
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(tmp_path / "got" / "cifar-10-python.tar.gz")
    assert lines[1] == "CIFAR-10: 50 training and 8 test images, verified"
    assert server[1][1] == f"bytes={len(content) // 3}-"
    assert main(["data", "get", "cifar11", "--data", str(tmp_path)]) == 2
    assert "nearest known one is 'cifar10'" in capsys.readouterr().err


@pytest.mark.parametrize(("path", "words"), [("/page", "web page"), ("/missing", "404")])
def test_what_is_not_the_file(
    server: tuple[str, list[str | None]], tmp_path: Path, path: str, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        fetch(_remote(server[0], path), tmp_path)
    assert list((tmp_path / "folder").iterdir()) == []


def test_no_server_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the download failed"):
        fetch(_remote("http://127.0.0.1:9", "/x"), tmp_path)


@pytest.mark.parametrize("name", [name for name in names() if name != "malware"])
def test_every_data_set_has_addresses(name: str) -> None:
    found = remotes(name)
    assert len(found) in (1, 4)
    assert all(len(r.md5) == 32 and r.url.endswith(Path(r.place).name) for r in found)
