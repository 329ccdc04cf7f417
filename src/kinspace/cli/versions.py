"""kinspace snapshot, restore, fork, merge, diff and compact: the states of a space."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .guard import guarded
from .places import DEFAULT_HUB, HubOption, JsonOption, SpaceArgument, open_hub

WhenArgument = Annotated[str, typer.Argument(metavar="WHEN", help="A snapshot, a seq or a time.", show_default=False)]
_NAMED = 20  # keys that are shown


@guarded
def snapshot(
    space: SpaceArgument,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Its name; left out, list those there are.", show_default=False),
    ] = None,
    drop: Annotated[bool, typer.Option("--drop", help="Drop the snapshot instead of taking it.")] = False,
    hub: HubOption = DEFAULT_HUB,
    as_json: JsonOption = False,
) -> None:
    """Keep the present state of a space under a name, list what is kept, or drop it."""
    from . import screen

    with open_hub(hub) as opened:
        source = opened.get_space(space)
        if name is not None and drop:
            source.drop_snapshot(name)
        elif name is not None:
            source.snapshot(name)
        kept = [
            {"snapshot": one.name, "rows": one.rows, "seq": one.seq, "time": one.time.isoformat(timespec="seconds")}
            for one in source.snapshots()
        ]
    if as_json:
        screen.print_json({"space": space, "snapshots": kept})
    elif name is not None:
        told = "dropped" if drop else "kept"
        screen.console().print(f"{told} {name} of {space}", markup=False)
    elif kept:
        out = screen.console()
        out.print(screen.table(kept, list(kept[0]), out.width, first="snapshot"))
    else:
        screen.console().print(f"{space} has no snapshots", style="dim", markup=False)


@guarded
def restore(
    space: SpaceArgument, when: WhenArgument, hub: HubOption = DEFAULT_HUB, as_json: JsonOption = False
) -> None:
    """Make a space what it was: the same rows in the same order. Snapshots stay what they are."""
    with open_hub(hub) as opened:
        source = opened.get_space(space)
        source.restore(_when(when))
        rows = len(source)
    _told(as_json, {"space": space, "rows": rows}, f"{space} holds {rows:,} rows again")


@guarded
def fork(
    space: SpaceArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new space's name.", show_default=False)],
    at: Annotated[str | None, typer.Option("--at", metavar="WHEN", help="A snapshot, a seq or a time.")] = None,
    hub: HubOption = DEFAULT_HUB,
    as_json: JsonOption = False,
) -> None:
    """Make a new space that begins with these rows and goes its own way. It takes no room until it changes."""
    with open_hub(hub) as opened:
        source = opened.get_space(space)
        rows = len((source if at is None else source.at(_when(at))).fork(name))
    _told(as_json, {"space": name, "rows": rows}, f"{name} begins with {rows:,} rows of {space}")


@guarded
def merge(
    forked: Annotated[
        str, typer.Argument(metavar="FORK", help="The space whose changes are taken.", show_default=False)
    ],
    into: Annotated[str, typer.Argument(metavar="INTO", help="The space that they come into.", show_default=False)],
    on_conflict: Annotated[str, typer.Option("--on-conflict", help="error, theirs or ours.")] = "error",
    hub: HubOption = DEFAULT_HUB,
    as_json: JsonOption = False,
) -> None:
    """Bring what has changed in a fork since it was made into the space it comes from."""
    with open_hub(hub) as opened:
        done = opened.merge(forked, into, on_conflict)  # type: ignore[arg-type]  # it is checked there
    counts = {"added": done.added, "changed": done.changed, "removed": done.removed}
    told = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    _told(as_json, {"space": into, **counts, "conflicts": done.conflicts}, f"{into}: {told}")


@guarded
def diff(
    space: SpaceArgument,
    before: WhenArgument,
    after: Annotated[str | None, typer.Argument(metavar="[WHEN]", help="By default the present.")] = None,
    hub: HubOption = DEFAULT_HUB,
    as_json: JsonOption = False,
) -> None:
    """Show which keys were added, removed or changed between two states, and how far their vectors moved."""
    from . import screen

    with open_hub(hub) as opened:
        found = opened.get_space(space).diff(_when(before), None if after is None else _when(after))
    keys = {"added": found.added["key"].to_list(), "removed": found.removed["key"].to_list()}
    changed = found.changed.rows(named=True)
    if as_json:
        screen.print_json({"space": space, **keys, "changed": changed})
        return
    rows: list[dict[str, Any]] = [{"key": key, "": what} for what, names in keys.items() for key in names]
    rows += [{"key": row["key"], "": "changed", "moved": row["distance"], "columns": row["columns"]} for row in changed]
    out = screen.console()
    if rows:
        shown = [{"": "", "moved": None, "columns": None} | row for row in rows[:_NAMED]]
        out.print(screen.table(shown, ["key", "", "moved", "columns"], out.width, first="key"))
    counts = [(len(keys["added"]), "added"), (len(keys["removed"]), "removed"), (len(changed), "changed")]
    out.print(", ".join(f"{count:,} {what}" for count, what in counts), style="dim")


@guarded
def compact(space: SpaceArgument, hub: HubOption = DEFAULT_HUB, as_json: JsonOption = False) -> None:
    """Merge a space's segments into one, and free what neither the present nor a snapshot sees."""
    from . import screen

    with open_hub(hub) as opened:
        done = opened.get_space(space).compact()
    told = {"segments_before": done.segments_before, "segments_after": done.segments_after, "freed": done.bytes_freed}
    told["erased"] = done.erased
    segments = f"{done.segments_before} segments became {done.segments_after}"
    _told(as_json, {"space": space, **told}, f"{space}: {segments}, {screen.size(max(0, done.bytes_freed))} freed")


def _told(as_json: bool, facts: dict[str, Any], line: str) -> None:
    from . import screen

    if as_json:
        screen.print_json(facts)
    else:
        screen.console().print(line, markup=False)


def _when(text: str) -> Any:
    """A seq, a time, or else a snapshot's name."""
    from datetime import datetime

    if text.isdigit():
        return int(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text
