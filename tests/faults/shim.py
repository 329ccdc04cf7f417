"""The fault layer in a process: shim.c compiled, loaded before anything else, armed and read."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
_LOADED = "KINSPACE_SHIM"  # says to a process that the layer was loaded into it

EVERY = "write,sync,rename,link,truncate,remove,make,copy,open"


@dataclass(frozen=True)
class Kind:
    """A way to fail: what happens, at which calls, and whether once or from then on."""

    calls: str
    what: str
    often: str = "once"


KINDS = {
    "enospc": Kind("write,truncate,make,copy,open,link", "enospc"),
    "enospc-always": Kind("write,truncate,make,copy,open,link", "enospc", "always"),
    "eio": Kind(EVERY, "eio"),
    "eio-always": Kind(EVERY, "eio", "always"),
    "eio-read": Kind("read", "eio"),
    "short": Kind("write", "short"),
    "kill-before": Kind(EVERY, "kill-before"),
    "kill-after": Kind(EVERY, "kill-after"),
}
USUAL = [kind for kind in KINDS if kind != "kill-after"]  # which is little else than kill-before at the next call


def missing() -> str:
    """Why the layer can't be used here; empty if it can."""
    if sys.platform != "linux":
        return "the fault layer is for Linux"
    return "" if shutil.which("cc") else "the fault layer needs a C compiler, cc"


def build(folder: Path) -> Path:
    """Compile the layer into that folder."""
    made = folder / "shim.so"
    flags = ["-std=gnu17", "-O1", "-Wall", "-Wextra", "-U_FORTIFY_SOURCE", "-shared", "-fPIC"]
    subprocess.run(["cc", *flags, str(HERE / "shim.c"), "-o", str(made), "-ldl"], check=True)
    return made


def is_loaded() -> bool:
    """Whether this process has the layer."""
    return _LOADED in os.environ


def environment(built: Path) -> dict[str, str]:
    """The environment of a process that is to have it."""
    return {**os.environ, "LD_PRELOAD": str(built), _LOADED: "1"}


def arm(kind: str, nth: int, folder: Path) -> None:
    """From now on the nth call (0: none) of that kind in that folder fails."""
    one = KINDS[kind]
    spec = f"{one.calls}:{nth}:{one.often}:{one.what}:{folder}"
    if _layer().shim_arm(spec.encode()) != 0:
        raise ValueError(spec)


def disarm() -> None:
    """Fail nothing any more."""
    _layer().shim_arm(b"")


def counted() -> tuple[int, int]:
    """Calls that were matched, and those of them that failed."""
    layer = _layer()
    return layer.shim_count(), layer.shim_fired()


def _layer() -> ctypes.CDLL:
    layer = ctypes.CDLL(None)
    layer.shim_count.restype = layer.shim_fired.restype = ctypes.c_long
    layer.shim_arm.argtypes = [ctypes.c_char_p]
    return layer
