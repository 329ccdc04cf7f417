"""What an embedder is, and how a stored space finds its own again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ..errors import InvalidInput
from .hashing import VERSION, Hashing

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into vectors; anything with these three members will do.

    A space stores `identity` when it is created. It must be plain JSON and hold all that decides a vector, so that
    vectors of two embedders are never mixed.
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


def from_identity(identity: Mapping[str, object]) -> Embedder:
    """Return the built-in embedder with that identity.

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
    if name != "hashing":
        raise InvalidInput(f"no built-in embedder has the identity {identity!r}; there is 'hashing': pass your own")
    if identity.get("version") != VERSION:
        raise InvalidInput(
            f"the hashing embedder here is version {VERSION}, not {identity.get('version')!r}: "
            "install the version of kinspace that wrote these vectors, or embed the texts again"
        )
    embedder = Hashing(identity.get("dims"))  # type: ignore[arg-type]  # checked by Hashing
    if dict(identity) != embedder.identity:
        raise InvalidInput(f"the hashing embedder expected the identity {embedder.identity!r}; got {dict(identity)!r}")
    return embedder
