"""Files that commands read: opened with a word of what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def existing(path: Path, *suffixes: str) -> Path:
    """Return the path if it is a file with one of these suffixes, else raise InvalidInput."""
    if not path.exists():
        raise InvalidInput(f"{path} is not there")
    if not path.is_file():
        raise InvalidInput(f"{path} is a folder; expected a {' or '.join(suffixes)} file")
    if path.suffix.lower() not in suffixes:
        raise InvalidInput(f"{path} must be a {' or '.join(suffixes)} file, by its name")
    return path


def open_npy(path: Path) -> NDArray[np.generic]:
    """Memory-map a .npy file; InvalidInput if it is not one, or holds objects."""
    import numpy as np

    try:
        array: NDArray[Any] = np.load(existing(path, ".npy"), mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise InvalidInput(f"{path} can't be read as a .npy file: {error}") from error
    return array
