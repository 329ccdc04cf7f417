"""kinspace export: a space's rows as files that other programs read."""

from __future__ import annotations

import os
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from ..errors import InvalidInput
from .guard import guarded
from .places import DEFAULT_HUB, HubOption, JsonOption, SpaceArgument, open_hub


@guarded
def export(
    space: SpaceArgument,
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="A .parquet, .npy, .zarr or .zarr.zip path.", show_default=False)
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    hub: HubOption = DEFAULT_HUB,
    as_json: JsonOption = False,
) -> None:
    """Write a space as Parquet, npy or Zarr.

    Rows are in insertion order and from one state of the space, streamed in bounded memory.

    OUT.parquet holds key, columns and vector. OUT.npy holds the vectors alone, float32, and OUT.rows.parquet beside
    it keys and columns, row for row. OUT.zarr is a Zarr v3 group of the arrays vectors and keys, with keys and columns
    as rows.parquet inside; OUT.zarr.zip is the same in one file. kinspace load OUT reads each. It is written beside
    and renamed when whole.
    """
    from ..storage.interchange import suffix_of
    from ..storage.interchange.npy import rows_beside
    from . import screen

    made = [out, rows_beside(out)] if suffix_of(out) == ".npy" else [out]
    with open_hub(hub) as opened:
        source = opened.get_space(space)
        for path in made:
            if os.path.lexists(path) and not force:
                raise InvalidInput(f"{path} is there already; --force replaces it")
        begin = perf_counter()
        rows = source.export(out, overwrite=force)
        seconds = perf_counter() - begin
    if as_json:
        screen.print_json({"space": space, "rows": rows, "seconds": seconds, "files": [str(path) for path in made]})
    else:
        names = " and ".join(map(str, made))
        screen.console().print(f"wrote {rows:,} rows of {space} to {names} in {screen.duration(seconds)}")
