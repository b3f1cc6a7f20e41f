"""One request while nothing else goes on: from the POST until the DNS server answers it."""

import secrets
import time
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from benchmarks.peers.nsupdate import nsupdate
from benchmarks.report import Figure, Report, at_most, beside
from benchmarks.rig import Resource, Rig, rig
from benchmarks.statistics import percentile
from benchmarks.watch import seconds_until_answered

_PER_ROUND = 4  # requests, for each one with a cold ansible-playbook


class Took(NamedTuple):
    """Seconds from the POST until the DNS server answered, and until the API said `succeeded`."""

    answered: float
    succeeded: float


def run(warm: Rig, quick: bool) -> Report:
    """Single requests with the fork server, with a cold `ansible-playbook`, and by `nsupdate`, in turns."""
    rounds = 2 if quick else 10
    ours: list[Took] = []
    scratch: list[Took] = []
    bare: list[float] = []
    with rig(ANSIBLE_FORK_SERVER="false") as cold:
        zones = warm.new_zone(), cold.new_zone(), warm.new_zone()
        for _ in range(rounds):
            ours += [_one(warm, zones[0]) for _ in range(_PER_ROUND)]
            scratch.append(_one(cold, zones[1]))
            bare.append(nsupdate(warm, zones[2], [_address(zones[2])]))
    return _report(ours, scratch, bare)


def _report(ours: Sequence[Took], scratch: Sequence[Took], bare: Sequence[float]) -> Report:
    answered = [took.answered for took in ours]
    cold = median(took.answered for took in scratch)
    return Report(
        f"One request while idle ({len(ours)} requests)",
        [
            at_most("POST until answered, p50", 1000 * median(answered), 120, "ms"),
            at_most("POST until answered, p95", 1000 * percentile(answered, 95), 250, "ms"),
            Figure("POST until succeeded, p50", 1000 * median(took.succeeded for took in ours), "ms"),
            Figure("POST until succeeded, p95", 1000 * percentile([t.succeeded for t in ours], 95), "ms"),
            beside(f"with a cold ansible-playbook, answered, p50 of {len(scratch)}", 1000 * cold, "ms"),
            beside("nsupdate, p50", 1000 * median(bare), "ms"),
            at_most("ours / cold ansible-playbook", median(answered) / cold, 0.125),
            Figure("ours / nsupdate", median(answered) / median(bare)),
        ],
    )


def _one(rig: Rig, zone: str) -> Took:
    resource = _address(zone)
    body = {"context": {"account_id": "benchmark"}, "resource": resource}
    began = time.perf_counter()
    request_id = rig.api.post("/dns/create", json=body).raise_for_status().json()["id"]
    answered = seconds_until_answered(rig.address, rig.port, str(resource["domain"]), began)
    while rig.api.get(f"/dns/requests/{request_id}").json()["status"] != "succeeded":
        time.sleep(0.005)
    took = Took(answered, time.perf_counter() - began)
    rig.wait_until_settled([zone])
    time.sleep(0.1)  # until the worker is idle
    return took


def _address(zone: str) -> Resource:
    return {"record_type": "A", "domain": f"{secrets.token_hex(6)}.{zone}", "target": "192.0.2.1"}
