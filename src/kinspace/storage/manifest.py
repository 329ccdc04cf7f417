"""Manifests of a published place: what they say, and that what they say can be; they come from who knows where."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import xxhash

from ..errors import Corrupt, Unavailable
from ..types import MAX_DIMS, MAX_KEY_BYTES, parse_dtype
from .catalog import SegmentEntry
from .dtypes import row_bytes
from .objects import Objects

FORMAT = 1
FOLDER = "manifests"
_MOST = 64 << 20  # bytes of a manifest
_MAX = 2**63
_MAX_ROWS = 2**32
_MAX_FILE = 2**44
_JSON = 1 << 20  # bytes of a zarr.json
_UNSEALED = "0" * 16
_ID = re.compile(r"[0-9a-f]{16}")
_COMMIT = re.compile(r"[0-9a-f]{32}")
_PLACE = re.compile(r"segments/[0-9a-f]{16}-[0-9a-f]{16}")
_SHARD = re.compile(r"vectors/c/(0|[1-9][0-9]{0,9})/0")
_NUMBERED = re.compile(r"([0-9]{20})\.json")
_FLAT = {"norms": 4, "seq": 8, "key_hash": 8, "key_row": 4}  # bytes a row
_ROW_CRC = 16  # bytes a chunk costs beside its rows: its checksum and its line in the shard's index


@dataclass(frozen=True, slots=True)
class PublishedSegment:
    """A segment, where its files are, and which rows of which other segment it was made of ("" if of none)."""

    entry: SegmentEntry
    place: str
    source: str

    def as_dict(self) -> dict[str, Any]:
        one = self.entry
        fields = {"id": one.id, "rows": one.rows, "base": one.base, "first": one.first, "last": one.last}
        return {**fields, "files": one.files, "place": self.place, "source": self.source}


@dataclass(frozen=True, slots=True)
class PublishedSpace:
    """A space as it was when it was published."""

    meta: dict[str, Any]  # checked by whoever makes a space of it
    columns: bytes
    rows: int
    seq: int  # the seq its next write would have had
    version: int
    segments: tuple[PublishedSegment, ...]
    full_text: dict[str, Any] | None = None  # as a space's state has it

    @property
    def bytes(self) -> int:
        """Of all its files."""
        return sum(segment.entry.bytes for segment in self.segments)

    def as_dict(self) -> dict[str, Any]:
        full_text = {} if self.full_text is None else {"full_text": self.full_text}  # not where there is none
        return {
            **full_text,
            "meta": self.meta,
            "columns": base64.b64encode(self.columns).decode(),
            "rows": self.rows,
            "seq": self.seq,
            "version": self.version,
            "segments": [segment.as_dict() for segment in self.segments],
        }


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that is published under a URL, as of one commit."""

    number: int
    commit: str
    previous: str | None
    created: str
    spaces: Mapping[str, PublishedSpace]

    @classmethod
    def following(cls, previous: Manifest | None, name: str, space: PublishedSpace) -> Manifest:
        """The next manifest: that space under that name, and the other spaces as they were."""
        return cls(
            number=0 if previous is None else previous.number + 1,
            commit=secrets.token_hex(16),
            previous=None if previous is None else previous.commit,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            spaces={**({} if previous is None else previous.spaces), name: space},
        )

    @property
    def path(self) -> str:
        """The object that holds it."""
        return f"{FOLDER}/{self.number:020}.json"

    def body(self) -> bytes:
        """The JSON text, sealed by its checksum."""
        fields = {
            "kinspace": FORMAT,
            "number": self.number,
            "commit": self.commit,
            "previous": self.previous,
            "created": self.created,
            "spaces": {name: space.as_dict() for name, space in sorted(self.spaces.items())},
            "checksum": _UNSEALED,
        }
        text = json.dumps(fields, indent=1).encode()
        return text[: -len(_tail(_UNSEALED))] + _tail(xxhash.xxh3_64_hexdigest(text))


def _tail(checksum: str) -> bytes:
    return f'"checksum": "{checksum}"\n}}'.encode()


def newest(objects: Objects) -> Manifest | None:
    """The manifest of the highest number; None if there is none."""
    numbers = [int(match[1]) for name in objects.list(FOLDER) if (match := _NUMBERED.fullmatch(name))]
    if not numbers:
        return None
    path = f"{FOLDER}/{max(numbers):020}.json"
    try:
        body = objects.read(path, _MOST)
    except KeyError:
        raise Unavailable(f"{objects.at(path)} was listed and is gone; try again") from None
    manifest = parse(body, objects.at(path))
    if manifest.path != path:
        raise Corrupt(f"{objects.at(path)} says it is number {manifest.number}")
    return manifest


def commit_of(body: bytes) -> str:
    """The commit id of a manifest's text; "?" if it can't be read."""
    try:
        return parse(body, "").commit
    except Corrupt:
        return "?"


def parse(body: bytes, url: str) -> Manifest:
    """The manifest of that text; Corrupt, naming the URL, unless every part is what it must be."""
    try:
        fields = json.loads(body)
        _must(isinstance(fields, dict), "it is no JSON object")
        _must(fields.get("kinspace") == FORMAT, f"format {fields.get('kinspace')!r}; this version reads {FORMAT}")
        unsealed = body[: -len(_tail(_UNSEALED))] + _tail(_UNSEALED)
        sealed = _tail(xxhash.xxh3_64_hexdigest(unsealed))
        _must(body.endswith(sealed), "its checksum does not match")
        previous, spaces = fields["previous"], fields["spaces"]
        _must(previous is None or _matches(_COMMIT, previous), "previous is not a commit id")
        _must(_matches(_COMMIT, fields["commit"]), "commit is not a commit id")
        _must(isinstance(fields["created"], str) and len(fields["created"]) < 64, "created is not a time")
        _must(isinstance(spaces, dict), "spaces is not an object")
        return Manifest(
            number=_whole(fields["number"], "number", 10**20),
            commit=fields["commit"],
            previous=previous,
            created=fields["created"],
            spaces={name: _space(one) for name, one in spaces.items()},
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        why = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise Corrupt(f"{url} is damaged or not a manifest: {why}") from error


def _space(fields: Any) -> PublishedSpace:
    _must(isinstance(fields, dict) and isinstance(fields["meta"], dict), "a space is not an object")
    dims, key_type = _whole(fields["meta"]["dims"], "dims", MAX_DIMS + 1), fields["meta"]["key_type"]
    _must(key_type in ("str", "int"), f"key_type is {key_type!r}")
    dtype = parse_dtype(fields["meta"]["dtype"])
    _must(isinstance(fields["columns"], str), "columns is not text")
    seq = _whole(fields["seq"], "seq", _MAX)
    _must(isinstance(fields["segments"], list), "segments is not a list")
    segments = tuple(_segment(one, row_bytes(dtype, dims), key_type, seq) for one in fields["segments"])
    rows = _whole(fields["rows"], "rows", _MAX)
    _must(rows == sum(segment.entry.rows for segment in segments), "rows is not the sum of its segments'")
    full_text = fields.get("full_text")
    _must(full_text is None or isinstance(full_text, dict), "full_text is not an object")
    _must(len({segment.entry.id for segment in segments}) == len(segments), "a segment stands twice")
    return PublishedSpace(
        meta=fields["meta"],
        columns=base64.b64decode(fields["columns"], validate=True),
        rows=rows,
        seq=seq,
        version=_whole(fields["version"], "version", _MAX),
        segments=tuple(sorted(segments, key=lambda one: (one.entry.first, one.entry.last))),
        full_text=full_text,
    )


def _segment(fields: Any, row: int, key_type: str, seq: int) -> PublishedSegment:
    _must(isinstance(fields, dict), "a segment is not an object")
    id, place, source = fields["id"], fields["place"], fields["source"]
    _must(_matches(_ID, id), f"{id!r} can't be a segment's id")
    _must(_matches(_PLACE, place), f"{place!r} can't be a segment's place")
    _must(isinstance(source, str) and len(source) <= 64, "a segment's source is not text")
    rows = _whole(fields["rows"], "rows", _MAX_ROWS, low=1)
    base, first, last = (_whole(fields[name], name, _MAX) for name in ("base", "first", "last"))
    _must(base <= first and last < seq and last - first + 1 >= rows, f"the seqs of segment {id} can't be")
    _must(isinstance(fields["files"], dict), "files is not an object")
    files = {name: _file(name, one) for name, one in fields["files"].items()}
    _check_sizes(files, rows, row, key_type)
    return PublishedSegment(SegmentEntry(id, rows, base, first, last, files), place, source)


def _file(name: str, fields: Any) -> tuple[int, str]:
    _must(isinstance(fields, list) and len(fields) == 2, f"file {name!r}: expected its bytes and its checksum")
    size, checksum = fields
    _must(isinstance(checksum, str) and re.fullmatch("([0-9a-f]{2})+", checksum) is not None, f"{name!r}: no checksum")
    return _whole(size, f"the bytes of {name!r}", _MAX_FILE, low=1), checksum


def _check_sizes(files: Mapping[str, tuple[int, str]], rows: int, row: int, key_type: str) -> None:
    """The files of a segment by name, each of a size that one with such rows has; no other name passes."""
    flat = {**_FLAT, **({"key": 8} if key_type == "int" else {"key_offset": 8, "key_text": 0})}
    need = {"zarr.json", "rows.arrow", "vectors/zarr.json", "vectors/c/0/0"}
    need |= {f"{name}/{file}" for name in flat for file in ("zarr.json", "c/0")}
    _must(need <= files.keys(), f"{min(need - files.keys(), default='')!r} is missing")
    shards = 0
    for name, (size, _) in files.items():
        array, _, rest = name.partition("/")
        if name == "rows.arrow":
            continue
        if name.endswith("zarr.json") and name in need:
            _must(size <= _JSON, f"{name!r} has {size:,} bytes")
        elif rest == "c/0" and array in flat:
            exact = rows * flat[array] + 4 + (8 if array == "key_offset" else 0)
            fits = 4 < size <= rows * MAX_KEY_BYTES + 4 if array == "key_text" else size == exact
            _must(fits, f"{name!r} has {size:,} bytes")
        else:
            _must(_SHARD.fullmatch(name) is not None, f"{name!r} can't be a segment's file")
            shards += size
    padded = 4 * max(rows, 64)  # the last chunk and the last shard may be mostly padding
    _must(shards <= padded * (row + _ROW_CRC), f"vectors have {shards:,} bytes")


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _whole(value: object, what: str, stop: int, *, low: int = 0) -> int:
    _must(type(value) is int and low <= value < stop, f"{what} is {value!r:.80}")
    assert isinstance(value, int)
    return value


def _must(holds: bool, why: str) -> None:
    if not holds:
        raise ValueError(why)
