"""Put the values of an RRset together that stand on several lines."""

from collections.abc import Iterable

from dns_orchestrator.change import Change
from dns_orchestrator.files.entry import Entry, FileInvalid

_REPLACING = frozenset({"upsert", "update"})  # each would take away what the one before has made
_FIELDS = {"MX": 2, "SRV": 4}  # of a value that has its priority
_ONE_FOR_ALL = {
    "ttl": "TTL",
    "account_id": "account",
    "manage_ptr": "ptr",
    "comment": "comment",
    "not_before": "not_before",
    "reason": "reason",
    "ticket": "ticket",
    "extra_config": "extra_config",
}


def as_rrsets(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries, those that replace the same RRset as one, where the first of them stands.

    Raises FileInvalid where they have several TTLs, or accounts, comments and such: an RRset has one
    (RFC 2181 5.2), and so has a request.
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
    for field, word in _ONE_FOR_ALL.items():
        there, here = getattr(first.change, field), getattr(other.change, field)
        if here not in (None, there):
            words = f"another {word} than on line {first.line}, of the same RRset: {here}, and {there}"
            raise FileInvalid(other.line, words)
    values = [*_values(first.change), *_values(other.change)]
    priority = None if first.change.record_type.upper() in _FIELDS else first.change.priority
    together = {"target": list(dict.fromkeys(values)), "priority": priority}
    return Entry(first.line, first.change.model_copy(update=together))


def _values(change: Change) -> list[str]:
    """Return the values, each with its priority: those of an RRset may have different ones."""
    target = change.target
    values = [] if target is None else [target] if isinstance(target, str) else target
    if change.priority is None:
        return values
    fields = _FIELDS.get(change.record_type.upper(), 0)
    return [f"{change.priority} {each}" if len(each.split()) < fields else each for each in values]
