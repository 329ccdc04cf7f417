"""kinspace pull: a published space becomes one of the hub's own."""

from __future__ import annotations

from time import perf_counter
from typing import Annotated

import typer

from .guard import guarded
from .places import DEFAULT_HUB, HubOption, JsonOption, make_hub


@guarded
def pull(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where it was published.", show_default=False)],
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which space, if there are several.", show_default=False)
    ] = None,
    as_name: Annotated[str | None, typer.Option("--as", help="What to call it here; by default as there.")] = None,
    hub: HubOption = DEFAULT_HUB,
    as_json: JsonOption = False,
) -> None:
    """Download a published space, check every byte of it, and make it a space of the hub.

    The hub is made if there is none. It is all there afterwards, or nothing of it is.
    """
    from . import screen

    begin = perf_counter()
    with make_hub(hub) as opened:
        space = opened.pull(url, name, as_name=as_name)
        told = {"space": space.name, "rows": len(space), "bytes": space.stats()["bytes"]}
    seconds = perf_counter() - begin
    if as_json:
        screen.print_json({**told, "seconds": seconds})
        return
    took = screen.duration(seconds)
    screen.console().print(f"pulled {told['rows']:,} rows as {told['space']} into {hub} in {took}")
