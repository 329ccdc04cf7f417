"""The core's index of words: what it refuses, and that arrays which lie never crash it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from kinspace import _core

Arrays = dict[str, np.ndarray]
WORDS = [f"w{number}" for number in range(40)]


def made(rows: int = 600, seed: int = 1) -> Arrays:
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(WORDS, rng.integers(0, 20))) for _ in range(rows)]
    builder = _core.TextBuilder()
    builder.add("".join(text + "\0" for text in texts).encode())
    words = [word.encode() for word in builder.words()]
    terms = sorted(words)
    arrays = builder.finish(np.array([terms.index(word) for word in words], np.uint32), len(terms))
    arrays["text"] = np.frombuffer(b"".join(terms), np.uint8)
    arrays["offsets"] = np.cumsum([0, *map(len, terms)]).astype(np.uint64)
    return arrays


ARRAYS = made()


def ask_everything(index: _core.TextIndex) -> None:
    """Call all there is; a ValueError is an answer."""
    terms = [term for term in map(index.find, WORDS) if term >= 0]
    low, high = index.range("w1")
    lists = []
    for make in (
        *(lambda term=term: index.any_of([term]) for term in terms),
        lambda: index.any_of(list(range(low, high))),
        lambda: index.phrase(terms[:2]),
        lambda: index.phrase([terms[0], terms[0], terms[1]]),
    ):
        try:
            lists.append(make())
        except (ValueError, IndexError):
            continue
    live = np.full(index.rows // 64 + 2, 0xAAAA5555AAAA5555, np.uint64)
    for roles in ((0, 0, 0), (0, 1, 2), (0, 2, 1)):
        clauses = [(one, 1.0, role) for one, role in zip(lists, roles, strict=False)]
        for call in (
            lambda clauses=clauses: index.search(clauses, 10, 5.0, first=3, live=live, mask=live),
            lambda clauses=clauses: index.search(clauses, 10_000, 5.0, need=1 << 30),
            lambda clauses=clauses: index.scores_of(clauses, 5.0, np.arange(index.rows)),
        ):
            try:
                call()
            except ValueError:
                continue
    for one in lists:
        try:
            one.count(live, 3)
            one.rows()
        except ValueError:
            continue


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(ARRAYS)), st.data())
def test_arrays_that_lie_give_an_error_or_an_answer(name: str, data: st.DataObject) -> None:
    arrays = {key: array.copy() for key, array in ARRAYS.items()}
    array = arrays[name]
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(array) - 1))
        most = int(np.iinfo(array.dtype).max)
        array[place] = data.draw(st.one_of(st.sampled_from([0, 1, most, most // 2]), st.integers(0, most)))
    if data.draw(st.booleans()):
        arrays[name] = array[: data.draw(st.integers(0, len(array)))].copy()
    try:
        index = _core.TextIndex(arrays)
    except ValueError:
        return
    ask_everything(index)


def test_whole_arrays_are_taken() -> None:
    ask_everything(_core.TextIndex(ARRAYS))


@pytest.mark.parametrize("name", sorted(ARRAYS))
def test_an_array_that_is_missing_or_of_another_type_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        _core.TextIndex({key: array for key, array in ARRAYS.items() if key != name})
    with pytest.raises(TypeError, match=name):
        _core.TextIndex({**ARRAYS, name: ARRAYS[name].astype(np.float64)})


def test_what_is_no_question_is_refused() -> None:
    index, other = _core.TextIndex(ARRAYS), _core.TextIndex(ARRAYS)
    one = index.any_of([0])
    for clauses, average, expected in (
        ([(one, -1.0, 0)], 5.0, ValueError),
        ([(one, float("nan"), 0)], 5.0, ValueError),
        ([(one, 1.0, 3)], 5.0, ValueError),
        ([(one, 1.0, 0)], 0.0, ValueError),
        ([(one, 1.0, 0)], float("nan"), ValueError),
        ([(other.any_of([0]), 1.0, 0)], 5.0, ValueError),
        ([(None, 1.0, 0)], 5.0, TypeError),
        ([(one, 1.0)], 5.0, TypeError),
        ([3], 5.0, TypeError),
        (None, 5.0, TypeError),
    ):
        with pytest.raises(expected):
            index.search(clauses, 10, average)  # type: ignore[arg-type]
    for terms, wrong in (([], ValueError), ([10_000], IndexError), ([-1], ValueError), ([0.5], TypeError)):
        with pytest.raises(wrong):
            index.any_of(terms)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="live"):
        index.search([(one, 1.0, 0)], 10, 5.0, live=np.zeros(1, np.uint64))
    with pytest.raises(ValueError, match="ascending"):
        index.scores_of([(one, 1.0, 0)], 5.0, np.array([3, 2]))
    with pytest.raises(IndexError):
        index.scores_of([(one, 1.0, 0)], 5.0, np.array([10_000]))


def test_a_builder_takes_whole_rows_and_known_terms_only() -> None:
    builder = _core.TextBuilder()
    with pytest.raises(ValueError, match="0 after each row"):
        builder.add(b"no end")
    builder.add(b"a b\0c\0")
    with pytest.raises(ValueError, match="one for each word"):
        builder.finish(np.zeros(2, np.uint32), 3)
    with pytest.raises(ValueError, match="out of range"):
        builder.finish(np.array([0, 1, 3], np.uint32), 3)


def test_a_list_keeps_its_index() -> None:
    rows = _core.TextIndex(made()).any_of([0, 1])
    assert len(rows.rows()) == rows.count() > 0
