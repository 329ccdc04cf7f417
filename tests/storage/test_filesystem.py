"""Where a hub can't be shared, connect() says so; elsewhere it says nothing."""

from __future__ import annotations

import errno
import fcntl
import warnings
from pathlib import Path
from typing import Any

import pytest

import kinspace as ks
from kinspace.storage import files, filesystem


def mounts(monkeypatch: pytest.MonkeyPatch, folder: Path, *pairs: tuple[Path | str, str]) -> None:
    """Have the system say that file systems of those types are mounted at those places."""
    lines = [
        f"{20 + i} 1 0:{i} / {place} rw,relatime shared:{i} - {kind} source rw" for i, (place, kind) in enumerate(pairs)
    ]
    fake = folder / "mountinfo"
    fake.write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(filesystem, "MOUNTS", fake)


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "lustre", "ceph", "beegfs", "virtiofs"]
)
def test_a_hub_on_a_file_system_that_machines_share_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    mounts(monkeypatch, tmp_path, ("/", "ext4"), (tmp_path, kind))
    with pytest.warns(RuntimeWarning, match=rf"on {kind}, .*one machine at a time") as caught:
        hub = ks.connect(tmp_path / "hub")
    assert [Path(warning.filename) for warning in caught] == [Path(__file__)], "once, and it names the caller's line"
    with hub, warnings.catch_warnings():
        warnings.simplefilter("error")
        hub.create_space("docs", dims=1).set("a", [1])


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "fuse.ntfs-3g", "fuseblk", "apfs"])
def test_a_hub_on_a_file_system_of_one_machine_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    mounts(monkeypatch, tmp_path, ("/", "nfs"), (tmp_path, kind))
    ks.connect(tmp_path / "hub").close()


def test_the_innermost_mount_counts_and_of_two_at_one_place_the_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner, beside = tmp_path / "inner", tmp_path / "inner-not"
    inner.mkdir()
    beside.mkdir()
    mounts(monkeypatch, tmp_path, (inner, "ext4"), (inner, "nfs4"), (tmp_path, "xfs"), ("/", "ceph"))
    found = {place.name: filesystem.shared_file_system(place) for place in (inner, inner / "no" / "such", beside)}
    assert found == {"inner": "nfs4", "such": "nfs4", "inner-not": None}
    assert filesystem.shared_file_system(Path("/")) == "ceph"


def test_a_mount_point_with_a_space_and_one_behind_a_link_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spaced, link = tmp_path / "with a space", tmp_path / "link"
    spaced.mkdir()
    link.symlink_to(spaced)
    mounts(monkeypatch, tmp_path, ("/", "ext4"), (str(spaced).replace(" ", r"\040"), "cifs"))
    assert filesystem.shared_file_system(link / "hub") == "cifs"


@pytest.mark.parametrize("text", ["", "\n", "nonsense\n", "1 2 3 - \n", "- nfs\n"])
def test_what_the_system_says_in_another_form_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    mounts(monkeypatch, tmp_path)
    filesystem.MOUNTS.write_text(text)
    assert filesystem.shared_file_system(tmp_path) is None
    filesystem.MOUNTS.unlink()
    assert filesystem.shared_file_system(tmp_path) is None


def test_a_file_system_without_locks_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    ks.connect(tmp_path / "hub").close()
    monkeypatch.setattr(files.fcntl, "flock", refuse)
    with pytest.warns(RuntimeWarning, match="without locks: use the hub from one process at a time"):
        hub = ks.connect(tmp_path / "hub")
    hub.close()


def test_a_folder_that_somebody_has_locked_has_locks(tmp_path: Path) -> None:
    held = files.FolderLock.alone(tmp_path)
    assert held is not None
    assert files.FolderLock.works(tmp_path)
    held.release()
    with tmp_path.joinpath("file").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert files.FolderLock.works(tmp_path)


def test_a_hub_that_can_only_be_read_is_not_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ks.connect(tmp_path / "hub").close()
    mounts(monkeypatch, tmp_path, ("/", "nfs"))
    monkeypatch.setattr(files.os, "access", lambda *_, **__: False)
    ks.connect(tmp_path / "hub").close()
