"""Reading every byte of a space, to say what is damaged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import Corrupt
from ..storage.catalog import Tally
from ..storage.reader import SegmentReader
from .store import Store


@dataclass(frozen=True, slots=True)
class Problem:
    """One damaged file."""

    file: Path
    what: str
    keys: int  # rows of the present it touches


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found."""

    problems: list[Problem]

    @property
    def ok(self) -> bool:
        """True if nothing is damaged."""
        return not self.problems


def check(store: Store) -> Report:
    """Verify the catalog and every file it names."""
    catalog = store.catalog.database
    problems = [Problem(catalog.path, what, 0) for what in catalog.check()]
    try:
        view = store.view()
    except Corrupt as error:
        return Report([*problems, Problem(catalog.path, str(error), 0)])
    try:
        with catalog.read("checking the log") as connection:
            tallies = store.catalog.state(connection).tallies
            store.catalog.log(connection, 0, store.meta.dims, Tally(), tallies["log"])
            store.catalog.tombstones(connection, 0, Tally(), tallies["tombstone"])
    except Corrupt as error:
        problems.append(Problem(catalog.path, str(error), view.tail.rows))
    for part in view.parts:
        if isinstance(part.source, SegmentReader):
            problems += [Problem(file, what, part.rows - part.dead) for file, what in part.source.check()]
    return Report(problems)
