"""kinspace get: one row of a space."""

from __future__ import annotations

from typing import Annotated

import typer

from .guard import guarded
from .places import DEFAULT_HUB, HubOption, JsonOption, SpaceArgument, open_hub, parse_key

SHOWN = 6  # components of a vector that a person is shown


@guarded
def get(
    space: SpaceArgument,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The row's key.", show_default=False)],
    hub: HubOption = DEFAULT_HUB,
    as_json: JsonOption = False,
) -> None:
    """Show one row: its columns and its vector.

    Of the vector the start is shown, and all of it with --json.
    """
    import numpy as np

    from . import screen

    with open_hub(hub) as opened:
        target = opened.get_space(space)
        wanted = parse_key(target, key)
        columns, vector = target.row(wanted), target.get(wanted)
    if as_json:
        screen.print_json({"space": target.name, "key": wanted, "columns": columns, "vector": vector})
        return
    start = ", ".join(f"{x:.4g}" for x in vector[:SHOWN].tolist())
    more = ", …" if len(vector) > SHOWN else ""
    length = float(np.sqrt(np.square(vector, dtype=np.float64).sum()))
    told = {"key": wanted, **columns, "vector": f"[{start}{more}] ({len(vector)} dims, length {length:.4g})"}
    out = screen.console()
    out.print(screen.fields(told))
