"""File systems on which processes of several machines can't share a hub: noticed where the system tells."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path

from .files import FolderLock, os_errors

MOUNTS = Path("/proc/self/mountinfo")

# Those whose files other machines may have open. Their memory is not shared, which is what a WAL needs.
_SHARED = {
    *(
        "9p",
        "acfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
    ),
    *("ocfs2", "orangefs", "pvfs2", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs"),
}
_SHARED_FUSE = {  # after "fuse."
    *("beegfs", "blobfuse2", "ceph", "ceph-fuse", "davfs2", "gcsfuse", "glusterfs", "goofys", "juicefs", "mfs"),
    *("mount-s3", "rclone", "s3fs", "seaweedfs", "sshfs", "vmhgfs-fuse", "weed"),
}
_ESCAPED = re.compile(r"\\([0-7]{3})")


def shared_file_system(folder: Path) -> str | None:
    """The type of the file system that holds the folder, if it is one that machines share; None if not, or unknown."""
    try:
        mounts = MOUNTS.read_text(errors="surrogateescape")
    except OSError:  # not Linux
        return None
    kind = _kind_at(os.path.realpath(folder), mounts)
    name, _, fuse = kind.partition(".")
    return kind if name in _SHARED or (name == "fuse" and fuse in _SHARED_FUSE) else None


def _kind_at(path: str, mounts: str) -> str:
    """The type of the innermost mount above a path; of those at one place the last one covers the others."""
    kind, longest = "", -1
    for line in mounts.splitlines():
        place, _, rest = line.partition(" - ")
        fields, after = place.split(" "), rest.split(" ")
        if len(fields) < 5 or not after[0]:
            continue
        mounted = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[4]).rstrip("/")
        if (path == mounted or path.startswith(f"{mounted}/")) and len(mounted) >= longest:
            kind, longest = after[0], len(mounted)
    return kind


def warn_of_sharing(folder: Path, *, stacklevel: int) -> None:
    """Warn if what keeps processes apart doesn't reach as far as the folder may be seen."""
    with os_errors(f"locking {folder}"):
        locks = FolderLock.works(folder)
    kind = shared_file_system(folder)
    if not locks:
        warnings.warn(
            f"{folder} is on {kind or 'a file system'} without locks: use the hub from one process at a time. Of "
            "several that write, flush or compact at once, one may remove what another uses",
            RuntimeWarning,
            stacklevel=stacklevel + 1,
        )
    elif kind is not None:
        warnings.warn(
            f"{folder} is on {kind}, which several machines can have mounted: use the hub from one machine at a time. "
            "Its processes share memory (SQLite's WAL, catalog.mark), and machines have none in common: a write may be "
            "lost or the hub damaged if two write, and one that only reads may see old rows",
            RuntimeWarning,
            stacklevel=stacklevel + 1,
        )
