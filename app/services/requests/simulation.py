"""Whether changes are only simulated."""

from app.core.config import settings
from app.core.database import AnySession
from app.store import backends


def simulates(session: AnySession) -> bool:
    """Return whether every name is accepted: not where a worker has told what real servers there are."""
    return settings().simulated and not backends.list_names(session)
