"""What a drain counts: runs, what they say, and how long requests take."""

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from app.core import metrics
from app.domain.change import ChangeResult
from app.domain.lifecycle import Status
from app.domain.settlement import Decision
from app.runner.protocol import RunResult
from app.store.queue import Item

_SETTLED = (Status.SUCCEEDED, Status.FAILED)


def count_run(backend: str, items: Sequence[Item], result: RunResult, seconds: float) -> None:
    """Count a run, what it has said of its changes, and how long those took that it has applied."""
    end = result.why or ("ok" if result.rc == 0 and result.fault is None else "failed")
    metrics.RUNS.inc(backend=backend, end=end)
    metrics.RUN_SECONDS.observe(seconds, backend=backend)
    metrics.RUN_CHANGES.observe(len(items))
    for rcode, number in result.update_rcodes.items():
        metrics.DNS_UPDATES.inc(number, rcode=rcode)
    metrics.DNS_UPDATE_SECONDS.observe(*(update.seconds for update in result.updates))
    said = [result.trusted(item.id) for item in items]
    for (outcome, code), number in Counter(map(_outcome, said)).items():
        metrics.RUN_RESULTS.inc(number, outcome=outcome, code=code)
    applied = [item for item, each in zip(items, said, strict=True) if each is not None and each.code is None]
    metrics.REQUEST_APPLIED_SECONDS.observe(*_latencies(applied))


def count_settled(
    items: Sequence[Item], decisions: Mapping[UUID, Decision], settled: Collection[UUID]
) -> None:
    """Count the requests that have succeeded or failed, and how long those took that have succeeded."""
    fates = [(item, decisions[item.id]) for item in items if item.id in settled]
    for (status, code), number in Counter((fate.status, fate.code or "none") for _, fate in fates).items():
        if status in _SETTLED:
            metrics.REQUESTS_SETTLED.inc(number, status=status, code=code)
    succeeded = [item for item, fate in fates if fate.status is Status.SUCCEEDED]
    metrics.REQUEST_VERIFIED_SECONDS.observe(*_latencies(succeeded))


def _outcome(said: ChangeResult | None) -> tuple[str, str]:
    return ("unknown", "none") if said is None else (said.outcome, said.code or "none")


def _latencies(items: Sequence[Item]) -> list[float]:
    now = time.monotonic()
    return [now - item.accepted_at for item in items if item.accepted_at is not None]
