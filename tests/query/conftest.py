"""One hub for spaces that Hypothesis makes by the dozen, and searches that have to look again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import kinspace as ks


@pytest.fixture(scope="module")
def memory() -> Iterator[ks.Hub]:
    """A hub; meanwhile rows are ranked two at first, then twice as many, so that few are as good as many."""
    with pytest.MonkeyPatch.context() as patch, ks.connect(":memory:") as hub:
        patch.setattr("kinspace.query.order._FIRST", 2)
        patch.setattr("kinspace.query.order._GROWTH", 2)
        patch.setattr("kinspace.query.order._WRITTEN", 0)
        yield hub
