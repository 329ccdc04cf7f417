"""What a person or a program sees: tables that fit the terminal, and JSON."""

from __future__ import annotations

import base64
import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

GAP = 2  # spaces between columns
MARK = "\0"  # begins and ends what is bold in an extract
SHORT, TITLE, LONG = 24, 40, 120  # texts up to SHORT are shown whole; up to LONG they are titles, beyond it prose
NUMBERS = ("distance", "_score", "rows", "bytes")  # right-aligned even where they are text already


def console(*, stderr: bool = False) -> Console:
    """Return a rich console on stdout or stderr as they are now."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def print_json(thing: object) -> None:
    """Print one JSON document: indented for a person at a terminal, one line for a program."""
    print(json.dumps(plain(thing), indent=2 if sys.stdout.isatty() else None, allow_nan=False))


def plain(thing: Any) -> Any:
    """Return what JSON can hold: NaN and infinity become null, bytes base64, times and decimals text, arrays lists.

    >>> import datetime, numpy as np
    >>> plain({"a": np.float32([1.5, float("nan")]), "b": datetime.date(2026, 1, 2), 3: b"x"})
    {'a': [1.5, None], 'b': '2026-01-02', '3': 'eA=='}
    """
    if thing is None or isinstance(thing, (bool, int, str)):
        return thing
    if isinstance(thing, float):
        return thing if math.isfinite(thing) else None
    if isinstance(thing, dict):
        return {str(key): plain(value) for key, value in thing.items()}
    if isinstance(thing, bytes):
        return base64.b64encode(thing).decode()
    if isinstance(thing, (list, tuple, set)):
        return [plain(value) for value in thing]
    for method in ("tolist", "to_list"):  # NumPy, Polars
        if hasattr(thing, method):
            return plain(getattr(thing, method)())
    return str(thing)


def cell(value: object) -> str:
    r"""Return a value as one line of text without control characters.

    >>> cell("two\nlines"), cell(1234.5678), cell(None), cell(["a", "b"]), cell(1234567)
    ('two lines', '1234.57', '', 'a, b', '1234567')
    """
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(cell, value[:20]))
    text = value if isinstance(value, str) else str(plain(value))
    text = " ".join(text[:1_000].split())
    return "".join(character if character.isprintable() else "·" for character in text)


def table(
    rows: Sequence[dict[str, Any]],
    columns: Sequence[str],
    width: int,
    *,
    first: str = "",
    header: bool = True,
    fixed: dict[str, int] | None = None,
    wrap: bool = False,
) -> Table:
    """Return a table no wider than `width`: long texts are cut with an ellipsis, or wrapped.

    Parameters
    ----------
    rows : sequence of dict
    columns : sequence of str
        Which keys of the rows to show, in order.
    width : int
        Characters; every column gets what it needs, or an equal share of what the short ones leave.
    first : str
        The column to set off (a key, say).
    header : bool
        Whether the columns' names are shown.
    fixed : dict, optional
        Widths that are decided already.
    wrap : bool
        Whether a long text goes on in the next line.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    texts = {name: [cell(row.get(name)) for row in rows] for name in columns}
    wanted = {name: max(map(_columns_wide, [name if header else "", *texts[name]])) for name in columns}
    widths = share(width - 1, wanted | (fixed or {}))
    shown = Table(
        box=box.SIMPLE_HEAD if header else None,
        pad_edge=False,
        padding=(0, GAP - header, 0, 0),  # with a header there is a divider too
        show_edge=False,
        show_header=header,
        header_style="bold",
    )
    for name in columns:
        numeric = name in NUMBERS or any(isinstance(row.get(name), (int, float)) for row in rows)
        shown.add_column(
            Text(name),
            width=widths[name],
            no_wrap=not wrap,
            overflow="fold" if wrap else "ellipsis",
            justify="right" if numeric else "left",
            style="cyan" if name == first else "",
        )
    for number in range(len(rows)):
        shown.add_row(*(Text(texts[name][number]) for name in columns))
    return shown


def fields(told: dict[str, Any]) -> Table:
    """Return names and values, one pair a line; long values wrap."""
    from rich.table import Table
    from rich.text import Text

    shown = Table.grid(padding=(0, GAP, 0, 0))
    shown.add_column(style="bold", no_wrap=True)
    shown.add_column(overflow="fold")
    for name, value in told.items():
        shown.add_row(Text(name), Text(cell(value)))
    return shown


def hits_table(rows: Sequence[dict[str, Any]], columns: Sequence[str], width: int, *, chosen: bool) -> Table:
    """Return a search's answer: distance, or _score, key, and the chosen columns or those that fit."""
    measure = "_score" if "_score" in rows[0] else "distance"
    shown = [row | {measure: f"{row[measure]:.4f}"} for row in rows]
    key_wide = min(max(SHORT, width // 3), max(_columns_wide(cell(row["key"])) for row in rows))
    names = list(columns) if chosen else telling(rows, columns, width - len(measure) - key_wide - 2 * GAP)
    return table(shown, [measure, "key", *names], width, first="key")


def marked(key: object, extract: str) -> Text:
    """Return a row's key and an extract of its text, on one line, bold between each two MARKs."""
    from rich.text import Text

    line = Text(f"{cell(key)}: ", style="dim")
    for place, piece in enumerate(extract.split(MARK)):
        shown = cell(f".{piece}.")[1:-1]  # with the spaces at its ends
        line.append(shown, style="bold not dim" if place % 2 else "")
    return line


def share(width: int, wanted: dict[str, int]) -> dict[str, int]:
    """Return a width for each column: what it wants if that is little, else an equal share of the rest.

    >>> share(40, {"distance": 8, "key": 14, "text": 300})
    {'distance': 8, 'key': 13, 'text': 13}
    """
    left = width - GAP * len(wanted)
    granted: dict[str, int] = {}
    for place, name in enumerate(sorted(wanted, key=wanted.__getitem__)):
        granted[name] = max(1, min(wanted[name], left // (len(wanted) - place)))
        left -= granted[name]
    return {name: granted[name] for name in wanted}


def telling(rows: Sequence[dict[str, Any]], columns: Iterable[str], width: int) -> list[str]:
    """Return the columns that say most in `width` characters, in their own order.

    First come texts that differ from row to row and are no prose (titles, names), then short values, then the rest.
    """
    order = list(columns)
    ranked: list[tuple[int, float, int, str]] = []
    for place, name in enumerate(order):
        texts = [cell(row.get(name)) for row in rows]
        longest = max(map(_columns_wide, texts), default=0)
        title = SHORT / 2 <= longest <= LONG and len(set(texts)) > len(texts) / 2 and isinstance(rows[0].get(name), str)
        need = GAP + max(_columns_wide(name), min(longest, TITLE if title else SHORT))
        if title:
            ranked.append((0, -sum(map(len, texts)), need, name))  # the longest tells most
        else:
            ranked.append((1 if 0 < longest <= SHORT else 2, place, need, name))
    chosen: set[str] = set()
    for _, _, need, name in sorted(ranked):
        if need <= width:
            chosen.add(name)
            width -= need
    return [name for name in order if name in chosen]


def _columns_wide(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def duration(seconds: float) -> str:
    """Return a time as a person would say it.

    >>> duration(0.000321), duration(0.0123), duration(3.21), duration(75)
    ('0.32 ms', '12.3 ms', '3.21 s', '1 min 15 s')
    """
    if seconds < 0.01:
        return f"{seconds * 1e3:.2f} ms"
    if seconds < 1:
        return f"{seconds * 1e3:.1f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def size(count: int) -> str:
    """Return a number of bytes as a person would say it.

    >>> size(512), size(1536), size(98_000_000)
    ('512 B', '1.5 KiB', '93.5 MiB')
    """
    number = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"
