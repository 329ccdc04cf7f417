"""Approximate search beside every peer PyPI has: recall and queries per second, build time, memory.

Each engine runs in a process of its own: it builds on two threads, then answers one query at a time on one CPU, through
its own Python API. Its knob is swept; what counts is the front of (recall@10, queries/s), read off at .90, .95 and .99.
Recall is strict: against a scan in double precision, a different row counts only if it ties.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from .. import harness
from . import engines, filtered, growth, masks, plot, report, sets
from .fashion import Unobtainable
from .process import Failed, Running
from .sets import HELD, Prepared
from .sweep import Swept, build, sweep

SHORT_ROWS = 25_000
SHORT_ENGINES = ("kinspace", "symphonyqg", "hnswlib", "faiss-hnsw")
UNFILTERED = [name for name in engines.ENGINES if name != "kinspace-ids"]


def main() -> None:
    options = _options()
    if options.list:
        _list()
    elif options.plot:
        plot.draw(report.kept("compare"), plot.DOCS)
    elif options.filtered:
        _filtered(options)
    elif options.growth:
        _growth(options)
    else:
        _compare(options)


def _options() -> argparse.Namespace:
    parser = harness.arguments(__doc__, "default 3, 1 with --short")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--set", nargs="+", choices=sets.SETS, help="sets (default minilm fashion; all with --full)")
    parser.add_argument("--engine", nargs="+", choices=engines.ENGINES, help="engines (default all that are installed)")
    parser.add_argument("--full", action="store_true", help="all sets")
    parser.add_argument("--rows", type=int, help="only so many first rows of each set")
    parser.add_argument("--in-turn", action="store_true", help="all engines at once in memory, pass by pass: A B A B")
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: searches only, on a busy machine"
    )
    parser.add_argument("--filtered", action="store_true", help="search under masks of 0.1 to 50 per cent of the rows")
    parser.add_argument(
        "--growth", action="store_true", help="build and search at several sizes of a set (million, minilm)"
    )
    parser.add_argument("--plot", action="store_true", help="only draw the plot again, from the results kept")
    parser.add_argument("--list", action="store_true", help="only say which engines are installed")
    options = parser.parse_args()
    options.passes = options.passes or (1 if options.short else 3)
    looks = ("-short" if options.short or options.rows else "") + ("-cpu" if options.clock == "cpu" else "")
    options.results = f"compare{looks}"  # figures to publish are kept apart from looks
    options.masks = masks.SHORT if options.short else masks.ALL
    options.set = options.set or list(sets.SETS if options.full else ("minilm", "fashion"))
    options.rows = options.rows or (SHORT_ROWS if options.short else None)
    return options


def _compare(options: argparse.Namespace) -> None:
    names = options.engine or (SHORT_ENGINES if options.short else UNFILTERED)
    for prepared in _prepared(options):
        title = prepared.about["title"]
        print(f"{title}:", flush=True)
        there, failures = _there(names)
        measured = {}
        for group in [there] if options.in_turn else [[each] for each in there]:
            for engine, swept in _measure(prepared, group, options, failures).items():
                measured[engine] = {**report.measured(swept), "date": time.strftime("%Y-%m-%d"), "clock": options.clock}
        report.show(title, measured, failures)
        results = {"title": title, "metric": prepared.metric, "engines": measured}
        report.keep(options.results, "sets", prepared.folder.name, results)
    plot.draw(report.kept(options.results), plot.DOCS if options.results == "compare" else sets.CACHE)


def _prepared(options: argparse.Namespace) -> Iterator[Prepared]:
    """Yield the sets asked for, ready; one that cannot be had is named and left out."""
    for name in options.set:
        try:
            yield sets.prepare(name, options.rows)
        except Unobtainable as missing:
            print(f"not measured: {name}: {missing}", flush=True)


def _there(names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Split the engines into those that are installed and those that are not, with why."""
    why = {name: engines.absent(name) for name in names}
    return [name for name in names if why[name] is None], {name: text for name, text in why.items() if text}


def _measure(
    prepared: Prepared, names: Sequence[str], options: argparse.Namespace, failures: dict[str, str]
) -> dict[str, Swept]:
    """Build the engines and sweep them in turn; those that fail are left out, and why is noted."""
    with ExitStack() as processes:
        built: dict[str, Swept] = {}
        for name in names:
            running = processes.enter_context(Running(name, prepared, options.clock))
            try:
                built[name] = build(running)
                print(f"  {name} built in {built[name].build['seconds']:.1f} s", flush=True)
            except Failed as failed:
                failures[name] = str(failed)
        for kind in prepared.kinds():
            for name, why in sweep(built, kind, options.passes, thin=2 if options.short else 1).items():
                failures[name] = why
                del built[name]
        return built


def _filtered(options: argparse.Namespace) -> None:
    names, failures = _there(options.engine or filtered.ENGINES)
    unable = [name for name in names if not engines.ENGINES[name].filters]
    failures |= dict.fromkeys(unable, "no filter in its Python API")
    for prepared in _prepared(options):
        print(f"{prepared.about['title']}, filtered:", flush=True)
        able = [name for name in names if name not in unable]
        reached, failed = filtered.measure(prepared, able, options.masks, options.passes, options.clock)
        filtered.show(prepared.about["title"], reached)
        report.missing(failures | failed)
        report.keep(options.results, "filtered", prepared.folder.name, {"masks": reached})


def _growth(options: argparse.Namespace) -> None:
    names, failures = _there(options.engine or growth.ENGINES)
    for name in [name for name in options.set if name in growth.SIZES] or list(growth.SIZES):
        sizes = (growth.SHORT_SIZES if options.short else growth.SIZES)[name]
        thin = 2 if options.short else 1
        grown, failed = growth.measure(name, names, sizes, options.passes, options.clock, thin=thin)
        growth.show(name, grown)
        report.missing(failures | failed)
        report.keep(options.results, "growth", f"{name}-{HELD}", {"grown": grown})


def _list() -> None:
    harness.show(
        "**Engines**",
        ["", "package", ""],
        [[name, choice.imports, engines.absent(name) or "installed"] for name, choice in engines.ENGINES.items()],
    )


if __name__ == "__main__":
    main()
