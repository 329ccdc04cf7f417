"""kinspace check: every byte of a hub, or of one space, read and compared with its checksum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .guard import FAILED, guarded
from .places import DEFAULT_HUB, HubOption, JsonOption, open_hub

if TYPE_CHECKING:
    from ..space.hub import Hub
    from ..space.segments.check import Problem


@guarded
def check(
    space: Annotated[
        str | None, typer.Argument(metavar="[SPACE]", help="A space; left out, all of them.", show_default=False)
    ] = None,
    hub: HubOption = DEFAULT_HUB,
    as_json: JsonOption = False,
) -> None:
    """Read every byte and say what is damaged.

    The exit code is 1 if anything is; kinspace repair mends what can be mended.
    """
    from . import screen

    with open_hub(hub) as opened:
        names = opened.list_spaces() if space is None else [space]
        found = {name: _problems(opened, name) for name in names}
    damaged = sum(map(len, found.values()))
    if as_json:
        told = [{"space": name, "ok": not problems, "problems": problems} for name, problems in found.items()]
        screen.print_json({"hub": hub, "ok": not damaged, "spaces": told})
    else:
        out = screen.console()
        rows = [{"space": name} | problem for name, problems in found.items() for problem in problems]
        if rows:
            out.print(screen.table(rows, ["space", "file", "what", "rows"], out.width, first="space", wrap=True))
        spaces = f"{len(names)} space{'s' * (len(names) != 1)}"
        out.print(f"{spaces} in {hub}: {damaged or 'no'} damaged file{'s' * (damaged != 1)}", style="dim")
    if damaged:
        raise typer.Exit(FAILED)


def _problems(hub: Hub, name: str) -> list[dict[str, Any]]:
    """What is wrong with a space; one that can't even be opened is a problem too."""
    from ..errors import Corrupt

    try:
        return [told(problem, hub) for problem in hub.get_space(name).check().problems]
    except Corrupt as error:
        return [{"file": "", "what": str(error), "rows": 0}]


def told(problem: Problem, hub: Hub) -> dict[str, Any]:
    """A problem as it is shown; its file as seen from the hub's folder, and named once."""
    file = problem.file.relative_to(hub.path) if problem.file.is_relative_to(hub.path) else problem.file
    what = problem.what.removeprefix(f"{problem.file} ").removeprefix(f"{problem.file}: ").replace(f"{hub.path}/", "")
    return {"file": str(file), "what": what, "rows": problem.keys}
