"""A column of any kind is the same rows, with the same ids."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import polars as pl
import pytest
import zarr

from brute import nearest
from kinspace import InvalidInput, knn
from kinspace.arrays import as_column, as_matrix, column as blocks_of

N, DIMS = 300, 5
EXACT = np.random.default_rng(1).integers(-8, 8, (N, DIMS)).astype(np.float32)  # exact in every type below
QUERY = EXACT[7] + np.float32(0.25)


def chunked(series: pl.Series) -> pl.Series:
    return pl.concat([series[:70], series[70:71], series[:0], series[71:]], rechunk=False)


def in_zarr(**how: object) -> zarr.Array:
    array = zarr.create_array(zarr.storage.MemoryStore(), shape=EXACT.shape, dtype=EXACT.dtype, **how)
    array[:] = EXACT
    return array


FLOATS = pl.Series("e", EXACT)
KINDS = {
    "float32": EXACT,
    "float16": EXACT.astype(np.float16),
    "float64": EXACT.astype(np.float64),
    "longdouble": EXACT.astype(np.longdouble),
    "int8": EXACT.astype(np.int8),
    "int64": EXACT.astype(np.int64),
    "big endian": EXACT.astype(">f4"),
    "big endian float64": EXACT.astype(">f8"),
    "fortran": np.asfortranarray(EXACT),
    "fortran float64": np.asfortranarray(EXACT.astype(np.float64)),
    "every other row": np.repeat(EXACT, 2, axis=0)[::2],
    "every other column": np.repeat(EXACT, 2, axis=1)[:, ::2],
    "negative row strides": EXACT[::-1].copy()[::-1],
    "negative column strides": EXACT[:, ::-1].copy()[:, ::-1],
    "unaligned": np.frombuffer(b"." + EXACT.tobytes(), np.float32, offset=1).reshape(N, DIMS),
    "within a wider array": np.hstack([EXACT, EXACT])[:, :DIMS],
    "lists": EXACT.tolist(),
    "tuples": tuple(map(tuple, EXACT.tolist())),
    "list of arrays": list(EXACT),
    "list of mixed": [EXACT[0], *EXACT[1:3].tolist(), *(pl.Series(row) for row in EXACT[3:])],
    "polars array": FLOATS,
    "polars array, chunked": chunked(FLOATS),
    "polars array, sliced": pl.concat([FLOATS, FLOATS])[N:],
    "polars array float64": pl.Series("e", EXACT.astype(np.float64)),
    "polars list": FLOATS.cast(pl.List(pl.Float32)),
    "polars list, chunked": chunked(FLOATS.cast(pl.List(pl.Float32))),
    "polars list float64, chunked": chunked(FLOATS.cast(pl.List(pl.Float64))),
    "polars list, sliced": pl.concat([FLOATS, FLOATS]).cast(pl.List(pl.Float32))[N:],
    "polars list int": FLOATS.cast(pl.List(pl.Int16)),
    "polars list decimal": FLOATS.cast(pl.List(pl.Decimal(10, 2))),
    "polars list int128": FLOATS.cast(pl.List(pl.Int128)),
    "zarr": in_zarr(chunks=(64, 5)),
    "zarr, chunked along dims": in_zarr(chunks=(50, 2)),
    "zarr, sharded": in_zarr(chunks=(25, 5), shards=(100, 5)),
    "zarr, sharded along dims": in_zarr(chunks=(10, 1), shards=(50, 3)),
    "zarr, format 2": in_zarr(chunks=(64, 5), zarr_format=2, order="F"),
    "zarr, one chunk": in_zarr(chunks=(1000, 100)),
}


@pytest.fixture(params=[False, True], ids=["one block", "many blocks"])
def small_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param:
        monkeypatch.setattr(blocks_of, "BLOCK_BYTES", 37 * DIMS * 4)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_column_gives_the_same_rows(kind: str) -> None:
    column = as_column(KINDS[kind])
    assert (column.n, column.dims) == (N, DIMS)
    found = np.zeros_like(EXACT)
    last = 0
    for first, rows in column.blocks():
        assert first == last
        assert rows.dtype == np.float32
        assert rows.strides[1] == 4
        found[first : first + len(rows)] = rows
        last = first + len(rows)
    assert last == N
    assert np.array_equal(found, EXACT)
    assert np.array_equal(as_matrix(KINDS[kind], DIMS), EXACT)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_column_gives_the_same_neighbours(kind: str) -> None:
    mask = np.arange(N) % 3 != 1
    for metric in ("cosine", "l2", "ip"):
        for where in (None, mask, np.flatnonzero(mask)):
            ids, distances = nearest(EXACT, QUERY, 20, metric, None if where is None else mask)
            found = knn(KINDS[kind], QUERY, 20, metric, where)
            assert found["_rowid"].to_list() == ids.tolist()
            assert np.allclose(found["_dist"], distances, rtol=1e-12, atol=1e-12)


def test_the_callers_array_is_never_written_to() -> None:
    for kind in ("float32", "float64", "big endian", "fortran"):
        array = KINDS[kind].copy(order="K")
        before = array.tobytes()
        knn(array, QUERY, 3)
        as_matrix(array, DIMS)
        assert array.tobytes() == before


def test_a_read_only_memory_map_is_searched_in_place(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", EXACT)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    (rows,) = as_column(mapped).whole()
    assert np.shares_memory(rows, mapped)
    assert knn(mapped, QUERY, 5).equals(knn(EXACT, QUERY, 5))


@pytest.mark.parametrize("kind", ["float32", "every other row", "within a wider array"])
def test_float32_rows_are_not_copied(kind: str) -> None:
    (rows,) = as_column(KINDS[kind]).whole()
    assert np.shares_memory(rows, KINDS[kind])


@pytest.mark.parametrize("kind", ["polars array", "polars array, chunked", "polars list", "polars list, chunked"])
def test_polars_float32_rows_are_not_copied(kind: str) -> None:
    series = KINDS[kind]
    rows = as_column(series).whole()
    chunks = [chunk for chunk in series.get_chunks() if len(chunk)]
    assert len(rows) == len(chunks)
    for found, chunk in zip(rows, chunks, strict=True):
        assert np.shares_memory(found, chunk.explode().to_numpy(allow_copy=False))


def test_as_matrix_of_contiguous_float32_is_the_array_itself() -> None:
    assert np.shares_memory(as_matrix(EXACT, DIMS), EXACT)


NO_COLUMNS = {
    "null list": (pl.Series([[1.0, 2.0], None, [3.0, 4.0]]), "row 1 of the column is null"),
    "null array": (pl.Series([[1.0, 2.0], None], dtype=pl.Array(pl.Float32, 2)), "row 1 of the column is null"),
    "null in a list": (pl.Series([[1.0, 2.0], [3.0, None]]), "row 1 of the column has a null at component 1"),
    "null in an array": (
        pl.Series([[1, 2], [None, 3]], dtype=pl.Array(pl.Int8, 2)),
        "row 1 of the column has a null at component 0",
    ),
    "nulls alone": (pl.Series([[None, None]]), "row 0 of the column has a null at component 0"),
    "ragged": (pl.Series([[1.0, 2.0], [3.0]]), "row 1 of the column has 1 dims and row 0 has 2"),
    "empty among lists": (pl.Series([[1.0, 2.0], []]), "row 1 of the column has 0 dims and row 0 has 2"),
    "empty lists": (pl.Series([[], []], dtype=pl.List(pl.Float32)), "no components"),
    "ragged lists": ([[1.0, 2.0], [3.0]], "row 1 of the column must have 2 dims; got 1"),
    "None among lists": ([[1.0, 2.0], None], "row 1 of the column"),
    "None in a list": ([[1.0, 2.0], [3.0, None]], "component 1 of row 1 of the column is None"),
    "number among lists": ([[1.0, 2.0], 3.0], "row 1 of the column is a number"),
    "numbers": ([1.0, 2.0], "row 0 of the column"),
    "strings in lists": ([["1", "2"]], "component 0 of row 0 of the column is '1'"),
    "bools in lists": ([[True, False]], "component 0 of row 0 of the column is True"),
    "masked": (np.ma.masked_array(np.ones((2, 2)), [[0, 0], [0, 1]]), r"masked at \[1, 1\]"),
    "1-d": (np.ones(3), "must be 2-d.*one vector is not a column"),
    "3-d": (np.ones((2, 2, 2)), "must be 2-d"),
    "no components": (np.ones((2, 0)), "no components"),
    "bools": (np.ones((2, 2), bool), "real numbers; got dtype bool"),
    "complex": (np.ones((2, 2), complex), "real numbers; got dtype complex128"),
    "objects": (np.ones((2, 2), object), "real numbers; got dtype object"),
    "strings": (np.full((2, 2), "1"), "real numbers; got dtype <U1"),
    "datetimes": (np.zeros((2, 2), "M8[s]"), "real numbers; got dtype datetime64"),
    "polars strings": (pl.Series([["a"]]), "lists or arrays of numbers; got List"),
    "polars bools": (pl.Series([[True]]), "lists or arrays of numbers; got List"),
    "polars lists of lists": (pl.Series([[[1.0]]]), "lists or arrays of numbers; got List"),
    "polars 2-d arrays": (
        pl.Series([[[1.0]]], dtype=pl.Array(pl.Float32, (1, 1))),
        "lists or arrays of numbers; got Array",
    ),
    "polars floats": (pl.Series([1.0]), "lists or arrays of numbers; got Float64"),
    "frame": (pl.DataFrame({"a": [1.0]}), "DataFrame; give one of its columns"),
    "lazy frame": (pl.LazyFrame({"a": [1.0]}), "LazyFrame; give one of its columns"),
    "1-d zarr": (zarr.array(np.ones(3)), "must be 2-d"),
    "bool zarr": (zarr.array(np.ones((2, 2), bool)), "real numbers"),
    "str": ("vectors", "got str"),
    "int": (7, "got int"),
    "iterator": (iter([[1.0]]), "got list_iterator"),
}


@pytest.mark.parametrize("kind", NO_COLUMNS)
def test_what_is_no_column_is_an_error_that_says_why(kind: str) -> None:
    column, message = NO_COLUMNS[kind]
    with pytest.raises(InvalidInput, match=message):
        knn(column, [1.0, 2.0], 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["float32", "float16", "float64", "fortran", "polars", "list", "zarr", "lists"])
def test_a_row_that_is_not_finite_is_an_error_naming_it(bad: float, kind: str) -> None:
    spoilt = EXACT.copy()
    spoilt[123, 3] = bad
    array = zarr.create_array(zarr.storage.MemoryStore(), data=spoilt, chunks=(50, 5)) if kind == "zarr" else None
    column = {
        "float16": spoilt.astype(np.float16),
        "float64": spoilt.astype(np.float64),
        "fortran": np.asfortranarray(spoilt),
        "polars": pl.Series(spoilt),
        "list": pl.Series(spoilt).cast(pl.List(pl.Float64)),
        "zarr": array,
        "lists": spoilt.tolist(),
    }.get(kind, spoilt)
    for metric in ("cosine", "l2", "ip"):
        with pytest.raises(InvalidInput, match="row 123 is not finite"):
            knn(column, QUERY, 1, metric)
    with pytest.raises(InvalidInput, match="row 123 of the vectors is not finite"):
        as_matrix(column, DIMS)
    with pytest.raises(InvalidInput, match="key 'k123' is not finite"):
        as_matrix(column, DIMS, [f"k{i}" for i in range(N)])


def test_a_float64_value_that_overflows_is_an_error_naming_the_row() -> None:
    wide = EXACT.astype(np.float64)
    wide[200, 0] = 3.5e38
    for column in (wide, np.asfortranarray(wide), pl.Series(wide), wide.tolist()):
        with pytest.raises(InvalidInput, match=r"row 200 is not finite; .*beyond float32"):
            knn(column, QUERY, 1)


def test_as_matrix_names_the_key_of_a_vector_of_the_wrong_length() -> None:
    with pytest.raises(InvalidInput, match="key 'b' must have 2 dims; got 1"):
        as_matrix([[1, 2], [3]], 2, ["a", "b"])
    with pytest.raises(InvalidInput, match="key 'a' must have 3 dims; got 2"):
        as_matrix(np.ones((2, 2)), 3, ["a", "b"])


def test_a_column_of_no_rows_is_a_column() -> None:
    for empty in (
        np.empty((0, 3)),
        [],
        pl.Series([], dtype=pl.List(pl.Float32)),
        pl.Series([], dtype=pl.Array(pl.Float32, 3)),
    ):
        assert knn(empty, [1.0, 2.0, 3.0], 5).height == 0
        assert as_matrix(empty, 3).shape == (0, 3)


def test_arrow_columns_come_in_through_the_capsule_interface() -> None:
    class Arrow:  # what a column of another Arrow library shows of itself
        def __init__(self, series: pl.Series) -> None:
            self._series = series

        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return self._series.__arrow_c_stream__(requested_schema)

    assert knn(Arrow(FLOATS), QUERY, 9).equals(knn(EXACT, QUERY, 9))
    assert knn(Arrow(FLOATS.cast(pl.List(pl.Float32))), Arrow(pl.Series(QUERY)), 9).equals(knn(EXACT, QUERY, 9))
    with pytest.raises(InvalidInput, match="row 1 of the column is null"):
        knn(Arrow(pl.Series([[1.0], None])), [1.0], 1)


def test_pyarrow_columns_and_tables() -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is no dependency")
    expected = knn(EXACT, QUERY, 9)
    lists = pa.array(EXACT.tolist(), pa.list_(pa.float32()))
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(EXACT.ravel()), DIMS)
    for column in (lists, fixed, lists[10:], pa.chunked_array([lists[:10], lists[10:]]), fixed.slice(3)):
        assert knn(column, QUERY, 9).equals(knn(EXACT[N - len(column) :], QUERY, 9))
    assert knn(EXACT, pa.array(QUERY), 9).equals(expected)
    with pytest.raises(InvalidInput, match="table of several columns"):
        knn(pa.table({"a": fixed}), QUERY, 1)
    with pytest.raises(InvalidInput, match="row 1 of the column is null"):
        knn(pa.array([[1.0], None]), [1.0], 1)


class Tensor:
    """What Kinspace uses of a torch tensor."""

    def __init__(self, array: np.ndarray, dtype: str = "numpy", device: str = "cpu") -> None:
        self.array, self.dtype, self.device = array, dtype, SimpleNamespace(type=device)
        self.ndim, self.shape, self.attached = array.ndim, array.shape, True

    def detach(self) -> Tensor:
        plain = Tensor(self.array, self.dtype, self.device.type)
        plain.attached = False
        return plain

    def cpu(self) -> Tensor:
        return self._but(device="cpu")

    def float(self) -> Tensor:
        return self._but(dtype="float32")

    def numpy(self) -> np.ndarray:
        assert not self.attached
        assert self.device.type == "cpu"
        if self.dtype == "bfloat16":
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.array

    def __getitem__(self, rows: slice) -> Tensor:
        plain = Tensor(self.array[rows], self.dtype, self.device.type)
        plain.attached = self.attached
        return plain

    def _but(self, dtype: str | None = None, device: str | None = None) -> Tensor:
        plain = Tensor(self.array, dtype or self.dtype, device or self.device.type)
        plain.attached = self.attached
        return plain


@pytest.mark.usefixtures("small_blocks")
def test_tensors_are_detached_brought_to_the_cpu_and_widened(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = ModuleType("torch")
    torch.Tensor, torch.float32 = Tensor, "float32"
    monkeypatch.setitem(sys.modules, "torch", torch)
    for dtype in ("float32", "bfloat16"):
        for device in ("cpu", "cuda"):
            column, query = Tensor(EXACT, dtype, device), Tensor(QUERY, dtype, device)
            assert knn(column, query, 9, "l2").equals(knn(EXACT, QUERY, 9, "l2"))
            assert np.array_equal(as_matrix(column, DIMS), EXACT)
    assert knn(Tensor(EXACT.astype(np.float16)), QUERY, 9, "l2").equals(knn(EXACT, QUERY, 9, "l2"))
    with pytest.raises(InvalidInput, match="must be 2-d"):
        knn(Tensor(QUERY), QUERY, 1)


def test_real_tensors() -> None:
    torch = pytest.importorskip("torch", reason="torch is no dependency")
    expected = knn(EXACT, QUERY, 9)
    tensor = torch.tensor(EXACT)
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64):
        assert knn(tensor.to(dtype), QUERY, 9).equals(expected)
    assert knn(tensor.clone().requires_grad_(), torch.tensor(QUERY, requires_grad=True), 9).equals(expected)
    assert knn(tensor.T.contiguous().T, QUERY, 9).equals(expected)
    (rows,) = as_column(tensor).whole()
    assert np.shares_memory(rows, tensor.numpy())
    with pytest.raises(InvalidInput, match="real numbers"):
        knn(torch.ones(2, 2, dtype=torch.bool), [1, 1], 1)


def test_torch_and_zarr_are_not_imported_for_arrays_that_are_neither() -> None:
    import subprocess

    code = (
        "import sys, numpy as np, kinspace as ks; ks.knn(np.eye(3), [1, 0, 0], 2); ks.norm([1, 2]);"
        "assert not {'torch', 'zarr', 'pyarrow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
