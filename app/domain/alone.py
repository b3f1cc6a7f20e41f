"""Values that stand alone: none of their type may be beside them at a name."""

from collections.abc import Collection

from app.domain.errors import Reason
from app.domain.places import TARGET
from app.domain.rdata import TABLE, RecordType
from app.domain.rdata.dnssec import DELETE_CDNSKEY, DELETE_CDS

_NULL_MX = "0 ."
_SINGLE = frozenset(record_type.value for record_type, entry in TABLE.items() if entry.single)
_SIGNALS = {RecordType.CDS.value: DELETE_CDS, RecordType.CDNSKEY.value: DELETE_CDNSKEY}


def why_not_together(record_type: str, rdata: Collection[str]) -> Reason | None:
    """Return the reason against these values, each once and canonical, at one name; None where there is none.

    RFC 6672 2.4, RFC 7477 2 (one value at most), RFC 7505 3 (null MX), RFC 8078 4 (no DS).
    """
    if len(rdata) < 2:
        return None
    if record_type in _SINGLE:
        return Reason(TARGET, "single_value", f"a name has one {record_type} at most")
    if record_type == RecordType.MX and _NULL_MX in rdata:
        return Reason(
            TARGET, "null_mx_not_alone", "a null MX stands alone: it says that there is no mail (RFC 7505 3)"
        )
    if _SIGNALS.get(record_type) in rdata:
        signal = _SIGNALS[record_type]
        message = f"{signal} says that there is to be no DS: a {record_type} that says so stands alone"
        return Reason(TARGET, "cds_delete_not_alone", message)
    return None
