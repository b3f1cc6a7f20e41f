"""The menu, which every page has: the entries that there are pages for, and that the reader may open."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from app.console.auth import has_right
from app.domain.permissions import Caller, Right


class Entry(NamedTuple):
    """A page of the menu. The pages below it belong to it, too."""

    path: str
    label: str
    right: Right


ENTRIES = (
    Entry("/", "Home", Right.KNOW_ONESELF),
    Entry("/change", "New change", Right.SUBMIT),
    Entry("/requests", "Requests", Right.READ),
    Entry("/approvals", "Approvals", Right.APPROVE),
    Entry("/zones", "Zones", Right.READ),
    Entry("/runs", "Runs", Right.READ_ALL),
    Entry("/dead-letters", "Dead letters", Right.READ_ALL),
    Entry("/webhooks", "Webhooks", Right.WEBHOOKS),
    Entry("/access", "Access", Right.READ_ACCESS),
)


def entries_for(caller: Caller | None, paths: Collection[str]) -> Sequence[Entry]:
    """Return the entries that have a page among these paths, and that the caller may open."""
    return [each for each in ENTRIES if each.path in paths and has_right(caller, each.right)]


def entry_of(path: str) -> Entry | None:
    """Return the entry that a page belongs to."""
    below = (each for each in ENTRIES if path == each.path or path.startswith(f"{each.path}/"))
    return next(below, None)
