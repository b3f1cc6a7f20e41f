"""Zone keys: what a zone is called here, where two views can have zones of one name (split horizon).

The key of a zone is its DNS name, `example.test`, or with the view that it lies in, `example.test@internal`.
Everything that is kept of a zone is kept by its key; DNS servers know nothing but the name. No normalized
name holds an `@`.
"""

import re

from app.domain.errors import InvalidName, quoted
from app.domain.names import normalize

AT = "@"

_VIEW = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def zone_key(name: str, view: str | None) -> str:
    """Return the key of the zone of that normalized name in that view; None: in none."""
    return name if view is None else f"{name}{AT}{view}"


def dns_name(key: str) -> str:
    """Return the name of the zone as DNS knows it."""
    return key.partition(AT)[0]


def view_of(key: str) -> str | None:
    """Return the view that the zone lies in; None: it lies in none."""
    return key.partition(AT)[2] or None


def read_view(text: str) -> str:
    """Return the name of a view in canonical form: lower case. Raises InvalidName."""
    view = text.lower()
    if not _VIEW.fullmatch(view):
        message = f"{quoted(text)} is no view: 1 to 63 letters, digits, hyphens and underscores name one"
        raise InvalidName("view_invalid", message)
    return view


def read_zone_key(text: str) -> str:
    """Return the key of a zone in canonical form, as its name and its view are. Raises InvalidName."""
    name, at, view = text.rpartition(AT)
    return zone_key(normalize(name), read_view(view)) if at else normalize(text)
