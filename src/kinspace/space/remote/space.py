"""A published space: the read half works, by fetching; writes are Frozen."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ...embed.embedder import fitted_digest
from ...errors import Closed, Corrupt, Frozen, InvalidInput, KinspaceError, SnapshotNotFound
from ...storage.catalog import State
from ...storage.manifest import PublishedSpace
from ...storage.reader import SegmentReader
from ..parts.index import Indexes
from ..parts.meta import Meta
from ..parts.part import Part
from ..parts.tail import Tail
from ..segments.background import Background
from ..segments.check import Problem, Report
from ..space import Space
from ..state.fitted import fetch_fitted
from ..state.past import When
from ..state.store import Store
from ..state.view import View
from ..versions import Snapshot

if TYPE_CHECKING:
    from ...storage.objects import Objects
    from ..hub import Hub


class RemoteStore(Store):
    """A store that shows one view, whose segments are fetched, and takes no change. There is no catalog behind it."""

    def __init__(
        self,
        name: str,
        published: PublishedSpace,
        objects: Objects,
        open_segments: Callable[[Meta], list[SegmentReader]],
        is_closed: Callable[[], bool],
    ) -> None:
        url = objects.url
        self.name = name
        self.url = url
        self.folder = Path(url)  # there is none; its name is what lineage calls it
        self.meta = parse_meta(published, url)
        check_columns(published, name, url)
        self.indexes = Indexes(self.meta)
        self.bytes = published.bytes
        self._objects = objects
        self._is_closed = is_closed
        self.durable = False  # nothing is kept that isn't cached
        parts = [Part(reader, reader.entry.rows) for reader in open_segments(self.meta)]
        state = State(
            version=published.version,
            next_seq=published.seq,
            horizon=published.seq,
            frozen=True,
            columns=published.columns,
            full_text=published.full_text,
        )
        tail = Part(Tail(self.meta.dims, self.meta.dtype), 0)
        self._published = View(self.meta, state, (*parts, tail), self.indexes)

    def view(self) -> View:
        """The only one there is."""
        if self._is_closed():
            raise Closed(f"the hub {self.url} was closed; connect again")
        return self._published

    @property
    def readonly(self) -> bool:
        """It is."""
        return True

    def fitted(self) -> bytes:
        """What the space's embedder was fitted to, fetched."""
        return fetch_fitted(self._objects, self.meta)

    def last_view(self) -> View:
        """The same."""
        return self.view()

    def write(self, doing: str, *, rows: bool = True) -> NoReturn:
        """Raise Frozen."""
        raise _frozen(self.name, self.url)

    def present(self, doing: str) -> NoReturn:
        """Raise Frozen."""
        raise _frozen(self.name, self.url)

    writable = present

    def sweep(self) -> None:
        """There is nothing of it here but what is cached."""


class RemoteSpace(Space):
    """A published space, as of one commit. It is read as any space is; what would change it raises Frozen."""

    def __init__(self, store: RemoteStore, hub: Hub, embedder: Any = None) -> None:
        super().__init__(store, Background(), hub, embedder)
        self._remote = store

    def stats(self) -> dict[str, Any]:
        """What the space is and how large; `bytes` are those of the published copy."""
        meta, view = self._remote.meta, self._remote.view()
        return {
            "rows": len(view),
            "dims": meta.dims,
            "metric": meta.metric,
            "dtype": meta.dtype,
            "key_type": meta.key_type,
            "matryoshka": list(meta.matryoshka),
            "index_dims": meta.index_dims,
            "rotate": meta.rotate,
            "embedder": meta.embedder,
            "segments": len(view.parts) - 1,
            "log_rows": 0,
            "bytes": self._remote.bytes,
            "indexed_segments": 0,
            "index_bytes": 0,
            "plane_bytes": 0,
            "text_bytes": 0,
            "column_index_bytes": 0,
            "version": view.state.version,
        }

    def check(self) -> Report:
        """Fetch and read every byte of the space and say what is damaged; raises nothing for damage."""
        problems = []
        for part in self._remote.view().parts[:-1]:
            assert isinstance(part.source, SegmentReader)
            try:
                part.source.check_all()
            except KinspaceError as error:
                problems.append(Problem(part.source.folder, str(error), part.rows))
        return Report(problems)

    def _refuse(self, *arguments: Any, **named: Any) -> NoReturn:
        """Raises Frozen: a published space does not change."""
        self._remote.view()
        raise _frozen(self.name, self._remote.url)

    def snapshots(self) -> list[Snapshot]:
        """None: one state is published, and the snapshots are not."""
        self._remote.view()
        return []

    def at(self, when: When) -> NoReturn:
        """Raises SnapshotNotFound: one state is published, which is this one."""
        self._remote.view()
        raise SnapshotNotFound(f"space {self.name!r} is published at {self._remote.url} in one state; got {when!r}")

    def download_snapshot(self, path: str | os.PathLike[str] | None = None) -> Space:
        """An independent, writable copy, in memory or in the hub at a path: what is not cached yet is fetched."""
        from ..connect import connect

        for part in self._remote.view().parts[:-1]:
            assert isinstance(part.source, SegmentReader)
            part.source.complete()
        hub = connect(":memory:" if path is None else path)
        return hub._copy(self.name, self._remote, self._embedder, link=False)

    set = update = load = multiset = add_texts = _refuse
    snapshot = drop_snapshot = restore = fork = reembed = freeze = write_to_space = _refuse
    delete = multidelete = delete_where = delete_all = _refuse
    flush = compact = index = index_column = drop_column_index = index_text = drop_text = _refuse
    __setitem__ = __delitem__ = _refuse

    def __repr__(self) -> str:
        return f"<RemoteSpace {self.name!r} of {self._remote.url}: {len(self):,} rows × {self.dims}, {self.metric}>"


def parse_meta(published: PublishedSpace, url: str) -> Meta:
    """What the space is; Corrupt if no space can be that."""
    fields = published.meta
    try:
        prefixes = fields.get("matryoshka"), fields.get("index_dims"), fields.get("rotate")
        meta = Meta.parse(fields["dims"], fields["metric"], fields["dtype"], fields["key_type"], None, *prefixes)
        embedder = fields.get("embedder")
        if embedder is not None and not isinstance(embedder, dict):
            raise InvalidInput(f"embedder is {embedder!r}")
        fitted_digest(embedder)
    except (InvalidInput, KeyError) as error:
        raise Corrupt(f"{url}: the manifest describes a space that can't be: {error}") from error
    return replace(meta, embedder=embedder)


def check_columns(published: PublishedSpace, name: str, url: str) -> None:
    """Corrupt unless its columns can be read, and are called what columns can be."""
    import polars as pl

    from ...storage.columns import check_name, decode_schema

    try:
        for column in decode_schema(published.columns):
            check_name(column)
    except (InvalidInput, Corrupt, pl.exceptions.PanicException) as error:
        raise Corrupt(f"{url}: the columns of space {name!r} can't be read: {error}") from error


def _frozen(name: str, url: str) -> Frozen:
    return Frozen(f"space {name!r} is published at {url} and can only be read; hub.pull(url) makes a copy to write to")
