"""A zarr array is streamed: each chunk read once, a few at a time, and damage is never taken for data."""

from __future__ import annotations

import threading
import tracemalloc
from pathlib import Path

import numcodecs
import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec, GzipCodec, ZstdCodec
from zarr.core.buffer import Buffer, cpu
from zarr.storage import LocalStore, MemoryStore, WrapperStore, ZipStore

from brute import nearest
from kinspace import Corrupt, InvalidInput, Unavailable, cos_dist, knn, norm, resize
from kinspace.arrays import as_column, as_matrix, column as blocks_of

N, DIMS = 400, 8
ROWS = np.random.default_rng(3).normal(size=(N, DIMS)).astype(np.float32)
QUERY = ROWS[5]


def stored(store: object, **how: object) -> zarr.Array:
    array = zarr.create_array(store, shape=ROWS.shape, dtype=ROWS.dtype, **({"chunks": (50, 8)} | how))
    array[:] = ROWS
    return array


def chunk_keys(store: MemoryStore) -> list[str]:
    return sorted(key for key in store._store_dict if "zarr.json" not in key and ".z" not in key)


def damage(store: MemoryStore, key: str, how: str) -> None:
    content = store._store_dict[key].to_bytes()
    middle = len(content) // 2
    changed = {
        "flipped": content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :],
        "cut short": content[:middle],
        "emptied": b"",
        "overwritten": b"\xff" * 16 + content[16:],
    }[how]
    store._store_dict[key] = cpu.Buffer.from_bytes(changed)


class Watched(WrapperStore):
    """Counts what is read, and fails where it is told to."""

    def __init__(self, store: object) -> None:
        super().__init__(store)
        self.reads: list[str] = []
        self.fails: tuple[str, type[Exception]] | None = None
        self._lock = threading.Lock()

    async def get(self, key: str, prototype: object, byte_range: object = None) -> Buffer | None:
        with self._lock:
            self.reads.append(key if byte_range is None else f"{key} {byte_range}")
        if self.fails is not None and key.endswith(self.fails[0]):
            raise self.fails[1]("the store failed")
        return await super().get(key, prototype, byte_range)


@pytest.mark.parametrize("kind", ["memory", "local", "zip"])
def test_any_store_gives_the_same_answers(kind: str, tmp_path: Path) -> None:
    store = {
        "memory": MemoryStore,
        "local": lambda: LocalStore(tmp_path / "a.zarr"),
        "zip": lambda: ZipStore(tmp_path / "a.zip", mode="w"),
    }[kind]()
    array = stored(store)
    if kind == "zip":
        store.close()
        store = ZipStore(tmp_path / "a.zip", mode="r")
        array = zarr.open_array(store, mode="r")
    mask = np.arange(N) % 2 == 0
    for where in (None, mask):
        ids, distances = nearest(ROWS, QUERY, 12, "l2", where)
        found = knn(array, QUERY, 12, "l2", where)
        assert found["_rowid"].to_list() == ids.tolist()
        assert np.allclose(found["_dist"], distances)
    assert np.allclose(cos_dist(array, QUERY), cos_dist(ROWS, QUERY), rtol=0, atol=0)
    assert np.array_equal(norm(array), norm(ROWS))
    assert np.array_equal(resize(array, 3), resize(ROWS, 3))
    assert np.array_equal(as_matrix(array, DIMS), ROWS)
    store.close()


@pytest.mark.parametrize("rows", [7, 50, 130, 1000])
@pytest.mark.parametrize(
    "how",
    [
        {"chunks": (50, 8)},
        {"chunks": (30, 3)},
        {"chunks": (1, 8)},
        {"chunks": (10, 8), "shards": (50, 8)},
        {"chunks": (10, 4), "shards": (150, 4)},
        {"chunks": (500, 8)},
    ],
    ids=lambda how: "-".join(map(str, how.values())),
)
def test_blocks_follow_the_chunks_and_no_chunk_is_read_twice(
    how: dict[str, tuple[int, int]], rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks_of, "BLOCK_BYTES", rows * DIMS * 4)
    store = Watched(MemoryStore())
    array = stored(store, **how)
    store.reads.clear()
    found = knn(array, QUERY, 9)
    assert found.equals(knn(ROWS, QUERY, 9))
    reads = [key for key in store.reads if "SuffixByteRequest" not in key]  # a shard's index, once for each block
    assert len(reads) == len(set(reads))
    edges = {start for start, _ in as_column(array).bounds()}
    assert all(edge % how["chunks"][0] == 0 for edge in edges)


def test_chunks_without_an_allowed_row_are_not_read() -> None:
    store = Watched(MemoryStore())
    array = stored(store, chunks=(50, 8))
    store.reads.clear()
    found = knn(array, QUERY, 9, where=[120, 149])
    assert found["_rowid"].sort().to_list() == [120, 149]
    assert len(store.reads) == 8  # all chunks make one block


def test_blocks_without_an_allowed_row_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_of, "BLOCK_BYTES", 50 * DIMS * 4)
    store = Watched(MemoryStore())
    array = stored(store, chunks=(50, 8))
    store.reads.clear()
    assert knn(array, QUERY, 9, where=[120, 149, 399]).height == 3
    assert sorted(store.reads) == ["c/2/0", "c/7/0"]


def test_memory_stays_within_a_few_blocks() -> None:
    class Made(MemoryStore):  # half a GiB of vectors, made as they are asked for
        async def get(self, key: str, prototype: object, byte_range: object = None) -> Buffer | None:
            if not key.startswith("c/"):
                return await super().get(key, prototype, byte_range)
            number = int(key.split("/")[1])
            rows = np.full((4096, 256), 1 + number % 5, np.float32)
            rows[number % 4096] = -1
            return prototype.buffer.from_bytes(rows.tobytes())

    chunks = 128
    array = zarr.create_array(Made(), shape=(chunks * 4096, 256), dtype="f4", chunks=(4096, 256), compressors=None)
    tracemalloc.start()
    try:
        found = knn(array, np.full(256, -1.0), 3)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found["_rowid"].to_list() == [0, 4096 + 1, 2 * 4096 + 2]
    assert peak < 100 << 20


@pytest.mark.parametrize(
    ("how", "codec"),
    [
        ("flipped", {"compressors": [Crc32cCodec()]}),
        ("flipped", {"compressors": [GzipCodec()]}),
        ("flipped", {"compressors": [ZstdCodec(checksum=True)]}),
        ("flipped", {"shards": (100, 8), "compressors": [Crc32cCodec()]}),
        ("flipped", {"zarr_format": 2, "compressors": numcodecs.BZ2()}),
        ("flipped", {"zarr_format": 2, "compressors": numcodecs.Zlib()}),
        ("flipped", {"zarr_format": 2, "compressors": numcodecs.LZMA()}),
        ("cut short", {"compressors": None}),
        ("cut short", {}),
        ("cut short", {"compressors": [BloscCodec()]}),
        ("cut short", {"shards": (100, 8)}),
        ("cut short", {"zarr_format": 2}),
        ("emptied", {"compressors": None}),
        ("emptied", {}),
        ("emptied", {"shards": (100, 8)}),
        ("emptied", {"shards": (100, 4), "chunks": (50, 4)}),
        ("overwritten", {}),
        ("overwritten", {"shards": (100, 8)}),
        ("overwritten", {"compressors": [BloscCodec()]}),
    ],
    ids=range(19),
)
def test_a_corrupt_chunk_is_corrupt_and_names_the_array_and_the_rows(how: str, codec: dict[str, object]) -> None:
    store = MemoryStore()
    array = stored(store, **codec)
    key = chunk_keys(store)[1]
    damage(store, key, how)
    width = 100 if codec.get("shards") and how == "emptied" else 50
    first = 0 if codec.get("shards") == (100, 4) else 100 if codec.get("shards") else 50
    with pytest.raises(Corrupt) as caught:
        knn(array, QUERY, 5)
    assert str(array.store_path) in str(caught.value)
    said = str(caught.value).split()[1].split("…")
    assert first <= int(said[0]) <= int(said[1]) < first + max(width, 100 if codec.get("shards") else 0)
    for function in (lambda: cos_dist(array, QUERY), lambda: norm(array), lambda: resize(array, 2)):
        with pytest.raises(Corrupt):
            function()


def test_a_chunk_never_written_holds_the_fill_value() -> None:
    array = zarr.create_array(MemoryStore(), shape=(200, 2), chunks=(50, 2), shards=(100, 2), dtype="f4", fill_value=3)
    array[100:] = 1
    assert norm(array)[:100].tolist() == [18**0.5] * 100


@pytest.mark.parametrize("error", [OSError, TimeoutError, RuntimeError, ValueError])
@pytest.mark.parametrize("shards", [None, (100, 8)])
def test_a_failing_store_is_unavailable(error: type[Exception], shards: tuple[int, int] | None) -> None:
    store = Watched(MemoryStore())
    array = stored(store, shards=shards)
    store.fails = ("c/3/0", error)  # raised anew each time
    with pytest.raises(Unavailable, match=r"rows .*cannot be read") as caught:
        knn(array, QUERY, 5)
    assert isinstance(caught.value, OSError)
    store.fails = None
    assert knn(array, QUERY, 5).equals(knn(ROWS, QUERY, 5))


def test_a_failing_store_is_unavailable_for_a_query_too() -> None:
    store = Watched(MemoryStore())
    vector = zarr.create_array(store, data=QUERY, chunks=(4,))
    assert knn(ROWS, vector, 5).equals(knn(ROWS, QUERY, 5))
    store.fails = ("c/1", OSError)
    with pytest.raises(Unavailable):
        knn(ROWS, vector, 5)


def test_a_damaged_zip_is_corrupt(tmp_path: Path) -> None:
    store = ZipStore(tmp_path / "a.zip", mode="w")
    stored(store, compressors=None)
    store.close()
    raw = bytearray((tmp_path / "a.zip").read_bytes())
    at = raw.index(ROWS[60].tobytes())
    raw[at] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(raw)
    with ZipStore(tmp_path / "a.zip", mode="r") as opened, pytest.raises(Corrupt):
        knn(zarr.open_array(opened, mode="r"), QUERY, 5)


def test_rows_of_another_dtype_are_taken_as_float32() -> None:
    for dtype in ("f2", "f8", "i2", ">f4", ">i8"):
        whole = (ROWS * 10).astype(dtype)
        array = zarr.create_array(MemoryStore(), data=whole, chunks=(30, 3))
        assert knn(array, QUERY, 9).equals(knn(whole, QUERY, 9))


def test_a_row_that_is_not_finite_is_named_by_its_global_id() -> None:
    spoilt = ROWS.astype(np.float64)
    spoilt[333, 1] = 1e39
    array = zarr.create_array(MemoryStore(), data=spoilt, chunks=(50, 8))
    for function in (lambda: knn(array, QUERY, 5), lambda: cos_dist(array, QUERY), lambda: norm(array)):
        with pytest.raises(InvalidInput, match="row 333"):
            function()


def test_an_emptied_shard_is_corrupt_wherever_reading_begins() -> None:
    store = MemoryStore()
    array = stored(store, shards=(100, 8))
    damage(store, "c/1/0", "emptied")
    column = as_column(array)
    assert np.array_equal(column.read(30, 100), ROWS[30:100])
    assert np.array_equal(column.read(200, 399), ROWS[200:399])
    for start, stop in ((30, 101), (100, 110), (199, 200), (150, 250), (0, 400)):
        with pytest.raises(Corrupt):
            column.read(start, stop)


def test_an_array_of_no_rows_is_a_column() -> None:
    for array in (
        zarr.create_array(MemoryStore(), shape=(0, 8), chunks=(50, 8), dtype="f4"),
        zarr.array(np.empty((0, 8), np.float32)),
    ):
        assert knn(array, QUERY, 5).height == 0
        assert norm(array).shape == (0,)
