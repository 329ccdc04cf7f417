"""kinspace reembed: a space's rows with another embedder's vectors, in a new space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InvalidInput
from .guard import guarded
from .places import DEFAULT_HUB, HubOption, JsonOption, SpaceArgument, open_hub

if TYPE_CHECKING:
    from ..space.hub import Hub
    from ..space.space import Space

_KINDS = "hashing:DIMS, lsa:DIMS, sentence-transformers:MODEL, openai:MODEL or ollama:MODEL"


@guarded
def reembed(
    space: SpaceArgument,
    into: Annotated[str, typer.Argument(metavar="NEW", help="The new space's name.", show_default=False)],
    embedder: Annotated[str, typer.Option("--embedder", "-e", metavar="KIND:WHAT", help=_KINDS, show_default=False)],
    text: Annotated[str, typer.Option("--text", metavar="COLUMN", help="The column that holds the texts.")] = "text",
    base_url: Annotated[
        str | None, typer.Option("--base-url", metavar="URL", help="Where an openai or ollama server is.")
    ] = None,
    hub: HubOption = DEFAULT_HUB,
    as_json: JsonOption = False,
) -> None:
    """Embed a space's texts again, and compare the answers of both spaces.

    Interrupted, the same command goes on where it was. lsa is fitted to the space's texts; the key for openai comes
    from OPENAI_API_KEY.
    """
    from . import screen

    with open_hub(hub) as opened:
        source = opened.get_space(space)
        made = _embedder(opened, source, into, embedder, text, base_url)
        done = source.reembed(made, into, text=text, progress=not as_json)
        if as_json:
            about = {"space": into, "rows": done.rows, "embedded": done.embedded, "seconds": done.seconds}
            screen.print_json(about | {"dims": done.space.dims, "overlap": done.overlap})
            return
        screen.console().print(str(done), highlight=False, markup=False)


def _embedder(hub: Hub, source: Space, into: str, given: str, text: str, base_url: str | None) -> Any:
    from .. import embed

    kind, _, what = given.partition(":")
    if not what or kind not in ("hashing", "lsa", "sentence-transformers", "openai", "ollama"):
        raise InvalidInput(f"--embedder is {_KINDS}; got {given!r}")
    if base_url is not None and kind not in ("openai", "ollama"):
        raise InvalidInput(f"--base-url is for openai and ollama; {kind} runs here")
    if kind == "hashing":
        return embed.Hashing(_dims(what))
    if kind == "lsa":
        begun = hub.get_space(into).embedder if into in hub else None
        if isinstance(begun, embed.Lsa) and begun.dims == _dims(what):
            return begun  # fitted when it was begun
        if text not in source.columns:
            raise InvalidInput(f"there is no column {text!r}; say which with --text")
        return embed.Lsa.fit(source.select(text).collect().get_column(text).drop_nulls(), _dims(what))
    if kind == "sentence-transformers":
        return embed.SentenceTransformers(what)
    if kind == "openai":
        return embed.OpenAI(what, base_url=base_url)
    return embed.Ollama(what) if base_url is None else embed.Ollama(what, base_url=base_url)


def _dims(what: str) -> int:
    if not what.isdecimal():
        raise InvalidInput(f"DIMS is a whole number; got {what!r}")
    return int(what)
