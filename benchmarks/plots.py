"""`python -m benchmarks.plots RESULTS FOLDER`: a picture of each benchmark, from what `--output` wrote.

It needs matplotlib, which is in the environment that `make bench` makes beside the other.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure as Canvas

_OURS, _OTHERS = "#1f6f8b", "#b9c4c9"
_WIDE = 50  # times: from here on the axis is logarithmic
_STYLE = {"svg.hashsalt": "benchmarks", "svg.fonttype": "none", "font.size": 9, "font.family": "sans-serif"}


def main() -> None:
    """Draw all that can be compared."""
    results, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    matplotlib.rcParams.update(_STYLE)
    for report in json.loads(results.read_text())["reports"]:
        for unit, figures in _comparable(report["figures"]).items():
            name = _slug(report["title"].partition(" (")[0])
            path = folder / f"{name}-{_slug(unit)}.svg"
            _draw(report["title"], unit, figures).savefig(path, metadata={"Date": None})
            print(path)


def _comparable(figures: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Figures of the same unit, where there are several; ratios are for the table."""
    units: dict[str, list[Mapping[str, Any]]] = {}
    for figure in figures:
        if figure["unit"]:
            units.setdefault(figure["unit"], []).append(figure)
    return {unit: alike for unit, alike in units.items() if len(alike) > 1}


def _draw(title: str, unit: str, figures: Sequence[Mapping[str, Any]]) -> Canvas:
    canvas = Canvas(figsize=(8, 0.9 + 0.32 * len(figures)), layout="constrained")
    axes = canvas.add_subplot()
    values = [figure["value"] for figure in figures]
    colours = [_OTHERS if figure["other"] else _OURS for figure in figures]
    bars = axes.barh([figure["what"] for figure in figures], values, color=colours)
    axes.bar_label(bars, [f" {value:,.3g}" if value < 100 else f" {value:,.0f}" for value in values])
    axes.invert_yaxis()
    if min(values) > 0 and max(values) / min(values) > _WIDE:
        axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.set_xlabel(unit)
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    return canvas


def _slug(text: str) -> str:
    """Letters and hyphens: numbers in a title differ from run to run."""
    return re.sub(r"[^a-z]+", "-", text.replace("/s", "per-second").lower()).strip("-")


if __name__ == "__main__":
    main()
