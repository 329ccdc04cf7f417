"""What a space's embedder was fitted to, kept in the space's folder, and the embedder made of it again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...embed.embedder import differences, fitted_digest, from_identity
from ...errors import Corrupt, InvalidInput
from ...storage.copying import copy_files
from ...storage.files import os_errors

if TYPE_CHECKING:
    from ...storage.objects import Objects
    from ..parts.meta import Meta
    from .store import Store

FILE = "embedder.fitted"
_MOST = 1 << 30  # bytes of a published one


def write_fitted(folder: Path, embedder: Any) -> None:
    """Put what an embedder was fitted to into a new space's folder, if it was fitted."""
    digest = None if embedder is None else fitted_digest(embedder.identity)
    if digest is None:
        return
    raw = embedder.fitted
    _check(raw, digest, f"what {embedder!r} was fitted to")
    with os_errors(f"writing {folder / FILE}"):
        (folder / FILE).write_bytes(raw)


def read_fitted(store: Store) -> bytes:
    """What the space's embedder was fitted to; Corrupt if that is missing or damaged."""
    digest = fitted_digest(store.meta.embedder)
    if digest is None:
        raise InvalidInput(f"the embedder of space {store.name!r} was fitted to nothing")
    path = store.folder / FILE
    with os_errors(f"reading {path}"):
        try:
            raw = path.read_bytes()
        except FileNotFoundError as error:
            raise Corrupt(
                f"{path} is missing: the embedder of space {store.name!r}; restore it from a backup"
            ) from error
    _check(raw, digest, str(path))
    return raw


def copy_fitted(folder: Path, store: Store, *, link: bool) -> None:
    """Put it into the folder of a copy of the space, if there is such a thing; damaged it may be, but not missing."""
    if fitted_digest(store.meta.embedder) is None:
        return
    if (store.folder / FILE).exists():
        copy_files(store.folder, folder, [FILE], link=link)
    else:  # the space is elsewhere, or this raises
        raw = store.fitted()
        with os_errors(f"writing {folder / FILE}"):
            (folder / FILE).write_bytes(raw)


def fetch_fitted(objects: Objects, meta: Meta) -> bytes:
    """What the embedder of a published space was fitted to."""
    digest = str(fitted_digest(meta.embedder))
    place = _place(digest)
    try:
        raw = objects.read(place, _MOST)
    except KeyError as error:
        raise Corrupt(f"{objects.at(place)} is missing: the space's embedder; publish the space again") from error
    _check(raw, digest, objects.at(place))
    return raw


def publish_fitted(objects: Objects, store: Store) -> int:
    """Put it where fetch_fitted finds it, unless it is there or there is no such thing; the bytes that were sent."""
    digest = fitted_digest(store.meta.embedder)
    if digest is None:
        return 0
    raw = store.fitted()  # damage is not to be spread
    folder, _, name = _place(digest).partition("/")
    if objects.list(folder).get(name) == len(raw):
        return 0
    objects.put(_place(digest), raw, create=False)
    return len(raw)


def _place(digest: str) -> str:
    return f"embedders/{digest}"


def same_embedder(store: Store, embedder: Any) -> Any:
    """The embedder of the space: the one given, if it is the one stored, or made anew from its identity."""
    stored = store.meta.embedder
    if embedder is None:
        try:
            return None if stored is None else from_identity(stored, store.fitted)
        except InvalidInput:
            return None  # not one of ours: whoever needs it passes it to get_space
    given = getattr(embedder, "identity", None)
    if given is None or not hasattr(embedder, "embed"):
        raise InvalidInput(f"an embedder has dims, identity and embed(texts); got {embedder!r}")
    if stored is None:
        raise InvalidInput(f"space {store.name!r} was made without an embedder, so none can be given; got {given}")
    if dict(given) != stored:
        differing = differences(stored, given)
        raise InvalidInput(
            f"space {store.name!r} was made with embedder {stored}; got {given}: they differ in {differing}"
        )
    return embedder


def _check(raw: bytes, digest: str, what: str) -> None:
    if hashlib.sha256(raw).hexdigest() != digest:
        raise Corrupt(f"{what} is damaged: its checksum does not match; restore it from a backup")
