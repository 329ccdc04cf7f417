"""Where a command works: the options that name a hub and a space, and how they are opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InvalidInput

if TYPE_CHECKING:
    from ..space.hub import Hub
    from ..space.space import Space
    from ..types import Key

DEFAULT_HUB = "kinspace-hub"

HubOption = Annotated[
    str,
    typer.Option(
        "--hub", envvar="KINSPACE_HUB", metavar="PATH", help="The hub's folder, or a published URL.", show_envvar=True
    ),
]
SpaceArgument = Annotated[str, typer.Argument(metavar="SPACE", help="The space's name.", show_default=False)]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.", show_default=False)
]


def make_hub(path: str) -> Hub:
    """Open a hub, or make it."""
    from ..space.connect import connect

    return connect(path)


def open_hub(path: str) -> Hub:
    """Open a hub that is there; unlike make_hub, never leave an empty one behind."""
    if "://" in path:
        return make_hub(path)
    folder = Path(path)
    if not folder.exists() or (
        folder.is_dir() and not any((folder / name).exists() for name in ("hub.sqlite", "spaces"))
    ):
        raise InvalidInput(
            f"there is no hub at {path}; name one with --hub or KINSPACE_HUB, or make one: kinspace load"
        )
    return make_hub(path)


def parse_key(space: Space, key: str) -> Key:
    """Return a key from the command line as the space's own type."""
    if space.stats()["key_type"] == "str":
        return key
    try:
        return int(key)
    except ValueError:
        raise InvalidInput(f"space {space.name!r} has int keys; got {key!r}") from None
