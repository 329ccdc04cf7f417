"""kinspace query: the nearest rows of a space."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InvalidInput
from .found import of_rows, of_text, show
from .guard import guarded, one_of
from .places import DEFAULT_HUB, HubOption, JsonOption, SpaceArgument, open_hub, parse_key

if TYPE_CHECKING:
    from ..query import Select
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
    and hits, each with distance, key, the columns and, by text, _score and a snippet.
    With --explain too, how it was done.
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
            asking: dict[str, Any] = {"mode": mode, "where": where, "exact": exact}
            text_how = target.explain(k + offset, text=" ".join(words or ()), **asking) if explain else None
            begin = perf_counter()
            hits = target.search(" ".join(words or ()), k + offset, **asking) if text_how is None else text_how.answer
            seconds = perf_counter() - begin if text_how is None else text_how.seconds
            show(target, of_text(hits, offset), shown, seconds, text_how, as_json=as_json)
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
        show(target, of_rows(found, distances, exact=proven), shown, seconds, how, as_json=as_json)


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
