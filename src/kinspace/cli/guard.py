"""How a command ends: one clear line for an error, never a traceback, and an exit code that tells."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable
from typing import NoReturn, ParamSpec, TypeVar

import typer

from ..errors import InvalidInput, KinspaceError, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

FAILED, INTERRUPTED, BROKEN_PIPE = 1, 130, 141


def guarded(command: Callable[P, T]) -> Callable[P, T]:
    """Wrap a command, so that what goes wrong ends it as a command line should.

    A KinspaceError, or the operating system's, becomes one line on stderr, "error: …", and exit code 1; with --json
    the line is {"error": {"kind": …, "message": …}}, and has "stored" where rows were stored before the failure.
    Ctrl-C ends with 130, and a reader that went away (… | head) with 141, both without a word.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            result = command(*args, **kwargs)
            sys.stdout.flush()
        except KinspaceError as error:
            fail(error, as_json=bool(kwargs.get("as_json")))
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains again when it ends
            raise typer.Exit(BROKEN_PIPE) from None
        except OSError as error:
            fail(Unavailable(str(error)), as_json=bool(kwargs.get("as_json")))
        return result

    return run


def fail(error: KinspaceError, *, as_json: bool) -> NoReturn:
    """Print the error on stderr and end with exit code 1."""
    if as_json:
        told: dict[str, object] = {"kind": error.kind, "message": str(error)}
        if error.stored is not None:
            told["stored"] = error.stored
        print(json.dumps({"error": told}), file=sys.stderr)
    else:
        from rich.console import Console
        from rich.text import Text

        line = Text.assemble(("error: ", "bold red"), (" ".join(str(error).split()), ""), (f" ({error.kind})", "dim"))
        Console(stderr=True, soft_wrap=True, highlight=False).print(line)
    raise typer.Exit(FAILED)


def one_of(**options: object) -> str:
    """Return the name of the one option that was given; InvalidInput unless it is exactly one."""
    given = [name for name, value in options.items() if value is not None]
    if len(given) != 1:
        asked = ", ".join(name.replace("_", "-") for name in options)
        raise InvalidInput(f"give exactly one of {asked}; got {' and '.join(given) or 'none'}")
    return given[0]
