"""One prefix of an object store: bytes in and out by name, and a commit that exactly one of many writers wins."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ..errors import Conflict, Corrupt, InvalidInput, Unavailable
from .files import os_errors, sync

SCHEMES = "s3://bucket/prefix, file:///folder or memory://name"
_PIECE = 8 << 20  # bytes of a file in memory at a time
_PARTS = 9_000  # of one upload, at most: S3 takes 10,000
_OPTIONS = ("client_options", "retry_config", "credential_provider")  # of the client; every other one is the store's
_memory: dict[str, Any] = {}  # url -> its store, for as long as the process lives
_making = threading.Lock()
_users: set[int] = set()  # this process, once it has opened a store, and those it was forked from


class Objects:
    """The objects under one URL. Every error of the store is Unavailable, and says where."""

    def __init__(self, url: str, store: Any, identity: str, root: Path | None = None) -> None:
        self.url = url.rstrip("/")
        self.identity = identity  # tells stores apart that have the same URL at different servers
        self._store = store
        self._root = root  # of a local store, which doesn't sync by itself

    def at(self, path: str) -> str:
        """The URL of an object."""
        return f"{self.url}/{path}"

    def read(self, path: str, limit: int) -> bytes:
        """An object whole; Corrupt if it is larger than that, KeyError if there is none."""
        with self._errors(f"reading {self.at(path)}"):
            try:
                got = self._store.get(path)
            except FileNotFoundError:
                raise KeyError(path) from None
            if got.meta["size"] > limit:
                raise Corrupt(f"{self.at(path)} has {got.meta['size']:,} bytes where at most {limit:,} make sense")
            return bytes(got.bytes())

    def stream(self, path: str, start: int, stop: int, size: int) -> Iterator[Any]:
        """Bytes start … stop of an object of that size, in pieces; Corrupt if it is missing or of another size."""
        with self._errors(f"reading {self.at(path)}"):
            try:
                got = self._store.get(path, options={"range": (start, stop)})
            except FileNotFoundError as error:
                raise Corrupt(f"{self.at(path)} is missing though the manifest names it") from error
            if got.meta["size"] != size or tuple(got.range) != (start, stop):
                raise Corrupt(f"{self.at(path)} has {got.meta['size']:,} bytes where the manifest says {size:,}")
            left = stop - start
            for piece in got.stream(min_chunk_size=_PIECE):
                left -= len(piece)
                if left < 0:
                    break
                yield piece
            if left:
                raise Unavailable(f"reading {self.at(path)} failed: the reply was {abs(left):,} bytes off; try again")

    def upload(self, path: str, file: Path) -> None:
        """Put a file there, in bounded memory; whoever looks finds all of it or none."""
        with self._errors(f"writing {self.at(path)}"):
            size = file.stat().st_size
            self._store.put(path, file, chunk_size=max(_PIECE, size // _PARTS + 1), max_concurrency=2)
            self._sync(path)

    def put(self, path: str, body: bytes, *, create: bool) -> bool:
        """Put an object there; with create only if there is none, and False if there is one."""
        from obstore.exceptions import AlreadyExistsError, NotSupportedError, PreconditionError

        with self._errors(f"writing {self.at(path)}"):
            try:
                self._store.put(path, body, mode="create" if create else "overwrite", use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                return False
            except NotSupportedError as error:
                raise Unavailable(f"{self.url} takes no conditional writes: {_short(error)}") from error
            self._sync(path)
            return True

    def list(self, folder: str) -> dict[str, int]:
        """The objects in a folder and below: name within it -> bytes."""
        found = {}
        with self._errors(f"listing {self.at(folder)}"):
            try:
                for piece in self._store.list(folder):
                    for one in piece:
                        found[one["path"].removeprefix(folder + "/")] = int(one["size"])
            except FileNotFoundError as error:
                raise Unavailable(f"{self.url} can't be listed: there is no such bucket or folder: {error}") from error
        return found

    def delete(self, path: str) -> None:
        """Remove an object."""
        with self._errors(f"removing {self.at(path)}"):
            self._store.delete([path])

    def _sync(self, path: str) -> None:
        if self._root is not None:
            target = self._root / path
            sync(target)
            while target != self._root:
                target = target.parent
                sync(target)

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

        try:
            with os_errors(doing):
                yield
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise Unavailable(f"{doing} failed: the store refuses these credentials: {_short(error)}") from error
        except BaseError as error:
            raise Unavailable(f"{doing} failed: {_short(error)}") from error


def open_objects(url: str, options: Mapping[str, Any] | None = None, *, make: bool = False) -> Objects:
    """The objects under a URL; a local folder that is missing is made, or Unavailable.

    Raises
    ------
    InvalidInput
        If the URL is of another kind, or an option is not known.
    Unavailable
        If obstore is not installed, or the folder is missing.
    """
    if options is not None and not (isinstance(options, Mapping) and all(isinstance(name, str) for name in options)):
        raise InvalidInput(f"storage_options is a mapping of names to values; got {options!r}")
    given = dict(options or {})
    if not isinstance(url, str) or "?" in url or "#" in url:
        raise InvalidInput(f"expected a URL like {SCHEMES}, without a query; got {url!r}")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InvalidInput(f"{url!r} is not a URL: {error}") from error
    local = parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.startswith("/")
    if not local and not (parts.scheme in ("s3", "memory") and parts.netloc):
        raise InvalidInput(f"expected a URL like {SCHEMES}; got {url!r}")
    if given and parts.scheme != "s3":
        raise InvalidInput(f"{parts.scheme}:// takes no storage_options; got {', '.join(given)}")
    try:
        import obstore.store as stores
        from obstore.exceptions import BaseError
    except ImportError as error:
        raise Unavailable(f"{url} needs the package obstore: pip install 'kinspace[cloud]'") from error
    if _users - {os.getpid()}:
        raise Unavailable(f"{url} can't be opened in a process forked from one that has opened a URL: spawn it instead")
    _users.add(os.getpid())
    if parts.scheme == "s3":
        try:
            return _open_s3(stores, url, parts.netloc, unquote(parts.path).strip("/"), given)
        except (BaseError, TypeError, ValueError) as error:
            raise InvalidInput(f"{url} can't be opened with these storage_options: {_short(error)}") from error
    if local:
        folder = Path(unquote(parts.path))
        with os_errors(f"opening {url}"):
            if make:
                folder.mkdir(parents=True, exist_ok=True)
            if not folder.is_dir():
                raise Unavailable(f"nothing is published at {url}: there is no such folder")
        return Objects(url, stores.LocalStore(prefix=folder), "", folder)
    with _making:
        store = _memory.setdefault(url.rstrip("/"), stores.MemoryStore())
    return Objects(url, store, f"{os.getpid()} {id(store)}")


def _open_s3(stores: Any, url: str, bucket: str, prefix: str, given: dict[str, Any]) -> Objects:
    from datetime import timedelta

    client = {name: given.pop(name) for name in _OPTIONS if name in given}
    endpoint = next((str(given[name]) for name in given if name.lower() in _ENDPOINT), _endpoint_of_environment())
    if endpoint.startswith("http://"):
        client["client_options"] = {"allow_http": True, **client.get("client_options", {})}
    client.setdefault("retry_config", {"max_retries": 5, "retry_timeout": timedelta(seconds=60)})
    store = stores.S3Store(bucket, prefix=prefix or None, config=given, **client)
    return Objects(url, store, endpoint)


_ENDPOINT = ("endpoint", "endpoint_url", "aws_endpoint", "aws_endpoint_url", "aws_endpoint_url_s3")


def _endpoint_of_environment() -> str:
    return next((value for name in _ENDPOINT if (value := os.environ.get(name.upper())) is not None), "")


def refuse_unconditional(objects: Objects) -> None:
    """Unavailable if the store overwrites an object that was to be made only if there is none."""
    path = f"probes/{secrets.token_hex(16)}"
    objects.put(path, b"kinspace", create=True)
    try:
        taken = objects.put(path, b"kinspace", create=True)
    finally:
        objects.delete(path)
    if taken:
        raise Unavailable(
            f"{objects.url}: this store ignores If-None-Match, so one publisher could overwrite what another has just "
            "published; use another store, or single_writer=True if nobody else publishes here"
        )


def commit(objects: Objects, path: str, body: bytes, commit_of: Callable[[bytes], str], *, single: bool) -> None:
    """Make the object that is the commit; once this returns it is there, and is this writer's.

    `commit_of` reads the commit id of such a body. An error may come after the write was done, and so may a reply
    that says the object is there already (the client has asked twice): what is there then decides.

    Raises
    ------
    Conflict
        If another writer's is there.
    Unavailable
        If the store failed; the message says whether it may have been done.
    """
    ours = commit_of(body)
    failure: Exception | None = None
    if single and path.rpartition("/")[2] in objects.list(path.rpartition("/")[0]):
        raise _lost(objects, path, objects.read(path, _MOST), commit_of)
    try:
        objects.put(path, body, create=not single)
    except Unavailable as error:
        failure = error
    try:
        there = objects.read(path, _MOST)
    except KeyError:
        raise failure or Unavailable(f"{objects.at(path)} was written and is not there; nothing is published") from None
    except Unavailable as error:
        raise Unavailable(
            f"{failure or error}; whether {objects.at(path)} (commit {ours}) was written is not known: "
            "publish again, which does no harm"
        ) from error
    if there != body:
        raise _lost(objects, path, there, commit_of)


_MOST = 64 << 20  # bytes of a manifest


def _lost(objects: Objects, path: str, there: bytes, commit_of: Callable[[bytes], str]) -> Conflict:
    return Conflict(
        f"another writer has just published {objects.at(path)}, commit {commit_of(there)}; nothing of theirs was "
        "changed: publish again to come after them"
    )


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split("\n\nDebug source", 1)[0].split())
    return text if len(text) < 400 else text[:399] + "…"
