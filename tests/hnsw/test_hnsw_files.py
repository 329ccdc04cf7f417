"""save and load: the same index to the last bit; an older one is replaced at once, and nothing else ever."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import zarr

import kinspace as ks
from kinspace.storage import replace, segment
from sets import METRICS, check_answer, clustered, names

QUERIES = clustered(30, 9, 61)


def index_of(n: int, metric: str = "cosine", *, turned: bool = False) -> ks.Hnsw:
    """An index; if turned, with rows removed, others in their slots, and slots that are free."""
    rows = clustered(n, 9, 61)
    index = ks.Hnsw.build(rows, metric, M=8, ef_construction=40)
    if turned:
        index.remove(range(0, n, 3))
        index.add(rows[: n // 5])
    return index


def same(one: ks.Hnsw, other: ks.Hnsw) -> None:
    """Both answer alike, to the last bit, and are alike in what they say."""
    told, also = one.info(), other.info()
    for name in ("vector_bytes", "graph_bytes"):
        told.pop(name), also.pop(name)
    assert told == also
    for k, ef, recall in ((10, None, None), (10, 20, None), (len(one), 1, None), (5, None, 1.0)):
        found, again = one.search(QUERIES, k, ef, recall=recall), other.search(QUERIES, k, ef, recall=recall)
        assert np.array_equal(found[0], again[0])
        assert np.array_equal(found[1], again[1])


def stored(folder: Path) -> dict[str, bytes]:
    """Every file's bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("n", [0, 1, 700, 4_200])
def test_what_is_loaded_is_what_was_saved_to_the_last_bit(tmp_path: Path, metric: str, turned: bool, n: int) -> None:
    index = index_of(n, metric, turned=turned)
    index.save(tmp_path / "one")
    again = ks.Hnsw.load(tmp_path / "one")
    same(index, again)
    again.save(tmp_path / "two")
    assert stored(tmp_path / "one") == stored(tmp_path / "two")
    more = clustered(300, 9, 62)
    for each in (index, again):
        ids = each.add(more)
        assert each.remove(ids[:100]) == 100
        assert each.add(more[:50])[0] == ids[-1] + 1
        new = np.arange(ids[100], ids[-1] + 51)
        found = each.search(more[150], len(new), where=new)
        rows = dict(zip(new.tolist(), np.concatenate([more[100:], more[:50]]), strict=True))
        check_answer(*found, rows, more[150], metric, len(new))


def test_it_is_a_zarr_group_that_any_client_reads(tmp_path: Path) -> None:
    index = index_of(5_000, turned=True)
    index.save(tmp_path / "index")
    group = zarr.open_group(tmp_path / "index", mode="r")
    told = group.attrs["kinspace"]
    assert (told["format"], told["kind"], told["metric"]) == (1, "hnsw", "cosine")
    assert (told["M"], told["ef_construction"]) == (8, 40)
    assert (told["rows"], told["dims"], told["next_id"]) == (len(index), 9, 6_000)
    ids, rows = group["row_id"][:], group["vectors"][:]
    live = ids >= 0
    assert int(live.sum()) == len(index)
    assert (rows[~live] == 0).all(), "what was removed is not kept"
    for row in np.flatnonzero(live)[::97]:
        assert ids[row] in index.search(rows[row], 5, recall=1.0)[0]


def test_vectors_stay_in_the_file_until_rows_are_added(tmp_path: Path) -> None:
    index_of(9_001).save(tmp_path / "index")
    index = ks.Hnsw.load(tmp_path / "index")
    assert index.info()["vector_bytes"] < 9_001 * 9 * 4 / 2
    index.remove([1, 5_000])
    assert index.info()["vector_bytes"] < 9_001 * 9 * 4 / 2
    before = stored(tmp_path / "index")
    index.add(clustered(3, 9, 63))  # in two slots of the first two chunks, and one at the end
    assert index.search(clustered(3, 9, 63)[1], 1)[1].tolist() == [0.0]
    index.add(clustered(9_000, 9, 64))
    assert stored(tmp_path / "index") == before
    assert len(index) == 18_002


def test_an_index_saved_with_other_chunks_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = index_of(9_001, turned=True)
    with monkeypatch.context() as other:
        other.setattr(segment, "INNER_ROWS", 256)
        other.setattr(segment, "_SHARD_BYTES", 1 << 15)
        index.save(tmp_path / "index")
    again = ks.Hnsw.load(tmp_path / "index")
    same(index, again)
    more = clustered(5_000, 9, 65)
    ids = again.add(more)
    assert again.search(more, 1, recall=1.0)[0][:, 0].tolist() == ids.tolist()


def test_a_save_takes_the_place_of_an_older_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    small, large = index_of(50), index_of(700, "l2")
    for index in (small, large, large, small):
        index.save(str(tmp_path / "index"))
        same(index, ks.Hnsw.load(str(tmp_path / "index")))
        assert names(tmp_path) == ["index"]


def test_an_index_is_saved_over_the_file_it_is_mapped_from(tmp_path: Path) -> None:
    index = index_of(9_001)
    index.save(tmp_path / "index")
    again = ks.Hnsw.load(tmp_path / "index")
    index.add(QUERIES)
    again.add(QUERIES)
    again.save(tmp_path / "index")
    same(index, again)
    same(index, ks.Hnsw.load(tmp_path / "index"))


def test_folders_above_are_made_and_links_are_followed(tmp_path: Path) -> None:
    index = index_of(50)
    index.save(tmp_path / "a" / "b" / "index")
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b" / "index")
    index_of(60).save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert len(ks.Hnsw.load(tmp_path / "a" / "b" / "index")) == 60
    (tmp_path / "dangling").symlink_to(tmp_path / "a" / "new")
    index.save(tmp_path / "dangling")
    assert len(ks.Hnsw.load(tmp_path / "a" / "new")) == 50


def occupied(kind: str, place: Path) -> None:
    if kind == "file":
        place.write_bytes(b"mine")
        return
    place.mkdir()
    if kind == "folder":
        (place / "photo.jpg").write_bytes(b"mine")
    if kind == "zarr array":
        zarr.create_array(place, shape=(3,), dtype="int8", overwrite=True)
    if kind == "zarr group":
        zarr.create_group(place, attributes={"kinspace": {"format": 1, "kind": "other"}}, overwrite=True)
    if kind == "zarr.json of nothing":
        (place / "zarr.json").write_text("[]")
    if kind == "zarr.json that is a folder":
        (place / "zarr.json").mkdir()


@pytest.mark.parametrize(
    "kind",
    [
        "file",
        "empty folder",
        "folder",
        "zarr array",
        "zarr group",
        "zarr.json of nothing",
        "zarr.json that is a folder",
    ],
)
def test_anything_else_at_the_path_is_an_error_and_left_alone(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "mine"
    occupied(kind, place)
    before = stored(tmp_path), sorted(tmp_path.rglob("*"))
    with pytest.raises(ks.InvalidInput, match=f"{place} is a fi?o?l.*left alone"):
        index_of(50).save(place)
    assert (stored(tmp_path), sorted(tmp_path.rglob("*"))) == before


def test_a_hub_is_never_replaced(tmp_path: Path) -> None:
    with ks.connect(tmp_path / "hub") as hub:
        space = hub.create_space("docs", dims=2)
        space.set("a", [1, 2])
        space.flush()
        [part] = (tmp_path / "hub" / "spaces").glob("*/segments/*")
        for place in (tmp_path / "hub", part, part / "vectors"):
            with pytest.raises(ks.InvalidInput):
                index_of(50).save(place)
        assert space.check().ok


def test_loading_nothing_is_unavailable_and_a_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ks.Unavailable, match="no index at"):
        ks.Hnsw.load(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(ks.InvalidInput, match="is a file"):
        ks.Hnsw.load(tmp_path / "file")
    with pytest.raises(ks.Unavailable):
        ks.Hnsw.load(tmp_path / "file" / "index")
    with pytest.raises(ks.Unavailable):
        index_of(50).save(tmp_path / "file" / "index")


def test_folders_cannot_be_exchanged_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replace, "_exchange_call", lambda: None)
    for n in (50, 60, 70):
        index_of(n).save(tmp_path / "index")
        assert len(ks.Hnsw.load(tmp_path / "index")) == n
        assert names(tmp_path) == ["index"]


def test_the_format_of_the_attributes_is_as_specified(tmp_path: Path) -> None:
    import xxhash

    index_of(50).save(tmp_path / "index")
    text = (tmp_path / "index" / "zarr.json").read_bytes()
    told = json.loads(text)["attributes"]["kinspace"]
    assert xxhash.xxh3_64_hexdigest(text.replace(told["checksum"].encode(), b"0" * 16)) == told["checksum"]
    assert set(told["files"]) == set(stored(tmp_path / "index")) - {"zarr.json"}
    for name, (size, checksum) in told["files"].items():
        body = (tmp_path / "index" / name).read_bytes()
        assert len(body) == size
        if "/c/" not in name:
            assert xxhash.xxh3_64_hexdigest(body) == checksum
        elif not name.startswith("vectors/"):
            assert body[-4:].hex() == checksum
