"""Metrics as Prometheus reads them."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from tests.support import http

PREFIX = "dns_orchestrator_"
Series = tuple[str, frozenset[tuple[str, str]]]  # a name without the prefix, and labels
Values = Mapping[Series, float]


def parse(text: str) -> Values:
    """The value of each series of ours, without the times when they began."""
    return {
        (sample.name.removeprefix(PREFIX), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if family.name.startswith(PREFIX) and not sample.name.endswith("_created")
    }


def scrape(port: int) -> Values:
    """What the process shows that listens there."""
    return parse(http.get(f"http://127.0.0.1:{port}/metrics", timeout=10).raise_for_status().text)


def value(found: Values, name: str, **labels: str) -> float:
    """The value of a series; 0 where there is none."""
    return found.get((name, frozenset(labels.items())), 0.0)


def total(found: Values, name: str, **labels: str) -> float:
    """The sum of the series that have these labels, and maybe others."""
    return sum(
        each for (shown, has), each in found.items() if shown == name and labels.items() <= dict(has).items()
    )
