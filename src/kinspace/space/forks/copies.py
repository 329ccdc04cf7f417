"""A space made of a view of another: its segments linked or copied, the log's rows written as one more."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import Corrupt
from ...storage.catalog import SegmentEntry, SpaceCatalog, State
from ...storage.copying import copy_files, copy_folder
from ...storage.reader import SegmentReader
from ..segments.beside import made_anew
from ..segments.flush import write_rows
from ..state.fitted import copy_fitted
from ..state.store import Store


def copy_into(folder: Path, store: Store, *, link: bool, durability: str) -> None:
    """Fill a new space's folder, which has its inner ones, with what the store shows; the seqs stay what they are."""
    view = store.view()
    copy_fitted(folder, store, link=link)
    segments = folder / "segments"
    entries: list[SegmentEntry] = []
    dead = [np.empty(0, np.uint64)]
    for part in view.parts[:-1]:
        source = part.source
        assert isinstance(source, SegmentReader)
        entry = replace(source.entry, id=secrets.token_hex(8))
        try:
            copy_files(source.folder, segments / entry.id, entry.files, link=link)
        except FileNotFoundError as error:
            raise Corrupt(
                f"{error.filename} is missing though the catalog names it; restore it from a backup"
            ) from error
        for name in made_anew(source.folder):
            copy_folder(source.folder / name, segments / entry.id / name, link=link)
        entries.append(entry)
        dead.append(part.seqs(part.dead_rows()))
    logged = view.tail.live_rows() + view.starts[-2]
    if len(logged):
        written = write_rows(segments, view, logged, durable=False)
        written.lock.release()
        entries.append(SegmentEntry(written.id, written.rows, 0, written.first, written.last, written.files))
    seq = max([view.state.next_seq, *(entry.last + 1 for entry in entries)])
    meta = replace(store.meta, lineage=(*store.meta.lineage, (store.folder.name, view.state.next_seq)))
    SpaceCatalog.create(
        folder / "catalog.sqlite",
        {**meta.as_dict(), "id": folder.name},
        durability=durability,
        state=State(
            version=1,
            next_seq=seq,
            horizon=view.state.next_seq,
            columns=view.state.columns,
            full_text=view.state.full_text,
            indexed=view.state.indexed,
        ),
        segments=entries,
        dead=np.sort(np.concatenate(dead)),
    ).database.close()
