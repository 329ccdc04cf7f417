"""The command line: one file per command, and what they share in guard, places and screen.

Nothing heavy is imported before a command runs, so that --help answers at once.
"""

from __future__ import annotations

import io
import sys
from inspect import getdoc

import typer

from . import check, demo, duplicates, export, get, info, load, publish, pull, query, reembed, repair, sql, versions

app = typer.Typer(
    name="kinspace",
    help="An embeddings hub: named spaces in a folder that store vectors with their rows and find the nearest ones.",
    epilog="Start with: kinspace demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _reflowed(doc: str) -> str:
    """Return a docstring with each paragraph on one line, for the terminal to wrap."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in doc.split("\n\n"))


for _name, _run in (
    ("demo", demo.demo),
    ("load", load.load),
    ("query", query.query),
    ("sql", sql.sql),
    ("get", get.get),
    ("duplicates", duplicates.duplicates),
    ("info", info.info),
    ("export", export.export),
    ("snapshot", versions.snapshot),
    ("restore", versions.restore),
    ("fork", versions.fork),
    ("reembed", reembed.reembed),
    ("merge", versions.merge),
    ("diff", versions.diff),
    ("compact", versions.compact),
    ("publish", publish.publish),
    ("pull", pull.pull),
    ("check", check.check),
    ("repair", repair.repair),
):
    app.command(_name, help=_reflowed(getdoc(_run) or ""))(_run)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"kinspace {version('kinspace')}")
        raise typer.Exit


@app.callback()
def _every(
    version: bool = typer.Option(False, "--version", help="Print the version.", callback=_print_version, is_eager=True),
) -> None:
    """An embeddings hub: named spaces in a folder that store vectors with their rows and find the nearest ones."""


def main() -> None:
    """Run the command line; the exit code is 0, 1 (failed), 2 (wrong usage) or 130 (Ctrl-C)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Unicode gets "?" for "…", not a traceback
    app()
