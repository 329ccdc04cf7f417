"""The error tree: grouped by what the caller does about each.

KinspaceError
├── InvalidInput (ValueError)      change the argument; nothing was stored
├── KeyNotFound (KeyError)         no row has that key
├── SpaceNotFound (KeyError)       no space has that name
├── SnapshotNotFound (KeyError)    no snapshot has that name
├── SpaceExists                    pick another name, or exist_ok=True
├── Frozen                         write to a fork or to the space itself
├── Conflict                       another writer was there: try again
├── Corrupt                        a file is damaged: never retried, check() and restore
├── Unavailable (OSError)          disk, permission or network: mend it, then try again
└── Closed                         open it again
"""

from collections.abc import Sequence


class KinspaceError(Exception):
    """Base of every error Kinspace raises on purpose.

    No subclass overrides ``__init__``: other processes must be able to unpickle them.
    """

    kind = "kinspace"  # stable and machine-readable; the text may change
    stored: int | None = None  # rows stored before a stream failed; None when nothing is stored by halves

    def __str__(self) -> str:
        return Exception.__str__(self)  # KeyError would quote the text, OSError would number it

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), self.args, self.__dict__)


class InvalidInput(KinspaceError, ValueError):
    """An argument is not what was expected; nothing was changed."""

    kind = "invalid-input"


class KeyNotFound(KinspaceError, KeyError):
    """No row has that key."""

    kind = "key-not-found"


class SpaceNotFound(KinspaceError, KeyError):
    """No space has that name, or it was deleted."""

    kind = "space-not-found"


class SnapshotNotFound(KinspaceError, KeyError):
    """No snapshot has that name."""

    kind = "snapshot-not-found"


class SpaceExists(KinspaceError):
    """A space with that name exists already."""

    kind = "space-exists"


class Frozen(KinspaceError):
    """The space is read-only."""

    kind = "frozen"


class Conflict(KinspaceError):
    """Another writer held the space, or changed what this one was changing."""

    kind = "conflict"
    keys: Sequence[str | int] = ()  # that both sides of a merge have changed


class Corrupt(KinspaceError):
    """A stored file is damaged; the message names it."""

    kind = "corrupt"


class Unavailable(KinspaceError, OSError):
    """The disk, the file system or the network refused."""

    kind = "unavailable"


class Closed(KinspaceError):
    """The hub or index was closed before this call."""

    kind = "closed"
