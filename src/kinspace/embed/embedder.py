"""What an embedder is, and how a stored space finds its own again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ..errors import InvalidInput
from .hashing import VERSION, Hashing

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

_DIGEST = re.compile(r"[0-9a-f]{64}")


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into vectors; anything with these three members will do.

    A space stores `identity` when it is created. It must be plain JSON and hold all that decides a vector, so that
    vectors of two embedders are never mixed.

    Four more members are used where there are: ``embed_query(text)``, for models that embed questions unlike
    documents; ``batch_rows``, how many texts a stream should hand over at a time; ``matryoshka``, the lengths its
    vectors may be cut to; and ``fitted``, the bytes it was fitted to, which the space keeps (``identity["fitted"]`` is
    their SHA-256).
    """

    @property
    def dims(self) -> int:
        """Length of the vectors."""
        ...

    @property
    def identity(self) -> Mapping[str, object]:
        """All that decides a vector, as JSON: at least "name", and what the name leaves open."""
        ...

    def embed(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Return float32 of shape (texts, dims), finite; the same text always gives the same vector."""
        ...


def query_vector(embedder: Any, text: str) -> NDArray[np.float32]:
    """Return the vector (dims,) to look for a text with: by ``embed_query``, or ``embed`` where there is none.

    Examples
    --------
    >>> query_vector(Hashing(64), "words").shape
    (64,)
    """
    ask = getattr(embedder, "embed_query", None)
    vector: NDArray[np.float32] = embedder.embed([text])[0] if ask is None else ask(text)
    return vector


def query_vectors(embedder: Any, texts: list[str]) -> NDArray[np.float32]:
    """Return the vectors (texts, dims) to look for texts with."""
    import numpy as np

    if getattr(embedder, "embed_query", None) is None:
        return np.asarray(embedder.embed(texts))
    return np.stack([query_vector(embedder, text) for text in texts])


def from_identity(identity: Mapping[str, object], fitted: Callable[[], bytes] | None = None) -> Embedder:
    """Return the built-in embedder with that identity.

    Those around a model of somebody else's are not made by themselves: that would load what a stored name says, or
    send texts to whom it says.

    Parameters
    ----------
    identity : mapping
    fitted : callable, optional
        Reads what an "lsa" embedder was fitted to, when it is needed.

    Raises
    ------
    InvalidInput
        If this version of Kinspace has no such embedder, or has it with other parameters.

    Examples
    --------
    >>> from_identity({"name": "hashing", "version": 1, "dims": 256})
    Hashing(dims=256)
    """
    name = identity.get("name") if isinstance(identity, Mapping) else None
    if name == "lsa" and fitted is not None:
        from .lsa import Lsa

        return Lsa.of_identity(identity, fitted)
    if name != "hashing":
        raise InvalidInput(
            f"no built-in embedder has the identity {identity!r}; there are 'hashing' and, where its space is, 'lsa': "
            "pass your own"
        )
    if identity.get("version") != VERSION:
        raise InvalidInput(
            f"the hashing embedder here is version {VERSION}, not {identity.get('version')!r}: "
            "install the version of kinspace that wrote these vectors, or embed the texts again"
        )
    embedder = Hashing(identity.get("dims"))  # type: ignore[arg-type]  # checked by Hashing
    if dict(identity) != embedder.identity:
        raise InvalidInput(f"the hashing embedder expected the identity {embedder.identity!r}; got {dict(identity)!r}")
    return embedder


def fitted_digest(identity: Mapping[str, object] | None) -> str | None:
    """Return the SHA-256 of what an embedder was fitted to, None if there is nothing; InvalidInput if it is none."""
    digest = None if identity is None else identity.get("fitted")
    if digest is None:
        return None
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise InvalidInput(f"an embedder's identity has under 'fitted' a SHA-256 in hex; got {digest!r}")
    return digest


def differences(stored: Mapping[str, object], given: Mapping[str, object]) -> str:
    """Say in which fields two identities differ.

    >>> differences({"name": "a", "dims": 2}, {"name": "a", "dims": 3, "revision": "x"})
    "dims (2, not 3), revision (missing, not 'x')"
    """
    fields = [name for name in dict.fromkeys((*stored, *given)) if stored.get(name) != given.get(name)]
    told = [[repr(side[name]) if name in side else "missing" for side in (stored, given)] for name in fields]
    return ", ".join(f"{name} ({was}, not {now})" for name, (was, now) in zip(fields, told, strict=True))
