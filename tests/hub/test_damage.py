"""Damaged files: every answer is right, or Corrupt or Unavailable naming the file; nothing else is lost by it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
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
    answers: dict[str, dict[str, Any]]
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
        other = hub.create_space("other", dims=2, metric="l2")
        other.multiset({f"{kind}{i}": [i, 1] for kind in "km" for i in range(5)})
        other.set("z", [1, 1], n=3)


def ask(hub: ks.Hub, name: str) -> dict[str, Any]:
    """What a space answers; an error that damage allows stands for its answer."""
    try:
        space = hub.get_space(name)
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
        answers = {name: ask(hub, name) for name in ("docs", "other")}
        assert all(hub.get_space(name).check().ok for name in answers)
    assert not [answer for said in answers.values() for answer in said.values() if isinstance(answer, Exception)]
    return Sound(folder, answers, read(folder))


def judge(sound: Sound, folder: Path, file: str, what: str) -> bool:
    """Whether the damage was noticed; fails on any answer that is neither right nor allowed."""
    noticed = False
    try:
        with ks.connect(folder) as hub:
            assert hub.list_spaces() == ["docs", "other"], what
            for name, right in sound.answers.items():
                for call, answer in ask(hub, name).items():
                    if isinstance(answer, Exception):
                        noticed = True
                        assert Path(file).name in str(answer) or str(Path(file).parent) in str(answer), (what, str(answer))
                    else:
                        assert answer == right[call], f"{what}: {name}: {call}"
    except (ks.Corrupt, ks.Unavailable) as error:
        noticed = True
        assert Path(file).name in str(error), (what, str(error))
    left = {path for path in read(folder) if "sqlite-" not in path}
    assert left >= set(sound.files) - {file}, f"{what}: {set(sound.files) - left} were removed"
    return noticed


def trial(sound: Sound, folder: Path, file: str, body: bytes | None, what: str) -> bool:
    """Damage one file of a copy, judge, put it right again: then everything must be as it was."""
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(sound.folder, folder)
    if body is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(body)
    noticed = judge(sound, folder, file, what)
    for side in folder.rglob("*.sqlite-*"):
        side.unlink()
    (folder / file).write_bytes(sound.files[file])
    with ks.connect(folder) as hub:
        assert {name: ask(hub, name) for name in sound.answers} == sound.answers, f"{what}, then mended"
    return noticed


def places(file: str, body: bytes) -> Iterator[int]:
    """Bytes to flip: some everywhere, and those of SQLite's pages that say what is in them."""
    if not file.endswith("sqlite"):
        yield from {0, 1, len(body) // 3, len(body) // 2, len(body) - 5, len(body) - 1} & set(range(len(body)))
        return
    yield from (16, 18, 19, 20, 21, 28, 31, 44, 47, 56, 59, 60, 63)
    for page in range(0, len(body), 8_192):
        head = 100 if page == 0 else 0
        if any(body[page + head : page + 8_192]):
            yield from range(page + head, page + head + 16)
    held = [place for place, byte in enumerate(body) if byte]
    yield from held[7 :: len(held) // 60]


def names(sound_files: dict[str, bytes]) -> list[str]:
    return sorted(sound_files)


def test_a_flipped_bit_never_makes_a_wrong_answer(sound: Sound, tmp_path: Path) -> None:
    for file, body in sound.files.items():
        for place in places(file, body):
            flipped = bytearray(body)
            flipped[place] ^= 1 << place % 8
            trial(sound, tmp_path / "hub", file, bytes(flipped), f"bit {place % 8} of byte {place} of {file}")


def test_a_truncated_file_never_makes_a_wrong_answer(sound: Sound, tmp_path: Path) -> None:
    for file, body in sound.files.items():
        for size in sorted({0, 1, len(body) // 2, len(body) - 4, len(body) - 1, len(body) - 8_192} & set(range(len(body)))):
            assert trial(sound, tmp_path / "hub", file, body[:size], f"{file} cut to {size} bytes"), (file, size)


def test_a_longer_file_never_makes_a_wrong_answer(sound: Sound, tmp_path: Path) -> None:
    for file, body in sound.files.items():
        trial(sound, tmp_path / "hub", file, body + b"\0", f"{file} and a byte")
        trial(sound, tmp_path / "hub", file, body + body, f"{file} twice")


def test_a_missing_file_is_corrupt(sound: Sound, tmp_path: Path) -> None:
    for file in sound.files:
        assert trial(sound, tmp_path / "hub", file, None, f"without {file}"), file


def test_a_file_of_another_segment_or_space_is_corrupt(sound: Sound, tmp_path: Path) -> None:
    """Two sound files that changed places."""
    by_place: dict[str, list[str]] = {}
    for file in sound.files:
        inner = file.split("segments/")[-1].split("/", 1)[-1] if "segments" in file else Path(file).name
        by_place.setdefault(inner, []).append(file)
    for inner, (one, another, *_) in ((inner, same) for inner, same in by_place.items() if len(same) > 1):
        if sound.files[one] != sound.files[another]:
            noticed = trial(sound, tmp_path / "hub", one, sound.files[another], f"{inner} of another")
            assert noticed, inner


def test_check_reports_damage_in_any_file_of_a_segment_and_raises_nothing(sound: Sound, tmp_path: Path) -> None:
    for file, body in sound.files.items():
        if "segments" not in file:
            continue
        for damaged in (None, body[:-1], body[:-1] + bytes([body[-1] ^ 1])):
            folder = tmp_path / "hub"
            if folder.exists():
                shutil.rmtree(folder)
            shutil.copytree(sound.folder, folder)
            with ks.connect(folder) as hub:
                space = hub.get_space("docs")
                len(space)
                os.unlink(folder / file)  # noqa: PTH108  # a new file: what is mapped stays as it is
                if damaged is not None:
                    (folder / file).write_bytes(damaged)
                report = space.check()
                assert not report.ok, (file, damaged)
                assert any(str(folder / file) == str(problem.file) or file in problem.what for problem in report.problems)
                assert all(problem.keys >= 0 and problem.what for problem in report.problems)
            with ks.connect(folder) as hub:
                assert not hub.get_space("docs").check().ok, f"{file}, opened afterwards"


def test_a_damaged_row_of_a_catalog_is_named_by_check(sound: Sound, tmp_path: Path) -> None:
    (catalog,) = [file for file in sound.files if file.endswith("catalog.sqlite") and b"xxxx" in sound.files[file]] or [""]
    if not catalog:
        (catalog,) = [file for file in sound.files if file.endswith("catalog.sqlite")][:1]
    shutil.copytree(sound.folder, tmp_path / "hub")
    vector = np.array([7, 7], np.float32).tobytes()
    body = sound.files[catalog]
    catalogs = {file: body for file, body in sound.files.items() if vector in body and file.endswith("sqlite")}
    (catalog, body) = next(iter(catalogs.items()))
    at = body.index(vector)
    with ks.connect(tmp_path / "hub") as hub:
        space = hub.get_space("docs")
    (tmp_path / "hub" / catalog).write_bytes(body[:at] + b"\xff" + body[at + 1 :])
    with ks.connect(tmp_path / "hub") as hub:
        for _ in range(2):
            with pytest.raises(ks.Corrupt, match=r"catalog\.sqlite"):
                hub.get_space("docs").get("z")
    with pytest.raises(ks.Closed):
        space.get("z")


def test_rubbish_beside_the_files_is_no_damage(sound: Sound, tmp_path: Path) -> None:
    shutil.copytree(sound.folder, tmp_path / "hub")
    for folder in [tmp_path / "hub", *(path for path in (tmp_path / "hub").rglob("*") if path.is_dir())]:
        (folder / ".DS_Store").write_bytes(b"rubbish")
    with ks.connect(tmp_path / "hub") as hub:
        assert {name: ask(hub, name) for name in sound.answers} == sound.answers
        assert hub.get_space("docs").check().ok
