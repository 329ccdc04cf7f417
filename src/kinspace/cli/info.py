"""kinspace info: what a hub or a space holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .guard import guarded
from .places import DEFAULT_HUB, HubOption, JsonOption, open_hub

if TYPE_CHECKING:
    from ..space.space import Space


@guarded
def info(
    space: Annotated[
        str | None, typer.Argument(metavar="[SPACE]", help="A space; left out, all of them.", show_default=False)
    ] = None,
    hub: HubOption = DEFAULT_HUB,
    as_json: JsonOption = False,
) -> None:
    """Show what a hub holds, or one of its spaces.

    Rows, segments, bytes on disk, version (how many commits), and of one space the columns and their types as well.
    """
    from . import screen

    with open_hub(hub) as opened:
        names = opened.list_spaces() if space is None else [space]
        told = [_about(opened.get_space(name)) for name in names]
    if as_json:
        screen.print_json({"hub": hub, "spaces": told} if space is None else told[0])
        return
    out = screen.console()
    if space is not None:
        one = told[0]
        columns = one.pop("columns")
        one["columns"] = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        out.print(screen.fields(one | {"bytes": screen.size(one["bytes"]), "rows": f"{one['rows']:,}"}))
        return
    if not told:
        out.print(f"{hub} holds no space yet", style="dim")
        return
    rows = [one | {"rows": f"{one['rows']:,}", "bytes": screen.size(one["bytes"])} for one in told]
    out.print(screen.table(rows, [name for name in _SHOWN if name in rows[0]], out.width, first="space"))
    total = sum(one["bytes"] for one in told)
    out.print(f"{len(told)} space{'s' * (len(told) != 1)} in {hub}, {screen.size(total)}", style="dim")


_SHOWN = ("space", "rows", "dims", "dtype", "metric", "segments", "bytes", "version")


def _about(space: Space) -> dict[str, Any]:
    about: dict[str, Any] = {"space": space.name, **space.stats()}
    about["columns"] = {name: str(kind) for name, kind in space.columns.items()}
    return about
