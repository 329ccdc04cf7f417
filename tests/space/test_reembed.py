"""A space re-embedded: the same rows with other vectors, whatever happens on the way."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace.embed import Hashing
from oracle import state

ROWS = 60


class Counting(Hashing):
    """A hashing embedder that remembers what it was given, and may fail at a text."""

    def __init__(self, dims: int, fails_at: str | None = None) -> None:
        super().__init__(dims)
        object.__setattr__(self, "seen", [])
        object.__setattr__(self, "fails_at", fails_at)

    def embed(self, texts: Any) -> Any:
        texts = list(texts)
        if self.fails_at in texts:  # type: ignore[attr-defined]
            raise RuntimeError("the model broke")
        self.seen.extend(texts)  # type: ignore[attr-defined]
        return super().embed(texts)


def text(number: int) -> str:
    return f"text {number} of kind {number % 7} and group {number // 5}"


@pytest.fixture
def docs(hub: ks.Hub) -> ks.Space:
    """Rows in two segments and in the log, some replaced and some deleted."""
    docs = hub.create_space("docs", embedder=Hashing(32), metric="cosine")
    for part in range(3):
        numbers = range(part * ROWS // 3, (part + 1) * ROWS // 3)
        docs.add_texts([f"k{n}" for n in numbers], list(map(text, numbers)), n=list(numbers))
        if part < 2:
            docs.flush()
    docs.delete("k5")
    docs.add_texts(["k7"], ["seven anew"], n=[700], late=[True])
    return docs


def same_rows(one: ks.Space, other: ks.Space) -> None:
    """The same keys, columns and order; and each vector is that of its text."""
    ours, theirs = state(one), state(other)
    for name in ("keys", "rows", "columns"):
        assert ours[name] == theirs[name]
    expected = Hashing(other.dims).embed(row["text"] for row in map(other.row, theirs["keys"]))
    assert theirs["vectors"] == [vector.tobytes() for vector in expected]
    assert other.check().ok


def test_keys_columns_and_order_stay_and_vectors_are_the_new_embedder_s(hub: ks.Hub, docs: ks.Space) -> None:
    with _as_it_was(docs):
        done = docs.reembed(Hashing(64), into="new")
    assert (done.rows, done.embedded, done.space.name, done.space.frozen) == (59, 59, "new", False)
    same_rows(docs, done.space)
    with ks.connect(hub.path) as again:
        same_rows(docs, again.get_space("new"))


@contextmanager
def _as_it_was(docs: ks.Space) -> Iterator[None]:
    before = state(docs)
    yield
    assert state(docs) == before


def test_the_new_space_goes_its_own_way(hub: ks.Hub, docs: ks.Space) -> None:
    new = docs.reembed(Hashing(64), into="new").space
    new.add_texts(["more"], ["more text"], n=[1])
    new.delete("k1")
    new.snapshot("monday")
    new.set("k2", np.ones(64))
    new.compact()
    assert [key for key in new if key not in docs] == ["more"]
    assert "k1" in docs
    assert new.at("monday").row("k2")["text"] == text(2)
    assert new.fork("fork").check().ok


@pytest.mark.parametrize("after", [0, 1, 17, 58])
def test_interrupted_it_goes_on_where_it_was(hub: ks.Hub, docs: ks.Space, after: int) -> None:
    def stop(done: int, _: int) -> None:
        if done >= after:
            raise KeyboardInterrupt

    first, second = Counting(48), Counting(48)
    with pytest.raises(KeyboardInterrupt):
        docs.reembed(first, into="new", batch_size=1, progress=stop)
    begun = hub.get_space("new")
    assert begun.frozen
    assert len(begun) == len(first.seen) == after  # type: ignore[attr-defined]
    done = docs.reembed(second, into="new", batch_size=1)
    assert done.embedded == len(second.seen) == 59 - after  # type: ignore[attr-defined]
    same_rows(docs, done.space)


def test_what_is_written_meanwhile_is_caught_up_with(hub: ks.Hub, docs: ks.Space) -> None:
    changes = iter(
        [
            lambda: docs.delete("k0"),
            lambda: docs.add_texts(["k1"], ["one anew"], n=[1.5], late=[False]),
            lambda: docs.add_texts(["fresh"], ["a fresh text"]),
            lambda: docs.update("k30", n=3_000),
            lambda: docs.compact(),
            lambda: docs.delete("fresh"),
            lambda: docs.add_texts(["last"], ["the last text"], more=["column"]),
        ]
    )

    def write(done: int, _: int) -> None:
        if done % 8 == 0:
            next(changes, int)()

    done = docs.reembed(Hashing(64), into="new", batch_size=4, progress=write)
    assert next(changes, None) is None
    same_rows(docs, done.space)


def test_rows_that_a_restore_brings_back_meanwhile_come_back(hub: ks.Hub, docs: ks.Space) -> None:
    def stop(done: int, total: int) -> None:
        if done >= 40 or total < 59:
            raise KeyboardInterrupt

    docs.snapshot("before")
    with pytest.raises(KeyboardInterrupt):
        docs.reembed(Hashing(64), into="new", batch_size=4, progress=stop)
    docs.delete_where("n < 20")
    with pytest.raises(KeyboardInterrupt):
        docs.reembed(Hashing(64), into="new", progress=stop)
    assert 0 < len(hub.get_space("new")) < 40
    docs.restore("before")
    done = docs.reembed(Hashing(64), into="new")
    assert done.embedded == 19, "rows that were embedded and died come back as they are"
    same_rows(docs, done.space)


def test_killed_it_goes_on_where_it_was(hub: ks.Hub, docs: ks.Space) -> None:
    code = f"""
import os, sys
import kinspace as ks
from kinspace.space.forks import reembed
reembed._SECONDS = 0.0  # commit each batch
def die(done, total):
    if done >= 24:
        os.kill(os.getpid(), {signal.SIGKILL.value})
with ks.connect({str(hub.path)!r}) as hub:
    hub.get_space("docs").reembed(ks.embed.Hashing(64), into="new", batch_size=4, progress=die)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert len(hub.get_space("new")) == 24
    embedder = Counting(64)
    done = docs.reembed(embedder, into="new")
    assert done.embedded == len(embedder.seen) == 35  # type: ignore[attr-defined]
    same_rows(docs, done.space)


def test_until_it_is_whole_it_can_be_read_and_not_written(hub: ks.Hub, docs: ks.Space) -> None:
    def look(done: int, _: int) -> None:
        if done != 20:
            return
        half = hub.get_space("new")
        for write in (
            lambda: half.set("x", np.ones(64)),
            lambda: half.delete("k1"),
            lambda: half.snapshot("now"),
            lambda: half.freeze(),
        ):
            with pytest.raises(ks.Frozen, match="reembed"):
                write()
        with pytest.raises(ks.Conflict, match="another reembed"):
            docs.reembed(Hashing(64), into="new")
        assert half.fork("half").frozen is False

    same_rows(docs, docs.reembed(Hashing(64), into="new", batch_size=20, progress=look).space)


def test_a_failing_embedder_keeps_what_was_embedded_and_names_the_keys(hub: ks.Hub, docs: ks.Space) -> None:
    with pytest.raises(RuntimeError, match="the model broke") as caught:
        docs.reembed(Counting(64, fails_at=text(23)), into="new", batch_size=10)
    assert any("'k22' … 'k31'" in note for note in caught.value.__notes__)
    assert len(hub.get_space("new")) == 20
    same_rows(docs, docs.reembed(Hashing(64), into="new").space)


def test_a_state_of_the_past_can_be_re_embedded(hub: ks.Hub, docs: ks.Space) -> None:
    docs.snapshot("monday")
    docs.delete_where("n > 10")
    same_rows(docs.at("monday"), docs.at("monday").reembed(Hashing(64), into="new").space)


def test_int_keys_and_other_dtypes_are_kept(hub: ks.Hub) -> None:
    docs = hub.create_space("numbers", embedder=Hashing(16), key_type="int", dtype="float16", metric="l2")
    docs.add_texts([3, 1, 2], ["three", "one", "two"], text_too=["a", "b", "c"])
    new = docs.reembed(Hashing(24), into="new", text="text_too").space
    assert (list(new.keys()), new.metric, new.stats()["dtype"]) == ([3, 1, 2], "l2", "float16")
    assert np.allclose(new.get(1), Hashing(24).embed(["b"])[0], atol=1e-3)


def test_an_empty_space_is_re_embedded(hub: ks.Hub, docs: ks.Space) -> None:
    docs.delete_all()
    done = docs.reembed(Hashing(64), into="new")
    assert (done.rows, done.overlap, len(done.space)) == (0, None, 0)
    assert dict(done.space.columns) == dict(docs.columns)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"embedder": Hashing(8), "into": "new", "text": "body"}, "no column 'body'.*'text'"),
        ({"embedder": Hashing(8), "into": "new", "text": "n"}, "is to be texts"),
        ({"embedder": Hashing(8), "into": "new", "text": "gap"}, "key 'k0': column 'gap' is null"),
        ({"embedder": None, "into": "new"}, "embedder"),
        ({"embedder": Hashing(8), "into": ""}, "name"),
        ({"embedder": Hashing(8), "into": "new", "batch_size": 0}, "batch_size"),
        ({"embedder": Hashing(8), "into": "new", "queries": -1}, "queries"),
        ({"embedder": Hashing(8), "into": "new", "queries": [1]}, "queries"),
        ({"embedder": Hashing(8), "into": "new", "k": -1}, "k must"),
        ({"embedder": Hashing(8), "into": "new", "progress": 7}, "progress"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_embedded(
    hub: ks.Hub, docs: ks.Space, arguments: dict[str, Any], told: str
) -> None:
    docs.update("k1", gap="there")
    with pytest.raises(ks.InvalidInput, match=told):
        docs.reembed(**arguments)
    assert hub.list_spaces() == ["docs"]


def test_a_name_in_use_and_another_embedder_are_refused(hub: ks.Hub, docs: ks.Space) -> None:
    hub.create_space("taken", dims=2)
    docs.fork("fork")
    done = docs.reembed(Hashing(16), into="done")
    for name in ("taken", "fork", "docs", done.space.name):
        with pytest.raises(ks.SpaceExists, match="no unfinished re-embedding"):
            docs.reembed(Hashing(16), into=name)

    def stop(done: int, _: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        docs.reembed(Hashing(16), into="new", progress=stop)
    with pytest.raises(ks.InvalidInput, match=r"differ in dims \(16, not 24\)"):
        docs.reembed(Hashing(24), into="new")
    with pytest.raises(ks.SpaceExists):
        hub.get_space("fork").reembed(Hashing(16), into="new")


def test_answers_are_compared_by_rows_and_by_texts(hub: ks.Hub, docs: ks.Space) -> None:
    told = docs.reembed(Hashing(32), into="same")
    assert told.overlap == 1.0
    assert told.comparison is not None
    assert told.comparison.queries.height == 59
    assert "overlap@10 1.000" in str(told)
    other = docs.reembed(Hashing(2), into="other", queries=["text of kind 3", "group 4"], k=5)
    assert other.comparison is not None
    assert other.comparison.k == 5
    asked = [
        [space.search(words, 5, mode="vector").keys for words in ("text of kind 3", "group 4")]
        for space in (docs, other.space)
    ]
    expected = np.mean([len(set(old) & set(new)) / 5 for old, new in zip(*asked)])
    assert other.overlap == pytest.approx(expected)
    dims = other.frame.filter(what="dims").row(0)
    assert dims == ("dims", "32", "2")
    assert docs.reembed(Hashing(4), into="none", queries=0).comparison is None


def test_a_published_space_can_not_be_re_embedded(docs: ks.Space, tmp_path: Path) -> None:
    docs.publish(f"file://{tmp_path}/there")
    remote = ks.connect(f"file://{tmp_path}/there", cache=tmp_path / "cache").get_space("docs")
    with pytest.raises(ks.Frozen, match="pull"):
        remote.reembed(Hashing(8), into="new")


def test_text_and_columns_are_indexed_as_they_were(hub: ks.Hub, docs: ks.Space) -> None:
    docs.index_column("n")
    new = docs.reembed(Hashing(64), into="new", queries=0).space
    assert new._store.view().state.indexed == ("n",)
    assert new.search("anew", 5, mode="text").keys == docs.search("anew", 5, mode="text").keys == ["k7"]
