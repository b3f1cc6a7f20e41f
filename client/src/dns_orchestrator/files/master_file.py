"""Master files (RFC 1035, section 5): what they have becomes upserts.

What is left out, because others make it: SOA, and what signs a zone. $INCLUDE and $GENERATE are refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dns_orchestrator.change import Change
from dns_orchestrator.files.entry import Entry, FileInvalid
from dns_orchestrator.files.master_tokens import Token, tokens_of

_TTL = re.compile(r"(\d+[wdhms]?)+", re.IGNORECASE)
_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1, "": 1}
_CLASSES = frozenset({"IN", "CH", "HS", "CS"})
_NOT_ASKED_FOR = frozenset({"SOA", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "ZONEMD"})
_TEXTS = frozenset({"TXT", "SPF"})
# Which fields of a value are names, and may be relative to the origin.
_NAMES = {
    "AFSDB": (1,),
    "CNAME": (0,),
    "DNAME": (0,),
    "HTTPS": (1,),
    "KX": (1,),
    "LP": (1,),
    "MX": (1,),
    "NAPTR": (5,),
    "NS": (0,),
    "PTR": (0,),
    "RP": (0, 1),
    "RT": (1,),
    "SRV": (3,),
    "SVCB": (1,),
}


@dataclass
class _State:
    """What lines above say for those below."""

    origin: str | None
    ttl: int | None = None
    owner: str | None = None


def read_master_file(text: str, origin: str | None = None) -> list[Entry]:
    """Return the records of a master file as changes. Raises FileInvalid."""
    state = _State(origin and f"{origin.rstrip('.')}.")
    return list(_entries(text, state))


def _entries(text: str, state: _State) -> Iterator[Entry]:
    for line, has_owner, words in tokens_of(text):
        if words[0].text.startswith("$") and has_owner:
            _obey(line, words, state)
            continue
        if has_owner:
            state.owner = _absolute(line, words[0].text, state)
        change = _change(line, words[1:] if has_owner else words, state)
        if change.record_type not in _NOT_ASKED_FOR:
            yield Entry(line, change)


def _obey(line: int, words: list[Token], state: _State) -> None:
    directive = words[0].text.upper()
    if directive not in ("$ORIGIN", "$TTL") or len(words) != 2:
        raise FileInvalid(line, f"{directive}: only $ORIGIN and $TTL are read, with one word each")
    if directive == "$ORIGIN":
        state.origin = _absolute(line, words[1].text, state)
    else:
        state.ttl = _seconds(words[1].text)
        if state.ttl is None:
            raise FileInvalid(line, f"{words[1].text!r} is no TTL")


def _change(line: int, words: list[Token], state: _State) -> Change:
    """Return the change of a record's words behind its owner: TTL and class in any order, type, value."""
    ttl = state.ttl
    rest = list(words)
    while rest and not rest[0].quoted:
        seconds = _seconds(rest[0].text)
        if seconds is None and rest[0].text.upper() not in _CLASSES:
            break
        if seconds is None and rest[0].text.upper() != "IN":
            raise FileInvalid(line, f"the class is {rest[0].text}; only IN is served")
        ttl = ttl if seconds is None else seconds
        rest.pop(0)
    if len(rest) < 2 or state.owner is None:
        raise FileInvalid(line, "a record has an owner name, a type and a value")
    record_type = rest[0].text.upper()
    return Change(
        action="upsert",
        domain=state.owner.rstrip(".") or ".",
        record_type=record_type,
        target=_value(line, record_type, rest[1:], state),
        ttl=ttl,
    )


def _value(line: int, record_type: str, words: list[Token], state: _State) -> str:
    if record_type in _TEXTS:
        return " ".join(f'"{word.text}"' for word in words)
    names = () if words[0].text == r"\#" else _NAMES.get(record_type, ())
    fields = [
        _absolute(line, word.text, state) if place in names else word.written
        for place, word in enumerate(words)
    ]
    return " ".join(fields)


def _absolute(line: int, name: str, state: _State) -> str:
    if name.endswith(".") and not name.endswith(r"\."):
        return name
    if state.origin is None:
        raise FileInvalid(line, f"{name} is relative to an origin that is not given: --origin, or $ORIGIN")
    if name == "@":
        return state.origin
    return f"{name}.{state.origin}" if state.origin != "." else f"{name}."


def _seconds(text: str) -> int | None:
    if not _TTL.fullmatch(text):
        return None
    parts = re.findall(r"(\d+)([a-z]?)", text.lower())
    return sum(int(number) * _UNITS[unit] for number, unit in parts)
