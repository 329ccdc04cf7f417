"""What a query did, stage by stage, while it ran: how long each took, and what it tells of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter
from types import TracebackType
from typing import Any


class Trace:
    """One stage of a query, with the stages it is made of; a block under ``with`` is timed.

    Facts are told by name, in the order they are shown: a whole number is how many of what its name says, and a name
    that ends in ``_seconds`` is a time. Whoever does the work tells the facts; nothing is guessed afterwards.

    Examples
    --------
    >>> query = Trace("query")
    >>> with query, query.stage("filter", where="year > 2020") as stage:
    ...     stage.note(rows=31)
    >>> query.stages[0].facts, query.seconds >= query.stages[0].seconds > 0
    ({'where': 'year > 2020', 'rows': 31}, True)
    """

    __slots__ = ("_begun", "_later", "facts", "name", "seconds", "stages")

    wanted = True  # False of what nobody listens to: it need not be told what is dear to find out

    def __init__(self, name: str, **facts: Any) -> None:
        self.name = name
        self.facts: dict[str, Any] = facts
        self.seconds = 0.0
        self.stages: list[Trace] = []
        self._begun = 0.0
        self._later: Callable[[Trace], None] | None = None

    def stage(self, name: str, **facts: Any) -> Trace:
        """A stage of this one, after those it has."""
        stage = Trace(name, **facts)
        self.stages.append(stage)
        return stage

    def note(self, **facts: Any) -> None:
        """Tell facts, in the place of those of the same names."""
        self.facts.update(facts)

    def count(self, fact: str) -> None:
        """One more of it."""
        self.facts[fact] = self.facts.get(fact, 0) + 1

    def later(self, tell: Callable[[Trace], None]) -> None:
        """Have tell(this stage) called once somebody wants to see it, for what takes time to put into words."""
        self._later = tell

    def told(self) -> Trace:
        """The stage with all there is to tell, and so are those it is made of."""
        if self._later is not None:
            tell, self._later = self._later, None
            tell(self)
        for stage in self.stages:
            stage.told()
        return self

    def every(self) -> Iterator[Trace]:
        """The stages it is made of, and those that these are made of, each after the one it belongs to."""
        for stage in self.stages:
            yield stage
            yield from stage.every()

    def __enter__(self) -> Trace:
        self._begun = perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.seconds += perf_counter() - self._begun


class _Untraced(Trace):
    """What a query tells its stages to when nobody listens."""

    __slots__ = ()

    wanted = False

    def stage(self, name: str, **facts: Any) -> Trace:
        return self

    def note(self, **facts: Any) -> None:
        return

    def count(self, fact: str) -> None:
        return

    def __enter__(self) -> Trace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        return


UNTRACED = _Untraced("")
