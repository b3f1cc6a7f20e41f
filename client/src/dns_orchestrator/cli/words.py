"""Values as people type them: without quotes around those that have several fields."""

from collections.abc import Sequence

# How many fields a value of the type has, the first of them a number.
_FIELDS = {
    "MX": 2,
    "KX": 2,
    "AFSDB": 2,
    "RT": 2,
    "CAA": 3,
    "SSHFP": 3,
    "URI": 3,
    "SRV": 4,
    "DS": 4,
    "CDS": 4,
    "DNSKEY": 4,
    "CDNSKEY": 4,
    "TLSA": 4,
    "SMIMEA": 4,
    "NAPTR": 6,
}


def values_of(record_type: str, words: Sequence[str]) -> list[str]:
    """Return the values that are meant: `MX 10 mail.example.net` is one of two words.

    Words are put together only where each value begins with a number, and no word has blanks of its own.
    """
    number = _FIELDS.get(record_type.upper(), 1)
    begins = words[::number]
    if (
        len(words) % number
        or not all(word.isdigit() for word in begins)
        or any(" " in word for word in words)
    ):
        return list(words)
    return [" ".join(words[start : start + number]) for start in range(0, len(words), number)]
