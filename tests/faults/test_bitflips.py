"""A flipped bit anywhere in a hub is noticed or harmless; `make soak` flips one in every byte."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest

from bitflips import Sound, flip, kind, make, several, small_segments, trial
from thorough import rounds


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    return make(tmp_path_factory.mktemp("sound") / "hub")


def sample(sound: Sound, *, segments: bool, flips: int) -> list[tuple[str, int]]:
    """Some bytes of some files; of SQLite's pages those that are in use."""
    random, chosen = Random(5), []
    files = {kind(file): file for file in sound.files() if ("/segments/" in file) == segments}
    if segments:
        always = ["vectors/c/0/0", "seq/c/0", "rows.arrow", "index/…"]
        files = {name: files[name] for name in [*always, *random.sample(sorted(files.keys() - set(always)), 5)]}
    for file in files.values():
        body = (sound.folder / file).read_bytes()
        used = [at for at, byte in enumerate(body) if byte or ".sqlite" not in file]
        chosen += [(file, at) for at in random.sample(used, flips)]
    return chosen


def test_a_flipped_bit_of_a_segment_is_found_and_repaired_or_named(sound: Sound, tmp_path: Path) -> None:
    cost = 0
    with small_segments():
        for file, at in sample(sound, segments=True, flips=1):
            outcome = trial(sound, tmp_path, file, flip(at), f"byte {at} of {file}")
            assert outcome.found
            cost += outcome.lost > 0
    assert cost, "no flip cost a row, so nothing was shown of those that do"


def test_a_flipped_bit_of_a_catalog_is_noticed_or_harmless(sound: Sound, tmp_path: Path) -> None:
    with small_segments():
        outcomes = [
            trial(sound, tmp_path, file, flip(at), f"byte {at} of {file}")
            for file, at in sample(sound, segments=False, flips=rounds(4, 20))
        ]
    assert any(outcome.found for outcome in outcomes)


@pytest.mark.parametrize("how", ["cut short", "longer", "gone"])
def test_other_damage_to_a_segment_is_found_and_repaired_or_named(sound: Sound, tmp_path: Path, how: str) -> None:
    def damage(path: Path) -> None:
        body = path.read_bytes()
        if how == "gone":
            path.unlink()
        else:
            path.write_bytes(body[: len(body) // 2] if how == "cut short" else body + b"\0")

    files = {kind(file): file for file in sound.files() if "/segments/" in file and "/index/" not in file}
    with small_segments():
        for file in Random(how).sample(sorted(files.values()), 2):
            assert trial(sound, tmp_path, file, damage, f"{file} {how}").found


def test_a_segment_that_is_gone_costs_its_rows_and_no_others(sound: Sound, tmp_path: Path) -> None:
    segment = next(file for file in sound.files() if file.endswith("rows.arrow")).rpartition("/")[0]
    with small_segments():
        outcome = trial(sound, tmp_path, segment, shutil.rmtree, f"{segment} gone")
    assert outcome.lost > 10


def test_of_many_damaged_files_every_row_comes_back_or_is_told_to_be_lost(sound: Sound, tmp_path: Path) -> None:
    with small_segments():
        for seed in range(rounds(2, 10)):
            several(sound, tmp_path, seed)
