"""Damaged files: every answer is right, or Corrupt or Unavailable naming the file; nothing else is lost by it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks

ASKS: dict[str, Callable[[ks.Space], Any]] = {
    "len": len,
    "version": lambda space: space.version,
    "columns": lambda space: dict(space.columns),
    "keys": lambda space: list(space.keys()),
    "get": lambda space: [space.get(f"k{i}").tobytes() for i in (0, 2, 3, 4)],
    "get from the log": lambda space: space.get("z").tobytes(),
    "in": lambda space: [key in space for key in ("k0", "k1", "m0", "m3", "z", "nothing")],
    "row": lambda space: [space.row(key) for key in ("k0", "k2", "m3", "z")],
    "multiget": lambda space: [vector.tobytes() for vector in space.multiget(["m3", "k3", "z", "k2"])],
    "scan": lambda space: [frame.to_dicts() for frame in space.scan(3)],
    "nearest": lambda space: list(space.nearest_neighbors(20, vector=[1, 1])),
    "by key": lambda space: list(space.nearest_neighbors(3, key="k3")),
    "where": lambda space: space.nearest_neighbors(20, vector=[1, 1], where="n >= 2").rows.to_dicts(),
}


@dataclass
class Sound:
    """A hub without damage, and all it says."""

    folder: Path
    answers: dict[str, Any]
    files: dict[str, bytes]


def fill(folder: Path) -> None:
    with ks.connect(folder) as hub:
        space = hub.create_space("docs", dims=2)
        space.multiset([(f"k{i}", [i, 1], {"n": i, "t": "x" * i}) for i in range(5)])
        space.flush()
        space.multiset([(f"m{i}", [i, 2], {"n": i}) for i in range(5)])
        space.flush()
        space.delete("k1")
        space.set("k2", [9, 9], n=2.5)
        space.set("z", [7, 7])
        space.delete("m0")
        hub.create_space("other", dims=1).set("a", [1])


def ask(hub: ks.Hub) -> dict[str, Any]:
    """What the space answers; an error that damage allows stands for its answer."""
    try:
        space = hub.get_space("docs")
    except (ks.Corrupt, ks.Unavailable) as error:
        return dict.fromkeys(ASKS, error)
    answers: dict[str, Any] = {}
    for what, call in ASKS.items():
        try:
            answers[what] = call(space)
        except (ks.Corrupt, ks.Unavailable) as error:
            answers[what] = error
    return answers


def read(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    folder = tmp_path_factory.mktemp("sound") / "hub"
    fill(folder)
    with ks.connect(folder) as hub:
        answers = ask(hub)
        assert hub.get_space("docs").check().ok
    assert not [answer for answer in answers.values() if isinstance(answer, Exception)]
    return Sound(folder, answers, read(folder))


def copy(sound: Sound, folder: Path) -> Path:
    """A hub as the sound one, in that folder."""
    if not folder.exists():
        return shutil.copytree(sound.folder, folder)
    for path in folder.rglob("*.sqlite-*"):
        path.unlink()
    for file, body in sound.files.items():
        if not (folder / file).exists() or (folder / file).read_bytes() != body:
            (folder / file).write_bytes(body)
    return folder


def trial(sound: Sound, folder: Path, file: str, body: bytes | None, what: str) -> bool:
    """Damage one file of a copy and ask everything; whether it was noticed. Fails on an answer that is not right."""
    copy(sound, folder)
    if body is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(body)
    complaints: list[Exception] = []
    try:
        with ks.connect(folder) as hub:
            assert hub.list_spaces() == ["docs", "other"], what
            assert hub.get_space("other").get("a").tolist() == [1], what
            for call, answer in ask(hub).items():
                if isinstance(answer, Exception):
                    complaints.append(answer)
                else:
                    assert answer == sound.answers[call], f"{what}: {call}"
    except (ks.Corrupt, ks.Unavailable) as error:
        complaints.append(error)
    for complaint in complaints:
        assert Path(file).name in str(complaint) or str(Path(file).parent) in str(complaint), f"{what}: {complaint}"
    left = {path: held for path, held in read(folder).items() if path != file and ".sqlite-" not in path}
    assert left == {path: held for path, held in sound.files.items() if path != file}, f"{what} harmed other files"
    return bool(complaints)


def one_of_each(sound: Sound) -> list[str]:
    """hub.sqlite, the catalog of the space, and the files of one of its segments."""
    folder = next(file for file in sound.files if "segments" in file).split("segments")[0]
    segment = min(file.split("/")[3] for file in sound.files if file.startswith(folder + "segments"))
    return [
        file for file in sound.files if file == "hub.sqlite" or file == folder + "catalog.sqlite" or segment in file
    ]


def test_a_truncated_file_never_makes_a_wrong_answer(sound: Sound, tmp_path: Path) -> None:
    for file in one_of_each(sound):
        body = sound.files[file]
        for size in sorted({0, 1, len(body) // 2, len(body) - 8_192, len(body) - 1} & set(range(len(body)))):
            noticed = trial(sound, tmp_path / "hub", file, body[:size], f"{file} cut to {size} bytes")
            assert noticed or "sqlite" in file, (file, size)


def test_a_longer_file_never_makes_a_wrong_answer(sound: Sound, tmp_path: Path) -> None:
    for file in one_of_each(sound):
        trial(sound, tmp_path / "hub", file, sound.files[file] + b"\0", f"{file} and a byte")


def test_a_missing_file_is_corrupt(sound: Sound, tmp_path: Path) -> None:
    for file in one_of_each(sound):
        assert trial(sound, tmp_path / "hub", file, None, f"without {file}"), file


def test_a_file_of_another_segment_is_corrupt(sound: Sound, tmp_path: Path) -> None:
    for file in one_of_each(sound):
        if "segments" not in file or "/c/" in file:  # chunks carry their checksum themselves
            continue
        inner = file.split("/", 4)[4]
        others = {body for path, body in sound.files.items() if "segments" in path and path.split("/", 4)[4] == inner}
        for other in others - {sound.files[file]}:
            assert trial(sound, tmp_path / "hub", file, other, f"{inner} of another segment"), inner


def test_check_reports_damage_in_any_file_of_a_segment_and_raises_nothing(sound: Sound, tmp_path: Path) -> None:
    for file in one_of_each(sound):
        body = sound.files[file]
        if "segments" not in file:
            continue
        for damaged in (None, body[:-1], body[:-1] + bytes([body[-1] ^ 1])):
            folder = copy(sound, tmp_path / "hub")
            with ks.connect(folder) as hub:
                space = hub.get_space("docs")
                len(space)
                (folder / file).unlink()  # what is mapped stays as it is
                if damaged is not None:
                    (folder / file).write_bytes(damaged)
                report = space.check()
                assert not report.ok, (file, damaged)
                assert any(file in str(problem.file) or file in problem.what for problem in report.problems)
                assert all(problem.keys >= 0 and problem.what for problem in report.problems)
            with ks.connect(folder) as hub:
                assert not hub.get_space("docs").check().ok, f"{file}, opened afterwards"


def test_a_damaged_vector_in_the_log_is_corrupt_and_reported_by_check(sound: Sound, tmp_path: Path) -> None:
    vector = np.array([7, 7], np.float32).tobytes()
    ((catalog, body),) = [(file, body) for file, body in sound.files.items() if "sqlite" in file and vector in body]
    at = body.index(vector)
    folder = copy(sound, tmp_path / "hub")
    (folder / catalog).write_bytes(body[:at] + b"\xff" + body[at + 1 :])
    with ks.connect(folder) as hub:
        for _ in range(2):
            with pytest.raises(ks.Corrupt, match=r"catalog\.sqlite"):
                hub.get_space("docs").get("z")
        assert not hub.get_space("docs").check().ok


def test_rubbish_beside_the_files_is_no_damage(sound: Sound, tmp_path: Path) -> None:
    top = copy(sound, tmp_path / "hub")
    for folder in [top, *(path for path in top.rglob("*") if path.is_dir())]:
        (folder / ".DS_Store").write_bytes(b"rubbish")
    with ks.connect(top) as hub:
        assert ask(hub) == sound.answers
        assert hub.get_space("docs").check().ok
