"""Master files (RFC 1035 5): a zone as text, read with all that is wrong in it, and written.

dnspython reads each entry; what an entry is, this file finds, so that one which can't be read does not keep
the others from being read, and each has the number of its line.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.zonefile
from dns.rdtypes.ANY.LOC import LOC
from dns.rdtypes.ANY.SOA import SOA

from app.domain.change import MAX_TTL
from app.domain.errors import InvalidInput, Reason, quoted
from app.domain.escapes import escaped
from app.domain.rdata import RecordType, presentation, wire
from app.domain.rdata.generic import in_generic
from app.domain.rdata.loc import exact
from app.domain.reasons import MAX_REASONS
from app.domain.zone_record import Soa, ZoneRecord, is_kept_by_server, is_meta_type, type_name

MAX_GENERATED = 100_000  # records of one $GENERATE
MAX_ENTRY = 1_000_000  # characters, in however many lines
_MAX_RDATA = 65_535  # octets

_DIRECTIVES = ("$ORIGIN", "$TTL", "$GENERATE")
_OUTSIDE_OF_STRINGS = re.compile(r'\\.|"(?:[^"\\]|\\.)*+"?|;[^\n]*|([()])', re.DOTALL)
_TOO_MANY = f"a $GENERATE of more than {MAX_GENERATED:,} records"
_WHERE = re.compile(r"<[a-z]+>:[0-9]+: ")  # in front of dnspython's words: the line of the entry alone
_GENERATED = re.compile(
    r"""\s*\$GENERATE[\s("]+(\d{1,20})-(\d{1,20})(?:/(\d{1,20}))?[\s"]""", re.ASCII | re.IGNORECASE
)
_UNKNOWN_PARAMETERS = re.compile(r" (?:ohttp|docpath=)")  # of SVCB: to BIND 9.18 by their numbers alone
_BAD_ENTRY = (dns.exception.DNSException, ValueError, struct.error, OverflowError)


class MasterFile:
    """Reads a master file. When its records were all read, `soa` is that of the zone.

    `max_records` bounds how many there are: one short line can stand for very many. A part of a zone need not
    have the SOA and an NS, as a `whole` one does.
    """

    def __init__(self, lines: Iterable[str], zone: str, max_records: int, *, whole: bool = True) -> None:
        self._lines = lines
        self._zone = zone
        self._most = max_records
        self._whole = whole
        self._read = 0
        self._reasons: list[Reason] = []
        self._has_ns = False
        self.soa: Soa | None = None

    def records(self) -> Iterator[ZoneRecord]:
        """Yield the records but those that the server keeps. Raises InvalidInput at the end: all reasons.

        Where there are very many of these, it does not read on to the end.
        """
        origin = dns.name.from_text(self._zone)
        found = _Found(origin)
        transaction: Any = found
        reader = dns.zonefile.Reader(
            dns.tokenizer.Tokenizer(""), dns.rdataclass.IN, transaction, allow_directives=_DIRECTIVES
        )
        for number, entry in _entries(self._lines):
            yield from self._records_of(reader, found, number, entry)
            if len(self._reasons) >= MAX_REASONS or self._read > self._most:
                break
        self._raise_any()

    def _records_of(
        self, reader: dns.zonefile.Reader, found: "_Found", number: int, entry: str
    ) -> Iterator[ZoneRecord]:
        found.records.clear()
        try:
            if len(entry) > MAX_ENTRY:
                raise _BadEntry(f"an entry of more than {MAX_ENTRY:,} characters")
            if _generates(entry) > MAX_GENERATED:  # each of them would be made first
                raise _BadEntry(_TOO_MANY)
            reader.tok = dns.tokenizer.Tokenizer(StringIO(entry), "<entry>")
            reader.read()
            records = [self._record(*each) for each in found.records]
        except _BAD_ENTRY as error:
            self._refuse(number, *_what_is_wrong(entry, error))
            return
        self._read += len(records)
        if not records and _is_outside(reader, entry):
            self._refuse(number, "not_in_zone", f"{quoted(str(reader.last_name))} is not in {self._zone}")
        yield from (each for each in records if each is not None)

    def _record(self, name: dns.name.Name, ttl: int, rdata: dns.rdata.Rdata) -> ZoneRecord | None:
        """Return the record in canonical form; None where the server keeps it."""
        owner = escaped(name.to_text(omit_final_dot=True).lower())
        octets = (exact(rdata) if isinstance(rdata, LOC) else rdata).to_wire() or b""
        _require_possible(ttl, rdata.rdtype, octets)
        as_answered = dns.rdata.from_wire(rdata.rdclass, rdata.rdtype, octets, 0, len(octets))
        if isinstance(as_answered, SOA):
            self._note_soa(owner, ttl, as_answered)
        if is_kept_by_server(rdata.rdtype, owner, self._zone):
            return None
        record = ZoneRecord(owner, type_name(rdata.rdtype), ttl, presentation(as_answered))
        self._has_ns = self._has_ns or (owner, record.type) == (self._zone, "NS")
        return record

    def _note_soa(self, owner: str, ttl: int, rdata: SOA) -> None:
        if owner != self._zone:
            raise _BadEntry(f"the SOA of {owner}, which is not the zone {self._zone}")
        if self.soa is not None:
            raise _BadEntry("a second SOA")
        self.soa = Soa(rdata.serial, ttl, escaped(rdata.to_text().lower()))

    def _raise_any(self) -> None:
        if self._read > self._most:
            words = f"the zone has more than {self._most:,} records"
            self._reasons.append(Reason((), "zone_too_large", words))
        elif self._whole and not self._reasons:
            if self.soa is None:
                self._reasons.append(Reason((), "soa_missing", f"there is no SOA of {self._zone}"))
            if not self._has_ns:
                self._reasons.append(Reason((), "ns_missing", f"there is no NS of {self._zone}"))
        if self._reasons:
            raise InvalidInput(self._reasons)

    def _refuse(self, line: int, code: str, words: str) -> None:
        self._reasons.append(Reason(("line", line), code, words))


def written(record: ZoneRecord) -> str:
    """Return the line of a master file that has the record, absolute and with its TTL."""
    rdata = record.rdata
    if record.type in ("SVCB", "HTTPS") and _UNKNOWN_PARAMETERS.search(rdata):
        rdata = in_generic(wire(RecordType(record.type), rdata))
    return f"{record.name}. {record.ttl} IN {record.type} {rdata}\n"


def _require_possible(ttl: int, record_type: dns.rdatatype.RdataType, rdata: bytes) -> None:
    """Raise _BadEntry where no server could send such a record."""
    if ttl > MAX_TTL:
        raise _BadEntry(f"a TTL of more than {MAX_TTL} seconds (RFC 2181 8)")
    if len(rdata) > _MAX_RDATA:
        raise _BadEntry(f"RDATA of more than {_MAX_RDATA:,} octets (RFC 1035 3.2.1)")
    if is_meta_type(record_type):
        raise _BadEntry("a type for questions and messages: no zone has records of it (RFC 6895 3.1)")


class _BadEntry(ValueError):
    """An entry that can't be accepted, in words."""


class _Found:
    """What dnspython's reader takes for a transaction: it keeps the records of one entry."""

    def __init__(self, origin: dns.name.Name) -> None:
        self.records: list[tuple[dns.name.Name, int, dns.rdata.Rdata]] = []
        self.manager = self
        self._origin = origin

    def origin_information(self) -> tuple[dns.name.Name, bool, dns.name.Name]:
        return self._origin, False, self._origin

    def check_put_rdataset(self, _: object) -> None:
        """Ignore the rule of a zone in memory: here one is staged."""

    def _set_origin(self, _: object) -> None:
        """Ignore it: names come absolute."""

    def add(self, name: dns.name.Name, ttl: int, rdata: dns.rdata.Rdata) -> None:
        if len(self.records) == MAX_GENERATED:
            raise _BadEntry(_TOO_MANY)
        self.records.append((name, ttl, rdata))


def _entries(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield each entry with the number of its first line: a line, or several within parentheses."""
    parts: list[str] = []
    first, depth, size = 0, 0, 0
    for number, line in enumerate(lines, 1):
        first = first if parts else number
        if size <= MAX_ENTRY:
            parts.append(line)
            size += len(line)
        depth = max(0, depth + _depth(line))
        if not depth:
            yield first, "".join(parts)
            parts, size = [], 0
    if parts:
        yield first, "".join(parts)


def _generates(entry: str) -> int:
    """Return how many records a $GENERATE stands for; 0 for what is none, or can't be read."""
    found = _GENERATED.match(entry)
    if found is None:
        return 0
    first, last, step = (int(number or 1) for number in found.groups())
    return len(range(first, last + 1, step)) if step else 0


def _depth(line: str) -> int:
    """Return how many more parentheses the line opens than it closes."""
    if "(" not in line and ")" not in line:
        return 0
    signs = _OUTSIDE_OF_STRINGS.findall(line)
    return signs.count("(") - signs.count(")")


def _is_outside(reader: dns.zonefile.Reader, entry: str) -> bool:
    """Whether the entry is a record that lies outside of the zone: the reader passes these over."""
    is_record = bool(entry.strip()) and entry.lstrip()[0] not in ";$"
    if not is_record or reader.last_name is None or reader.zone_origin is None:
        return False
    return not reader.last_name.is_subdomain(reader.zone_origin)


def _what_is_wrong(entry: str, error: Exception) -> tuple[str, str]:
    if entry.lstrip().upper().startswith("$INCLUDE"):
        return "include_refused", "$INCLUDE is not followed: post the zone in one file"
    words = _WHERE.sub("", str(error)) or type(error).__name__
    if words == dns.exception.SyntaxError.__doc__:  # dnspython says no more
        return "master_file_invalid", f"this can't be read: {quoted(entry.strip())}"
    return "master_file_invalid", quoted(words)
