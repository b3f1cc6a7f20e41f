"""International names as people read them: with U-labels, where A-labels stand for such (RFC 5890)."""

from collections.abc import Collection

from app.domain.errors import InvalidName
from app.domain.names import in_unicode, normalize
from app.domain.rdata import TABLE, show

_A_LABEL = "xn--"
_NAMES = {show.lowered: slice(None), show.naptr: slice(-1, None), show.svcb: slice(1, 2)}
_FIELDS = {kind.value: _NAMES[entry.show] for kind, entry in TABLE.items() if entry.show in _NAMES}
"""The fields of a canonical value that may be names, of the types that have any."""


def asked_in_unicode(name: str) -> str | None:
    """Return an owner name, as a client wrote it, with U-labels; None where it has none."""
    if name.isascii() and _A_LABEL not in name.lower():
        return None
    try:
        return name_in_unicode(normalize(name))
    except InvalidName:  # accepted by a release with other rules
        return None


def name_in_unicode(name: str) -> str | None:
    """Return a normalized name with U-labels; None where it has none."""
    if _A_LABEL not in name:
        return None
    shown = in_unicode(name)
    return shown if shown != name else None


def values_in_unicode(record_type: str, values: Collection[str]) -> list[str] | None:
    """Return canonical values with U-labels in the names in them, in their order; None where there are none.

    What is text is not touched.
    """
    if not any(_A_LABEL in value for value in values):
        return None
    fields = _FIELDS.get(record_type)
    shown = [_value_in_unicode(value, fields) for value in values] if fields else [*values]
    return shown if shown != [*values] else None


def _value_in_unicode(value: str, names: slice) -> str:
    fields = value.split(" ")
    fields[names] = map(in_unicode, fields[names])
    return " ".join(fields)
