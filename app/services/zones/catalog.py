"""Catalog zones (RFC 9432): a primary lists its zones in one, and all of them are registered from it."""

from collections.abc import Iterable, Sequence

from app.domain.zone_record import ZoneRecord

_VERSIONS = {'"1"', '"2"'}  # BIND's own, and that of the RFC: members are listed in the same way


def members_of(catalog: str, records: Iterable[ZoneRecord], most: int) -> Sequence[str] | str:
    """Return the member zones of a catalog, sorted; or why it is none, in words."""
    version, members = None, set[str]()
    below = f".zones.{catalog}"
    for record in records:
        if (record.name, record.type) == (f"version.{catalog}", "TXT"):
            version = record.rdata
        elif record.type == "PTR" and record.name.endswith(below) and "." not in record.name[: -len(below)]:
            members.add(record.rdata.rstrip("."))
            if len(members) > most:
                return f"it has more than {most:,} members"
    if version not in _VERSIONS:
        return f'it is no catalog zone: version.{catalog} has no TXT "2" (RFC 9432 4.2.1)'
    return sorted(members)
