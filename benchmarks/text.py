"""Full text: what an index costs to make and a question to answer, beside SQLite FTS5 and tantivy; hybrid search.

Texts are Debian's package descriptions; beyond as many as there are, they come again with a tenth of their words left
out and one word of their own. Questions are plain English, any of whose words may be there; ten hits.
"""

from __future__ import annotations

import resource
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from . import corpus, harness

K = 10
BATCH = 10_000
ENGINES = ("kinspace", "tantivy", "fts5")


def main() -> None:
    parser = harness.arguments(__doc__)
    parser.add_argument("--rows", type=int, nargs="*", help="default 100,000 and 1,000,000; 20,000 with --short")
    parser.add_argument(
        "--apart", nargs=2, metavar=("WHAT", "ROWS"), help="measure one thing here (used by this command)"
    )
    options = parser.parse_args()
    if options.apart:
        what, rows = options.apart[0], int(options.apart[1])
        harness.answer(_space(rows) if what == "space" else _engine(what, rows))
        return
    sizes = options.rows or ([20_000] if options.short else [100_000, 1_000_000])
    results: dict[str, Any] = {}
    for rows in sizes:
        alone = {engine: harness.apart("text", "--apart", engine, str(rows)) for engine in ENGINES}
        results[f"{rows}"] = alone
        harness.show(
            f"**Text alone**, {rows:,} descriptions, one thread where it can be chosen",
            ["engine", "index", "of CPUs", "on disk", "memory", "query, median", "p95", "5 % allowed, median"],
            [[name, *_cells(one)] for name, one in alone.items()],
        )
    rows = min(sizes)
    space = harness.apart("text", "--apart", "space", str(rows))
    results["space"] = {"rows": rows, **space}
    harness.show(
        f"**A space** of {rows:,} × 384 with text",
        ["", "seconds", "× vectors alone"],
        [
            [what, f"{seconds:.2f}", f"{seconds / space['alone']:.2f}"]
            for what, seconds in (
                ("vectors alone, durable", space["alone"]),
                ("with texts, durable", space["load"]),
                ("with texts, durable and searchable", space["load"] + space["text"]),
                ("vectors alone, durable and indexed", space["alone"] + space["index"]),
                ("with texts, durable, searchable and indexed", space["load"] + space["text"] + space["index"]),
            )
        ],
    )
    harness.show(
        "**Search by words** through space.search, milliseconds",
        ["mode", "where", "median", "p95"],
        [[one["mode"], one["where"] or "", f"{one['median']:.2f}", f"{one['p95']:.2f}"] for one in space["searches"]],
    )
    harness.keep("text", results)


def _cells(one: dict[str, Any]) -> list[str]:
    filtered = one["filtered"]
    return [
        f"{one['index']:.1f} s",
        f"{one['cpu']:.1f} s",
        f"{one['bytes'] / 1e6:.0f} MB",
        f"{one['memory'] / 1e6:.0f} MB",
        f"{one['median']:.2f} ms",
        f"{one['p95']:.2f} ms",
        "" if filtered is None else f"{filtered:.2f} ms",
    ]


def texts(rows: int) -> Iterator[list[str]]:
    """Yield descriptions, BATCH at a time."""
    there = corpus.debian().rows.select("title", "body")
    originals = [f"{title}. {body}" for title, body in there.iter_rows()]
    rng = np.random.default_rng(3)
    for start in range(0, rows, BATCH):
        batch = []
        for number in range(start, min(start + BATCH, rows)):
            text = originals[number % len(originals)]
            if number >= len(originals):
                words = text.split()
                kept = rng.random(len(words)) > 0.1
                text = " ".join(word for word, keep in zip(words, kept, strict=True) if keep) + f" w{number}"
            batch.append(text)
        yield batch


def questions() -> list[str]:
    folder = corpus.data_folder()
    if folder is None:
        return [f"what package {number} is for" for number in range(100)]
    return [str(text) for text in pl.read_parquet(folder / "debian_queries.parquet").to_series(0)]


def _engine(engine: str, rows: int) -> dict[str, Any]:
    batches = list(texts(rows))
    with harness.scratch() as folder:
        held = _resident(afresh=True)
        begin, worked = time.perf_counter(), time.process_time()
        ask, filtered = {"kinspace": _kinspace, "tantivy": _tantivy, "fts5": _fts5}[engine](folder, batches)
        seconds, cpu = time.perf_counter() - begin, time.process_time() - worked
        peak = _resident(afresh=False)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        asked = questions()[: 20 if engine == "fts5" and rows > 200_000 else 100]
        times = _times(ask, asked)
        return {
            "index": seconds,
            "cpu": cpu,
            "bytes": size,
            "memory": peak - held,
            **_spread(times),
            "filtered": None if filtered is None else _spread(_times(filtered, asked))["median"],
        }


def _resident(*, afresh: bool) -> int:
    """Bytes of memory this process had at most, since it was last asked afresh (Linux; elsewhere since it began)."""
    if not Path("/proc/self/clear_refs").exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if afresh:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _times(ask: Callable[[str], object], asked: Sequence[str]) -> list[float]:
    for text in asked[:10]:
        ask(text)
    times = []
    for text in asked:
        begin = time.perf_counter()
        ask(text)
        times.append((time.perf_counter() - begin) * 1e3)
    return times


def _spread(times: Sequence[float]) -> dict[str, float]:
    return {"median": float(np.median(times)), "p95": float(np.percentile(times, 95))}


Asks = tuple[Callable[[str], object], Callable[[str], object] | None]


def _kinspace(folder: Path, batches: list[list[str]]) -> Asks:
    """A space and all that it does, keys and rows included, but with vectors of one component."""
    import kinspace as ks

    hub = ks.connect(folder)
    space = hub.create_space("docs", dims=1, key_type="int")
    chance, first = np.random.default_rng(4), 0
    for batch in batches:
        keys = range(first, first + len(batch))
        columns = {"text": batch, "allowed": chance.random(len(batch)) < 0.05}
        space.load(keys=keys, vectors=np.ones((len(batch), 1), np.float32), columns=columns)
        first += len(batch)
    space.compact()
    space.index_text("text")
    space.search("anything", mode="text")  # which waits until the text is indexed
    return lambda text: space.search(text, K).keys, lambda text: space.search(text, K, where="allowed").keys


def _tantivy(folder: Path, batches: list[list[str]]) -> Asks:
    import tantivy

    schema = tantivy.SchemaBuilder().add_text_field("body", tokenizer_name="en_stem").build()
    index = tantivy.Index(schema, path=str(folder))
    writer = index.writer(heap_size=256_000_000, num_threads=1)
    for batch in batches:
        for text in batch:
            document = tantivy.Document()
            document.add_text("body", text)
            writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def ask(text: str) -> object:
        words = "".join(letter if letter.isalnum() else " " for letter in text)
        return searcher.search(index.parse_query(words, ["body"]), K, count=False).hits

    return ask, None


def _fts5(folder: Path, batches: list[list[str]]) -> Asks:
    connection = sqlite3.connect(folder / "text.sqlite")
    connection.execute("CREATE VIRTUAL TABLE texts USING fts5(body, content='', tokenize='porter unicode61')")
    number = 0
    for batch in batches:
        connection.executemany("INSERT INTO texts(rowid, body) VALUES (?, ?)", enumerate(batch, number))
        number += len(batch)
    connection.commit()

    def ask(text: str) -> object:
        words = "".join(letter if letter.isalnum() else " " for letter in text).split()
        match = " OR ".join(f'"{word}"' for word in words)
        query = "SELECT rowid, bm25(texts) FROM texts WHERE texts MATCH ? ORDER BY 2 LIMIT ?"
        return connection.execute(query, (match, K)).fetchall()

    return ask, None


def _space(rows: int) -> dict[str, Any]:
    import kinspace as ks

    set_ = corpus.debian()
    vectors = np.resize(set_.vectors, (rows, set_.vectors.shape[1]))
    vectors = vectors + np.random.default_rng(5).normal(0, 0.01, vectors.shape).astype(np.float32)
    columns = pl.DataFrame(
        {
            "section": np.resize(set_.rows["section"].to_numpy(), rows),
            "installed_kib": np.resize(set_.rows["installed_kib"].to_numpy(), rows),
            "text": [text for batch in texts(rows) for text in batch],
        }
    )
    found: dict[str, Any] = {"searches": []}
    with harness.scratch() as folder, ks.connect(folder) as hub:
        keys = [f"row-{number}" for number in range(rows)]
        hub.create_space("warm", dims=vectors.shape[1]).load(keys=keys[:10_000], vectors=vectors[:10_000])
        space = hub.create_space("alone", dims=vectors.shape[1])
        begin = time.perf_counter()
        space.load(keys=keys, vectors=vectors)
        found["alone"] = time.perf_counter() - begin
        for name in ("warm", "alone"):
            hub.delete_space(name)
        space = hub.create_space("docs", dims=vectors.shape[1])
        begin = time.perf_counter()
        space.load(keys=keys, vectors=vectors, columns=columns)
        found["load"] = time.perf_counter() - begin
        begin = time.perf_counter()
        space.index_text("text")
        space.search("anything", mode="text")  # which waits until the text is indexed
        found["text"] = time.perf_counter() - begin
        begin = time.perf_counter()
        space.index()
        found["index"] = time.perf_counter() - begin
        for mode in ("text", "vector", "hybrid"):
            for where in (None, "section = 'games'", "installed_kib > 1000"):
                vector_of = dict(zip(questions(), set_.queries, strict=False))

                def ask(text: str) -> object:
                    vector = None if mode == "text" else vector_of[text]  # noqa: B023  # called before the next turn
                    return space.search(text, K, mode=mode, vector=vector, where=where).keys  # noqa: B023

                found["searches"].append({"mode": mode, "where": where, **_spread(_times(ask, questions()))})
    return found


if __name__ == "__main__":
    main()
