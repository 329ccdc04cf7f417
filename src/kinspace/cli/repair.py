"""kinspace repair: what is damaged in a space is made anew as far as it can be, and what is lost is named."""

from __future__ import annotations

import typer

from .check import told
from .guard import FAILED, guarded
from .places import DEFAULT_HUB, HubOption, JsonOption, SpaceArgument, open_hub

SHOWN = 20  # keys of a list that a person is shown


@guarded
def repair(space: SpaceArgument, hub: HubOption = DEFAULT_HUB, as_json: JsonOption = False) -> None:
    """Make anew what is damaged, and name what is lost.

    Damaged files are kept in the space's folder quarantine/. The exit code is 1 if rows or columns were lost, or if
    something could not be repaired.
    """
    from . import screen

    with open_hub(hub) as opened:
        report = opened.get_space(space).repair()
        folders = {
            name: [str(path.relative_to(opened.path)) for path in getattr(report, name)]
            for name in ("rebuilt", "quarantined")
        }
        problems = [told(problem, opened) for problem in report.problems]
    keys = {name: getattr(report, name) for name in ("lost", "lost_dead", "columns_lost")}
    if as_json:
        whole = {"space": space, "ok": report.ok, **folders, **keys, "lost_unknown": report.lost_unknown}
        screen.print_json(whole | {"problems": problems})
    else:
        out = screen.console()
        if problems:
            out.print(screen.table(problems, ["file", "what", "rows"], out.width, first="file", wrap=True))
        shown = {name.replace("_", " "): _few(list(values)) for name, values in (folders | keys).items() if values}
        if report.lost_unknown:
            shown["lost, keys unknown"] = f"{report.lost_unknown:,} rows"
        if shown:
            out.print(screen.fields(shown))
        elif not problems:
            out.print(f"nothing in {space} is damaged", style="dim")
    if not report.ok:
        raise typer.Exit(FAILED)


def _few(values: list[object]) -> str:
    """The first of many, and how many there are."""
    from . import screen

    some = ", ".join(screen.cell(value) for value in values[:SHOWN])
    return some if len(values) <= SHOWN else f"{len(values):,}: {some}, …"
