"""One bad record among a thousand: the others must not fail, and not wait for long."""

from benchmarks.peers.nsupdate import nsupdate
from benchmarks.report import Figure, Report, at_most
from benchmarks.rig import Resource, Rig, addresses
from benchmarks.statistics import interleaved

NUMBER = 1_000


def run(rig: Rig, quick: bool) -> Report:
    """A batch with a CNAME at a name that has other data, known to the server only; beside one without it."""
    rounds = 1 if quick else 7
    taken = interleaved({"clean": lambda: _clean(rig), "bad": lambda: _with_bad(rig)}, rounds)
    return Report(
        f"One bad record among {NUMBER:,} (median of {rounds})",
        [
            Figure(f"{NUMBER:,} good ones", taken["clean"], "s"),
            Figure(f"{NUMBER - 1:,} good ones and a bad one", taken["bad"], "s"),
            at_most("with the bad one / without", taken["bad"] / taken["clean"], 3),
        ],
        f"Each time the bad one failed, and the other {NUMBER - 1} succeeded.",
    )


def _clean(rig: Rig) -> float:
    zone = rig.new_zone()
    taken = rig.time_to_settle([zone], addresses(zone, NUMBER))
    assert rig.count_requests([zone], "succeeded") == NUMBER
    return taken


def _with_bad(rig: Rig) -> float:
    zone = rig.new_zone()
    nsupdate(rig, zone, [{"record_type": "A", "domain": f"taken.{zone}", "target": "192.0.2.1"}])
    bad: Resource = {"record_type": "CNAME", "domain": f"taken.{zone}", "target": f"h1.{zone}"}
    good = addresses(zone, NUMBER - 1)
    middle = len(good) // 2
    taken = rig.time_to_settle([zone], [*good[:middle], bad, *good[middle:]])
    assert rig.count_requests([zone], "succeeded") == NUMBER - 1
    assert rig.count_requests([zone], "failed") == 1
    return taken
