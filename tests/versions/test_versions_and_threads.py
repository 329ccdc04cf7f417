"""Snapshots, restores, forks and compaction by many threads of one process at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kinspace as ks
from kinspace.storage.files import FolderLock, remove_if_unused


def test_a_reader_that_waits_for_a_segment_does_not_stop_the_sweep_that_has_it(
    hub: ks.Hub, space: ks.Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ks.connect(hub.path) as other:
        there = other.get_space("docs")
        there.set("a", [1, 2, 3])
        there.flush()
    store, waiting, share = space._store, threading.Event(), FolderLock.share
    named, found, readers = store._named, [], []

    def sharing(path: Path) -> FolderLock:
        waiting.set()
        return share(path)

    def sweeping(folder: Path, wanted: Callable[[], bool]) -> None:
        def asked() -> bool:
            monkeypatch.setattr("kinspace.storage.reader.FolderLock.share", sharing)
            reader = threading.Thread(target=lambda: found.append(len(space)))
            reader.start()
            readers.append(reader)
            waiting.wait()
            return wanted()

        remove_if_unused(folder, asked)

    def as_before(**how: Any) -> set[str]:
        return named(**how) if readers else set()  # the segment is named while the sweep goes on

    monkeypatch.setattr("kinspace.space.state.store.remove_if_unused", sweeping)
    monkeypatch.setattr(store, "_named", as_before)
    store.sweep()
    readers[0].join()
    assert found == [1]


def test_threads_that_take_and_drop_snapshots_see_what_they_kept(space: ks.Space) -> None:
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(4):
                key = f"{number}-{turn}"
                space.set(key, [1, number, turn])
                kept = space.snapshot(key)
                space.delete(key)
                assert key in kept
                assert key in space.at(key)
                [space.flush, space.compact][turn % 2]()
                if turn % 3:
                    space.drop_snapshot(key)
                assert kept.get(key).tolist() == [1, number, turn]
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(one.name for one in space.snapshots()) == sorted(f"{i}-{j}" for i in range(3) for j in (0, 3))
    assert space.check().ok
