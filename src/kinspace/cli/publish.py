"""kinspace publish: an immutable copy of a space under a URL."""

from __future__ import annotations

from dataclasses import asdict
from time import perf_counter
from typing import Annotated

import typer

from .guard import guarded
from .places import DEFAULT_HUB, HubOption, JsonOption, SpaceArgument, open_hub


@guarded
def publish(
    space: SpaceArgument,
    url: Annotated[
        str, typer.Argument(metavar="URL", help="s3://bucket/prefix or file:///folder.", show_default=False)
    ],
    name: Annotated[str | None, typer.Option("--name", help="What to call it there; by default as here.")] = None,
    single_writer: Annotated[
        bool, typer.Option("--single-writer", help="Nobody else publishes there: do without conditional writes.")
    ] = False,
    hub: HubOption = DEFAULT_HUB,
    as_json: JsonOption = False,
) -> None:
    """Publish a space as it is now.

    What is there already is not sent again. Every command that only reads takes the URL as its --hub, and kinspace
    pull makes a copy to write to. How S3 is reached comes from the environment: AWS_ACCESS_KEY_ID, AWS_REGION,
    AWS_ENDPOINT and so on.
    """
    from . import screen

    begin = perf_counter()
    with open_hub(hub) as opened:
        done = opened.get_space(space).publish(url, name=name, single_writer=single_writer)
    seconds = perf_counter() - begin
    if as_json:
        screen.print_json({**asdict(done), "seconds": seconds})
        return
    sent = f"{screen.size(done.uploaded)} of {screen.size(done.bytes)} sent"
    took = screen.duration(seconds)
    screen.console().print(f"published {done.rows:,} rows of {space} at {done.url} as {done.name}: {sent} in {took}")
