"""The plot: recall against queries per second, a panel for each set, a line for each library, Kinspace on top."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..harness import REPOSITORY
from .engines import ENGINES
from .front import front
from .sets import HELD

DOCS = REPOSITORY / "docs" / "img"
NAME = "compare"
LOW, HIGH = 0.80, 0.9982  # of the recalls shown
TICKS = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995)
RED = "#d1103a"
LOOKS: dict[str, dict[str, Any]] = {  # in the order of the legend
    "Kinspace": {"color": RED, "linewidth": 3.2, "marker": "o", "markersize": 6, "zorder": 6},
    "Kinspace, M 32": {"color": RED, "linewidth": 1.6, "linestyle": (0, (4, 1.5)), "marker": "o", "zorder": 5},
    "SymphonyQG": {"color": "#1f4e9c", "linewidth": 2.0, "marker": "s", "zorder": 4},
    "Glass": {"color": "#0b7d6e", "linewidth": 2.0, "marker": "D", "zorder": 4},
    "hnswlib": {"color": "#e08a00", "linewidth": 2.0, "marker": "^", "zorder": 4},
    "Faiss HNSW": {"color": "#5aa9d6", "marker": "v"},
    "RaBitQ HNSW": {"color": "#8e6bb5", "marker": "s"},
    "LoRANN": {"color": "#6a9a3b", "marker": "P"},
    "VSAG": {"color": "#b06a4f", "marker": "X"},
    "ScaNN": {"color": "#3f8f8a", "marker": "<"},
    "SVS": {"color": "#c46a9e", "marker": ">"},
    "USearch": {"color": "#7d7d2e", "marker": "d"},
    "zvec": {"color": "#777777", "marker": "h"},
    "Faiss flat (exact)": {"color": "#5aa9d6", "linestyle": ":", "linewidth": 1.6},
    "NumPy (exact)": {"color": "#777777", "linestyle": ":", "linewidth": 1.6},
}


def draw(results: Mapping[str, Any], folder: Path) -> None:
    """Write compare.png and compare.svg for the sets in the results."""
    try:
        import matplotlib
    except ImportError:
        print("no plot: matplotlib is not installed", flush=True)
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    sets = [each for each in results.get("sets", {}).values() if each["engines"]]
    if not sets:
        print("no plot: there are no results", flush=True)
        return
    style = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": NAME}
    with plt.rc_context(style):
        figure, axes = plt.subplots(1, len(sets), figsize=(5.0 * len(sets), 5.4), squeeze=False, layout="constrained")
        drawn: dict[str, Any] = {}
        for axis, each in zip(axes[0], sets, strict=True):
            _panel(axis, each, drawn)
        axes[0][0].set_ylabel("queries per second, one thread")
        names = [name for name in LOOKS if name in drawn]
        columns = min(len(names), 2 * len(sets) + 1)
        figure.legend([drawn[name] for name in names], names, loc="outside lower center", ncols=columns, frameon=False)
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / f"{NAME}.png", dpi=120)
        figure.savefig(folder / f"{NAME}.svg", metadata={"Date": None})
        plt.close(figure)
    print(f"{folder / NAME}.png and .svg drawn", flush=True)


def _panel(axis: Any, results: Mapping[str, Any], drawn: dict[str, Any]) -> None:
    axis.set_xscale("function", functions=(_stretch, _shrink))
    axis.set_yscale("log")
    seen: list[float] = []
    for family, best in _families(results["engines"]).items():
        look = {"linewidth": 1.1, "markersize": 4, **LOOKS[family]}
        if best[0][0] > HIGH:  # exact: it has no knob
            line = axis.axhline(best[-1][1], **{**look, "marker": ""})
        else:
            (line,) = axis.plot([recall for recall, _ in best], [rate for _, rate in best], **look)
        seen += [rate for recall, rate in best if recall >= LOW]
        drawn.setdefault(family, line)
    axis.set_xlim(LOW, HIGH)
    axis.set_xticks(TICKS, [f"{tick:g}".removeprefix("0") for tick in TICKS])
    axis.minorticks_off()
    bottom, top = min(seen, default=1.0) / 1.3, max(seen, default=10.0) * 1.3
    axis.set_ylim(bottom, top)
    rates = [first * 10**decade for decade in range(7) for first in (1, 2, 5)]
    rates = [rate for rate in rates if bottom <= rate <= top]
    axis.set_yticks(rates, [f"{rate:,}" for rate in rates])
    axis.grid(color="#e6e6e6", linewidth=0.7)
    axis.set_axisbelow(True)
    axis.set_title(results["title"], fontsize=10.5)
    axis.set_xlabel("recall@10")


def _families(engines: Mapping[str, Any]) -> dict[str, list[tuple[float, float]]]:
    """Return the front of each library, the best of its settings, those on top last."""
    points: dict[str, list[tuple[float, float]]] = {}
    for name, engine in engines.items():
        swept = engine["queries"].get(HELD, {}).get("points", [])
        found = [(point["recall"], max(point["passes"])) for point in swept if point["passes"]]
        points.setdefault(ENGINES[name].family, []).extend(found)
    return {family: front(points[family]) for family in reversed(LOOKS) if points.get(family)}


def _stretch(recall: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give equal shares of what is still missed equal widths: .9 to .99 is as wide as .99 to .999."""
    return -np.log10(np.maximum(1 - np.asarray(recall), 1e-6))


def _shrink(width: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 - 10 ** -np.asarray(width), np.float64)
