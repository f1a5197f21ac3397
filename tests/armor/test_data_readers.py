"""Reading data sets: the layouts agree; what is damaged, foreign or malicious is refused in a sentence."""

import gzip
import pickle
from pathlib import Path

import numpy as np
import pytest
import tiny_cifar
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from armor.data import cache, cifar10, idx, load, names, reader
from armor.data.packed import decode_pixels
from armor.data.unpickle import loads
from armor.errors import InputError

PARTS = tiny_cifar.files()


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cifar10, "LAYOUT", tiny_cifar.layout_of(PARTS))
    monkeypatch.setenv("ARMOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ARMOR_DATA", raising=False)


WRITERS = {
    "folder": tiny_cifar.write_folder,
    "archive": tiny_cifar.write_archive,
    "packed": tiny_cifar.write_packed,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_every_layout_gives_the_same_arrays(kind: str, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path, PARTS)
    found = load("cifar10", tmp_path).arrays
    pixels, labels = tiny_cifar.images(40, 3)
    assert found.x_train.shape == (200, 3, 32, 32)
    assert found.x_train.dtype == np.uint8
    assert np.array_equal(found.x_train[80:120], pixels)
    assert found.y_train[80:120].tolist() == labels
    assert np.array_equal(found.x_test, tiny_cifar.images(40, 99)[0])


def test_a_file_or_folder_itself_may_be_named(tmp_path: Path) -> None:
    archive = tiny_cifar.write_archive(tmp_path, PARTS)
    folder = tiny_cifar.write_folder(tmp_path / "x", PARTS)
    assert load("cifar10", archive).source == archive
    assert load("cifar10", folder).source == folder


@given(hnp.arrays(np.uint8, (2, 3, 32, 32), elements=st.integers(0, 255)))
def test_packed_pixels_survive_the_round_trip(pixels: np.ndarray) -> None:
    assert np.array_equal(decode_pixels(tiny_cifar.encode_pixels(pixels)), pixels)


def test_packed_pixels_survive_noise_and_extremes() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 3, 32, 32), dtype=np.uint8)
    pixels[:10] = np.where(pixels[:10] > 127, 255, 0)
    assert np.array_equal(decode_pixels(tiny_cifar.encode_pixels(pixels)), pixels)


def _refusal(root: Path, name: str = "cifar10") -> str:
    with pytest.raises(InputError) as caught:
        load(name, root)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_truncated_archive(tmp_path: Path) -> None:
    path = tiny_cifar.write_archive(tmp_path, PARTS)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    message = _refusal(tmp_path)
    assert "truncated" in message
    assert str(path) in message


def test_an_archive_that_lost_the_bytes_behind_its_files(tmp_path: Path) -> None:
    """What counts are the md5 of the files in it: the checksum of gzip, cut off, says nothing more."""
    path = tiny_cifar.write_archive(tmp_path, PARTS)
    whole = path.read_bytes()
    expected = load("cifar10", tmp_path).arrays
    for lost in (1, 4, 8):
        path.write_bytes(whole[:-lost])
        assert np.array_equal(load("cifar10", tmp_path).arrays.x_train, expected.x_train)
    broken = bytearray(whole)
    broken[len(whole) // 2] ^= 1
    path.write_bytes(bytes(broken))
    assert str(path) in _refusal(tmp_path)


def test_archive_without_a_member(tmp_path: Path) -> None:
    tiny_cifar.write_archive(tmp_path, {k: v for k, v in PARTS.items() if k != "test_batch"})
    assert "holds no cifar-10-batches-py/test_batch" in _refusal(tmp_path)


@pytest.mark.parametrize("name", ["data_batch_4", "batches.meta"])
def test_flipped_byte_in_a_file(tmp_path: Path, name: str) -> None:
    path = tiny_cifar.write_folder(tmp_path, PARTS) / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    message = _refusal(tmp_path)
    assert str(path) in message
    assert "damaged or not the original file" in message


def test_missing_file_of_the_folder(tmp_path: Path) -> None:
    (tiny_cifar.write_folder(tmp_path, PARTS) / "data_batch_2").unlink()
    assert "data_batch_2: missing file of CIFAR-10" in _refusal(tmp_path)


@pytest.mark.parametrize("name", ["cifar-10-python.tar.gz", "cifar-10.npz"])
def test_a_web_page_under_the_name_of_the_data(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"<!DOCTYPE html><html>404</html>")
    assert "web page" in _refusal(tmp_path)


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"PK\x03\x04 something else")
    assert "not a gzip archive" in _refusal(tmp_path)


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_truncated_packed_file(tmp_path: Path, share: float) -> None:
    path = tiny_cifar.write_packed(tmp_path, PARTS)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert str(path) in _refusal(tmp_path)


def test_every_flipped_byte_of_a_packed_file_is_noticed_or_harmless(tmp_path: Path) -> None:
    path = tiny_cifar.write_packed(tmp_path, PARTS)
    good, data = load("cifar10", tmp_path, cache=False).arrays, path.read_bytes()
    for place in np.linspace(100, len(data) - 1, 60, dtype=int):
        damaged = bytearray(data)
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        message = None
        try:
            found = load("cifar10", tmp_path, cache=False).arrays
        except InputError as error:
            message = str(error)
        if message is None:
            assert np.array_equal(found.x_train, good.x_train)
            assert np.array_equal(found.y_train, good.y_train)
        else:
            assert str(path) in message


def test_another_data_set_packed(tmp_path: Path) -> None:
    tiny_cifar.write_packed(tmp_path, PARTS, folder="cifar-100-python")
    assert "this is not packed CIFAR-10" in _refusal(tmp_path)


def test_label_out_of_range(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, labels = tiny_cifar.images(40, 1)
    parts = PARTS | {"data_batch_1": tiny_cifar.batch_parts(pixels, [*labels[:-1], 10])}
    monkeypatch.setattr(cifar10, "LAYOUT", tiny_cifar.layout_of(parts))
    tiny_cifar.write_folder(tmp_path, parts)
    assert "label 10 outside 0..9" in _refusal(tmp_path)


def test_wrong_paths_and_names(tmp_path: Path) -> None:
    assert "does not exist" in _refusal(tmp_path / "nowhere")
    assert "no CIFAR-10 in" in _refusal(tmp_path)
    assert "nearest known one is 'cifar10'" in _refusal(tmp_path, "cifar-10")
    with pytest.raises(InputError, match="ARMOR_DATA"):
        load("cifar10")


class _Evil:
    def __init__(self, call: object, *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call, self.arguments


@pytest.mark.parametrize(
    "payload",
    [
        _Evil(exec, "open('{path}', 'w').close()"),
        _Evil(open, "{path}", "w"),
        {b"labels": [1], b"data": _Evil(np.save, "{path}", np.zeros(1))},
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_malicious_pickle_runs_nothing(payload: object, protocol: int, tmp_path: Path) -> None:
    mark = tmp_path / "executed"

    def fill(value: object) -> object:
        if isinstance(value, _Evil):
            arguments = [a.format(path=mark) if isinstance(a, str) else a for a in value.arguments]
            return _Evil(value.call, *arguments)
        return {k: fill(v) for k, v in value.items()} if isinstance(value, dict) else value

    data = pickle.dumps(fill(payload), protocol)
    with pytest.raises(InputError, match="refused to unpickle"):
        loads(data, "file")
    assert not mark.exists()


def test_the_malicious_pickle_of_the_test_above_would_run(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    pickle.loads(pickle.dumps(_Evil(open, str(mark), "w"))).close()
    assert mark.exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"U\x02u1", b"U\x02O8"),
        (b"U\x02u1", b"U\x02f8"),
        (b"K\x28M\x00\x0c\x86", b"K\x29M\x00\x0c\x86"),
        (b"cnumpy\nndarray\n", b"cnumpy\nmemmap\n"),
        (b"_reconstruct\n", b"scalar\n"),
    ],
)
def test_arrays_that_a_data_file_would_not_hold(old: bytes, new: bytes) -> None:
    data = b"".join(PARTS["data_batch_1"])
    assert data.count(old) == 1
    with pytest.raises(InputError, match="refused to unpickle"):
        loads(data.replace(old, new), "file")


@given(st.binary(max_size=300), st.integers(0, 400))
def test_random_damage_of_a_pickle_never_escapes(noise: bytes, place: int) -> None:
    data = b"".join(PARTS["data_batch_1"])
    start = data.index(b"cnumpy.core") - 50 + place
    message = "file"
    try:
        loads(data[:start] + noise + data[start + len(noise) :], "file")
    except InputError as error:
        message = str(error)
    assert message.startswith("file")


def test_a_slow_source_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_cifar.write_packed(tmp_path, PARTS)
    first = load("cifar10", tmp_path).arrays
    calls = []
    from armor.data import cifar

    original = cifar.read_packed
    monkeypatch.setattr(cifar, "read_packed", lambda *a: calls.append(1) or original(*a))
    again = load("cifar10", tmp_path).arrays
    assert not calls
    assert np.array_equal(first.x_train, again.x_train)
    entry = next((tmp_path / "cache").glob("cifar10-*/x_train.npy"))
    data = bytearray(entry.read_bytes())
    data[-1] ^= 1
    entry.write_bytes(data)
    repaired = load("cifar10", tmp_path).arrays
    assert calls == [1]
    assert np.array_equal(first.x_train, repaired.x_train)
    monkeypatch.setenv("ARMOR_CACHE", "off")
    assert cache.folder() is None
    load("cifar10", tmp_path)
    assert calls == [1, 1]


def test_an_unwritable_cache_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("ARMOR_CACHE", str(blocked))
    tiny_cifar.write_packed(tmp_path, PARTS)
    assert load("cifar10", tmp_path).arrays.y_test.size == 40


def _idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    return head + array.astype(np.uint8).tobytes()


def test_idx_files_gzipped_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    from armor.data import mnist

    rng = np.random.default_rng(0)
    content = {
        idx.STEMS[0]: _idx(rng.integers(0, 256, (6, 28, 28))),
        idx.STEMS[1]: _idx(np.arange(6)),
        idx.STEMS[2]: _idx(rng.integers(0, 256, (4, 28, 28))),
        idx.STEMS[3]: _idx(np.arange(4)),
    }
    md5 = {k: hashlib.md5(v).hexdigest() for k, v in content.items()}
    monkeypatch.setattr(mnist, "MD5", md5)
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for k, (stem, data) in enumerate(content.items()):
        (folder / (stem + (".gz" if k % 2 else ""))).write_bytes(gzip.compress(data) if k % 2 else data)
    found = load("mnist", tmp_path).arrays
    assert found.x_train.shape == (6, 1, 28, 28)
    assert found.y_test.tolist() == [0, 1, 2, 3]
    path = folder / (idx.STEMS[1] + ".gz")
    path.write_bytes(path.read_bytes()[:-9])
    assert "truncated or damaged" in _refusal(tmp_path, "mnist")
    path.unlink()
    assert "missing file of MNIST" in _refusal(tmp_path, "mnist")


@pytest.mark.parametrize(
    "data", [b"", b"\0\0\x0d\x01\0\0\0\x01\0", b"\0\0\x08\x01\0\0\0\x05abc", b"\0\0\x08\x03\0\0"]
)
def test_impossible_idx_files(data: bytes) -> None:
    with pytest.raises(InputError):
        idx.parse_idx(data, "file")


@pytest.mark.data
@pytest.mark.parametrize("name", [name for name in names() if name != "malware"])
def test_the_real_data_sets(name: str, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the official md5 sums, and the user's cache
    found = reader(name)
    if found.locate(data_root) is None:
        pytest.skip(f"no {found.title} in {data_root}")
    arrays = load(name, data_root).arrays
    train, test = len(arrays.y_train), len(arrays.y_test)
    assert (train, test) == ((60000, 10000) if "mnist" in name else (50000, 10000))
    assert arrays.x_train.shape[1:] == found.shape
    counts = np.bincount(arrays.y_train, minlength=len(found.classes))
    assert counts.min() > 0
    assert counts.size == len(found.classes)
    mean = arrays.x_train[:5000].mean((0, 2, 3)) / 255
    assert np.allclose(mean, found.mean, atol=0.01)
