"""After a backup was restored: nothing of it is applied over what the servers have got since."""

from app.core.database import transaction
from app.domain.permissions import Caller
from app.domain.told import of_failure
from app.services.access import audit
from app.store import restored
from app.store.restored import PutAside

CODE = "restored"
_MESSAGE = (
    "a backup was restored in which it was {status}: it may have been applied, or replaced, since. "
    "Look at what the servers have; retry it if it is still wanted"
)


class WorkerAlive(Exception):
    """A worker holds something of this database; the text says what."""


def put_aside(caller: Caller) -> PutAside:
    """Put everything aside that was open in the backup, in one transaction; it may be called again.

    Raises WorkerAlive where a worker holds something.
    """
    with transaction() as session:
        if held := restored.what_is_held(session):
            raise WorkerAlive(held)
        done = restored.put_aside(session, CODE, _MESSAGE, of_failure(CODE))
        audit.note(session, caller, "backup_restored", "database", after=done._asdict())
    return done
