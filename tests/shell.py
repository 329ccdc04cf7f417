"""The command line for tests, run in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from kinspace.cli import app


class Shell:
    """Runs commands on one hub, and keeps what came back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hub = folder / "hub"

    def run(self, *words: object, width: int = 80, code: int = 0) -> str:
        result = CliRunner().invoke(app, [*map(str, words), "--hub", str(self.hub)], env={"COLUMNS": str(width)})
        assert result.exit_code == code, result.output
        if result.exception is not None:
            assert isinstance(result.exception, SystemExit), result.exception
        self.errors = result.stderr
        return result.stdout

    def json(self, *words: object) -> Any:
        told = self.run(*words, "--json")
        assert told.count("\n") == 1, "one line for a program"
        return json.loads(told)

    def fails(self, *words: object, kind: str, told: str = "") -> str:
        """Run it both ways: the error is one line, or one JSON object, on stderr, and stdout is empty."""
        assert self.run(*words, code=1) == ""
        line = self.errors
        assert line.startswith("error: ")
        assert line.count("\n") == 1
        assert "Traceback" not in line
        assert line.rstrip().endswith(f"({kind})")
        assert told in line
        assert self.run(*words, "--json", code=1) == ""
        error = json.loads(self.errors)["error"]
        assert error["kind"] == kind
        assert told in error["message"]
        return line
