"""The tables of metrics, as app/core/metrics.py declares them."""

import inspect
import re
from collections.abc import Iterator

from app.core import metrics
from app.core.metric_types import Histogram, Metric

_GROUP = re.compile(r"# (?P<group>The [^\n]+)|(?P<name>[A-Z_]+) = (?:Counter|Gauge|Histogram)\(")


def tables() -> str:
    """Return a table for each group of metrics; a group begins with a comment."""
    lines: list[str] = []
    for group, metric in listed():
        if group:
            lines += ["", f"## {group}", "| metric | kind | labels | what it is |", "|---|---|---|---|"]
        lines.append(
            f"| `{metric.name}{metric.ending}` | {metric.kind} | {_labels(metric)} | {_words(metric)} |"
        )
    return "\n".join(lines)


def listed() -> Iterator[tuple[str, Metric]]:
    """Yield each metric, and the first of a group with the group's name."""
    group = ""
    for line in inspect.getsource(metrics).splitlines():
        if found := _GROUP.match(line):
            if found["group"]:
                group = found["group"]
            else:
                yield group, getattr(metrics, found["name"])
                group = ""


def _labels(metric: Metric) -> str:
    return "; ".join(f"`{label}`: {bound}" for label, bound in metric.labels.items())


def _words(metric: Metric) -> str:
    if not isinstance(metric, Histogram):
        return metric.words
    return f"{metric.words} Buckets: {', '.join(f'{each:g}' for each in metric.buckets)}."
