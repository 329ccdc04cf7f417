"""Key lookup by hash: every key is found, no other is, and damaged arrays never crash."""

from __future__ import annotations

import numpy as np
import pytest
import xxhash
from hypothesis import given, strategies as st

from kinspace import _core


def hash_of(key):
    return xxhash.xxh3_64_intdigest(key.encode() if isinstance(key, str) else key.to_bytes(8, "little", signed=True))


def build(keys, hashes=None):
    hashes = np.array([hash_of(key) for key in keys] if hashes is None else hashes, np.uint64)
    rows = np.argsort(hashes, kind="stable").astype(np.uint32)
    if keys and isinstance(keys[0], int):
        return _core.Keys(hashes[rows], rows, ints=np.array(keys, np.int64))
    encoded = [key.encode() for key in keys]
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.uint64)
    return _core.Keys(hashes[rows], rows, text=np.frombuffer(b"".join(encoded), np.uint8), offsets=offsets)


@given(st.lists(st.text(min_size=1, max_size=8).filter(lambda s: s.isprintable()), unique=True, max_size=200))
def test_every_text_key_is_found_and_no_other(keys):
    lookup = build(keys)
    assert [lookup.find(hash_of(key), key) for key in keys] == list(range(len(keys)))
    assert lookup.take(np.arange(len(keys))) == keys
    for key in (*(key + "x" for key in keys[:5]), "", "no such key"):
        assert lookup.find(hash_of(key), key) == (keys.index(key) if key in keys else -1)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, min_size=1, max_size=200))
def test_every_integer_key_is_found_and_no_other(keys):
    lookup = build(keys)
    hashes = np.array([hash_of(key) for key in keys], np.uint64)
    assert lookup.find_many(hashes, keys).tolist() == list(range(len(keys)))
    assert lookup.take(np.arange(len(keys))[::-1].copy()) == keys[::-1]
    other = next(i for i in range(201) if i not in keys)
    assert lookup.find(hash_of(other), other) == -1
    assert lookup.find(int(hashes[0]), 2**70) == -1
    assert lookup.find(int(hashes[0]), np.int64(keys[0])) == 0


@pytest.mark.parametrize("n", [0, 1, 2, 31, 32, 33, 5000])
def test_many_are_found_as_one_is(n):
    keys = [f"key {i}" for i in range(n)]
    asked = [*keys[::-1], "absent", *keys, *(f"absent {i}" for i in range(50))]
    hashes = np.array([hash_of(key) for key in asked], np.uint64)
    lookup = build(keys)
    found = lookup.find_many(hashes, asked)
    assert found.dtype == np.int64
    assert found.tolist() == [*range(n)[::-1], -1, *range(n), *[-1] * 50]
    assert found.tolist() == [lookup.find(int(h), key) for h, key in zip(hashes, asked)]


def test_equal_hashes_are_told_apart_by_the_key():
    keys = [f"k{i}" for i in range(300)]
    for hashes in ([7] * 300, [2**64 - 1] * 300, [0] * 300, [5] * 100 + [2**64 - 1] * 200, list(range(300))):
        lookup = build(keys, hashes)
        assert [lookup.find(h, key) for h, key in zip(hashes, keys)] == list(range(300))
        assert lookup.find_many(np.array(hashes, np.uint64), keys).tolist() == list(range(300))
        assert lookup.find(hashes[0], "other") == -1


def test_skewed_hashes_cost_time_and_nothing_else():
    hashes = np.concatenate([np.arange(4000, dtype=np.uint64), np.uint64(2**64 - 1) - np.arange(1000, dtype=np.uint64)])
    keys = [f"k{i}" for i in range(5000)]
    assert build(keys, hashes).find_many(hashes, keys).tolist() == list(range(5000))


@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_damaged_arrays_are_wrong_answers_or_errors_and_never_a_crash(data, seed):
    rng = np.random.default_rng(seed)
    n = data.draw(st.integers(0, 50))
    text = np.frombuffer(b"k\xff" * 9, np.uint8)

    def junk(size):
        return rng.choice(np.array([0, 1, 7, n, 2**31, 2**63, 2**64 - 1], np.uint64), size)

    lookup = _core.Keys(junk(n), junk(n).astype(np.uint32), text=text, offsets=junk(n + 1))
    asked = junk(99)
    assert ((lookup.find_many(asked, ["k"] * 99) >= -1) & (lookup.find_many(asked, ["k"] * 99) < max(n, 1))).all()
    for row in range(n):
        try:
            assert isinstance(lookup.take(np.array([row]))[0], str)
        except ValueError:
            pass


def test_what_is_not_a_key_is_an_error():
    text, ints = build(["a", "b"]), build([1, 2])
    for lookup, key in ((text, 1), (text, b"a"), (text, None), (ints, "a"), (ints, True), (ints, 1.0)):
        with pytest.raises(TypeError, match="key: expected"):
            lookup.find(3, key)
        with pytest.raises(TypeError, match="key: expected"):
            lookup.find_many(np.array([3], np.uint64), [key])
    with pytest.raises(ValueError, match="surrogates not allowed"):
        text.find(3, "\ud800")
    for wrong in (-1, 2):
        with pytest.raises(IndexError, match=f"row {wrong} is out of range: there are 2"):
            text.take(np.array([wrong]))
    with pytest.raises(ValueError, match="differ in length"):
        text.find_many(np.array([3], np.uint64), [])
    with pytest.raises(TypeError):
        text.find(-1, "a")


def test_a_key_that_changes_the_list_meanwhile_is_an_error():
    class Evil:
        def __index__(self):
            asked.clear()
            return 1

    asked = [Evil() for _ in range(100)]
    with pytest.raises(ValueError, match="keys changed"):
        build([1, 2]).find_many(np.zeros(100, np.uint64), asked)


def test_arrays_that_do_not_fit_each_other_are_refused():
    hashes, rows = np.arange(3, dtype=np.uint64), np.arange(3, dtype=np.uint32)
    text, offsets, ints = np.zeros(9, np.uint8), np.arange(4, dtype=np.uint64), np.arange(3)
    for kwargs in (
        {},
        {"text": text},
        {"text": text, "offsets": offsets, "ints": ints},
        {"text": text, "offsets": offsets[1:]},
        {"ints": ints[1:]},
    ):
        with pytest.raises(ValueError, match=r"expected|offsets|ints"):
            _core.Keys(hashes, rows, **kwargs)
    with pytest.raises(ValueError, match="differ in length"):
        _core.Keys(hashes[1:], rows, ints=ints)
    with pytest.raises(TypeError, match="rows: expected"):
        _core.Keys(hashes, hashes, ints=ints)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=150), st.booleans())
def test_of_several_rows_of_a_key_the_first_live_one_is_found(rows, integers):
    keys = [ord(key) if integers else key for key, _ in rows]
    live = np.packbits([alive for _, alive in rows], bitorder="little")
    words = np.frombuffer(live.tobytes().ljust(-(-len(rows) // 64) * 8, b"\0"), np.uint64)
    lookup = build(keys)
    asked = sorted(set(keys))
    expected = [
        next((i for i, (key, (_, alive)) in enumerate(zip(keys, rows)) if key == one and alive), -1) for one in asked
    ]
    assert [lookup.find(hash_of(key), key, words) for key in asked] == expected
    assert lookup.find_many(np.array([hash_of(key) for key in asked], np.uint64), asked, words).tolist() == expected
    assert [lookup.find(hash_of(key), key) for key in asked] == [keys.index(key) for key in asked]


@pytest.mark.parametrize("live", [np.zeros(1, np.uint64), np.zeros(0, np.uint64), np.zeros(2, np.int64), "none"])
def test_live_rows_are_a_bit_for_each_row(live):
    lookup = build([f"k{i}" for i in range(65)])
    for call in (lambda: lookup.find(1, "k1", live), lambda: lookup.find_many(np.ones(1, np.uint64), ["k1"], live)):
        with pytest.raises((TypeError, ValueError), match="live"):
            call()
