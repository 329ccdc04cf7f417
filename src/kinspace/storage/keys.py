"""Keys as bytes: what a key may be, its hash, and how many of them lie in an array."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import xxhash
from numpy.typing import NDArray

from ..errors import InvalidInput
from ..types import MAX_KEY_BYTES, Key

KeyType = Literal["str", "int"]

_hash = xxhash.xxh3_64_intdigest


def parse_key_type(key_type: object) -> KeyType:
    """Return "str" or "int"; the types themselves are taken too."""
    if key_type in ("str", str):
        return "str"
    if key_type in ("int", int):
        return "int"
    raise InvalidInput(f"key_type must be 'str' or 'int'; got {key_type!r}")


def encode_text(key: object) -> bytes:
    """The UTF-8 of a str key, or InvalidInput."""
    if not isinstance(key, str):
        raise InvalidInput(f"this space's keys are str; got {key!r} ({type(key).__name__})")
    try:
        body = key.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"a key must be text that UTF-8 can hold; got {key!r}") from error
    if not 0 < len(body) <= MAX_KEY_BYTES:
        raise InvalidInput(f"a key has 1…{MAX_KEY_BYTES:,} bytes of UTF-8; got {len(body):,} in {key[:40]!r}")
    return body


def parse_int(key: object) -> int:
    """An int key as a Python int in int64, or InvalidInput."""
    if isinstance(key, (bool, np.bool_)) or not isinstance(key, (int, np.integer)):
        raise InvalidInput(f"this space's keys are int; got {key!r} ({type(key).__name__})")
    if not -(2**63) <= key < 2**63:
        raise InvalidInput(f"an int key fits int64; got {key}")
    return int(key)


def parse_key(key: object, key_type: KeyType) -> tuple[Key, int]:
    """The key as it is kept, with its hash."""
    if key_type == "str":
        body = encode_text(key)
        return body.decode(), _hash(body)
    number = parse_int(key)
    return number, _hash(number.to_bytes(8, "little", signed=True))


def parse_keys(keys: Iterable[object], key_type: KeyType) -> tuple[list[Key], NDArray[np.uint64]]:
    """The keys as they are kept, with their hashes (uint64)."""
    kept: list[Key] = []
    if key_type == "str":
        bodies = []
        for key in keys:
            body = encode_text(key)
            bodies.append(body)
            kept.append(key if type(key) is str else body.decode())  # an enum's str() says another thing
    else:
        kept = [parse_int(key) for key in keys]
        bodies = [number.to_bytes(8, "little", signed=True) for number in kept]  # type: ignore[union-attr]  # ints here
    return kept, np.fromiter(map(_hash, bodies), np.uint64, len(bodies))


def text_array(keys: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
    """All keys' UTF-8 end to end, and the lengths of each."""
    bodies = [key.encode() for key in keys]
    return np.frombuffer(b"".join(bodies), np.uint8), np.fromiter(map(len, bodies), np.uint64, len(bodies))
