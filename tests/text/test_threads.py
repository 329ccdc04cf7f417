"""Threads that search text while others write see whole states only."""

from __future__ import annotations

import threading

import kinspace as ks
from thorough import rounds


def test_searches_beside_writes_see_each_row_as_it_was_at_one_time() -> None:
    with ks.connect(":memory:") as hub:
        space = hub.create_space("docs", dims=1)
        space.multiset([(f"k{number}", [1.0], {"text": "even odd", "turn": -1}) for number in range(40)])
        space.index_text("text")
        failed: list[str] = []
        done = threading.Event()

        def search() -> None:
            while not done.is_set():
                hits = space.search("even", 100)
                texts = hits.rows["text"].to_list()
                if len(texts) != 40 or any("even" not in text for text in texts):
                    failed.append(f"{len(texts)} rows: {texts}")
                    return

        readers = [threading.Thread(target=search) for _ in range(2)]
        for reader in readers:
            reader.start()
        for turn in range(rounds(60, 600)):
            word = "even " * (1 + turn % 3)
            space.multiset([(f"k{number}", [1.0], {"text": word, "turn": turn}) for number in range(turn % 40, 40)])
            if turn % 20 == 7:
                space.flush()
            if turn % 30 == 9:
                space.compact()
        done.set()
        for reader in readers:
            reader.join()
        assert not failed
