"""Principal axes: an orthogonal change of basis after which the first components of vectors tell most of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SAMPLE = 16_384  # rows that axes are found by
MOST_DIMS = 4_096  # axes of more take minutes to find
_MOST_NORM = 1e18  # of a row whose distances can be bounded in float32


class Axes(NamedTuple):
    """The rows of `rotation` are the axes, those along which rows differ most first."""

    rotation: NDArray[np.float32]  # (dims, dims)
    mean: NDArray[np.float32]  # (dims,): of the rows, along the axes
    defect: float  # rotation.T @ rotation is within this of the identity


def principal_axes(sample: NDArray[np.float32], metric: str) -> Axes:
    """The principal axes of some rows (n, dims), n at least 1: of their directions for cosine (Pearson, 1901)."""
    wide = _prepared(sample, metric)
    greatest = float(np.abs(wide).max()) or 1.0
    mean = (wide / greatest).mean(axis=0)
    centred = wide / greatest - mean
    rotation = np.ascontiguousarray(np.linalg.eigh(centred.T @ centred)[1].T[::-1], np.float32)
    axes = rotation.astype(np.float64)
    defect = float(np.linalg.norm(axes.T @ axes - np.eye(len(axes)))) * 1.001 + 1e-12
    along = np.clip(axes @ mean * greatest, -_MOST_NORM, _MOST_NORM)
    return Axes(rotation, along.astype(np.float32), defect)


def rotated(rows: NDArray[np.float32], axes: Axes, metric: str) -> NDArray[np.float32]:
    """Rows along the axes, of length 1 for cosine, each component rounded from double."""
    wide = _prepared(rows, metric)
    turned = wide @ axes.rotation.astype(np.float64).T
    beyond = np.linalg.norm(turned, axis=1) > _MOST_NORM  # for these nothing is bounded: any row as long will do
    turned[beyond] = 0.0
    turned[beyond, 0] = 10 * _MOST_NORM
    return turned.astype(np.float32)


def _prepared(rows: NDArray[np.float32], metric: str) -> NDArray[np.float64]:
    wide = rows.astype(np.float64)
    if metric == "cosine":
        norms = np.sqrt(np.einsum("ij,ij->i", wide, wide))[:, None]
        np.divide(wide, norms, out=wide, where=norms > 0)
    return wide
