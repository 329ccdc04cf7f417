"""The compiled core: exact search, exact distances and key lookup over arrays that others own.

Arrays are NumPy, native-endian, aligned and C-contiguous unless said otherwise. A wrong dtype, number of axes or
layout is a TypeError, a wrong value a ValueError; nothing is ever copied or converted silently. Long work releases
the GIL and honours Ctrl-C. Distances: ``cosine`` = 1 - cos (1.0 with a zero vector), ``l2`` = true Euclidean,
``ip`` = -dot; all in float64 from sums of a fixed order, so the same pair has the same bits everywhere.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

_Metric = Literal["cosine", "l2", "ip"]
_ScanMetric = Literal["cosine", "l2", "ip", "hamming", "jaccard"]
_Dtype = Literal["float32", "float16", "bfloat16", "int8", "bit"]
_Plain = Literal["cosine", "l2", "dot"]
_Bitmap = NDArray[np.uint64]  # ceil(n / 64) words; bit i % 64 of word i // 64 is row i

def isa() -> str:
    """Return the instruction set in use: scalar, avx2, avx512 or neon. KINSPACE_ISA forces one at import."""

def isas() -> list[str]:
    """Return the instruction sets this machine has, best first; scalar, the reference, is always the last."""

def force_isa(name: str) -> None:
    """Use that instruction set from now on. For tests: not while a search runs, and not with a TopK made before."""

def cpu_count() -> int:
    """Return how many threads ``threads=0`` may use: the CPUs this process may run on."""

@final
class Rows:
    """Immutable rows in memory: chunks (n_i, dims) of one dtype, which are kept alive and never copied.

    dtype "bfloat16" is given as uint16, and "bit" as uint8 (n_i, ceil(dims / 8)), bit i of a row being bit i % 8 of its
    byte i // 8; the others are NumPy's. A search does with them what it does with the float32 they are, to the bit.
    All chunks but the last have the same row count; row strides may be any multiple of the dtype's size.
    ``norms``: float32 (n,), the l2 norm of each row rounded from double (NaN outside [1e-15, 1e18] unless exactly 0);
    None: computed while scanning. ``order``: uint64 (n,) ascending; row i ranks ``order_base + order[i]`` among
    equal distances. Without order and with base 0 in every part of a Scan the position ranks; otherwise a part
    without order ranks its row i as ``order_base + i``.
    """

    def __init__(
        self,
        chunks: Sequence[NDArray[Any]],
        *,
        norms: NDArray[np.float32] | None = None,
        order: NDArray[np.uint64] | None = None,
        order_base: int = 0,
        dims: int = 0,
        dtype: _Dtype = "float32",
    ) -> None: ...
    @property
    def n(self) -> int: ...
    @property
    def dims(self) -> int: ...
    def gather(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return those rows as a fresh float32 (m, dims); IndexError if one is out of range."""

@final
class Plane:
    """Codes of rows that a Scan proves with which of them can't be among the nearest: 4 and 8 bits a dimension.

    Every row is coded with how far it is from what its codes stand for, so that bounds hold whatever the rows are and
    the answer is that of a scan of the rows themselves. `mean` (dims,) is subtracted first; of rows of unit length for
    cosine. Any finite one is right, one near the rows' own makes bounds narrower.
    """

    def __init__(
        self,
        n: int,
        dims: int,
        *,
        metric: _Metric,
        mean: NDArray[np.float32],
        rotation: NDArray[np.float32] | None = None,
        defect: float = 0.0,
    ) -> None:
        """Make room; all codes are to come, and of a row that has none nothing is told.

        With a rotation (dims, dims), within `defect` of orthogonal, encode() takes rows that are rotated, and for
        cosine of length 1, rounded from double; the mean is of these.
        """

    @staticmethod
    def restore(n: int, dims: int, *, metric: _Metric, arrays: dict[str, NDArray[Any]]) -> Plane:
        """The plane whose arrays() these are, kept alive and not copied; ValueError if their shapes are others."""

    @property
    def n(self) -> int: ...
    @property
    def dims(self) -> int: ...
    def arrays(self) -> dict[str, NDArray[Any]]: ...
    def encode(self, rows: Rows, *, first: int = 0, threads: int = 0) -> None:
        """Code these rows as first, first + 1…; first is a multiple of 16. Not of rows that are being searched.

        Only for a plane that was made empty: what is restored, or cut short, is not written to.
        """

    def prefix(self, dims: int, rows: Rows, *, threads: int = 0) -> Plane:
        """The same codes for a Scan of the first dims dimensions; rows are the plane's, whole."""

    def sketch(self, dims: int) -> Plane:
        """The same codes, for a Scan of whole rows that ranks them by their first dims codes, without proof."""

    def head(self, n: int) -> Plane:
        """The same codes of the first n rows."""

@final
class Scan:
    """What one query searches: parts in order, a row's position being the rows of earlier parts plus its own.

    graphs[i], if any, has been built over exactly the rows of parts[i], with the same metric; planes[i] likewise, or
    over the first 64 j of them. ``hamming`` (bits that
    differ) and ``jaccard`` (1 - both / either, 0.0 if neither has a bit) are for parts of dtype "bit", whose queries
    are 0 and 1, and the other metrics for the others.
    """

    def __init__(
        self,
        parts: list[Rows],
        *,
        live: list[_Bitmap | None] | None = None,
        metric: _ScanMetric,
        graphs: list[Graph | None] | None = None,
        planes: list[Plane | None] | None = None,
    ) -> None: ...
    @property
    def n(self) -> int: ...
    @property
    def dims(self) -> int: ...
    def search(
        self,
        queries: NDArray[np.float32],
        k: int,
        *,
        masks: Sequence[_Bitmap | None] | None = None,
        exclude: int = -1,
        threads: int = 0,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return positions and distances, nearest first, equal distances by order.

        Considered are the rows live, in the mask and not ``exclude``; min(k, considered) of them come back, as (kk,)
        for one query (dims,) and (m, kk) for (m, dims). threads=0 chooses by the size of the work. A non-finite value
        in a considered row is a ValueError, "row {position} is not finite", naming the first such row.
        """

    def nearest(
        self,
        queries: NDArray[np.float32],
        k: int,
        *,
        masks: Sequence[_Bitmap | None] | None = None,
        exclude: int = -1,
        threads: int = 0,
        ef: int = 0,
        recall: float = 0.95,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], bool, Any]:
        """Return what search does, as far as graphs find it, whether no graph was asked, and rows visited.

        Each part is searched by its graph or row by row, whichever costs less. As many hits as search returns; exact if
        no graph was asked. Visited are rows compared by code or vector, each once, of equal ones in a graph one, and
        those that are scanned after all because the graph found too few, again: an int for one query, int64 (m,).
        """

    def trace(
        self,
        queries: NDArray[np.float32],
        k: int,
        *,
        masks: Sequence[_Bitmap | None] | None = None,
        exclude: int = -1,
        threads: int = 0,
        ef: int = 0,
        recall: float = 0.95,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], bool, Any, dict[str, Any]]:
        """Return what nearest does, and how it was done.

        ``seconds`` in all, ``threads`` at most, ``ranking`` seconds (of what scans found), ``parts``: a dict for each.
        ``way``: none (no row is allowed), scan, graph or two hops; ``allowed`` rows; ``gave_up``: the graph found too
        few. With a graph: ``ef``, and ``costs`` of the ways, in seconds, of which only the ratios mean something. Rows,
        times queries: ``sampled`` (to guess how far the k-th is), ``coded`` (compared by a plane's codes), ``looked``
        (of them, in 8 bits), ``compared`` (as floats), ``tiled`` (likewise, many queries at once), ``counted`` (bits),
        ``scored`` (by a graph's codes), ``candidates`` (near, as far as codes or floats tell), ``exact`` (in double).
        ``hops``: nodes whose neighbours were looked at. ``seconds`` of all threads, ``ranking`` of them in a graph.
        """

    def distances(self, query: NDArray[np.float32], positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the distance of each of those rows, live or not; IndexError if one is out of range."""

@final
class Graph:
    """An HNSW graph over the rows of a Rows, or some of them. insert and remove wait for searches, these for them."""

    @staticmethod
    def build(
        rows: Rows,
        *,
        metric: _Metric,
        M: int,
        ef_construction: int,
        threads: int = 0,
        progress: Callable[[int, int], object] | None = None,
    ) -> Graph:
        """Link all rows: the same graph for any number of threads.

        progress(done, total) is called from this thread; what it raises ends the build. A row that is not finite is a
        ValueError, "row {i} is not finite", and so are an M outside 2…512 and an ef_construction outside 1…65,536.
        """

    def search(
        self,
        queries: NDArray[np.float32],
        k: int,
        *,
        ef: int = 0,
        recall: float = 0.95,
        mask: _Bitmap | None = None,
        exact: bool = False,
        threads: int = 1,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return ids (the Rows' order, or row numbers) and distances, nearest first, equal distances by id.

        One query (dims,): min(k, rows allowed) of them. Many (m, dims): (m, k), padded with -1 and infinity. ef=0: what
        was measured to reach `recall`. mask: by row number; rows that are not in the graph are never allowed.
        """

    def insert(
        self,
        rows: Rows,
        new: NDArray[np.int64],
        *,
        threads: int = 0,
        progress: Callable[[int, int], object] | None = None,
    ) -> None:
        """Link more rows, by row number. `rows` has the graph's rows where they were, and takes the old one's place."""

    def remove(self, gone: NDArray[np.int64], *, threads: int = 0) -> None:
        """Take rows out and mend the links around them; their row numbers may be inserted again."""

    def merged(
        self,
        rows: Rows,
        moved: NDArray[np.int64],
        *,
        threads: int = 0,
        progress: Callable[[int, int], object] | None = None,
    ) -> Graph:
        """Return a graph over other rows: moved[row] is where a row went, or -1; rows nothing moved to are inserted."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all there is to store, beside the vectors."""

    @staticmethod
    def restore(rows: Rows, arrays: dict[str, NDArray[Any]]) -> Graph:
        """Return the graph those arrays were of. All is checked; ValueError says what is wrong."""

    @property
    def n(self) -> int: ...
    @property
    def dims(self) -> int: ...
    @property
    def metric(self) -> _Metric: ...
    @property
    def M(self) -> int: ...  # noqa: N802  # its name in the literature
    @property
    def ef_construction(self) -> int: ...
    @property
    def layers(self) -> int: ...
    @property
    def bytes(self) -> int:
        """Resident bytes, beside the vectors."""

    @property
    def curve(self) -> list[tuple[int, int, float]]:
        """Return (k, ef, recall) as measured on rows held out of the graph."""

@final
class TopK:
    """The k nearest rows of a column that comes block by block, in any order and from any thread."""

    def __init__(self, queries: NDArray[np.float32], k: int, metric: _Metric) -> None: ...
    def scan(
        self, block: NDArray[np.float32], first: int, mask: NDArray[np.bool_] | None = None, threads: int = 0
    ) -> None:
        """Consider the rows of block, whose ids are first, first + 1, …; ValueError names a row that is not finite."""

    def result(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return row ids and distances (m, kk), nearest first, equal distances by row id."""

def pair(metric: _Plain, a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the distance of two vectors (``dot`` is +dot); NaN or infinity in, NaN or infinity out."""

def column(
    metric: _Plain, block: NDArray[np.float32], query: NDArray[np.float32], threads: int = 0
) -> NDArray[np.float64]:
    """Return the distance of each row of block (rows may be strided) to query, as ``pair`` has it."""

def norms(block: NDArray[np.float32], threads: int = 0) -> NDArray[np.float64]:
    """Return the l2 norm of each row."""

def norm(a: NDArray[np.float32]) -> float:
    """Return the l2 norm."""

def first_nonfinite(block: NDArray[np.float32]) -> int:
    """Return the first row that holds NaN or infinity, or -1."""

@final
class Keys:
    """Hashed key lookup: hashes ascending, the row of each, and the keys themselves as text or as integers.

    ``text[offsets[r]:offsets[r + 1]]`` is the UTF-8 key of row r; ``ints[r]`` is it where keys are integers.
    Every access is bounds-checked, so damaged arrays give wrong answers or a ValueError and never a crash.
    """

    def __init__(
        self,
        hashes: NDArray[np.uint64],
        rows: NDArray[np.uint32],
        *,
        text: NDArray[np.uint8] | None = None,
        offsets: NDArray[np.uint64] | None = None,
        ints: NDArray[np.int64] | None = None,
    ) -> None: ...
    def find(self, hash: int, key: str | int, live: NDArray[np.uint64] | None = None) -> int:
        """Return the first row of key, whose xxh3_64 is hash, that is set in the bitmap `live`; -1 if there is none."""

    def find_many(
        self, hashes: NDArray[np.uint64], keys: Sequence[str | int], live: NDArray[np.uint64] | None = None
    ) -> NDArray[np.int64]:
        """Return the row of each key likewise, or -1."""

    def take(self, rows: NDArray[np.int64]) -> list[str | int]:
        """Return the keys of those rows; IndexError if one is out of range."""

def map_file(path: bytes) -> NDArray[np.uint8]:
    """Return the file's bytes, memory-mapped read-only; no descriptor stays open. OSError if the system refuses."""

def let_go(bytes: NDArray[np.uint8]) -> None:
    """Drop the pages of bytes from map_file from this process; who touches them again has them from the cache.

    Bytes from elsewhere are left alone.
    """
