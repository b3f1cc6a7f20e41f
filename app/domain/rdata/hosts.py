"""What hosts are and who is responsible: HINFO (RFC 1035 3.3.2), RP (RFC 1183 2.2), AFSDB (RFC 1183 1)."""

import re

from app.domain.rdata.fields import Fields
from app.domain.rdata.reading import NOTHING_GIVEN, Given
from app.domain.rdata.strings import written
from app.domain.rdata.targets import read_any_name

_HINFO = '"INTEL-386" "UNIX"'
_RP = "admin.example.test contact.example.test"
_AFSDB = "1 afs.example.test"
_MAILBOX = re.compile(r"([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64})@([^@]+)")  # RFC 5321 4.1.2, without quotes
_PLAIN = re.compile(r"[A-Za-z0-9_-]")


def read_hinfo(target: str, _: Given = NOTHING_GIVEN) -> str:
    """CPU and operating system; or a reason not to answer ANY (RFC 8482 4.2)."""
    fields = Fields(target, _HINFO)
    cpu, system = fields.string("CPU"), fields.string("operating system")
    fields.end()
    return written(cpu, system)


def read_rp(target: str, _: Given = NOTHING_GIVEN) -> str:
    """The mailbox of who is responsible, as a name or an address, and where there is a TXT about them."""
    fields = Fields(target, _RP)
    mailbox = _mailbox(fields.word("mailbox"))
    text = fields.name("name of the TXT") if fields.left else "."
    fields.end()
    return f"{mailbox} {text}"


def _mailbox(word: str) -> str:
    """Return the name of a mailbox: the local part is its first label, whatever dots it has (RFC 1035 8)."""
    address = _MAILBOX.fullmatch(word)
    if address is None:
        return read_any_name(word)
    local = "".join(c if _PLAIN.match(c) else f"\\{ord(c):03d}" for c in address[1])
    return read_any_name(f"{local}.{address[2]}")


def read_afsdb(target: str, _: Given = NOTHING_GIVEN) -> str:
    """A subtype (1 an AFS cell, 2 a DCE cell) and a host."""
    fields = Fields(target, _AFSDB)
    subtype = fields.number("subtype", 0xFFFF)
    if not subtype:
        fields.refuse("number_invalid", "the subtype is 1 (an AFS cell) or 2 (a DCE cell)")
    host = fields.host("host")
    fields.end()
    return f"{subtype} {host}"
