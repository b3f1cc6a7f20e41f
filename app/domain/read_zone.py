"""Read the keys of zones, and the names of views, as people write them."""

import re

from app.domain.errors import InvalidName, quoted
from app.domain.names import normalize
from app.domain.zone_key import AT, zone_key

_VIEW = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def read_view(text: str) -> str:
    """Return the name of a view in canonical form: lower case. Raises InvalidName."""
    view = text.lower()
    if not _VIEW.fullmatch(view):
        shape = "1 to 63 letters, digits, hyphens and underscores name one, the first a letter or digit"
        message = f"{quoted(text)} is no view: {shape}"
        raise InvalidName("view_invalid", message)
    return view


def read_zone_key(text: str) -> str:
    """Return the key of a zone in canonical form, as its name and its view are. Raises InvalidName."""
    name, at, view = text.rpartition(AT)
    return zone_key(normalize(name), read_view(view)) if at else normalize(text)
