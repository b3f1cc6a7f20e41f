"""The judge: compares what clients were told with what has become of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import groupby, pairwise

from app.domain.lifecycle import FINAL, INITIAL, TRANSITIONS, Status
from tests.faults.matrix.results import Outgoing
from tests.faults.matrix.seen import Seen, SeenRequest
from tests.faults.matrix.zone_files import states
from tests.support.zone_model import NOTHING, Key, RRset, ZoneModel

_APEX = Key("@", "NS")


@dataclass
class Verdict:
    """What is wrong, in words, by kind. A row passes without any."""

    lost: list[str] = field(default_factory=list)  # accepted requests
    twice: list[str] = field(default_factory=list)  # or out of order
    failed: list[str] = field(default_factory=list)  # that should not have, or the other way round
    stuck: list[str] = field(default_factory=list)
    differ: list[str] = field(default_factory=list)  # records, on servers and in the database
    events: list[str] = field(default_factory=list)  # missing, or out of order
    left: list[str] = field(default_factory=list)  # processes and files

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self.counts().values())

    def counts(self) -> dict[str, int]:
        """How much is wrong, by kind."""
        return {each.name: len(getattr(self, each.name)) for each in fields(self)}

    def lines(self, most: int = 5) -> list[str]:
        """What is wrong, the first of each kind."""
        return [f"{each.name}: {text}" for each in fields(self) for text in getattr(self, each.name)[:most]]


def judge(seen: Seen) -> Verdict:
    """Judge a row."""
    expected = _Expected(seen)
    return Verdict(
        lost=list(_lost(seen)),
        twice=[*_twice(seen), *_out_of_order(seen), *_not_in_steps(seen, expected)],
        failed=[*_not_as_expected(seen, expected), *_contradictions(seen)],
        stuck=[f"{each.key} is {each.status}" for each in seen.requests if each.status not in FINAL],
        differ=list(_differ(seen, expected)),
        events=[*_unlawful(seen), *_outgoing(seen)],
        left=[*seen.processes, *seen.files],
    )


class _Expected:
    """What applying the requests in the order of their acceptance makes of the zones."""

    def __init__(self, seen: Seen) -> None:
        self.unknown = _unknown_names(seen)
        self.fates: dict[str, frozenset[str]] = {}
        self.zones = {zone: ZoneModel({}) for zone in seen.zones}
        self.states: dict[tuple[str, Key], list[RRset]] = {}  # each RRset's, one after the other
        for group in _groups(seen.requests):
            zone = self.zones[group[0].zone]
            passing = ZoneModel(zone.rrsets)  # also the states within a group
            if group[0].atomic_id is None:
                fates = [frozenset({zone.apply(each.asked)}) for each in group]
            else:
                fates = zone.apply_all_or_none([each.asked for each in group])
            for each, fate in zip(group, fates, strict=True):
                self.fates[each.id] = fate
                passing.apply(each.asked)
                path = self.states.setdefault((each.zone, each.asked.key), [NOTHING])
                path.extend((passing.at(each.asked.key), zone.at(each.asked.key)))


def _unknown_names(seen: Seen) -> set[tuple[str, str]]:
    """Return the names, with their zones, of requests that may fail, and of those that fail with them."""
    unknown: set[tuple[str, str]] = set()
    found = {(each.zone, each.asked.owner) for each in seen.requests if each.fate in seen.excused}
    groups = [{(each.zone, each.asked.owner) for each in group} for group in _groups(seen.requests)]
    while found - unknown:
        unknown |= found
        found = {name for group in groups if group & unknown for name in group}
    return unknown


def _groups(requests: Sequence[SeenRequest]) -> Iterator[list[SeenRequest]]:
    """Yield the requests in their order, those that are all or none together."""
    group: list[SeenRequest] = []
    for each in requests:
        if group and (each.atomic_id is None or each.atomic_id != group[0].atomic_id):
            yield group
            group = []
        group.append(each)
    if group:
        yield group


def _lost(seen: Seen) -> Iterator[str]:
    """Yield what clients were told of, and is not there."""
    there = {each.key for each in seen.requests}
    ids = {each.id for each in seen.requests}
    for call in seen.calls:
        if call.accepted is not None:
            yield from (
                f"{item.key}, accepted by {call.lane}" for item in call.items if item.key not in there
            )
            yield from (f"{told}, of which {call.lane} was told" for told in call.ids if told not in ids)


def _twice(seen: Seen) -> Iterator[str]:
    """Yield what is there twice, or was asked for by nobody."""
    asked = {item.key: call for call in seen.calls for item in call.items}
    for (account, key), count in Counter((each.account, each.key) for each in seen.requests).items():
        if count > 1:
            yield f"{key} is there {count} times"
        if key not in asked or asked[key].account != account:
            yield f"{key} of {account} was asked for by nobody"


def _out_of_order(seen: Seen) -> Iterator[str]:
    """Yield calls of a client that were accepted in another order than he has made them."""
    places = {each.key: each.seq for each in seen.requests}
    last: dict[tuple[str, str, str], tuple[int, str]] = {}
    for call in seen.calls:
        for item in call.items:
            if item.key in places:
                name = (call.lane, item.zone, item.asked.owner)
                place, before = last.get(name, (-1, ""))
                if places[item.key] < place:
                    yield f"{item.key} is before {before}, which {call.lane} has asked for earlier"
                last[name] = (places[item.key], item.key)


def _not_in_steps(seen: Seen, expected: _Expected) -> Iterator[str]:
    """Yield RRsets that the primary had in states to which the requests, in their order, do not lead."""
    if seen.excused:  # some of what has succeeded was replaced before anybody saw that it was not there
        return
    for zone, steps in seen.steps.items():
        for key, path in states(steps).items():
            allowed = iter(expected.states.get((zone, key), [NOTHING]))
            for state in path:
                if not any(state == each for each in allowed):
                    name = f"{key.owner}.{zone} {key.type}"
                    yield f"{name} became {_text(state)} out of turn; it went {_texts(path)}"
                    break


def _not_as_expected(seen: Seen, expected: _Expected) -> Iterator[str]:
    for each in seen.requests:
        if (each.zone, each.asked.owner) in expected.unknown:
            continue
        if each.status in FINAL and each.fate not in expected.fates[each.id]:
            yield f"{each.key} has {each.fate} instead of {', '.join(sorted(expected.fates[each.id]))}"


def _contradictions(seen: Seen) -> Iterator[str]:
    """Yield what clients were told that is not so."""
    by_key = {each.key: each for each in seen.requests}
    by_id = {each.id: each for each in seen.requests}
    for each in seen.requests:
        if seen.shown.get(each.id) != each.status:
            yield f"{each.key} is {each.status}, and the API shows {seen.shown.get(each.id)}"
    for call in seen.calls:
        yield from (f"{call.lane}: {text}" for text in call.contradictions)
        for item, told in zip(call.items, call.ids, strict=False):
            if item.key in by_key and by_key[item.key].id != told:
                yield f"{item.key} is {by_key[item.key].id}, and {call.lane} was told of {told}"
        for told, status in call.finals.items():
            if told in by_id and by_id[told].status != status:
                yield f"{told} is {by_id[told].status}, and {call.lane} was told that it has {status}"


def _differ(seen: Seen, expected: _Expected) -> Iterator[str]:
    """Yield RRsets that are not as all requests, in their order, make them."""
    for zone, model in expected.zones.items():
        recorded = seen.records[zone]
        unknown = {key: state for key, state in recorded.items() if (zone, key.owner) in expected.unknown}
        known = {
            key: state for key, state in model.rrsets.items() if (zone, key.owner) not in expected.unknown
        }
        yield from _differences("dns_records", zone, recorded, known | unknown)
        for server, zones in seen.servers.items():
            found = {key: state for key, state in zones[zone].items() if key != _APEX}
            yield from _differences(server, zone, found, known | unknown)


def _differences(
    where: str, zone: str, found: Mapping[Key, RRset], wanted: Mapping[Key, RRset]
) -> Iterator[str]:
    for key in sorted(found.keys() | wanted.keys()):
        is_there, should = found.get(key, NOTHING), wanted.get(key, NOTHING)
        if is_there != should:
            yield f"{where}: {key.owner}.{zone} {key.type} is {_text(is_there)} instead of {_text(should)}"


def _unlawful(seen: Seen) -> Iterator[str]:
    """Yield requests whose log is not that of a life: lawful changes, and one end."""
    for each in seen.requests:
        statuses = [Status(status) for status in each.events]
        steps = [(before, then) for before, then in pairwise(statuses) if before != then]
        wrong = [f"{before} → {then}" for before, then in steps if then not in TRANSITIONS[before]]
        ends = sum(status in FINAL for status in statuses)
        is_over = each.status in FINAL
        if not statuses or statuses[0] != INITIAL or statuses[-1] != each.status:
            yield f"{each.key} is {each.status}, and its events are {_joined(statuses)}"
        elif wrong or ends != is_over:
            yield f"{each.key}: {_joined(statuses)}"


def _outgoing(seen: Seen) -> Iterator[str]:
    """Yield requests of whose changes of status others were not told, leaving out what came again."""
    if seen.outgoing is None:
        return
    for each in seen.requests:
        changes = [status for status, _ in groupby(each.events)]
        told: dict[str, Outgoing] = {}
        for event in seen.outgoing.get(each.id, []):
            told.setdefault(event.id, event)
        first = list(told.values())
        # The release before does not tell a change of status from more words about the same one.
        statuses = [status for status, _ in groupby(event.status for event in first)]
        if not _tells(statuses, changes):
            yield f"{each.key}: told {_joined(statuses)} of {_joined(changes)}"
        elif any(before.sequence >= then.sequence for before, then in pairwise(first)):
            yield f"{each.key}: the events came with the numbers {[event.sequence for event in first]}"


def _tells(told: Sequence[str], changes: Sequence[str]) -> bool:
    """Whether all changes of a log were told.

    A try that ends as the one before is told, and leaves the log.
    """
    return len(told) >= len(changes) and _without_tries(told) == _without_tries(changes)


def _without_tries(statuses: Iterable[str]) -> list[str]:
    """Return the statuses without tries after which a request is pending again."""
    left: list[str] = []
    for status in statuses:
        left.append(status)
        if left[-3:] == [Status.PENDING, Status.RUNNING, Status.PENDING]:
            del left[-2:]
    return left


def _joined(words: Iterable[str]) -> str:
    return ", ".join(map(str, words)) or "nothing"


def _text(state: RRset) -> str:
    return f"{' '.join(sorted(state.values))} ({state.ttl})" if state.values else "nothing"


def _texts(path: Sequence[RRset]) -> str:
    return " → ".join(map(_text, path[-8:]))
