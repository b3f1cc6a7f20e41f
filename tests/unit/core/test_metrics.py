"""Metrics: their names, and that nobody can make the number of their series grow."""

import re
from collections.abc import Iterable
from copy import copy, deepcopy

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.core import metrics
from app.core.metric_types import NAMESPACE, OTHER, Counter, Gauge, Histogram, Metric, OneOf, UpTo
from app.core.partitioning import TABLES
from app.domain.change import Action, Outcome, Via
from app.domain.lifecycle import OPEN
from app.domain.retry_policy import Scope
from docs.generate.metrics import listed

HOSTILE = ['x"} 1\n', "\\", "\x00", "ünï", "", "a" * 10_000, *map(str, range(1_000))]
UNITS = (
    "seconds",
    "requests",
    "changes",
    "messages",
    "events",
    "rrsets",
    "webhooks",
    "deliveries",
    "zones",
    "limit",
    "open",
    "up",
    "behind",
    "partitions",
    "rows",
)


def anew(metric: Metric) -> Metric:
    """The metric, as a process has it that has counted nothing."""
    fresh = copy(metric)
    fresh.labels = deepcopy(metric.labels)
    return fresh


def shown(registry: CollectorRegistry) -> Iterable[tuple[str, tuple[tuple[str, str], ...]]]:
    """The series, as Prometheus reads them."""
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            yield sample.name, tuple(sorted(sample.labels.items()))


def most(bound: OneOf | UpTo) -> int:
    return len(bound.words) + 1 if isinstance(bound, OneOf) else int(str(bound).split()[0]) + 1


def test_the_closed_sets_are_those_of_the_domain() -> None:
    assert set(metrics.DOORS) == set(Via)
    assert set(metrics.ACTIONS) == set(Action)
    assert set(metrics.OPEN) == set(OPEN)
    assert set(metrics.OUTCOMES) == {*Outcome, "unknown"}
    assert set(metrics.SCOPES) == set(Scope)
    assert set(metrics.TABLES) == {table.name for table in TABLES}


def test_every_metric_is_in_a_group() -> None:
    assert [metric for _, metric in listed()] == Metric.declared


@pytest.mark.parametrize("metric", Metric.declared, ids=lambda metric: metric.name)
def test_names_keep_the_conventions(metric: Metric) -> None:
    assert re.fullmatch(rf"{NAMESPACE}(_[a-z]+)+", metric.name)
    assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket", "_info"))
    assert (metric.ending == "_total") == isinstance(metric, Counter)
    assert isinstance(metric, Counter) or metric.name.endswith(UNITS)
    assert re.fullmatch(r"[A-Z].*\.", metric.words)
    assert all(re.fullmatch(r"[a-z]+", label) for label in metric.labels)


@pytest.mark.parametrize("metric", Metric.declared, ids=lambda metric: metric.name)
def test_labels_have_a_bound(metric: Metric) -> None:
    registry = CollectorRegistry()
    fresh = anew(metric)
    fresh.make(registry)
    for value in HOSTILE:
        labels = dict.fromkeys(fresh.labels, value)
        if isinstance(fresh, Counter):
            fresh.inc(2, **labels)
        elif isinstance(fresh, Histogram):
            fresh.observe(0.1, 99_999, **labels)
    if isinstance(fresh, Gauge):
        registry.register(
            metrics.Families([fresh.family({(value,) * len(fresh.labels): 1.0 for value in HOSTILE})])
        )
    series = list(shown(registry))
    assert len(series) == len(set(series))
    each = len(fresh.buckets) + 4 if isinstance(fresh, Histogram) else 2  # also when it began
    bound = max([most(bound) for bound in fresh.labels.values()], default=1)
    assert 0 < len(series) <= each * bound


def test_what_is_beyond_a_bound_is_counted_as_other() -> None:
    registry = CollectorRegistry()
    counter = Counter.__new__(Counter)
    counter.name, counter.words = f"{NAMESPACE}_tried", "Tried."
    counter.labels = {"door": OneOf("api"), "code": UpTo(2)}
    counter.make(registry)
    for code in ("a", "b", "c", "d", "a"):
        counter.inc(door="window", code=code)
    values = {
        code: registry.get_sample_value(f"{counter.name}_total", {"door": OTHER, "code": code})
        for code in "abc"
    }
    assert values == {"a": 2, "b": 1, "c": None}
    assert registry.get_sample_value(f"{counter.name}_total", {"door": OTHER, "code": OTHER}) == 2


def test_a_histogram_takes_many_as_it_takes_them_one_by_one() -> None:
    amounts = (0.05, 0.051, 0.0001, 7.0, 900.0, 901.0, 0.0)
    found = []
    for together in (True, False):
        registry = CollectorRegistry()
        histogram = anew(metrics.REQUEST_VERIFIED_SECONDS)
        assert isinstance(histogram, Histogram)
        histogram.make(registry)
        if together:
            histogram.observe(*amounts)
        else:
            for amount in amounts:
                histogram.observe(amount)
        text = generate_latest(registry).decode()
        found.append([line for line in text.splitlines() if "_created" not in line])
    assert found[0] == found[1]
    assert f'{metrics.REQUEST_VERIFIED_SECONDS.name}_bucket{{le="0.05"}} 3.0' in found[0]
    assert f"{metrics.REQUEST_VERIFIED_SECONDS.name}_count 7.0" in found[0]
