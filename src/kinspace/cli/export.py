"""kinspace export: a space's rows as files that other programs read."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InvalidInput, Unavailable
from .guard import guarded
from .places import DEFAULT_HUB, HubOption, JsonOption, SpaceArgument, open_hub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import polars as pl

    from ..space.space import Space

SUFFIXES = (".parquet", ".npy", ".zarr")
ROW_GROUP = 8_192  # rows; bounds the memory of writer and reader


@guarded
def export(
    space: SpaceArgument,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A .parquet, .npy or .zarr path.", show_default=False)],
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    hub: HubOption = DEFAULT_HUB,
    as_json: JsonOption = False,
) -> None:
    """Write a space as Parquet, npy or Zarr.

    Rows are in insertion order and from one state of the space, streamed in bounded memory.

    OUT.parquet holds key, columns and vector. OUT.npy holds the vectors alone, float32, and OUT.rows.parquet beside
    it keys and columns, row for row: kinspace load OUT.rows.parquet --vectors OUT.npy reads both. OUT.zarr is a Zarr
    v3 group of the arrays vectors and keys, with keys and columns as rows.parquet inside. Each is written beside and
    renamed when whole.
    """
    from . import screen
    from .files import refuse_existing, replacing

    kind = out.suffix.lower()
    if kind not in SUFFIXES:
        raise InvalidInput(f"{out} must end in {', '.join(SUFFIXES)}")
    made = [out, out.with_suffix(".rows.parquet")] if kind == ".npy" else [out]
    with open_hub(hub) as opened:
        source = opened.get_space(space)
        for path in made:
            refuse_existing(path, force=force)
        begin = perf_counter()
        with ExitStack() as stack:
            places = [stack.enter_context(replacing(path, force=force)) for path in reversed(made)]
            rows = _WRITERS[kind](source, *reversed(places))
        seconds = perf_counter() - begin
    if as_json:
        screen.print_json({"space": space, "rows": rows, "seconds": seconds, "files": [str(path) for path in made]})
    else:
        names = " and ".join(map(str, made))
        screen.console().print(f"wrote {rows:,} rows of {space} to {names} in {screen.duration(seconds)}")


def _write_parquet(space: Space, path: Path) -> int:
    return _sink(space, path, ROW_GROUP, None)


def _write_npy(space: Space, path: Path, rows_path: Path) -> int:
    from ..storage.interchange import NpyFile

    file = NpyFile(path, space.dims)
    rows = _sink(space, rows_path, file.batch_rows, file.append)
    file.close()
    return rows


def _write_zarr(space: Space, path: Path) -> int:
    from ..storage.interchange import ZarrGroup

    group = ZarrGroup(path, space.dims, str(space.stats()["key_type"]), len(space))
    rows = _sink(space, path / "rows.parquet", group.batch_rows, group.append)
    group.close()
    return rows


_WRITERS: dict[str, Callable[..., int]] = {".parquet": _write_parquet, ".npy": _write_npy, ".zarr": _write_zarr}


def _sink(space: Space, path: Path, batch_rows: int, apart: Callable[[list[Any], Any], None] | None) -> int:
    """Stream the space's rows to a Parquet file; their vectors go to `apart` instead, if that is given."""
    import polars as pl
    from polars.io.plugins import register_io_source

    schema: dict[str, Any] = {"key": pl.String if space.stats()["key_type"] == "str" else pl.Int64, **space.columns}
    if apart is None:
        schema["vector"] = pl.Array(pl.Float32, space.dims)
    rows = 0
    failure: list[BaseException] = []

    def batches(
        columns: list[str] | None, predicate: Any, limit: int | None, size: int | None
    ) -> Iterator[pl.DataFrame]:
        nonlocal rows
        try:
            for frame in space.scan(batch_rows):
                rows += frame.height
                if apart is not None:
                    apart(frame["key"].to_list(), frame["vector"].to_numpy())
                yield frame.select(list(schema))
        except BaseException as error:  # Polars would wrap it in an error of its own
            failure.append(error)
            raise

    try:
        with path.open("wb") as file:  # opened here: a failed sink of Polars may make its file after it has raised
            register_io_source(batches, schema=schema).sink_parquet(file, row_group_size=ROW_GROUP)
    except Exception as error:
        if failure:
            raise failure[0] from None
        if isinstance(error, pl.exceptions.PolarsError):
            raise Unavailable(f"writing {path.name} failed: {error}") from error
        raise
    return rows
