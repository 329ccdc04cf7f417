"""Masks and row ids are one filter, and a mask packs into the core's words."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, strategies as st

from kinspace import InvalidInput
from kinspace.filter import mask_or_rows, pack_bits

masks = st.integers(0, 200).flatmap(lambda n: st.lists(st.booleans(), min_size=n, max_size=n))


@given(masks)
def test_bit_i_of_word_i_div_64_is_row_i(mask: list[bool]) -> None:
    words = pack_bits(np.array(mask, bool))
    assert words.dtype == np.uint64
    assert len(words) == -(-len(mask) // 64)
    assert [bool(int(words[i // 64]) >> (i % 64) & 1) for i in range(len(mask))] == mask
    assert sum(int(word).bit_count() for word in words) == sum(mask)  # the padding is zeros


def test_a_strided_mask_is_packed_too() -> None:
    mask = np.arange(300) % 3 == 0
    assert np.array_equal(pack_bits(mask[::-1]), pack_bits(mask[::-1].copy()))


@given(masks)
def test_a_mask_and_its_row_ids_are_the_same_filter(mask: list[bool]) -> None:
    n = len(mask)
    expected = np.array(mask, bool)
    ids = np.flatnonzero(expected)
    forms = [
        ids,
        ids[::-1],
        np.repeat(ids, 2),
        ids.tolist(),
        set(ids.tolist()),
        pl.Series(ids),
        expected,
        pl.Series(expected),
    ]
    for where in forms:
        assert np.array_equal(mask_or_rows(where, n), expected)


def test_no_filter_is_none() -> None:
    assert mask_or_rows(None, 5) is None


def test_nulls_in_a_mask_are_false_and_among_row_ids_an_error() -> None:
    assert mask_or_rows(pl.Series([True, None, False]), 3).tolist() == [True, False, False]
    with pytest.raises(InvalidInput, match="null"):
        mask_or_rows(pl.Series([1, None]), 3)


def test_the_callers_mask_is_not_changed() -> None:
    mask = np.array([True, False])
    ids = np.array([1])
    mask_or_rows(mask, 2)
    mask_or_rows(ids, 2)
    assert mask.tolist() == [True, False]
    assert ids.tolist() == [1]
