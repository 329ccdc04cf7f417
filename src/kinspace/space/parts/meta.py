"""What a space is: fixed at its creation and stored with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ...embed.embedder import fitted_digest
from ...errors import Corrupt, InvalidInput
from ...storage.keys import KeyType, parse_key_type
from ...types import BitMetric, Dtype, Metric, parse_dims, parse_dtype, parse_space_metric
from .rotation import MOST_DIMS


@dataclass(frozen=True, slots=True)
class Meta:
    """A space's dims, metric, dtype, type of keys, the identity of its embedder, and what prefixes are good for."""

    dims: int
    metric: Metric | BitMetric
    dtype: Dtype
    key_type: KeyType
    embedder: dict[str, Any] | None
    matryoshka: tuple[int, ...] = ()
    """The lengths its model was trained for, ascending; () if none were named."""
    index_dims: int | None = None
    """The components that indexes are over, fewer than dims; None for all."""
    rotate: Literal["pca"] | None = None
    """Along which axes searches with `dims` look first: the vectors' principal ones, or None, those they come in."""
    lineage: tuple[tuple[str, int], ...] = field(default=(), compare=False)
    """Ids of the spaces it was forked from, oldest first, each with the seq it was forked at."""

    @classmethod
    def parse(
        cls,
        dims: object,
        metric: object,
        dtype: object,
        key_type: object,
        embedder: object,
        matryoshka: object = None,
        index_dims: object = None,
        rotate: object = None,
    ) -> Meta:
        """Check what create_space was given."""
        identity = None if embedder is None else _identity(embedder)
        if identity is not None:
            made = getattr(embedder, "dims", None)
            if dims is None:
                dims = made
            elif dims != made:
                raise InvalidInput(f"dims is {dims!r}, but the embedder makes {made}; leave dims out")
            if matryoshka is index_dims is rotate is None:
                matryoshka = getattr(embedder, "matryoshka", None) or None
        if dims is None:
            raise InvalidInput("a space needs dims= (how long its vectors are), or an embedder that knows")
        stored, length = parse_dtype(dtype), parse_dims(dims)
        return cls(
            length,
            parse_space_metric(metric, stored),
            stored,
            parse_key_type(key_type),
            identity,
            _lengths(matryoshka, length),
            _index_dims(index_dims, length, stored),
            _rotate(rotate, length, stored, prefixes=matryoshka is not None or index_dims is not None),
        )

    @classmethod
    def of_stored(cls, fields: dict[str, Any]) -> Meta:
        """What as_dict() gave; Corrupt if it can't be that."""
        try:
            line = tuple((str(id), int(seq)) for id, seq in fields.pop("lineage", ()))
            lengths = tuple(fields.pop("matryoshka", ()))
            meta = cls(**fields, matryoshka=lengths, lineage=line)
            dtype = parse_dtype(meta.dtype)
            parsed = parse_dims(meta.dims), parse_space_metric(meta.metric, dtype), parse_key_type(meta.key_type)
            prefixes = _lengths(lengths or None, meta.dims), _index_dims(meta.index_dims, meta.dims, dtype)
            turn = _rotate(meta.rotate, meta.dims, dtype, prefixes=bool(lengths) or meta.index_dims is not None)
        except (InvalidInput, TypeError, ValueError) as error:
            raise Corrupt(f"a space's description can't be read: {error}") from error
        told = meta.dims, meta.metric, meta.key_type, meta.matryoshka, meta.index_dims, meta.rotate
        if not isinstance(meta.embedder, dict | None) or (*parsed, *prefixes, turn) != told:
            raise Corrupt(f"a space's description can't be read: {fields}")
        return meta

    def as_dict(self) -> dict[str, Any]:
        """What the catalog stores."""
        fields = asdict(self)
        for name in ("matryoshka", "index_dims", "rotate", "lineage"):  # not in the catalogs of spaces without
            if not fields[name]:
                del fields[name]
        return fields


def _identity(embedder: object) -> dict[str, Any]:
    identity = getattr(embedder, "identity", None)
    if not isinstance(identity, Mapping) or not hasattr(embedder, "embed") or not hasattr(embedder, "dims"):
        raise InvalidInput(f"an embedder has dims, identity and embed(texts); got {embedder!r}")
    try:
        stored = dict(json.loads(json.dumps(dict(identity), allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"an embedder's identity is plain JSON; {embedder!r} has {identity!r}: {error}") from error
    fitted_digest(stored)
    return stored


def _lengths(given: object, dims: int) -> tuple[int, ...]:
    """Lengths of prefixes, ascending, each once."""
    if given is None:
        return ()
    lengths = [] if isinstance(given, (str, bytes)) or not isinstance(given, Iterable) else list(given)
    if not lengths:
        raise InvalidInput(f"matryoshka is a list of the lengths the model was trained for; got {given!r}")
    found = sorted({parse_dims(length, "each length in matryoshka") for length in lengths})
    if found[-1] > dims:
        raise InvalidInput(f"matryoshka has lengths in 1…{dims}, the space's dims; got {found[-1]}")
    return tuple(found)


def _index_dims(given: object, dims: int, dtype: Dtype) -> int | None:
    """How many components an index is over; None for all."""
    if given is None:
        return None
    if dtype == "bit":
        raise InvalidInput("index_dims is for spaces that have indexes; bits are compared row by row: leave it out")
    length = parse_dims(given, "index_dims")
    if length > dims:
        raise InvalidInput(f"index_dims must be in 1…{dims}, the space's dims; got {length}")
    return None if length == dims else length


def _rotate(given: object, dims: int, dtype: Dtype, *, prefixes: bool) -> Literal["pca"] | None:
    """Whether vectors are looked at along their principal axes."""
    if given is None:
        return None
    if given != "pca":
        raise InvalidInput(f"rotate must be 'pca' or None; got {given!r}")
    if prefixes:
        raise InvalidInput(
            "rotate='pca' is for vectors whose own first components tell little; matryoshka and index_dims are for "
            "those whose do: give one or the other"
        )
    if dtype == "bit" or dims > MOST_DIMS:
        what = "bits" if dtype == "bit" else f"dims of {dims:,}"
        raise InvalidInput(f"rotate='pca' is for vectors of numbers of at most {MOST_DIMS:,} dims; got {what}")
    return "pca"
