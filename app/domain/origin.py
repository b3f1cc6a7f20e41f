"""Where what is recorded of an RRset comes from, and how what a server has can differ from it."""

from enum import StrEnum


class Origin(StrEnum):
    """What has left the RRset as it is recorded."""

    REQUEST = "request"  # a request changed it last
    IMPORT = "import"  # it was there when the zone was imported
    ADOPTED = "adopted"  # it was changed beside us, and adopted


class Source(StrEnum):
    """What an import reads."""

    TRANSFER = "transfer"  # the zone, as its primary transfers it
    FILE = "file"  # a master file that was posted
    CATALOG = "catalog"  # the members that a catalog zone lists: each is imported then


class ImportState(StrEnum):
    """How far the last import of a zone is."""

    WANTED = "wanted"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class DriftKind(StrEnum):
    """How an RRset of the primary differs from what is recorded of it."""

    ADDED = "added"  # nothing is recorded of it
    CHANGED = "changed"
    MISSING = "missing"  # it is recorded, and the primary has it no more
