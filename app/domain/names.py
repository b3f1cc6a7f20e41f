"""Names: their canonical form, in which the whole service writes and compares them.

Beside host names it knows what RFC 2317 makes of reverse zones (`0/25.2.0.192.in-addr.arpa`), the instance
names of DNS-based service discovery (RFC 6763 4.1), whose leftmost label is any text, and labels with escapes
as zone files can have them (`domain/escapes.py`).
"""

import re
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import suppress
from ipaddress import ip_address

import idna

from app.domain.errors import InvalidName, quoted, shortened
from app.domain.escapes import NUMBER, WRITTEN, numbered, octets_of_label, unescaped, unescaped_octet

MAX_LABEL = 63  # octets, RFC 1035 2.3.4
MAX_NAME = 253  # characters as written, which is 255 octets on the wire, RFC 1035 2.3.4

_MAX_INPUT = 4 * MAX_NAME  # no Unicode form of a valid name is longer
_MAX_MESSAGE = 200  # characters of the IDNA library's message that are passed on
_LABEL = re.compile(r"[a-z0-9_-]*")
# A name in canonical form, as most are: nothing is left to check but its length.
_CANONICAL_LABEL = r"(?!xn--)[a-z0-9_-]{1,63}"
_CANONICAL = re.compile(rf"(?:{_CANONICAL_LABEL}\.)*(?![0-9]+\Z){_CANONICAL_LABEL}")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.?")
_HOST_OF_URL = re.compile(r"://(?:[^/@]*+@)?([A-Za-z0-9.-]+)")
_CLASSLESS = re.compile(r"[0-9]{1,3}/[0-9]{1,3}")  # a label of RFC 2317
_REVERSE = ".arpa"
_INSTANCE = re.compile(
    r"(?P<instance>.+)\.(?P<service>_[a-z0-9-]+\._(?:tcp|udp)\..+)", re.IGNORECASE | re.DOTALL
)
_PLAIN_INSTANCE = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")  # needs no rule of its own
_IN_LABEL = re.compile(r"[^a-z0-9_*/-]")
_FINAL_DOT = re.compile(r"(?<!\\)(?:\\\\)*\.\Z")  # that no backslash escapes
_CONTROL = re.compile(r"\\(?:0[0-2][0-9]|03[01]|127)")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\u3000]")


def normalize(name: str) -> str:
    """Return the name in canonical form: lower case, absolute, without the trailing dot, in ASCII.

    U-labels become A-labels (IDNA 2008, RFC 5891, after the UTS 46 mapping). Labels hold letters, digits,
    hyphens and underscores, and with a backslash what else can be printed; `*` may be the whole leftmost
    label (RFC 4592 2.1.1). Raises InvalidName for anything else, an IP address and a URL included.
    """
    if len(name) <= MAX_NAME and _CANONICAL.fullmatch(name):
        return name
    return _normalize_instance(name) or _normalize_escaped(name) or _normalize_host(name)


def _normalize_host(name: str) -> str:
    _refuse_forbidden(name)
    mapped = name.lower() if name.isascii() else _mapped(name)
    bare = mapped.removesuffix(".")
    _refuse_number(bare, name)
    _check_length(bare)  # before the labels are converted: an A-label is never shorter than its U-label
    reverse = bare.endswith(_REVERSE)
    result = ".".join(
        label if reverse and _CLASSLESS.fullmatch(label) else _label(label, first=not i)
        for i, label in enumerate(bare.split("."))
    )
    _check_length(result)
    return result


def _normalize_instance(name: str) -> str | None:
    """Return the canonical form of a service instance name, RFC 6763 4.1; None for any other name."""
    found = _INSTANCE.fullmatch(name) if "._" in name and len(name) <= _MAX_INPUT else None
    if found is None or _PLAIN_INSTANCE.fullmatch(found["instance"]) or found["instance"] == "*":
        return None
    service = _normalize_host(found["service"])
    label = octets_of_label(found["instance"])
    if not label or len(label) > MAX_LABEL or any(octet < 0x20 or octet == 0x7F for octet in label):
        message = f"{quoted(found['instance'])} is not one label of at most {MAX_LABEL} octets of text"
        raise InvalidName("name_invalid", message)
    if len(label) + 1 + len(service) > MAX_NAME:
        raise InvalidName("name_too_long", f"the name has more than {MAX_NAME} characters")
    text = label.lower().decode("latin-1")  # which folds ASCII alone, as DNS does (RFC 4343 3)
    return f"{_IN_LABEL.sub(lambda found: numbered(found[0]), text)}.{service}"


def _normalize_escaped(name: str, unescape: Callable[[re.Match[str]], str] = unescaped) -> str | None:
    """Return the canonical form of a name with a backslash; None for any other name."""
    if "\\" not in name:
        return None
    _check_length(name, _MAX_INPUT)
    if not name.isascii() or WRITTEN.sub("", name).strip("."):
        message = f"{quoted(name)}: a backslash stands before a character or three digits, in an ASCII name"
        raise InvalidName("name_invalid", message)
    text = WRITTEN.sub(unescape, name)
    if "\\" not in text:
        return _normalize_host(text)
    labels = [_escaped_label(label, first=not i) for i, label in enumerate(text.removesuffix(".").split("."))]
    result = ".".join(labels)
    _refuse_number(result, name)
    _check_length(NUMBER.sub("?", result))
    return result


def _escaped_label(label: str, *, first: bool) -> str:
    plain = NUMBER.sub("", label)
    if plain == label:
        return _label(label, first=first)
    if len(NUMBER.sub("?", label)) > MAX_LABEL:
        raise InvalidName("label_too_long", f"the label {quoted(label)} has more than {MAX_LABEL} octets")
    _check_characters(plain, label)
    return label


def host_name(name: str) -> str:
    """Return a host name as RDATA holds it: in canonical form, with the trailing dot.

    Letters, digits and hyphens within (RFC 952, RFC 1123 2.1); one label alone needs the dot.
    Raises InvalidName.
    """
    result = domain_name(name)
    if "*" in result:
        raise InvalidName("name_invalid", f"{quoted(name)} is a wildcard, not a host name")
    if not is_host(result):
        rule = "letters and digits, and hyphens between them, as in host.example.test"
        raise InvalidName("name_invalid", f"{quoted(name)} is no host name: its labels have {rule}")
    return result


def domain_name(name: str) -> str:
    """Return any name as RDATA holds it, with the trailing dot, without which one label is refused.

    Unlike an owner name it may have control characters, by their numbers (RFC 2181 11).

    Raises InvalidName.
    """
    has_control = "\\" in name and _CONTROL.search(name)
    result = (has_control and _normalize_escaped(name, unescaped_octet)) or normalize(name)
    if "." not in result and not _FINAL_DOT.search(name):
        message = f"{quoted(name)} is not a full name, and none is completed here: write"
        raise InvalidName(
            "name_not_fqdn", f"{message} {result}.example.test., or {result}. if it is one label"
        )
    return result + "."


def is_host(name: str) -> bool:
    """Whether the normalized name, with or without a trailing dot, is one that a host may have."""
    return _HOST.fullmatch(name) is not None


def in_unicode(name: str) -> str:
    """Return a normalized name as people read it: A-labels that IDNA 2008 allows as U-labels."""
    if "xn--" not in name:
        return name
    return ".".join(map(_u_label, name.split(".")))


def _u_label(label: str) -> str:
    try:
        return idna.ulabel(label) if label.startswith("xn--") else label
    except idna.IDNAError:
        return label


def longest_match(name: str, zones: Container[str]) -> str | None:
    """Return the longest of `zones` that is the normalized `name` or a parent of it, or None."""
    return next((parent for parent in lineage(name) if parent in zones), None)


def is_below(name: str, ancestor: str) -> bool:
    """Whether the normalized `name` is below `ancestor`, another name than that; "" is the root."""
    return not ancestor or name.endswith(f".{ancestor}")


def name_in_zone(owner: str, zone: str) -> str:
    """Return the normalized name that `owner` is in the normalized `zone`: "@" is its apex.

    A name that lies in the zone as it is written is absolute, any other relative to the zone, unless it ends
    with a dot. Raises InvalidName.
    """
    if owner == "@":
        return zone
    with suppress(InvalidName):
        name = normalize(owner)
        if name == zone or is_below(name, zone):
            return name
    if owner.endswith("."):
        raise InvalidName("not_in_zone", f"{quoted(owner)} is not in the zone {zone}")
    return normalize(f"{owner}.{zone}")


def lineage(name: str) -> Iterator[str]:
    """Yield the normalized name and its parents, longest first, without the root."""
    while name:
        yield name
        name = name.partition(".")[2]


def lineages(names: Iterable[str]) -> set[str]:
    """Return the normalized names and all their parents, without the root."""
    found: set[str] = set()
    for name in names:
        for parent in lineage(name):
            if parent in found:  # and so are its own parents
                break
            found.add(parent)
    return found


def _refuse_forbidden(name: str) -> None:
    if not name:
        raise InvalidName("name_empty", "the name is empty")
    _check_length(name, _MAX_INPUT)
    if "://" in name:
        host = _HOST_OF_URL.search(name)
        hint = f": write {shortened(host[1], MAX_LABEL)}" if host else ""
        raise InvalidName("name_is_url", f"{quoted(name)} is a URL, not a name{hint}")
    if _FORBIDDEN.search(name):
        message = f"{quoted(name)} has a blank (in a name it is \\032) or a control character"
        raise InvalidName("name_invalid", message)
    if ":" in name and _is_address(name):
        raise InvalidName(
            "name_is_ip", f"{quoted(name)} is an IP address, not a name such as host.example.test"
        )


def _check_length(name: str, most: int = MAX_NAME) -> None:
    if len(name) > most:
        raise InvalidName("name_too_long", f"the name has {len(name)} characters, {MAX_NAME} are allowed")


def _refuse_number(bare: str, name: str) -> None:
    if bare.rpartition(".")[2].isdecimal():  # as no top-level domain is (RFC 3696 2)
        raise InvalidName(
            "name_is_ip", f"{quoted(name)} is an IP address, not a name such as host.example.test"
        )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _mapped(name: str) -> str:
    try:
        return idna.uts46_remap(name, std3_rules=False)
    except idna.IDNAError as error:
        raise InvalidName("idna_invalid", f"{quoted(name)}: {_message(error)}") from error


def _label(label: str, *, first: bool) -> str:
    """Return a checked label, as an A-label where it was a U-label."""
    if not label:
        raise InvalidName("label_empty", "the name has an empty label (two dots in a row, or one in front)")
    if label == "*" and first:
        return label
    if len(label) > MAX_LABEL:
        raise InvalidName("label_too_long", f"the label {quoted(label)} has more than {MAX_LABEL} characters")
    if not label.isascii() or label.startswith("xn--"):
        return _a_label(label)
    _check_characters(label, label)
    return label


def _check_characters(plain: str, label: str) -> None:
    """Check what of the label no backslash escapes."""
    if "*" in plain and _LABEL.fullmatch(plain.replace("*", "")):
        raise InvalidName("wildcard_invalid", "an asterisk must be the whole leftmost label")
    if "/" in plain:
        message = f"{quoted(label)}: a slash stands in labels as 0/25 only (RFC 2317), below arpa"
        raise InvalidName("name_invalid", message)
    if not _LABEL.fullmatch(plain):
        message = f"{quoted(label)}: letters, digits, hyphens and underscores; others by number, as \\032"
        raise InvalidName("name_invalid", message)


def _a_label(label: str) -> str:
    try:
        return idna.alabel(label).decode()
    except idna.IDNAError as error:
        if _LABEL.fullmatch(label) and _is_registered(label):
            return label
        code = "label_too_long" if error.code == "label_too_long" else "idna_invalid"
        raise InvalidName(code, f"{quoted(label)}: {_message(error)}") from error


def _is_registered(label: str) -> bool:
    """Whether an A-label that IDNA 2008 would not make still stands for one text, as those of emoji do."""
    try:
        text = label[len("xn--") :].encode().decode("punycode")
        return (
            not text.isascii() and text.isprintable() and f"xn--{text.encode('punycode').decode()}" == label
        )
    except UnicodeError:
        return False


def _message(error: idna.IDNAError) -> str:
    """Return the library's message in ASCII."""
    return str(error).encode("ascii", "backslashreplace").decode()[:_MAX_MESSAGE]
