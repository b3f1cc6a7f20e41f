"""Addresses of other kinds: NID, L32, L64, LP (RFC 6742), EUI48 and EUI64 (RFC 7043)."""

import re
from contextlib import suppress

from app.domain.errors import InvalidRdata, quoted
from app.domain.rdata.addresses import read_ipv4
from app.domain.rdata.fields import Fields
from app.domain.rdata.numbered import PREFERENCE, numbered
from app.domain.rdata.reading import NOTHING_GIVEN, Given, Reader
from app.domain.rdata.targets import read_any_name

_FOUR_GROUPS = re.compile(r"[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){3}")
_PAIR = re.compile(r"[0-9A-Fa-f]{2}")
_SEPARATORS = ("-", ":", "")


def _read_groups(target: str) -> str:
    """Four groups of hexadecimal digits, all of them: `::` is no short form here (RFC 6742 2.1.2)."""
    if not _FOUR_GROUPS.fullmatch(target):
        message = f"{quoted(target)} is not four groups of hexadecimal digits, such as 2001:0db8:1140:1000"
        raise InvalidRdata("locator_invalid", message)
    return ":".join(group.lower().zfill(4) for group in target.split(":"))


def _eui(octets: int, form: str) -> Reader:
    def read(target: str, _: Given = NOTHING_GIVEN) -> str:
        """RFC 7043 3.2, 4.2: hyphens, colons or nothing between the octets."""
        with suppress(InvalidRdata):
            fields = Fields(target, form)
            target = fields.raw("identifier") if fields.left == 1 else target
        pairs = _PAIR.findall(target)
        if len(pairs) != octets or target not in (separator.join(pairs) for separator in _SEPARATORS):
            raise InvalidRdata("eui_invalid", f"{quoted(target)} is not {octets} octets, such as {form}")
        return "-".join(pairs).lower()

    return read


read_nid = numbered(PREFERENCE, _read_groups, "10 0014:4fff:ff20:ee64")
read_l64 = numbered(PREFERENCE, _read_groups, "10 2001:0db8:1140:1000")
read_l32 = numbered(PREFERENCE, read_ipv4, "10 198.51.100.0")
read_lp = numbered(PREFERENCE, read_any_name, "10 l64-subnet.example.test")
read_eui48 = _eui(6, "00-00-5e-00-53-2a")
read_eui64 = _eui(8, "00-00-5e-ef-10-00-00-2a")
