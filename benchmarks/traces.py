"""What traces cost where none are made: what a group commit calls, against what a group costs in all."""

import time
from collections.abc import Callable, Mapping

from app.core import tracing
from benchmarks.report import Report, at_most
from benchmarks.rig import Rig
from benchmarks.statistics import interleaved

GROUP = 16  # requests
CALL_US = 270  # µs of the API's processor time for a call among 32 connections: `intake` measures it
LIMIT = 0.01  # of it
_ROUNDS = 7
_NOTHING: Mapping[str, int] = {"requests": GROUP}


def run(_: Rig, quick: bool) -> Report:
    """Do what traces are asked for a group, without an endpoint."""
    number = 1_000 if quick else 20_000
    ways: dict[str, Callable[[], float]] = {"traces": lambda: _seconds(number)}
    took = interleaved(ways, _ROUNDS)["traces"] / number / GROUP
    figures = [at_most("traces that nobody makes, of a call", took * 1e6 / CALL_US, LIMIT, "times a call")]
    return Report(f"Traces without an endpoint, {took * 1e6:.2f} µs a request", figures)


def _seconds(number: int) -> float:
    assert not tracing.is_on()
    began = time.perf_counter()
    for _ in range(number):
        for _ in range(GROUP):
            tracing.traceparent()
        with tracing.shared_span("group commit", (), _NOTHING), tracing.shared_span("kick", (), _NOTHING):
            pass
    return time.perf_counter() - began
