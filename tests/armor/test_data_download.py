"""Downloads against a local server: whole, resumed, broken off, wrong, refused."""

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from armor.data import names
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
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
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
