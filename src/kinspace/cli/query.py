"""kinspace query: the nearest rows of a space."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InvalidInput
from .guard import guarded, one_of
from .places import DEFAULT_HUB, HubOption, JsonOption, SpaceArgument, open_hub, parse_key

if TYPE_CHECKING:
    from ..space.hits import Hits
    from ..space.space import Space


@guarded
def query(
    space: SpaceArgument,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORDS…", help="What to look for, if the space has an embedder.", show_default=False),
    ] = None,
    key: Annotated[str | None, typer.Option("--key", help="The neighbours of this key's row.")] = None,
    vector: Annotated[str | None, typer.Option("--vector", metavar="JSON", help="A vector: '[0.1, 0.2, …]'.")] = None,
    vector_file: Annotated[Path | None, typer.Option("--vector-file", help="A vector in a .npy file.")] = None,
    mode: Annotated[
        str | None,
        typer.Option("--mode", help="By words: hybrid, vector or text; by default hybrid if the space has both."),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=0, help="How many rows.")] = 10,
    where: Annotated[
        str | None, typer.Option("--where", metavar="SQL", help='Only rows for which it is true: "year > 2020".')
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="A,B,…", help="Columns to show; by default those that fit.")
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Ask for a proven answer.")] = False,
    dims: Annotated[
        int | None, typer.Option("--dims", metavar="D", help="Compare the first D components of the vectors only.")
    ] = None,
    rerank: Annotated[
        bool | None,
        typer.Option("--rerank/--no-rerank", help="With --dims: order what that finds by all components, or not."),
    ] = None,
    hub: HubOption = DEFAULT_HUB,
    as_json: JsonOption = False,
) -> None:
    """Find the rows nearest to words, a vector, or a key's row.

    By key, the key's own row is left out. Words that are searched as text may be "a phrase", pre*, +must and -never.
    Distances are the metric's, or scores with a minus: smaller is nearer. With --json: space, metric, exact, seconds,
    and hits, each with distance, key, the columns and, by text, _score and a snippet.
    """
    asked = one_of(words=words or None, key=key, vector=vector, vector_file=vector_file)
    with open_hub(hub) as opened:
        target = opened.get_space(space)
        shown = _columns(target, columns)
        text = " ".join(words or ())
        by_text = asked == "words" and dims is None and rerank is None and (mode or target.text_columns)
        if mode is not None and not by_text:
            raise InvalidInput("--mode is for words, without --dims and --rerank")
        search: dict[str, Any]
        if asked == "words":
            search = {} if by_text else {"vector": _embedded(target, text)}
        elif asked == "key":
            search = {"key": parse_key(target, key or "")}
        else:
            search = {"vector": _parse_vector(vector) if vector is not None else _read_vector(vector_file or Path())}
        begin = perf_counter()
        hits: Hits
        if by_text:
            hits = target.search(text, k, mode=mode, where=where, exact=exact)
        else:
            hits = target.nearest_neighbors(k, where=where, exact=exact, dims=dims, rerank=rerank, **search)
        seconds = perf_counter() - begin
        _show(target, hits, shown, seconds, as_json=as_json)


def _show(space: Space, hits: Hits, columns: list[str] | None, seconds: float, *, as_json: bool) -> None:
    from ..space.text_hits import TextHits
    from . import screen

    text = hits if isinstance(hits, TextHits) and hits.mode != "vector" else None
    values = {"distance": hits.distances.tolist()} | ({} if text is None else {"_score": text.scores.tolist()})
    measured = [dict(zip(values, each, strict=True)) for each in zip(*values.values(), strict=True)]
    rows = [one | row for one, row in zip(measured, hits.rows.iter_rows(named=True), strict=True)]
    names = [name for name in hits.rows.columns if name != "key"] if columns is None else columns
    if as_json:
        told = [{name: row[name] for name in (*values, "key", *names)} for row in rows]
        if text is not None:
            told = [row | {"snippet": found} for row, found in zip(told, text.snippets(), strict=True)]
        about = {"space": space.name, "metric": space.metric, "exact": hits.exact, "seconds": seconds}
        screen.print_json(about | {"hits": told})
        return
    out = screen.console()
    if rows:
        out.print(screen.hits_table(rows, names, out.width, chosen=columns is not None))
    if text is not None:
        for key, found in zip(
            text.keys, text.snippets(before=screen.MARK, after=screen.MARK, escape=False), strict=True
        ):
            out.print(screen.marked(key, found))
    by = f"{space.metric} distance" if text is None else "by text, a higher score is better"
    hidden = f"{len(hits)} of {len(space):,} rows, {by}, {'exact' if hits.exact else 'approximate'}"
    out.print(f"{hidden}, {screen.duration(seconds)}", style="dim")


def _columns(space: Space, columns: str | None) -> list[str] | None:
    """Return the names asked for, or None if that is left to us."""
    if columns is None:
        return None
    names = [name.strip() for name in columns.split(",") if name.strip() not in ("", "key", "distance")]
    unknown = [name for name in names if name not in space.columns]
    if unknown:
        raise InvalidInput(
            f"space {space.name!r} has no column {unknown[0]!r}; it has: {', '.join(space.columns) or 'none'}"
        )
    return names


def _embedded(space: Space, words: str) -> Any:
    if space.embedder is None:
        raise InvalidInput(
            f"space {space.name!r} has no embedder, so it can't be asked in words; use --key or --vector"
        )
    return space.embedder.embed([words])[0]


def _parse_vector(text: str) -> Any:
    try:
        vector = json.loads(text)
    except ValueError as error:
        raise InvalidInput(
            f"--vector must be a JSON list of numbers such as '[0.1, 0.2]'; got {text!r:.60} ({error})"
        ) from None
    if not isinstance(vector, list) or not all(type(x) in (int, float) for x in vector):
        raise InvalidInput(f"--vector must be a JSON list of numbers such as '[0.1, 0.2]'; got {text!r:.60}")
    return vector


def _read_vector(path: Path) -> Any:
    from .files import open_npy

    array = open_npy(path)
    if array.ndim == 2 and len(array) == 1:
        array = array[0]
    if array.ndim != 1:
        raise InvalidInput(f"{path} must hold one vector; it holds an array of shape {array.shape}")
    return array
