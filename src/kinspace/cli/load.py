"""kinspace load: a file's rows into a space."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InvalidInput, KinspaceError
from .guard import guarded
from .places import DEFAULT_HUB, HubOption, JsonOption, make_hub

if TYPE_CHECKING:
    from ..space.hub import Hub
    from ..space.space import Space
    from .plan import Plan

TEXT_DIMS = 512


@guarded
def load(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of vectors, by its suffix.", show_default=False)],
    key: Annotated[str, typer.Option("--key", metavar="COLUMN", help="The column of keys, str or int.")] = "key",
    vectors: Annotated[
        Path | None, typer.Option("--vectors", metavar="V.npy", help="Vectors from a .npy file, row for row.")
    ] = None,
    vector: Annotated[str | None, typer.Option("--vector", metavar="COLUMN", help="Vectors from a column.")] = None,
    text: Annotated[
        str | None, typer.Option("--text", metavar="A,B,…", help="Vectors made from columns of text, by hashing.")
    ] = None,
    space: Annotated[
        str | None, typer.Option("--space", metavar="NAME", help="The space; by default the file's name.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", metavar="NAME", help="Of a new space: cosine (default), l2 or ip.")
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(
            "--dtype",
            metavar="NAME",
            help="Of a new space: float32 (default), float16, bfloat16, int8, or bit (metric hamming or jaccard).",
        ),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", metavar="ROWS", min=1, help="Rows stored at a time.")
    ] = None,
    hub: HubOption = DEFAULT_HUB,
    as_json: JsonOption = False,
) -> None:
    """Load a file's rows into a space.

    Hub and space are made if they are not there. FILE is a table (.parquet, .arrow), vectors with keys and columns
    (.zarr, .zarr.zip, .npy with .rows.parquet beside), or vectors alone, whose keys are the row numbers (.npy, .hdf5 as
    ann-benchmarks has it, .fvecs, .bvecs, .ivecs). A table's vectors come from one of --vectors, --vector and --text,
    or else its only column of vectors. Rows whose key is there already are replaced. A file is stored batch by batch,
    so after a failure the batches before it are there.
    """
    from ..storage.interchange import READ, TABLES, suffix_of
    from . import screen
    from .plan import plan_file, plan_table

    sources = {"--vectors": vectors, "--vector": vector, "--text": text}
    given = [name for name, value in sources.items() if value is not None]
    whole = suffix_of(file) in READ and suffix_of(file) not in TABLES
    if len(given) > 1 or (given and whole):
        raise InvalidInput(f"vectors come from one place; got {' and '.join([str(file)] * (len(given) == 1) + given)}")
    plan = plan_file(file) if whole else plan_table(file, key, vectors, vector, text)
    with make_hub(hub) as opened:
        name = file.name[: -len(suffix_of(file))] if space is None else space
        target, made = _target(opened, name, plan, metric, dtype)
        begin = perf_counter()
        try:
            rows = plan.store(target, batch_size)
        except KinspaceError:
            if made and len(target) == 0:  # leave no empty space behind
                opened.delete_space(target.name)
            raise
        seconds = perf_counter() - begin
        total = len(target)
    rate = rows / max(seconds, 1e-9)
    if as_json:
        told = {
            "hub": hub,
            "space": target.name,
            "rows": rows,
            "seconds": seconds,
            "rows_per_second": rate,
            "total": total,
        }
        screen.print_json(told)
        return
    out = screen.console()
    out.print(f"loaded {rows:,} rows into {target.name} in {screen.duration(seconds)}: {rate:,.0f} rows/s")
    out.print(f"{target.name} has {total:,} rows of {target.dims} dims now, in {hub}", style="dim")


def _target(hub: Hub, name: str, plan: Plan, metric: str | None, dtype: str | None) -> tuple[Space, bool]:
    """Return the space to load into, and whether it was made for this."""
    if name not in hub:
        from ..embed import Hashing
        from ..space.importing import named_metric

        embedder = Hashing(TEXT_DIMS) if plan.dims is None else None
        dtype = dtype or plan.dtype or "float32"
        metric = metric or named_metric(plan.metric, dtype)
        made = hub.create_space(name, plan.dims, metric, dtype=dtype, key_type=plan.key_type, embedder=embedder)
        return made, True
    space = hub.get_space(name)
    have, want = space.stats(), {"dims": plan.dims, "key_type": plan.key_type, "metric": metric, "dtype": dtype}
    for what, value in want.items():
        if value is not None and have[what] != value:
            raise InvalidInput(
                f"space {name!r} has {what} {have[what]}, but asked for was {value}; --space names another"
            )
    return space, False
