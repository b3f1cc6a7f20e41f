"""Names: their canonical form, in which the whole service writes and compares them.

Beside host names it knows what RFC 2317 makes of reverse zones (`0/25.2.0.192.in-addr.arpa`) and the instance
names of DNS-based service discovery (RFC 6763 4.1), whose leftmost label is any text: other characters than
letters, digits, hyphens and underscores are written by their numbers there, as a zone file can have them:
`my\\032printer._ipp._tcp.example.test`.
"""

import re
from collections.abc import Container, Iterable, Iterator
from ipaddress import ip_address

import idna

from app.domain.errors import InvalidName, quoted

MAX_LABEL = 63  # octets, RFC 1035 2.3.4
MAX_NAME = 253  # characters as written, which is 255 octets on the wire, RFC 1035 2.3.4

ESCAPED_DOT = r"\046"  # a dot within a label: by its number, so that a dot always ends a label

_MAX_INPUT = 4 * MAX_NAME  # no Unicode form of a valid name is longer
_MAX_MESSAGE = 200  # characters of the IDNA library's message that are passed on
_LABEL = re.compile(r"[a-z0-9_-]*")
# A name in canonical form, as most are: nothing is left to check but its length.
_CANONICAL_LABEL = r"(?!xn--)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_CANONICAL = re.compile(rf"(?:{_CANONICAL_LABEL}\.)*(?![0-9]+\Z){_CANONICAL_LABEL}")
_CLASSLESS = re.compile(r"[0-9]{1,3}/[0-9]{1,3}")  # a label of RFC 2317
_REVERSE = ".arpa"
_INSTANCE = re.compile(
    r"(?P<instance>.+)\.(?P<service>_[a-z0-9-]+\._(?:tcp|udp)\..+)", re.IGNORECASE | re.DOTALL
)
_PLAIN_INSTANCE = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")  # needs no rule of its own
_IN_LABEL = re.compile(r"[^a-z0-9_*/-]")
_WRITTEN = re.compile(r"(\\[0-9]{3})|(\\[^0-9])|([^.\\])", re.DOTALL)
_UNUSUAL = re.compile(r"[^a-z0-9_.*/ -]")  # blanks stand between a number and a name, say
_ESCAPE = re.compile(r"\\(?:([0-9]{3})|(.))|([^a-z0-9_.*/ \\-])", re.DOTALL)
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\u3000]")


def normalize(name: str) -> str:
    """Return the name in canonical form: lower case, absolute, without the trailing dot, in ASCII.

    U-labels become A-labels (IDNA 2008, RFC 5891, after the UTS 46 mapping). Labels hold letters,
    digits, hyphens and underscores; `*` may be the whole leftmost label (RFC 4592 2.1.1); the module says
    which names may hold more. Raises InvalidName for anything else, an IP address and a URL included.
    """
    if len(name) <= MAX_NAME and _CANONICAL.fullmatch(name):
        return name
    return _normalize_instance(name) or _normalize_host(name)


def _normalize_host(name: str) -> str:
    _refuse_forbidden(name)
    mapped = name.lower() if name.isascii() else _mapped(name)
    bare = mapped.removesuffix(".")
    if bare.rpartition(".")[2].isdecimal():  # as no top-level domain is (RFC 3696 2)
        raise InvalidName("name_is_ip", f"{quoted(name)} is an IP address, not a name")
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
    label = _octets(found["instance"])
    if not label or len(label) > MAX_LABEL or any(octet < 0x20 or octet == 0x7F for octet in label):
        message = f"{quoted(found['instance'])} is not one label of at most {MAX_LABEL} octets of text"
        raise InvalidName("name_invalid", message)
    if len(label) + 1 + len(service) > MAX_NAME:
        raise InvalidName("name_too_long", f"the name has more than {MAX_NAME} characters")
    text = label.lower().decode("latin-1")  # which folds ASCII alone, as DNS does (RFC 4343 3)
    return f"{_IN_LABEL.sub(lambda found: _numbered(found[0]), text)}.{service}"


def _octets(label: str) -> bytes | None:
    """Return the octets of one label, in which a backslash may stand before a character or three digits."""
    parts = _WRITTEN.findall(label)
    if "".join(map("".join, parts)) != label or any(
        number and int(number[1:]) > 0xFF for number, *_ in parts
    ):
        return None
    try:
        return b"".join(
            bytes([int(number[1:])]) if number else (character[1:] or text).encode()
            for number, character, text in parts
        )
    except UnicodeEncodeError:
        return None


def escaped(text: str) -> str:
    """Return names as dnspython writes them, in lower case, in our canonical form."""
    if not _UNUSUAL.search(text):
        return text
    return _ESCAPE.sub(lambda found: found[0] if found[1] else _numbered(found[2] or found[3]), text)


def _numbered(character: str) -> str:
    return f"\\{ord(character):03d}"


def host_name(name: str, *, underscore: bool = False) -> str:
    """Return a host name as RDATA holds it: in canonical form, with the trailing dot.

    Letters, digits and hyphens (RFC 1123 2.1), at least two labels; with `underscore` it may be the name of
    anything. Raises InvalidName.
    """
    result = normalize(name)
    if "*" in result:
        raise InvalidName("name_invalid", f"{quoted(name)} is a wildcard, not a host name")
    if "_" in result and not underscore:
        raise InvalidName("name_invalid", f"{quoted(name)} has an underscore, which a host name may not have")
    if "/" in result and not underscore:
        raise InvalidName("name_invalid", f"{quoted(name)} has a slash, which a host name may not have")
    if "." not in result:
        raise InvalidName("name_not_fqdn", f"{quoted(name)} is not a full name, such as host.example.test")
    return result + "."


def longest_match(name: str, zones: Container[str]) -> str | None:
    """Return the longest of `zones` that is the normalized `name` or a parent of it, or None."""
    return next((parent for parent in lineage(name) if parent in zones), None)


def is_below(name: str, ancestor: str) -> bool:
    """Whether the normalized `name` is below `ancestor`, another name than that; "" is the root."""
    return not ancestor or name.endswith(f".{ancestor}")


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
        raise InvalidName("name_is_url", f"{quoted(name)} is a URL, not a name")
    if _FORBIDDEN.search(name):
        raise InvalidName("name_invalid", f"{quoted(name)} has a blank, a control character or a backslash")
    if ":" in name and _is_address(name):
        raise InvalidName("name_is_ip", f"{quoted(name)} is an IP address, not a name")


def _check_length(name: str, most: int = MAX_NAME) -> None:
    if len(name) > most:
        raise InvalidName("name_too_long", f"the name has {len(name)} characters, {MAX_NAME} are allowed")


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
    _check_characters(label)
    return label


def _check_characters(label: str) -> None:
    if "*" in label and _LABEL.fullmatch(label.replace("*", "")):
        raise InvalidName("wildcard_invalid", "an asterisk must be the whole leftmost label")
    if not _LABEL.fullmatch(label):
        raise InvalidName("name_invalid", f"{quoted(label)}: only letters, digits, hyphens and underscores")
    if label.startswith("-") or label.endswith("-"):
        raise InvalidName("name_invalid", f"{quoted(label)} begins or ends with a hyphen")


def _a_label(label: str) -> str:
    try:
        return idna.alabel(label).decode()
    except idna.IDNAError as error:
        if label.isascii() and _is_registered(label):
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
