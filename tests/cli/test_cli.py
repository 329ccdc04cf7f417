"""The command line, run in this process; test_cli_process.py runs it as its own."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import kinspace as ks
from kinspace.cli import app
from shell import Shell

N, DIMS = 60, 6  # of what is loaded


def nearest(vectors: np.ndarray, query: np.ndarray, k: int) -> list[int]:
    v, q = vectors.astype(np.float64), query.astype(np.float64)
    distances = 1 - v @ q / np.linalg.norm(v, axis=1) / np.linalg.norm(q)
    return np.argsort(distances, kind="stable")[:k].tolist()


# load


def test_load_stores_every_row_with_its_columns(shell: Shell, rows: pl.DataFrame, vectors: np.ndarray) -> None:
    told = shell.json("load", shell.folder / "docs.parquet", "--key", "id", "--batch-size", 7)
    assert told["space"] == "docs"
    assert told["rows"] == told["total"] == N
    with ks.connect(shell.hub) as hub:
        space = hub.get_space("docs")
        assert list(space.keys()) == rows["id"].to_list()
        assert np.array_equal(np.stack(list(space.multiget(rows["id"]))), vectors)
        assert space.row("doc-03") == rows.row(3, named=True) | {"id": "doc-03"} or "id" not in space.columns
        assert list(space.columns) == [name for name in rows.columns if name != "id"]


def test_vectors_may_come_from_a_npy_file_of_half_precision(
    shell: Shell, rows: pl.DataFrame, vectors: np.ndarray
) -> None:
    half = vectors.astype(np.float16)
    np.save(shell.folder / "half.npy", half)
    shell.run(
        "load", shell.folder / "words.parquet", "--vectors", shell.folder / "half.npy", "--key", "id", "--space", "w"
    )
    with ks.connect(shell.hub) as hub:
        assert np.array_equal(hub.get_space("w").get("doc-09"), half[9].astype(np.float32))


def test_a_npy_file_alone_has_its_row_numbers_as_keys(shell: Shell, rows: pl.DataFrame, vectors: np.ndarray) -> None:
    shell.run("load", shell.folder / "docs.npy", "--metric", "l2")
    with ks.connect(shell.hub) as hub:
        space = hub.get_space("docs")
        assert space.metric == "l2"
        assert np.array_equal(space.get(59), vectors[59])


def test_columns_of_text_are_embedded_and_can_be_asked_in_words(shell: Shell) -> None:
    titles = ["compress bytes", "shuffle a list", "median of values", None]
    pl.DataFrame({"key": [1, 2, 3, 4], "title": titles, "body": ["x", None, "y", None]}).write_parquet(
        shell.folder / "t.parquet"
    )
    shell.run("load", shell.folder / "t.parquet", "--text", "title,body")
    hits = shell.json("query", "t", "shuffling", "lists", "-k", 2)["hits"]
    assert hits[0]["key"] == 2
    assert hits[0]["title"] == "shuffle a list"
    assert len(hits) == 2


def test_loading_again_replaces_rows_of_equal_keys(loaded: Shell) -> None:
    assert loaded.json("load", loaded.folder / "docs.parquet", "--key", "id")["total"] == N


def test_load_tells_a_person_rows_time_and_rate(shell: Shell, rows: pl.DataFrame) -> None:
    told = shell.run("load", shell.folder / "docs.parquet", "--key", "id")
    assert "loaded 60 rows into docs in " in told
    assert "rows/s" in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("missing.parquet",), "is not there"),
        (("docs.csv",), "must be a .parquet"),
        (("docs.parquet", "--key", "nope"), "'nope'"),
        (("docs.parquet", "--key", "score"), "keys are str or int"),
        (("docs.parquet", "--key", "id", "--vector", "title"), "must hold vectors"),
        (("docs.parquet", "--key", "id", "--vector", "nope"), "'nope'"),
        (("words.parquet", "--key", "id"), "give --vectors, --vector or --text"),
        (("words.parquet", "--key", "id", "--vectors", "missing.npy"), "is not there"),
        (("words.parquet", "--key", "id", "--vectors", "short.npy"), "59 vectors"),
        (("words.parquet", "--key", "id", "--vectors", "flat.npy"), "shape"),
        (("words.parquet", "--key", "id", "--vectors", "objects.npy"), "objects.npy"),
        (("words.parquet", "--key", "id", "--vectors", "torn.npy"), "torn.npy"),
        (("words.parquet", "--key", "id", "--text", "year"), "'year'"),
        (("words.parquet", "--key", "id", "--text", "nope"), "'nope'"),
        (("words.parquet", "--key", "id", "--text", "body", "--vectors", "docs.npy"), "--vectors and --text"),
        (("docs.npy", "--vector", "x"), "one place"),
        (("torn.parquet", "--key", "id"), "torn.parquet"),
        (("docs.parquet", "--key", "id", "--metric", "manhattan"), "cosine"),
        (("docs.parquet", "--key", "id", "--space", "a\nb"), "control"),
        ((".",), "is a folder"),
    ],
)
def test_a_load_that_cannot_work_is_refused_and_leaves_no_space(
    shell: Shell, rows: pl.DataFrame, vectors: np.ndarray, options: tuple[str, ...], told: str
) -> None:
    (shell.folder / "docs.csv").write_text("a,b\n")
    (shell.folder / "torn.parquet").write_bytes(b"PAR1 torn")
    (shell.folder / "torn.npy").write_bytes((shell.folder / "docs.npy").read_bytes()[:200])
    np.save(shell.folder / "short.npy", vectors[:59])
    np.save(shell.folder / "flat.npy", vectors[0])
    np.save(shell.folder / "objects.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    words = [
        str(shell.folder / word) if word.endswith((".npy", ".parquet", ".csv")) or word == "." else word
        for word in options
    ]
    shell.fails("load", *words, kind="invalid-input", told=told)
    if shell.hub.exists():
        with ks.connect(shell.hub) as hub:
            assert hub.list_spaces() == []


def test_a_vector_that_is_not_finite_is_named_and_earlier_batches_are_told(
    shell: Shell, rows: pl.DataFrame, vectors: np.ndarray
) -> None:
    vectors[40, 2] = np.nan
    np.save(shell.folder / "bad.npy", vectors)
    words = (
        "load",
        shell.folder / "words.parquet",
        "--vectors",
        shell.folder / "bad.npy",
        "--key",
        "id",
        "--batch-size",
        16,
    )
    shell.fails(*words, kind="invalid-input", told="doc-40")
    assert json.loads(shell.errors)["error"]["stored"] == 32


def test_a_space_of_other_dims_is_left_as_it_was(loaded: Shell) -> None:
    np.save(loaded.folder / "wide.npy", np.ones((N, DIMS + 1), np.float32))
    wide = (
        "load",
        loaded.folder / "words.parquet",
        "--vectors",
        loaded.folder / "wide.npy",
        "--key",
        "id",
        "--space",
        "docs",
    )
    loaded.fails(*wide, kind="invalid-input", told="dims 6")
    assert loaded.json("info", "docs")["version"] == 1


# query


def test_a_query_by_vector_gives_the_rows_a_brute_force_finds(
    loaded: Shell, rows: pl.DataFrame, vectors: np.ndarray
) -> None:
    query = np.linspace(-1, 1, DIMS, dtype=np.float32)
    np.save(loaded.folder / "q.npy", query)
    expected = [rows["id"][i] for i in nearest(vectors, query, 5)]
    by_text = loaded.json("query", "docs", "--vector", json.dumps(query.tolist()), "-k", 5)
    by_file = loaded.json("query", "docs", "--vector-file", loaded.folder / "q.npy", "-k", 5, "--exact")
    assert [hit["key"] for hit in by_text["hits"]] == expected
    assert by_text["hits"] == by_file["hits"]
    assert by_text["exact"] is True
    assert by_text["hits"][0].keys() == {"distance", "key", *rows.columns} - {"id"}


def test_a_query_by_key_leaves_the_key_out(loaded: Shell, rows: pl.DataFrame, vectors: np.ndarray) -> None:
    expected = [rows["id"][i] for i in nearest(vectors, vectors[11], 6) if i != 11]
    assert [hit["key"] for hit in loaded.json("query", "docs", "--key", "doc-11", "-k", 5)["hits"]] == expected


def test_a_query_may_compare_the_first_components_only(loaded: Shell, rows: pl.DataFrame, vectors: np.ndarray) -> None:
    query = np.linspace(-1, 1, DIMS, dtype=np.float32)
    expected = [rows["id"][i] for i in nearest(vectors[:, :3], query[:3], 5)]
    short = loaded.json("query", "docs", "--vector", json.dumps(query[:3].tolist()), "-k", 5, "--dims", 3)
    whole = loaded.json("query", "docs", "--vector", json.dumps(query.tolist()), "-k", 5, "--dims", 3, "--no-rerank")
    assert [hit["key"] for hit in short["hits"]] == expected
    assert short["hits"] == whole["hits"]
    reranked = loaded.json("query", "docs", "--vector", json.dumps(query.tolist()), "-k", N, "--dims", 3)
    assert [hit["key"] for hit in reranked["hits"]] == [rows["id"][i] for i in nearest(vectors, query, N)]
    loaded.fails("query", "docs", "--key", "doc-11", "--dims", DIMS + 1, kind="invalid-input", told="dims must be in")


def test_a_filter_limits_the_rows(loaded: Shell) -> None:
    hits = loaded.json(
        "query", "docs", "--key", "doc-11", "--where", "year >= 2058 AND score < 8.3", "--columns", "year"
    )["hits"]
    assert hits == [{"distance": hits[0]["distance"], "key": "doc-58", "year": 2058}]


def test_the_columns_asked_for_are_shown_in_their_order(loaded: Shell) -> None:
    head = loaded.run("query", "docs", "--key", "doc-11", "--columns", "score,title", "-k", 1).splitlines()[0]
    assert head.split() == ["distance", "key", "score", "title"]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_tables_fit_the_terminal_and_show_stored_text_as_it_is(loaded: Shell, width: int) -> None:
    from rich.cells import cell_len

    told = loaded.run("query", "docs", "--key", "doc-11", "-k", 3, width=width)
    assert max(map(cell_len, told.splitlines())) <= width
    assert "\x1b" not in told
    if width >= 80:
        assert "[bold]title[/]" in told


def test_nothing_found_is_said_and_is_no_error(loaded: Shell) -> None:
    assert "0 of 60 rows" in loaded.run("query", "docs", "--key", "doc-11", "--where", "year = 1")
    assert loaded.json("query", "docs", "--key", "doc-11", "-k", 0)["hits"] == []


@pytest.mark.parametrize(
    ("options", "kind", "told"),
    [
        (("nowhere", "--key", "a"), "space-not-found", "nowhere"),
        (("docs",), "invalid-input", "exactly one of"),
        (("docs", "words", "--key", "doc-01"), "invalid-input", "words and key"),
        (("docs", "some", "words"), "invalid-input", "no embedder"),
        (("docs", "--key", "doc-99"), "key-not-found", "doc-99"),
        (("docs", "--vector", "[1, 2"), "invalid-input", "JSON list"),
        (("docs", "--vector", "[1, 2]"), "invalid-input", "6"),
        (("docs", "--vector", '{"a": 1}'), "invalid-input", "JSON list"),
        (("docs", "--vector", '[1, 2, 3, 4, 5, "6"]'), "invalid-input", "JSON list"),
        (("docs", "--vector", "[1, 2, 3, 4, 5, NaN]"), "invalid-input", "finite"),
        (("docs", "--vector-file", "missing.npy"), "invalid-input", "is not there"),
        (("docs", "--key", "doc-01", "--where", "nope = 1"), "invalid-input", "nope"),
        (("docs", "--key", "doc-01", "--where", "year >"), "invalid-input", ""),
        (("docs", "--key", "doc-01", "--columns", "title,nope"), "invalid-input", "'nope'"),
    ],
)
def test_a_query_that_cannot_be_answered_says_why(
    loaded: Shell, options: tuple[str, ...], kind: str, told: str
) -> None:
    loaded.fails("query", *options, kind=kind, told=told)


# get and info


def test_get_shows_the_row_and_the_start_of_its_vector(loaded: Shell, rows: pl.DataFrame, vectors: np.ndarray) -> None:
    told = loaded.json("get", "docs", "doc-04")
    assert told["key"] == "doc-04"
    assert told["vector"] == vectors[4].tolist()
    assert told["columns"] == {k: v for k, v in rows.row(4, named=True).items() if k != "id"}
    shown = loaded.run("get", "docs", "doc-04")
    assert "[bold]title[/]" in shown
    assert f"{DIMS} dims" in shown
    assert "\x1b" not in shown


def test_int_keys_are_given_as_digits(shell: Shell, rows: pl.DataFrame) -> None:
    shell.run("load", shell.folder / "docs.npy")
    assert shell.json("get", "docs", "7")["key"] == 7
    shell.fails("get", "docs", "seven", kind="invalid-input", told="int keys")
    shell.fails("get", "docs", "60", kind="key-not-found", told="60")


def test_info_tells_what_a_hub_and_a_space_hold(loaded: Shell, rows: pl.DataFrame) -> None:
    spaces = loaded.json("info")["spaces"]
    assert [(one["space"], one["rows"], one["dims"], one["metric"]) for one in spaces] == [("docs", N, DIMS, "cosine")]
    one = loaded.json("info", "docs")
    assert one["bytes"] > 0
    assert one["columns"]["year"] == "Int64"
    assert "docs" in loaded.run("info")
    assert "year Int64" in " ".join(loaded.run("info", "docs").split())


def test_reading_commands_make_no_hub(shell: Shell) -> None:
    for words in (("info",), ("get", "a", "b"), ("query", "a", "--key", "b"), ("export", "a", shell.folder / "o.npy")):
        shell.fails(*words, kind="invalid-input", told="there is no hub")
    assert not shell.hub.exists()


def test_a_hub_path_that_is_a_file_is_refused(shell: Shell, rows: pl.DataFrame) -> None:
    shell.hub.write_text("not a hub")
    for words in (("info",), ("load", shell.folder / "docs.npy")):
        shell.fails(*words, kind="invalid-input", told="is a file")
    assert shell.hub.read_text() == "not a hub"


# usage


def test_duplicates_shows_groups_largest_first(loaded: Shell, vectors: np.ndarray) -> None:
    with ks.connect(loaded.hub) as hub:
        space = hub.get_space("docs")
        space.multiset({f"copy-{i}": vectors[3] for i in range(3)} | {"near": vectors[5] * np.float32(1.25)})
    told = loaded.json("duplicates", "docs", "--threshold", 1e-6)
    assert told["groups"] == [["doc-03", "copy-0", "copy-1", "copy-2"], ["doc-05", "near"]]
    assert told["metric"] == "cosine"
    shown = loaded.run("duplicates", "docs", "--threshold", 1e-6)
    assert shown.index("copy-2") < shown.index("near")
    assert "6 of 64 rows in 2 groups, 4 too many" in shown
    assert loaded.json("duplicates", "docs", "--where", "key = 'near'")["groups"] == []
    assert "0 of 64 rows in 0 groups" in loaded.run("duplicates", "docs", "--where", "key = 'near'")
    loaded.fails("duplicates", "docs", "--threshold", "nan", kind="invalid-input", told="threshold must be")


@pytest.mark.parametrize(
    "words", [("nonsense",), ("query",), ("query", "docs", "-k", "many"), ("load", "a", "b"), ("info", "--what")]
)
def test_wrong_usage_ends_with_code_2(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell.run(*words, code=2) == ""
    assert shell.errors


def test_the_hub_can_be_named_by_the_environment(loaded: Shell) -> None:
    result = CliRunner().invoke(app, ["info", "--json"], env={"KINSPACE_HUB": str(loaded.hub)})
    assert json.loads(result.stdout)["hub"] == str(loaded.hub)


@pytest.mark.parametrize("command", ["demo", "load", "query", "get", "duplicates", "info", "export", "check", "repair"])
def test_every_command_has_help_and_json(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "--json" in result.stdout


def test_the_version_is_the_package_s() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"kinspace {ks.__version__}\n"
