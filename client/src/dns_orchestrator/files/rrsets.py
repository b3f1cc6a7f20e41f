"""Put the values of an RRset together that stand on several lines."""

from collections.abc import Iterable

from dns_orchestrator.change import Change
from dns_orchestrator.files.entry import Entry, FileInvalid

_REPLACING = frozenset({"upsert", "update"})  # each would take away what the one before has made


def as_rrsets(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries, those that replace the same RRset as one, where the first of them stands.

    Raises FileInvalid where they have several TTLs: an RRset has one (RFC 2181 5.2).
    """
    found: dict[object, Entry] = {}
    for number, entry in enumerate(entries):
        change = entry.change
        name = change.domain.lower().rstrip(".")
        key: object = (change.action, name, change.record_type.upper(), change.zone, change.view)
        if change.action not in _REPLACING:
            key = number
        found[key] = _joined(found[key], entry) if key in found else entry
    return list(found.values())


def _joined(first: Entry, other: Entry) -> Entry:
    ttl = other.change.ttl
    if ttl not in (None, first.change.ttl):
        words = f"another TTL than on line {first.line}, of the same RRset: {ttl}, and {first.change.ttl}"
        raise FileInvalid(other.line, words)
    values = [*_values(first.change), *_values(other.change)]
    return Entry(first.line, first.change.model_copy(update={"target": list(dict.fromkeys(values))}))


def _values(change: Change) -> list[str]:
    target = change.target
    return [] if target is None else [target] if isinstance(target, str) else target
