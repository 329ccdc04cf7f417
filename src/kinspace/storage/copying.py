"""A segment's files in another folder: as hard links where the file system has them, else as copies."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES}


def copy_files(source: Path, target: Path, names: Iterable[str], *, link: bool) -> None:
    """Put those files of one folder into another, which is made; FileNotFoundError if one is missing."""
    for name in names:
        here = target / name
        here.parent.mkdir(parents=True, exist_ok=True)
        if not (link and _linked(source / name, here)):
            shutil.copyfile(source / name, here)


def copy_folder(source: Path, target: Path, *, link: bool) -> None:
    """Put a folder that may vanish at any moment, and can be made anew, at another place: whole or not at all."""
    try:
        names = [path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()]
        copy_files(source, target, names, link=link)
    except OSError:
        shutil.rmtree(target, ignore_errors=True)


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno in _NO_LINK:
            return False
        raise
    return True
