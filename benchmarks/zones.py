"""Many zones with requests at the same time, and two worker processes: how fast, and is a zone starved?"""

import time
from statistics import median

from benchmarks.peers.nsupdate import nsupdate
from benchmarks.report import Figure, Report, beside
from benchmarks.rig import Rig, addresses

EACH = 100  # requests


def run(rig: Rig, quick: bool) -> Report:
    """100 requests in each of 100 zones, all kicked at once, beside one `nsupdate` for each zone."""
    number = 10 if quick else 100
    zones = [rig.new_zone() for _ in range(number)]
    taken = rig.time_to_settle(zones, [resource for zone in zones for resource in addresses(zone, EACH)])
    assert rig.count_requests(zones, "succeeded") == rig.count_records(zones) == number * EACH
    ended, worked = _seconds_to_settle(rig, zones)
    others = [rig.new_zone() for _ in range(number)]
    began = time.perf_counter()
    for zone in others:
        nsupdate(rig, zone, addresses(zone, EACH))
    bare = time.perf_counter() - began
    return Report(
        f"{number} zones with {EACH} requests each",
        [
            Figure("until the last is recorded", taken, "s"),
            Figure("zones", number / taken, "/s"),
            Figure("requests", number * EACH / taken, "/s"),
            Figure("first zone done after", ended[0], "s"),
            Figure("half of the zones done after", median(ended), "s"),
            Figure("last zone done after", ended[-1], "s"),
            Figure("a zone's own run, longest / median", max(worked) / median(worked)),
            beside("nsupdate zone by zone, applied", bare, "s"),
            Figure("ours / nsupdate", taken / bare),
        ],
        "No zone is starved: zones take turns, so half of them should be done after half of the time.",
    )


def _seconds_to_settle(rig: Rig, zones: list[str]) -> tuple[list[float], list[float]]:
    """Return for each zone the seconds until its last request was settled, sorted.

    The first list counts from the first claim in any zone, the second from the first one in the zone itself.
    """
    rows = rig.query(
        "SELECT extract(epoch FROM max(finished_at) - min(min(started_at)) OVER ())::float,"
        " extract(epoch FROM max(finished_at) - min(started_at))::float"
        " FROM dns_requests WHERE zone = ANY(%s) GROUP BY zone ORDER BY 1",
        zones,
    )
    return [row[0] for row in rows], [row[1] for row in rows]
