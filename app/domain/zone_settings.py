"""What a zone allows, and what it gives to requests that do not say it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from app.domain.checks import Checks
from app.domain.drift import DriftPolicy
from app.domain.errors import Reason
from app.domain.name_patterns import NamePatterns, why_not_relative
from app.domain.ownership import FREE, Reserved, ZoneRights
from app.domain.permissions import Effect

DEFAULT_TTL = 300  # seconds
MAX_TTL = 2**31 - 1  # RFC 2181 8
ABOUT_ACCESS = frozenset(
    {"approvers", "others", "owner", "reserved", "ungranted"}
)  # who may change what in it
MAX_PATTERNS = 100  # of one setting of a zone: they are read with each look-up of the zone
MAX_PATTERN_BYTES = 8 * 1024  # of these together


class PrivateAddresses(StrEnum):
    """What becomes of an A or AAAA with an address that is not one of the public Internet."""

    ALLOW = "allow"
    WARN = "warn"  # it is accepted with a warning
    REFUSE = "refuse"


class Threshold(NamedTuple):
    """How many RRsets of the zone one batch may change; None: any number."""

    number: int | None = None
    percent: int | None = None  # of the RRsets that are recorded


NO_THRESHOLD = Threshold()


@dataclass(frozen=True, slots=True)
class ZoneSettings:
    """The settings that are in effect in a zone."""

    checks: Checks = Checks.WARN
    default_ttl: int = DEFAULT_TTL  # seconds, like the two below
    min_ttl: int = 0
    max_ttl: int = MAX_TTL
    allowed_types: frozenset[str] | None = None  # None: all that are known by their names
    unknown_types: bool = False  # those that are known by their number alone (RFC 3597)
    protected_names: NamePatterns = field(default_factory=NamePatterns)
    private_addresses: PrivateAddresses = PrivateAddresses.ALLOW
    max_deletes: Threshold = NO_THRESHOLD
    max_changes: Threshold = NO_THRESHOLD
    rights: ZoneRights = FREE  # of accounts in the zone
    approvers: frozenset[str] = frozenset()  # accounts; none: only admins approve
    approval_timeout: int | None = None  # seconds; None: APPROVAL_TIMEOUT
    drift: DriftPolicy = DriftPolicy.REPORT  # what becomes of what is changed beside us
    chosen: Sequence[str] = ()  # the settings that were set; the others have their defaults
    restricts: bool = False  # whether there is more to look at than the checks
    has_thresholds: bool = False  # whether some batch may be a mass change


PLAIN: Mapping[Checks, ZoneSettings] = {
    checks: ZoneSettings(checks, chosen=("checks",) if checks is not Checks.WARN else ()) for checks in Checks
}
"""The settings of zones where nothing else is set."""


def effective(checks: Checks, chosen: Mapping[str, Any]) -> ZoneSettings:
    """Return the settings in effect where these were set, in the shape of the API; unknown ones are none.

    The default TTL is moved into the bounds where these leave it out.
    """
    plain = PLAIN[checks]
    known = {name: read(chosen[name]) for name, read in _READERS.items() if chosen.get(name) is not None}
    if not known:
        return plain
    min_ttl, max_ttl = known.get("min_ttl", 0), known.get("max_ttl", MAX_TTL)
    known.setdefault("default_ttl", min(max(DEFAULT_TTL, min_ttl), max_ttl))
    return ZoneSettings(
        checks=checks,
        chosen=(*plain.chosen, *(name for name in _READERS if chosen.get(name) is not None)),
        restricts=any(name in known for name in _RESTRICTING),
        has_thresholds="max_deletes" in known or "max_changes" in known,
        rights=ZoneRights(**{name: known.pop(name) for name in ZoneRights._fields if name in known}),
        **known,
    )


def merge(stored: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stored, changed by a JSON merge patch (RFC 7396): null removes."""
    merged = dict(stored)
    for name, value in patch.items():
        if isinstance(value, Mapping):
            below = merged.get(name)
            value = merge(below if isinstance(below, Mapping) else {}, value) or None
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = value
    return merged


def contradictions(zone: str, chosen: Mapping[str, Any]) -> list[Reason]:
    """Return what can't be meant: bounds that leave no TTL, or patterns that repeat the zone's name."""
    low, high = chosen.get("min_ttl", 0), chosen.get("max_ttl", MAX_TTL)
    default = chosen.get("default_ttl")
    found = []
    if low > high:
        found.append(Reason(("min_ttl",), "bounds_reversed", f"min_ttl {low} is above max_ttl {high}"))
    elif default is not None and not low <= default <= high:
        message = f"default_ttl {default} is not within the zone's bounds, {low} to {high} seconds"
        found.append(Reason(("default_ttl",), "ttl_not_allowed", message))
    reserved: Mapping[str, str] = chosen.get("reserved", {})
    places: list[tuple[str, str | int, str]] = [("reserved", each, each) for each in reserved]
    places += (("protected_names", *each) for each in enumerate(chosen.get("protected_names", ())))
    for name, place, pattern in places:
        if error := why_not_relative(pattern, zone):
            found.append(error.reason(name, place))
    if len(reserved) > MAX_PATTERNS or sum(map(len, reserved)) > MAX_PATTERN_BYTES:
        words = f"{MAX_PATTERNS} patterns, of {MAX_PATTERN_BYTES} characters together, are the most"
        found.append(Reason(("reserved",), "too_many_patterns", words))
    return found


_READERS: Mapping[str, Any] = {
    "default_ttl": int,
    "min_ttl": int,
    "max_ttl": int,
    "allowed_types": frozenset,
    "unknown_types": bool,
    "protected_names": NamePatterns,
    "private_addresses": PrivateAddresses,
    "owner": str,
    "others": Effect,
    "reserved": Reserved,
    "max_deletes": lambda written: Threshold(written.get("number"), written.get("percent")),
    "max_changes": lambda written: Threshold(written.get("number"), written.get("percent")),
    "approvers": frozenset,
    "approval_timeout": int,
    "ungranted": Effect,
    "drift": DriftPolicy,
}
_RESTRICTING = (
    "min_ttl",
    "max_ttl",
    "allowed_types",
    "unknown_types",
    "protected_names",
    "private_addresses",
)
