"""Fuzzing of the segment reader: whatever its files hold, a segment is read or is Corrupt.

An input is one file of a segment: which one, whether the checksums are made to fit, and what it holds.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from driver import Target, main

ROWS, DIMS = 70, 3


def make(home: Path) -> tuple[Target, list[bytes]]:
    """The target, and every file of two segments as they were written."""
    import kinspace as ks

    kept = []
    for key_type in ("str", "int"):
        with ks.connect(home / key_type) as hub:
            space = hub.create_space("docs", dims=DIMS, key_type=key_type)
            keys = [i if key_type == "int" else f"k{i}" for i in range(ROWS)]
            space.multiset([(key, [i, 1, 2], {"n": i, "t": f"x{i}"}) for i, key in enumerate(keys)])
            space.flush()
            reader = space._store.view().parts[0].source
            kept.append(Kept(home / f"{key_type}-segments", reader, space._store, keys))
    seeds = [
        bytes([which << 1 | fitting]) + bytes([number]) + one.bodies[name]
        for which, one in enumerate(kept)
        for number, name in enumerate(one.names)
        for fitting in (0, 1)
    ]

    def target(data: bytes) -> None:
        if len(data) < 2:
            return
        one = kept[data[0] >> 1 & 1]
        one.read(one.names[data[1] % len(one.names)], data[2:], fitting=bool(data[0] & 1))

    return target, seeds


class Kept:
    """A segment whose files are replaced one at a time."""

    def __init__(self, home: Path, reader: Any, store: Any, keys: list[Any]) -> None:
        self.entry, self.meta, self.view, self.keys = reader.entry, store.meta, store.view(), keys
        self.folder = home / self.entry.id
        shutil.copytree(reader.folder, self.folder)
        self.names = sorted(self.entry.files)
        self.bodies = {name: (self.folder / name).read_bytes() for name in self.names}
        self.answers: dict[str, object] = {}
        self._ask(self.entry)

    def read(self, name: str, body: bytes, *, fitting: bool) -> None:
        """Read the segment in every way there is with that file so."""
        entry = self.entry
        path = self.folder / name
        if fitting:
            body = _sealed(name, body)
        path.write_bytes(body)
        try:
            if fitting:
                entry = self._named(name, body)
            self._ask(entry)
        finally:
            path.write_bytes(self.bodies[name])

    def _named(self, name: str, body: bytes) -> Any:
        """The entry of a catalog that knows the file as it is now."""
        import dataclasses

        from kinspace.storage.files import digest

        known = digest(self.folder / name)
        if name.startswith("vectors/c/"):
            known = body[-24:-20].hex()
        elif "/c/" in name:
            known = body[-4:].hex()
        return dataclasses.replace(self.entry, files={**self.entry.files, name: (len(body), known)})

    def _ask(self, entry: Any) -> None:
        import numpy as np

        from kinspace.errors import Corrupt, Unavailable
        from kinspace.space.parts.effort import Effort
        from kinspace.space.parts.part import Part
        from kinspace.storage.keys import parse_keys
        from kinspace.storage.reader import SegmentReader, check_segment

        positions = np.arange(ROWS)
        keys, hashes = parse_keys(self.keys, self.meta.key_type)
        problems = check_segment(self.folder.parent, entry, DIMS, self.meta.key_type)
        try:
            reader = SegmentReader(self.folder.parent, entry, DIMS, self.meta.key_type)
        except (Corrupt, Unavailable):
            assert problems, "what can't be opened is no problem to check()"
            return
        view = copy.copy(self.view)
        view.__dict__.pop("scan", None)
        view.parts = (Part(reader, ROWS), self.view.parts[-1])
        query = np.ones(DIMS, np.float32)
        asks: dict[str, Callable[[], object]] = {
            "nearest": lambda: view.nearest(query, 5, Effort(exact=True)),
            "find": lambda: view.find_many(keys, hashes).tolist(),
            "find one": lambda: [view.find(key, int(digest)) for key, digest in zip(keys, hashes, strict=True)],
            "keys": lambda: view.keys(positions),
            "vectors": lambda: view.vectors(positions).tolist(),
            "seqs": lambda: view.seqs(positions).tolist(),
            "rows of": lambda: reader.rows_of(np.arange(100, dtype=np.uint64)).tolist(),
            "take": lambda: view.take(positions[::-1]).rows(),
            "frame": lambda: view.parts[0].frame(view.schema, ["n"]).rows(),
        }
        for name, ask in asks.items():
            try:
                answer = ask()
            except (Corrupt, Unavailable):
                assert problems or entry is not self.entry, f"{name} finds what check() does not"
                continue
            if entry is self.entry and name != "nearest":  # with its own checksums it is as it was, or no answer
                assert answer == self.answers.setdefault(name, answer), name
        reader.close()


def _sealed(name: str, body: bytes) -> bytes:
    """The file with every checksum in it as it has to be for what it holds."""
    from google_crc32c import value as crc32c

    if "/c/" not in name or len(body) < 4:
        return body
    if name.startswith("vectors/"):  # chunk, its checksum, index of one entry, its checksum
        if len(body) < 24:
            return body
        chunk, index = body[:-24], body[-20:-4]
        return chunk + crc32c(chunk).to_bytes(4, "little") + index + crc32c(index).to_bytes(4, "little")
    return body[:-4] + crc32c(body[:-4]).to_bytes(4, "little")


if __name__ == "__main__":
    main(
        "segment",
        make,
        ['"shape"', '"codecs"', '"chunk_shape"', '"configuration"', "null", "-1", "1e9", "true", "[]", "{}"],
    )
