"""A space with a few texts, for tests that need no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import kinspace as ks

TEXTS = {
    "gzip": ("Compressing files", "A fast compressor of single files."),
    "tar": ("Archives", "Puts many files and folders into one archive."),
    "viewer": ("Image viewer", "Shows pictures, big and small; an image viewer for <b>everybody</b> & more."),
    "chess": ("Chess by mail", "Plays chess with a friend who is far away."),
    "empty": ("", ""),
}


@pytest.fixture
def space() -> Iterator[ks.Space]:
    with ks.connect(":memory:") as hub:
        space = hub.create_space("docs", dims=2)
        for place, (key, (title, body)) in enumerate(TEXTS.items()):
            space.set(key, [1.0, place], title=title, body=body, place=place)
        space.index_text("title", "body")
        yield space
