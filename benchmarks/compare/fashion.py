"""Fashion-MNIST: 70,000 pictures of clothes, from Debian's package, which needs no rights to be unpacked."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PACKAGE = "dataset-fashion-mnist"
INSTALLED = Path("/usr/share/datasets/fashion-mnist")
TRAIN, TEST = "train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"
HELP = f"""Fashion-MNIST is not at hand and could not be fetched ({{reason}}). Any of these will do:
  apt-get install {PACKAGE}                (Debian, Ubuntu)
  KINSPACE_FASHION=folder                  with {TRAIN} and {TEST} in it"""


class Unobtainable(Exception):
    """A set is not at hand and could not be fetched; the text says how to get it."""


def load(cache: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the 60,000 training and the 10,000 test pictures as rows of 784 grey values, 0 to 255."""
    folder = _folder(cache)
    return _pictures(folder / TRAIN), _pictures(folder / TEST)


def _folder(cache: Path) -> Path:
    unpacked = cache / "package"
    named = [Path(os.environ["KINSPACE_FASHION"])] if "KINSPACE_FASHION" in os.environ else []
    places = [*named, INSTALLED, unpacked / INSTALLED.relative_to("/")]
    for place in places:
        if (place / TRAIN).exists() and (place / TEST).exists():
            return place
    _fetch(unpacked)
    return places[-1]


def _fetch(unpacked: Path) -> None:
    """Download the package through apt and unpack it where nothing is installed."""
    missing = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if missing:
        raise Unobtainable(HELP.format(reason=f"no {' and no '.join(missing)} here"))
    unpacked.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(["apt-get", "download", PACKAGE], cwd=unpacked, check=True, capture_output=True, text=True)
        (archive,) = unpacked.glob(f"{PACKAGE}_*.deb")
        subprocess.run(["dpkg-deb", "-x", archive.name, "."], cwd=unpacked, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as failed:
        raise Unobtainable(HELP.format(reason=failed.stderr.strip() or str(failed))) from None
    archive.unlink()


def _pictures(path: Path) -> NDArray[np.float32]:
    content = gzip.decompress(path.read_bytes())
    magic, count, height, width = np.frombuffer(content, ">i4", 4)
    if magic != 0x803 or len(content) != 16 + count * height * width:
        raise Unobtainable(f"{path}: expected an IDX file of pictures")
    return np.frombuffer(content, np.uint8, offset=16).reshape(count, -1).astype(np.float32)
