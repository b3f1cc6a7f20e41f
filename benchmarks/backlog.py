"""Many pending requests in one zone: how long until all are applied, verified and recorded?"""

from collections.abc import Callable, Sequence

from benchmarks.peers.nsupdate import nsupdate
from benchmarks.peers.octodns import octodns
from benchmarks.report import Figure, Report, at_most, beside
from benchmarks.rig import Resource, Rig, addresses
from benchmarks.statistics import interleaved


def run(rig: Rig, quick: bool) -> Report:
    """10,000 new A records, each way in a zone of its own. The worker gets the zone when the clock starts."""
    number, rounds = (2_000, 1) if quick else (10_000, 3)
    ways = {
        "ours": lambda: _ours(rig, number),
        "octodns": lambda: _peer(octodns, rig, number),
        "nsupdate": lambda: _peer(nsupdate, rig, number),
    }
    taken = interleaved(ways, rounds)
    return Report(
        f"{number:,} pending requests in one zone (median of {rounds})",
        [
            Figure("applied, verified and recorded", taken["ours"], "s"),
            beside("octoDNS, applied", taken["octodns"], "s"),
            beside("nsupdate, applied", taken["nsupdate"], "s"),
            at_most("ours / octoDNS", taken["ours"] / taken["octodns"], 1),
            Figure("ours / nsupdate", taken["ours"] / taken["nsupdate"]),
            Figure("requests", number / taken["ours"], "/s"),
        ],
    )


def _ours(rig: Rig, number: int) -> float:
    zone = rig.new_zone()
    taken = rig.time_to_settle([zone], addresses(zone, number))
    assert rig.count_requests([zone], "succeeded") == rig.count_records([zone]) == number
    return taken


def _peer(way: Callable[[Rig, str, Sequence[Resource]], float], rig: Rig, number: int) -> float:
    zone = rig.new_zone()
    return way(rig, zone, addresses(zone, number))
