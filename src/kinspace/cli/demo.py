"""kinspace demo: the standard library's docstrings stored in a folder, reopened, and asked in plain words."""

from __future__ import annotations

import json
import platform
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from ..errors import SpaceExists, Unavailable
from .guard import guarded
from .places import JsonOption

if TYPE_CHECKING:
    from rich.console import Console

SPACE = "stdlib"
DIMS = 512
SHOWN = 3  # answers to each question


class Question(NamedTuple):
    """Words, or a key whose neighbours are wanted; and perhaps a filter."""

    words: str = ""
    where: str | None = None
    key: str | None = None


QUESTIONS = (
    Question("a temporary directory that is removed afterwards"),
    Question("remove common leading whitespace from every line"),
    Question("connect to an SQLite database"),
    Question("square root of a number", where="module = 'decimal'"),
    Question(key="json.dumps"),
)

LINES = """\
from kinspace import connect, demo, embed
keys, texts, columns = demo.docstrings()
docs = connect({path}).create_space("stdlib", embedder=embed.Hashing(512), exist_ok=True)
docs.add_texts(keys, texts, **columns)
print(docs.search("shuffle a list in place", k=3).rows.select("key", "summary"))
"""


@guarded
def demo(
    path: Annotated[Path, typer.Option("--path", metavar="PATH", help="The folder of the demo's hub.")] = Path(
        "kinspace-demo"
    ),
    as_json: JsonOption = False,
) -> None:
    """Ask the standard library in plain words: a tour, offline, in seconds.

    Every docstring of this Python's standard library is embedded by hashing and stored in a folder, which is then
    closed, opened again and asked five questions; the lines of Python that do the same come last.
    """
    from . import screen

    out = screen.console()
    told = {"path": str(path), **_store(path, out, quiet=as_json)}
    told["questions"] = _ask(path, out, quiet=as_json)
    if as_json:
        screen.print_json(told)
        return
    _close(path, out)


def _store(path: Path, out: Console, *, quiet: bool) -> dict[str, Any]:
    """Read, embed and store; tell what was done and how long it took."""
    from .. import __version__, simd
    from ..demo import docstrings
    from ..embed import Hashing
    from ..space.connect import connect
    from .screen import duration, size

    if not quiet:
        from rich.text import Text

        out.print(f"[bold]Kinspace {__version__}[/] asks the standard library of Python {platform.python_version()}")
        out.print(f"[dim]exact search with {simd()} kernels; no model, no server, no network[/]\n")
    waiting = nullcontext() if quiet else out.status("reading the standard library's docstrings …")
    begin = perf_counter()
    with waiting:
        keys, texts, columns = docstrings()
    read = perf_counter() - begin
    if QUESTIONS[-1].key not in keys:
        raise Unavailable("this Python came without the sources of its standard library, which the demo reads")
    modules = len(set(columns["module"]))

    begin = perf_counter()
    with connect(path) as hub:
        if SPACE in hub:
            if set(hub.get_space(SPACE).columns) - {"text"} != set(columns):
                raise SpaceExists(
                    f"{path} has a space {SPACE!r} that is not the demo's; name another folder with --path"
                )
            hub.delete_space(SPACE)
        space = hub.create_space(SPACE, embedder=Hashing(DIMS))
        space.add_texts(keys, texts, **columns)
        store = perf_counter() - begin
        stats = space.stats()

    begin = perf_counter()
    with connect(path) as hub:
        rows = len(hub.get_space(SPACE))
    reopen = perf_counter() - begin
    if not quiet:
        steps = (
            ("read", read, f"{len(keys):,} docstrings of {modules} modules"),
            ("stored", store, f"with {DIMS}-dimensional vectors: {size(stats['bytes'])} in {path}"),
            ("reopened", reopen, f"and found {rows:,} rows"),
        )
        for verb, seconds, what in steps:
            out.print(Text.assemble(("✓ ", "green"), (f"{verb:9}", "bold"), (f"{duration(seconds):>9}  ", "dim"), what))
        out.print()
    times = {"read": read, "store": store, "reopen": reopen}
    return {"texts": len(keys), "modules": modules, "dims": DIMS, "bytes": stats["bytes"], "seconds": times}


def _ask(path: Path, out: Console, *, quiet: bool) -> list[dict[str, Any]]:
    """Put the questions, one after another."""
    from ..space.connect import connect

    answered = []
    with connect(path) as hub:
        space = hub.get_space(SPACE)
        for question in QUESTIONS:
            begin = perf_counter()
            if question.key is None:
                hits = space.search(question.words, SHOWN, where=question.where)
            else:
                hits = space.nearest_neighbors(SHOWN, key=question.key, where=question.where)
            seconds = perf_counter() - begin
            rows = hits.rows.select("key", "summary").rows(named=True)
            found = [{"distance": hit.distance, **row} for hit, row in zip(hits, rows, strict=True)]
            if question.key is None:
                found = [{**one, "_score": -one["distance"]} for one in found]
            answered.append({**question._asdict(), "seconds": seconds, "exact": hits.exact, "hits": found})
    if not quiet:
        _show(answered, out)
    return answered


def _show(answered: list[dict[str, Any]], out: Console) -> None:
    from rich.text import Text

    from . import screen

    keys = max(len(hit["key"]) for one in answered for hit in one["hits"])
    for one in answered:
        asked = Text("? ", "bold yellow")
        asked.append(one["words"] or f"what is near {one['key']}", "bold")
        if one["where"]:
            asked.append(f"  where {one['where']}", "magenta")
        by = "score, by words and vectors" if one["key"] is None else "distance"
        asked.append(f"  · {by} · {screen.duration(one['seconds'])}", "dim")
        out.print(asked, soft_wrap=True)
        measure = "_score" if one["key"] is None else "distance"
        rows = [hit | {measure: f"{hit[measure]:.2f}"} for hit in one["hits"]]
        widths = {measure: 6, "key": min(keys, max(28, out.width // 3))}
        out.print(screen.table(rows, (measure, "key", "summary"), out.width, first="key", header=False, fixed=widths))
        out.print()


def _close(path: Path, out: Console) -> None:
    from rich.syntax import Syntax

    out.print("[bold]Five lines of Python that do it[/] [dim](paste them)[/]")
    code = Syntax("", "python", theme="ansi_dark", background_color="default").highlight(
        LINES.format(path=json.dumps(str(path)))
    )
    code.rstrip()
    out.print(code, soft_wrap=True)  # no line ends of ours inside a line: it must survive pasting
    out.print(f'\nAsk your own: [bold]kinspace query {SPACE} "open a web page" --hub {path}[/]', soft_wrap=True)
