"""space -> file -> space keeps keys, order, vectors to the bit, and columns of every type."""

from __future__ import annotations

import datetime as dt
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

import kinspace as ks
from exchanged import FORMATS, content, filled, same

COLUMNS: dict[str, tuple[pl.DataType, st.SearchStrategy[Any]]] = {
    "flag": (pl.Boolean(), st.booleans()),
    "small": (pl.Int8(), st.integers(-128, 127)),
    "large": (pl.UInt64(), st.integers(0, 2**64 - 1)),
    "real": (pl.Float64(), st.floats(allow_nan=False)),
    "text": (pl.String(), st.text(max_size=5)),
    "bytes": (pl.Binary(), st.binary(max_size=5)),
    "day": (pl.Date(), st.dates()),
    "time": (pl.Time(), st.times()),
    "moment": (pl.Datetime("us", "UTC"), st.datetimes(timezones=st.just(dt.UTC))),
    "span": (pl.Duration("ms"), st.integers(-(10**9), 10**9).map(lambda ms: dt.timedelta(milliseconds=ms))),
    "price": (pl.Decimal(12, 3), st.integers(-(10**9), 10**9).map(lambda n: Decimal(n).scaleb(-3))),
    "list": (pl.List(pl.Int32()), st.lists(st.none() | st.integers(-5, 5), max_size=3)),
    "array": (pl.Array(pl.Float32(), 2), st.lists(st.floats(width=32, allow_nan=False), min_size=2, max_size=2)),
    "struct": (
        pl.Struct({"a": pl.Int64(), "b": pl.List(pl.String())}),
        st.fixed_dictionaries({"a": st.none() | st.integers(-9, 9), "b": st.lists(st.text(max_size=2), max_size=2)}),
    ),
}
KEYS = {
    "str": st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    "int": st.integers(-(2**63), 2**63 - 1),
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, pl.DataFrame]:
    """A type of keys, and rows under them with some columns, nulls among their values."""
    key_type = draw(st.sampled_from(["str", "int"]))
    keys = draw(st.lists(KEYS[key_type], min_size=1, max_size=12, unique=True))
    dims = draw(st.integers(1, 5))
    component = st.floats(width=32, allow_nan=False, allow_infinity=False)
    vectors = draw(st.lists(st.lists(component, min_size=dims, max_size=dims), min_size=len(keys), max_size=len(keys)))
    columns = {"key": pl.Series(keys, dtype=pl.String if key_type == "str" else pl.Int64)}
    for name in draw(st.lists(st.sampled_from(sorted(COLUMNS)), max_size=4, unique=True)):
        dtype, values = COLUMNS[name]
        column = draw(st.lists(st.none() | values, min_size=len(keys), max_size=len(keys)))
        columns[name] = pl.Series(column, dtype=dtype)
    columns["vector"] = pl.Series(np.array(vectors, np.float32), dtype=pl.Array(pl.Float32, dims))
    return key_type, pl.DataFrame(columns)


@pytest.mark.parametrize("suffix", FORMATS)
@settings(max_examples=8)
@given(table=tables(), extra=st.integers(0, 3))
def test_a_space_comes_back_as_it_was(suffix: str, table: tuple[str, pl.DataFrame], extra: int) -> None:
    key_type, frame = table
    with ks.connect(":memory:") as hub, tempfile.TemporaryDirectory() as folder:
        space = hub.create_space("before", frame.schema["vector"].shape[0], "l2", key_type=key_type)
        space.load(frame)
        for key in frame["key"].to_list()[:extra]:  # in another order than they came
            space.set(key, np.ones(space.dims))
        path = Path(folder, "out" + suffix)
        assert space.export(path) == frame.height
        after = hub.import_space("after", path)
        assert same(space, after)
        assert after.columns == space.columns
        assert (after.key_type, after.metric) == (key_type, "l2")


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("key_type", ["str", "int"])
def test_segments_logs_and_dead_rows_are_one_file(hub: ks.Hub, tmp_path: Path, suffix: str, key_type: str) -> None:
    space = filled(hub, rows=100, key_type=key_type)
    space.export(tmp_path / f"out{suffix}")
    again = hub.create_space("again", 4, key_type=key_type)
    assert again.load(tmp_path / f"out{suffix}", batch_size=7) == 99
    assert same(space, again)


@pytest.mark.parametrize("suffix", FORMATS)
def test_chunks_and_row_groups_beyond_the_first_keep_their_rows(
    hub: ks.Hub, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kinspace.storage.interchange.zarr_write._CHUNK_BYTES", 16 * 7)
    monkeypatch.setattr("kinspace.storage.interchange.zarr_write._KEYS_CHUNK", 11)
    monkeypatch.setattr("kinspace.storage.interchange.parquet._ROW_GROUP", 13)
    monkeypatch.setattr("kinspace.storage.interchange.npy._BLOCK_BYTES", 16 * 5)
    space = filled(hub, rows=100)
    space.export(tmp_path / f"out{suffix}")
    assert same(space, hub.import_space("again", tmp_path / f"out{suffix}", batch_size=17))


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_empty_space_comes_back_empty(hub: ks.Hub, tmp_path: Path, suffix: str) -> None:
    assert hub.create_space("empty", 3, key_type="int").export(tmp_path / f"out{suffix}") == 0
    again = hub.import_space("again", tmp_path / f"out{suffix}")
    assert (len(again), again.dims, again.key_type) == (0, 3, "int")


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_export_replaces_rows_of_the_same_keys_when_loaded_back(hub: ks.Hub, tmp_path: Path, suffix: str) -> None:
    space = filled(hub)
    before = content(space)
    space.export(tmp_path / f"out{suffix}")
    space.load(tmp_path / f"out{suffix}")
    assert content(space)[:2] == before[:2]


def test_a_half_or_double_precision_npy_file_is_read_as_float32(hub: ks.Hub, tmp_path: Path) -> None:
    for dtype in (np.float16, np.float64, ">f4", np.int8):
        np.save(tmp_path / "v.npy", np.arange(6).reshape(2, 3).astype(dtype))
        space = hub.import_space(np.dtype(dtype).str, tmp_path / "v.npy")
        assert [vector.tolist() for vector in space.multiget([0, 1])] == [[0, 1, 2], [3, 4, 5]]
