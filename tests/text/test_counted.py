"""Terms counted by their hashes bound BM25 from above, and are as good as it where no two terms share one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from kinspace.text import counted
from kinspace.text.counted import Counted, hash_of
from kinspace.text.fulltext import bm25

TERMS = st.sampled_from([b"a", b"aa", b"ab", b"ba", b"file", "größe".encode(), "日本".encode()])
ROWS = st.lists(st.lists(st.lists(TERMS, min_size=1, max_size=8), min_size=1, max_size=3), min_size=1, max_size=9)
ASKED = st.lists(
    st.tuples(st.lists(TERMS, min_size=1, max_size=3).map(tuple), st.floats(0.1, 20)), min_size=1, max_size=5
)


def bounds(rows: list[list[list[bytes]]], asked: list[tuple[tuple[bytes, ...], float]]) -> list[float]:
    texts = [b"\1".join(b" ".join(part) for part in parts) for parts in rows]
    lengths = np.array([sum(map(len, parts)) for parts in rows], np.uint32)
    return Counted(np.arange(len(rows)), texts, lengths).bounds(asked, 4.5).tolist()


@given(ROWS, ASKED)
def test_bounds_are_bm25_where_hashes_differ(rows: list, asked: list) -> None:
    assert len({int(hash_of(term)) for term in (b"a", b"aa", b"ab", b"ba", b"file")}) == 5
    assert bounds(rows, asked) == pytest.approx([bm25(parts, asked, 4.5) for parts in rows], rel=1e-8)


@given(ROWS, ASKED)
def test_bounds_are_never_below_bm25_however_many_terms_share_a_hash(rows: list, asked: list) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counted, "_BASE", 1)  # a term's hash is the sum of its bytes: "ab" is "ba"
        for bound, parts in zip(bounds(rows, asked), rows, strict=True):
            assert bound >= bm25(parts, asked, 4.5)


def test_no_rows_have_no_bounds() -> None:
    empty = Counted(np.empty(0, np.int64), [], np.empty(0, np.uint32))
    assert empty.bounds([((b"a", b"b"), 1.0)], 1.0).tolist() == []
