"""Warnings of one change: what is allowed, and may not be what was meant."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from app.domain.change import Action
from app.domain.errors import Reason
from app.domain.places import DOMAIN, TARGET
from app.domain.rdata import TABLE, Owner, RecordType
from app.domain.rdata.text import strings_of

# What is said of a value by itself: nothing new where it was there before.
OF_VALUES = frozenset({"quotes_not_kept", "caa_tag_unknown", "target_is_wildcard", "target_reserved"})

_SEVERAL_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*+"(?:[ \t]++"(?:[^"\\]|\\.)*+")++', re.DOTALL)
_CAA_TAGS = frozenset(
    {"issue", "issuewild", "issuemail", "issuevmc", "iodef", "contactemail", "contactphone"}
)
_CRITICAL = 128  # RFC 8659 4.1
_NOT_RESOLVED = (".alt.", ".invalid.", ".local.", ".localhost.", ".onion.")


def warnings_of(
    action: Action, name: str, record_type: RecordType, targets: Iterable[str], rdata: Iterable[str]
) -> tuple[Reason, ...]:
    """Return what may not be meant. `targets` are the values as they were written, `rdata` is canonical."""
    if record_type not in _FINDERS or action is Action.DELETE:
        return ()
    return tuple([reason for find in _FINDERS[record_type] for reason in find(name, targets, rdata)])


def _no_service(name: str, _: Iterable[str], __: Iterable[str]) -> Iterator[Reason]:
    """RFC 8552: such records are looked for below names such as _sip._tcp only."""
    if not name.removeprefix("*.").startswith("_"):
        message = f"{name} has no label such as _sip._tcp in front: nobody looks for such a record there"
        yield Reason(DOMAIN, "name_not_a_service", message)


def _lost_quotes(_: str, targets: Iterable[str], __: Iterable[str]) -> Iterator[Reason]:
    """The text is read as a zone file has it: somebody may have meant its quotes, or what is around them.

    Nobody means those of several strings in a row.
    """
    written = list(targets)
    found = [i for i, each in enumerate(written) if strings_of(each) and not _SEVERAL_STRINGS.fullmatch(each)]
    if found:
        which = f" (of the values {', '.join(map(str, found))}, from 0)" if len(written) > 1 else ""
        message = f"the quotes around the text{which} are not kept, nor are parentheses and comments"
        place = (*TARGET, found[0]) if len(written) > 1 else TARGET
        yield Reason(place, "quotes_not_kept", rf'{message}: to have quotes in it, write "\"text\""')


def _critical(_: str, __: Iterable[str], rdata: Iterable[str]) -> Iterator[Reason]:
    """RFC 8659 4.1: who issues certificates must refuse what is critical and unknown."""
    for value in rdata:
        flags, tag, _rest = value.split(" ", 2)
        if int(flags) & _CRITICAL and tag not in _CAA_TAGS:
            message = f"{tag} is critical, and no tag that is known: nobody may issue a certificate"
            yield Reason(TARGET, "caa_tag_unknown", message)


def _unusual_target(_: str, __: Iterable[str], rdata: Iterable[str]) -> Iterator[Reason]:
    for value in rdata:
        if value.startswith("*."):
            message = f"{value} stands for itself in a target: it matches no other names (RFC 4592 2.1.3)"
            yield Reason(TARGET, "target_is_wildcard", message)
        if value.endswith(_NOT_RESOLVED):
            message = f"public DNS never has {value} (RFC 6761, RFC 6762, RFC 7686, RFC 9476)"
            yield Reason(TARGET, "target_reserved", message)


_Finder = Callable[[str, Iterable[str], Iterable[str]], Iterator[Reason]]

_OF_TYPE: Mapping[RecordType, tuple[_Finder, ...]] = {
    RecordType.TXT: (_lost_quotes,),
    RecordType.CAA: (_critical,),
    **dict.fromkeys(
        (
            RecordType.CNAME,
            RecordType.DNAME,
            RecordType.MX,
            RecordType.NS,
            RecordType.PTR,
            RecordType.SRV,
        ),
        (_unusual_target,),
    ),
}
_FINDERS: Mapping[RecordType, tuple[_Finder, ...]] = {
    record_type: (*_OF_TYPE.get(record_type, ()), *((_no_service,) if entry.owner is Owner.SERVICE else ()))
    for record_type, entry in TABLE.items()
    if record_type in _OF_TYPE or entry.owner is Owner.SERVICE
}
