"""What every engine answers to: build, a knob to sweep, and a search of one query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]
Knob = Any  # what is swept: an int (ef, a window), or a few of them; JSON carries it between processes
Search = Callable[[Any], Any]  # what `query` made -> row ids, nearest first; -1 or absent where there are none

K = 10
EFS = (10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 256, 320, 400, 512, 640, 800)
FILTER_EFS = (10, 12, 16, 20, 24, 32, 40, 56, 80, 112, 160, 224, 320, 640, 1280, 2560, 5120)  # it may take far more


class Engine:
    """One library with one setting of its build.

    Attributes
    ----------
    library : str
        The distribution it is from, whose version the results name.
    setting : str
        How it was built, in a few words.
    for_cosine : str
        The metric it is given for cosine: that itself if it has it, else "ip" or "l2", whichever makes it faster, with
        unit rows and unit queries made beforehand.
    keeps_rows : bool
        Its searches read the array that `build` was given, which is then part of its memory.
    """

    library = ""
    setting = ""
    for_cosine = "ip"
    keeps_rows = False

    def build(self, rows: Vectors, metric: str, threads: int) -> None:
        """Index the rows; training and whatever else must come before the first search is part of it."""
        raise NotImplementedError

    def knobs(self, n: int) -> Sequence[Knob]:
        """Return what to sweep for n rows, the cheapest first."""
        return EFS

    def query(self, vector: NDArray[np.float32]) -> Any:
        """Return a query in the form the library likes best; made beforehand, not timed."""
        return vector

    def search(self, knob: Knob) -> Search:
        """Return the fastest way from a query to its K ids."""
        raise NotImplementedError

    def filtered(self, knob: Knob, allowed: NDArray[np.bool_]) -> Search:
        """Return the fastest way to the K nearest of the rows allowed; what can be made beforehand is."""
        raise NotImplementedError
