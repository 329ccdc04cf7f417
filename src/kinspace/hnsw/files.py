"""An index as a folder: the graph's arrays, the vectors and the row ids, put in the place of an older save at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from .. import _core
from ..errors import Corrupt, InvalidInput, Unavailable
from ..storage.files import os_errors
from ..storage.replace import read_folder, replace_folder
from ..storage.sealed import Sealed, Vectors, is_sealed, read_sealed, write_sealed
from ..types import parse_dims, parse_metric
from .slots import Slots

KIND = "hnsw"
_IDS = "row_id"  # beside the graph's own arrays


def parse_folder(path: object) -> Path:
    """The folder of that name, links followed, or InvalidInput."""
    try:
        name = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
        if isinstance(name, str) and name and "://" not in name and b"\0" not in os.fsencode(name):
            return Path(os.path.realpath(name))
    except UnicodeEncodeError:
        pass
    raise InvalidInput(f"an index's path is a folder's name on this machine; got {path!r}")


def save(path: object, graph: _core.Graph, slots: Slots) -> None:
    """Write an index; nobody may change it meanwhile."""
    arrays = graph.arrays()
    attributes = {
        "metric": graph.metric,
        "M": graph.M,
        "ef_construction": graph.ef_construction,
        "rows": graph.n,
        "dims": slots.dims,
        "next_id": slots.next_id,
    }
    vectors = Vectors(slots.used, slots.dims, slots.block)
    replace_folder(
        parse_folder(path),
        lambda folder: write_sealed(folder, KIND, {**arrays, _IDS: slots.row_ids()}, attributes, vectors),
        _check_replaceable,
    )


def load(path: object) -> tuple[_core.Graph, Slots]:
    """What save wrote."""
    folder = parse_folder(path)
    with os_errors(f"opening {folder}"):
        if not folder.exists():
            raise Unavailable(f"there is no index at {folder}")
        if not folder.is_dir():
            raise InvalidInput(f"{folder} is a file; an index is saved as a folder")
    return _assemble(folder, read_folder(folder, lambda there: read_sealed(there, KIND)))


def _assemble(folder: Path, stored: Sealed) -> tuple[_core.Graph, Slots]:
    attributes: dict[str, Any] = stored.attributes
    arrays = dict(stored.arrays)
    try:
        metric, dims = parse_metric(attributes["metric"]), parse_dims(attributes["dims"])
        next_id, ids = attributes["next_id"], arrays.pop(_IDS)
        if attributes["vectors"] != [len(ids), dims] or ids.dtype != np.int64 or ids.ndim != 1:
            raise ValueError("vectors and row ids differ in number")
        live = ids[ids >= 0]
        if type(next_id) is not int or next_id < len(ids) or (len(live) and live.max() >= next_id):
            raise ValueError("a row id is out of range")
        if len(np.unique(live)) != len(live):
            raise ValueError("a row id is there twice")
        slots = Slots.of_chunks([chunk.body for chunk in stored.vectors], dims, ids, next_id)
        graph = _core.Graph.restore(slots.rows(slots.used), arrays)
        if not graph.n == len(live) == attributes["rows"]:
            raise ValueError(f"the graph has {graph.n} rows and there are {len(live)}")
        told = metric, attributes["M"], attributes["ef_construction"]
        if (graph.metric, graph.M, graph.ef_construction) != told:
            raise ValueError(f"the graph is not one of {told}")
    except (LookupError, TypeError, ValueError) as error:
        raise Corrupt(f"{folder} holds no index that can be read: {error}; restore it from a backup") from error
    return graph, slots


def _check_replaceable(folder: Path) -> None:
    if os.path.lexists(folder) and not is_sealed(folder, KIND):
        kind = "folder" if folder.is_dir() else "file"
        raise InvalidInput(f"{folder} is a {kind} that is no saved index, and is left alone; give another path")
