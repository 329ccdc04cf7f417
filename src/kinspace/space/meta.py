"""What a space is: fixed at its creation and stored with it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import Corrupt, InvalidInput
from ..storage.keys import KeyType, parse_key_type
from ..types import BitMetric, Dtype, Metric, parse_dims, parse_dtype, parse_space_metric


@dataclass(frozen=True, slots=True)
class Meta:
    """A space's dims, metric, dtype, type of keys, and the identity of its embedder."""

    dims: int
    metric: Metric | BitMetric
    dtype: Dtype
    key_type: KeyType
    embedder: dict[str, Any] | None
    lineage: tuple[tuple[str, int], ...] = field(default=(), compare=False)
    """Ids of the spaces it was forked from, oldest first, each with the seq it was forked at."""

    @classmethod
    def parse(cls, dims: object, metric: object, dtype: object, key_type: object, embedder: object) -> Meta:
        """Check what create_space was given."""
        identity = None if embedder is None else _identity(embedder)
        if identity is not None:
            made = getattr(embedder, "dims", None)
            if dims is None:
                dims = made
            elif dims != made:
                raise InvalidInput(f"dims is {dims!r}, but the embedder makes {made}; leave dims out")
        if dims is None:
            raise InvalidInput("a space needs dims= (how long its vectors are), or an embedder that knows")
        stored = parse_dtype(dtype)
        return cls(parse_dims(dims), parse_space_metric(metric, stored), stored, parse_key_type(key_type), identity)

    @classmethod
    def of_stored(cls, fields: dict[str, Any]) -> Meta:
        """What as_dict() gave; Corrupt if it can't be that."""
        try:
            line = tuple((str(id), int(seq)) for id, seq in fields.pop("lineage", ()))
            meta = cls(**fields, lineage=line)
            dtype = parse_dtype(meta.dtype)
            parsed = parse_dims(meta.dims), parse_space_metric(meta.metric, dtype), parse_key_type(meta.key_type)
        except (InvalidInput, TypeError, ValueError) as error:
            raise Corrupt(f"a space's description can't be read: {error}") from error
        if not isinstance(meta.embedder, dict | None) or parsed != (meta.dims, meta.metric, meta.key_type):
            raise Corrupt(f"a space's description can't be read: {fields}")
        return meta

    def as_dict(self) -> dict[str, Any]:
        """What the catalog stores."""
        fields = asdict(self)
        if not self.lineage:
            del fields["lineage"]
        return fields


def _identity(embedder: object) -> dict[str, Any]:
    identity = getattr(embedder, "identity", None)
    if not isinstance(identity, dict) or not hasattr(embedder, "embed") or not hasattr(embedder, "dims"):
        raise InvalidInput(f"an embedder has dims, identity and embed(texts); got {embedder!r}")
    return dict(json.loads(json.dumps(identity)))
