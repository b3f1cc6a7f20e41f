"""`python -m benchmarks.plots RESULTS FOLDER`: draw the figures that `python -m benchmarks --output` wrote.

It needs matplotlib, which is in the environment that `make bench` makes for the benchmarks.
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
_WIDE = 50  # ratio of the largest value to the smallest from which on the axis is logarithmic
_STYLE = {"svg.hashsalt": "benchmarks", "svg.fonttype": "none", "font.size": 9, "font.family": "sans-serif"}


def main() -> None:
    """Draw a bar chart for each benchmark and unit with more than one figure."""
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
    """Return the figures by unit, where there are several of it. Ratios have no unit and are not drawn."""
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
    """Return a file name of letters and hyphens, without numbers, as those differ from run to run."""
    return re.sub(r"[^a-z]+", "-", text.replace("/s", "per-second").lower()).strip("-")


if __name__ == "__main__":
    main()
