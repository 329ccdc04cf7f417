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
    import polars as pl

    from ..explain import Explanation
    from ..query import Select
    from ..space.space import Space
    from ..space.text_hits import TextHits


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
    like: Annotated[
        list[str] | None, typer.Option("--like", metavar="KEY", help="Like this key's row; may be given many times.")
    ] = None,
    unlike: Annotated[
        list[str] | None, typer.Option("--unlike", metavar="KEY", help="And unlike this key's; many times as well.")
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
    diversity: Annotated[
        float | None, typer.Option("--diversity", metavar="0…1", help="How much rows are to differ from each other.")
    ] = None,
    boost: Annotated[
        str | None,
        typer.Option("--boost", metavar="SQL", help='A number by which a row is nearer: "0.05 * log1p(stars)".'),
    ] = None,
    offset: Annotated[int, typer.Option("--offset", min=0, help="Pass over so many rows first.")] = 0,
    within: Annotated[
        float | None, typer.Option("--within", metavar="DISTANCE", help="Only rows at most so far away; exact.")
    ] = None,
    group: Annotated[
        str | None, typer.Option("--group", metavar="COLUMN", help="Only the nearest of each value; exact.")
    ] = None,
    per: Annotated[int, typer.Option("--per", min=1, help="With --group: so many of each value.")] = 1,
    count: Annotated[bool, typer.Option("--count", help="Tell only how many rows there are.")] = False,
    facets: Annotated[
        str | None, typer.Option("--facets", metavar="COLUMN", help="Tell only how many rows have each value of it.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show how the answer came about, and its time.")] = False,
    hub: HubOption = DEFAULT_HUB,
    as_json: JsonOption = False,
) -> None:
    """Find the rows nearest to words, a vector, or a key's row; or like some keys' rows, and unlike others.

    Rows whose keys are given are left out. --unlike goes with any of the others, or alone. --count and --facets can do
    without any of these, and -k bounds the values. Words that are searched as text may be "a phrase", pre*, +must and
    -never.
    Distances are the metric's, or scores with a minus: smaller is nearer. With --json: space, metric, exact, seconds,
    and hits, each with distance, key, the columns and, by text, _score and a snippet; with --explain too, how it was
    done.
    """
    if count and facets is not None:
        raise InvalidInput("give one of --count and --facets")
    counted = count or facets is not None
    given = {"words": words or None, "key": key, "vector": vector, "vector_file": vector_file, "like": like or None}
    alone = bool(unlike) or (counted and within is None)
    asked = None if alone and set(map(bool, given.values())) == {False} else one_of(**given)
    with open_hub(hub) as opened:
        target = opened.get_space(space)
        shown = _columns(target, columns)
        near: list[Any] = []
        plain = not (unlike or counted) and [dims, rerank, diversity, boost, within, group] == [None] * 6
        by_text = asked == "words" and plain and bool(mode or target.text_columns)
        if mode is not None and not by_text:
            raise InvalidInput("--mode is for words alone, without --dims and other orders, bounds and counts")
        if explain and (by_text or counted):
            raise InvalidInput("--explain is for neighbours and selects, not for searches by text or for counts")
        if asked == "words" and not by_text:
            near = [_embedded(target, " ".join(words or ()))]
        elif asked in ("key", "like"):
            near = [parse_key(target, one) for one in like or [key or ""]]
        elif asked is not None and not by_text:
            near = [_parse_vector(vector) if vector is not None else _read_vector(vector_file or Path())]
        search: dict[str, Any] = {}
        if like or unlike:
            search = {"positive": near, "negative": [parse_key(target, one) for one in unlike or ()]}
        elif near:
            search = {"key" if asked == "key" else "vector": near[0]}
        if search:
            search |= {"exact": exact, "dims": dims, "rerank": rerank, "diversity": diversity, "boost": boost}
        if by_text:
            begin = perf_counter()
            hits = target.search(" ".join(words or ()), k + offset, mode=mode, where=where, exact=exact)
            _show_text(target, hits, offset, shown, perf_counter() - begin, as_json=as_json)
            return
        chosen = _select(target, search, where, within, group, per)
        if counted:
            from .counted import show_count, show_facets

            if facets is None:
                show_count(target, chosen, as_json=as_json)
            else:
                show_facets(target, chosen, facets, k, as_json=as_json)
            return
        begin, how = perf_counter(), None
        if within is None and group is None:
            search |= {"where": where}
            how = target.explain(k + offset, **search) if explain else None
            near_hits = target.nearest_neighbors(k + offset, **search) if how is None else how.answer
            found, distances = near_hits.rows[offset:], near_hits.distances[offset:].tolist()
            proven = near_hits.exact
        else:
            query = chosen.offset(offset).take(k)
            how = query.explain() if explain else None
            found = query.collect() if how is None else how.answer
            distances, found, proven = found["_dist"].to_list(), found.drop("_dist"), True
        seconds = perf_counter() - begin if how is None else how.seconds
        _show(target, found, distances, shown, seconds, how, proven=proven, as_json=as_json)


def _show_text(
    space: Space, hits: TextHits, offset: int, columns: list[str] | None, seconds: float, *, as_json: bool
) -> None:
    from . import screen

    if hits.mode == "vector":
        _show(
            space, hits.rows[offset:], hits.distances[offset:].tolist(), columns, seconds, None,
            proven=hits.exact, as_json=as_json,
        )  # fmt: skip
        return
    measured = zip(hits.distances.tolist(), hits.scores.tolist(), hits.rows.iter_rows(named=True), strict=True)
    rows = [{"distance": distance, "_score": score, **row} for distance, score, row in measured][offset:]
    names = [name for name in hits.rows.columns if name != "key"] if columns is None else columns
    if as_json:
        told = [
            {name: row[name] for name in ("distance", "_score", "key", *names)} | {"snippet": found}
            for row, found in zip(rows, hits.snippets()[offset:], strict=True)
        ]
        about = {"space": space.name, "metric": space.metric, "exact": hits.exact, "seconds": seconds}
        screen.print_json(about | {"hits": told})
        return
    out = screen.console()
    if rows:
        out.print(screen.hits_table(rows, names, out.width, chosen=columns is not None))
    extracts = hits.snippets(before=screen.MARK, after=screen.MARK, escape=False)
    for key, found in list(zip(hits.keys, extracts, strict=True))[offset:]:
        out.print(screen.marked(key, found))
    hidden = f"{len(rows)} of {len(space):,} rows, by text, a higher score is better"
    out.print(f"{hidden}, {'exact' if hits.exact else 'approximate'}, {screen.duration(seconds)}", style="dim")


def _select(
    space: Space, search: dict[str, Any], where: str | None, within: float | None, group: str | None, per: int
) -> Select:
    """The rows that are asked for, without bounds on how many."""
    query = space.select("key", *space.columns, **({"_dist": "_dist"} if search else {}))
    query = query if where is None else query.where(where)
    if search:
        others = {name: value for name, value in search.items() if name != "vector"}
        query = query.nearest(*([search["vector"]] if "vector" in search else []), **others)
    query = query if within is None else query.within(within)
    return query if group is None else query.group(group, per=per)


def _show(
    space: Space,
    found: pl.DataFrame,
    distances: list[float],
    columns: list[str] | None,
    seconds: float,
    how: Explanation | None,
    *,
    proven: bool,
    as_json: bool,
) -> None:
    from . import screen

    rows = [{"distance": distance, **row} for distance, row in zip(distances, found.iter_rows(named=True), strict=True)]
    names = [name for name in found.columns if name != "key"] if columns is None else columns
    if as_json:
        told = [{name: row[name] for name in ("distance", "key", *names)} for row in rows]
        about = {"space": space.name, "metric": space.metric, "exact": proven, "seconds": seconds}
        screen.print_json(about | {"hits": told} | ({} if how is None else {"explanation": how.to_dict()}))
        return
    out = screen.console()
    if rows:
        out.print(screen.hits_table(rows, names, out.width, chosen=columns is not None))
    hidden = f"{len(rows)} of {len(space):,} rows, {space.metric} distance, {'exact' if proven else 'approximate'}"
    out.print(f"{hidden}, {screen.duration(seconds)}", style="dim")
    if how is not None:
        out.print()
        out.print(str(how), markup=False, highlight=False, soft_wrap=True)


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
    from ..embed import query_vector

    return query_vector(space.embedder, words)


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
