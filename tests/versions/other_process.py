"""A second process that writes to hubs as it is told: python other_process.py, one JSON object a line."""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

CALLS = ("set", "delete", "snapshot", "flush", "compact", "restore")


class OtherProcess:
    """Its hub stays open from one call to the next, until another folder is named."""

    def __init__(self) -> None:
        command = [sys.executable, str(Path(__file__))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        atexit.register(self._process.kill)

    def call(self, folder: Path, space: str, call: str, *arguments: Any) -> None:
        """Have it make one call, and wait for its end."""
        assert call in CALLS
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([str(folder), space, call, arguments]), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        assert answer == "done\n", answer


@cache
def other_process() -> OtherProcess:
    """The one there is; it is killed at the end."""
    return OtherProcess()


def main() -> None:
    import kinspace as ks

    at, hub = None, None
    for line in sys.stdin:
        folder, space, call, arguments = json.loads(line)
        if folder != at:
            if hub is not None:
                hub.close()
            at, hub = folder, ks.connect(folder, durability="off")
        assert hub is not None
        getattr(hub.get_space(space), call)(*arguments)
        print("done", flush=True)


if __name__ == "__main__":
    main()
