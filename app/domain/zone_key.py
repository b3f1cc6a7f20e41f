"""Zone keys: what a zone is called here, where two views can have zones of one name (split horizon).

The key of a zone is its DNS name, `example.test`, or with the view that it lies in, `example.test@internal`.
Everything that is kept of a zone is kept by its key; DNS servers know nothing but the name. No normalized
name holds an `@`.
"""

AT = "@"


def zone_key(name: str, view: str | None) -> str:
    """Return the key of the zone of that normalized name in that view; None: in none."""
    return name if view is None else f"{name}{AT}{view}"


def dns_name(key: str) -> str:
    """Return the name of the zone as DNS knows it."""
    return key.partition(AT)[0]


def view_of(key: str) -> str | None:
    """Return the view that the zone lies in; None: it lies in none."""
    return key.partition(AT)[2] or None
