"""The types of metrics: Prometheus's, of which no label takes more values than are known beforehand.

They are declared when modules are imported, and count from `make` on: only then is it known whether the
processes of a group count together (metrics_folder.py). Before that, and where nobody looks, they do nothing.
"""

import os
from bisect import bisect_left
from collections import Counter as Numbers
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import ClassVar, TypeVar

import prometheus_client
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

NAMESPACE = "dns_orchestrator"
OTHER = "other"  # the value of a label that has no more

Values = TypeVar("Values", bound=tuple[str, ...])  # of the labels, in their order

_turn = Lock()
# A child that is forked while another thread counts would wait for the library's locks for ever.
os.register_at_fork(before=_turn.acquire, after_in_parent=_turn.release, after_in_child=_turn.release)


class OneOf:
    """A label that has one of these values."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __str__(self) -> str:
        return ", ".join(self.words)

    def keep(self, value: str) -> str:
        """Return the value, or OTHER where it is none of them."""
        return value if value in self.words else OTHER


class UpTo:
    """A label whose values operators or the code name: the first ones that are seen, so many at most."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: set[str] = set()

    def __str__(self) -> str:
        return f"{self._most} values at most"

    def keep(self, value: str) -> str:
        """Return the value, or OTHER where there are too many already."""
        if value not in self._seen:
            if len(self._seen) >= self._most:
                return OTHER
            self._seen.add(value)
        return value


class Metric:
    """What all metrics have: a name, what it counts, and what each of its labels may be."""

    kind: ClassVar[str]
    ending: ClassVar[str] = ""  # of the name, as it is shown
    declared: ClassVar[list["Metric"]] = []

    def __init__(self, name: str, words: str, /, **labels: OneOf | UpTo) -> None:
        self.name = f"{NAMESPACE}_{name}"
        self.words = words
        self.labels = labels
        Metric.declared.append(self)

    def values(self, given: Mapping[str, str]) -> tuple[str, ...]:
        """Return the values of the labels, in their order, within their bounds."""
        return tuple([bound.keep(given[label]) for label, bound in self.labels.items()])

    def make(self, registry: CollectorRegistry) -> None:
        """Begin to count."""


class Counter(Metric):
    """Something that happens: its number only grows."""

    kind = "counter"
    ending = "_total"
    _made: prometheus_client.Counter | None = None
    _children: dict[
        tuple[str, ...], prometheus_client.Counter
    ]  # by the values of the labels, to find them soon

    def make(self, registry: CollectorRegistry) -> None:
        """Begin to count."""
        self._children = {}
        made = prometheus_client.Counter(self.name, self.words, tuple(self.labels), registry=registry)
        if len(self.labels) == 1 and isinstance(first := next(iter(self.labels.values())), OneOf):
            for word in first.words:  # there from the first on: a series that begins at 1 has not grown
                made.labels(word)
        self._made = made

    def inc(self, number: int = 1, **labels: str) -> None:
        """Count so many more."""
        if self._made is not None:
            with _turn:
                values = self.values(labels)
                child = self._children.get(values)
                if child is None:
                    child = self._children[values] = self._made.labels(*values) if labels else self._made
                child.inc(number)


class _Histogram(prometheus_client.Histogram):
    """A histogram that takes what many have come to at once: one by one would take three times as long."""

    def observe_all(self, amounts: Iterable[float]) -> None:
        known = list(amounts)
        self._sum.inc(sum(known))
        for place, number in Numbers([bisect_left(self._upper_bounds, each) for each in known]).items():
            self._buckets[place].inc(number)


class Histogram(Metric):
    """How long, or how large, what happens is."""

    kind = "histogram"
    _made: _Histogram | None = None

    def __init__(self, name: str, words: str, buckets: Sequence[float], /, **labels: OneOf | UpTo) -> None:
        super().__init__(name, words, **labels)
        self.buckets = buckets

    def make(self, registry: CollectorRegistry) -> None:
        """Begin to count."""
        names = tuple(self.labels)
        self._made = _Histogram(self.name, self.words, names, buckets=self.buckets, registry=registry)

    def observe(self, *amounts: float, **labels: str) -> None:
        """Count these."""
        if self._made is not None and amounts:
            with _turn:
                made = self._made.labels(*self.values(labels)) if labels else self._made
                if len(amounts) == 1:
                    made.observe(amounts[0])
                else:
                    made.observe_all(amounts)


class Gauge(Metric):
    """How something is at the time when somebody looks: nothing is counted in between."""

    kind = "gauge"

    def family(self, amounts: Mapping[Values, float]) -> GaugeMetricFamily:
        """Return what it is now, by the values of the labels; what stands for OTHER is added up."""
        family = GaugeMetricFamily(self.name, self.words, labels=tuple(self.labels))
        kept: dict[tuple[str, ...], float] = defaultdict(float)
        for given, amount in amounts.items():
            kept[self.values(dict(zip(self.labels, given, strict=True)))] += amount
        for values, amount in kept.items():
            family.add_metric(values, amount)
        return family
