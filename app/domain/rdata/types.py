"""The record types that can be asked for."""

from enum import StrEnum


class RecordType(StrEnum):
    """The record types that can be asked for, in whatever case."""

    A = "A"
    AAAA = "AAAA"
    CNAME = "CNAME"
    MX = "MX"
    TXT = "TXT"
    SRV = "SRV"
    NS = "NS"
    PTR = "PTR"
    CAA = "CAA"

    __hash__ = str.__hash__  # as the type is looked up for every value

    @classmethod
    def _missing_(cls, value: object) -> "RecordType | None":
        upper = value.upper() if isinstance(value, str) else None
        return cls.__members__.get(upper) if upper and upper != value else None
