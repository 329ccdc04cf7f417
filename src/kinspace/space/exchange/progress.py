"""A progress bar on a terminal, and nothing anywhere else."""

from __future__ import annotations

import sys
from typing import Any


class Progress:
    """A context that shows rows stored, if wanted and stderr is a terminal."""

    def __init__(self, what: str, total: int | None, *, wanted: bool) -> None:
        self._what = what
        self._total = total
        self._wanted = wanted and sys.stderr.isatty()
        self._bar: Any = None

    def __enter__(self) -> Progress:
        if self._wanted:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(self._what, total=self._total)
        return self

    def advance(self, rows: int) -> None:
        """Show that many more."""
        if self._bar is not None:
            self._bar.advance(self._task, rows)

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()
