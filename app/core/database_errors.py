"""What an error of PostgreSQL means for others, by its SQLSTATE.

psycopg's classes are too coarse: its OperationalError is a server that is away as well as one row's lock.
https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    PendingRollbackError,
)
from sqlalchemy.exc import TimeoutError as NoConnection

DATABASE_ERRORS = (DBAPIError, NoConnection, PendingRollbackError)

# No connection, refused logins, a missing database, a standby, a full disk, too many connections, a shutdown,
# a failing disk: nobody's statement works.
_UNAVAILABLE = ("08", "28", "3D000", "25006", "53100", "53300", "57P", "58")
# A missing privilege, table, column, or schema, before or during a migration: nobody's works, either.
_NOT_SET_UP = ("42501", "42P01", "42703", "3F000")
_CONNECTION_GONE = "8s2b"  # SQLAlchemy's code: a transaction goes on after its connection was lost
_LOCKED = ("55P03", "40001", "40P01")


def is_unavailable(error: Exception) -> bool:
    """Return whether the database is unavailable, for everybody."""
    if isinstance(error, NoConnection):
        return True
    if isinstance(error, PendingRollbackError):
        return error.code == _CONNECTION_GONE
    state = sqlstate(error)
    if state is None:  # libpq's own word: there is no server to give a state
        # Of what it finds out while it reads a result, psycopg does not even say that it is operational.
        return isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError
    return state.startswith(_UNAVAILABLE)


def is_not_set_up(error: Exception) -> bool:
    """Return whether the schema, or our rights in it, are not what this release needs."""
    return (sqlstate(error) or "") in _NOT_SET_UP


def is_locked(error: Exception) -> bool:
    """Return whether a lock that another transaction holds was in the way."""
    return (sqlstate(error) or "") in _LOCKED


def is_deadlock(error: Exception) -> bool:
    """Return whether PostgreSQL has ended the transaction because it and another waited for each other."""
    return sqlstate(error) == "40P01"


def is_timeout(error: Exception) -> bool:
    """Return whether the statement took longer than `statement_timeout` allows."""
    return sqlstate(error) == "57014"


def may_recover(error: Exception) -> bool:
    """Return whether the same may succeed later: the fault is in the database, not in what it was asked."""
    return any(judge(error) for judge in (is_unavailable, is_not_set_up, is_locked, is_timeout))


def words_for(error: Exception) -> tuple[str, str]:
    """Return a code and words for what others can mend, or passes by itself; raise the rest."""
    if is_unavailable(error):
        return "database_unavailable", "the database is not available; try again"
    if is_not_set_up(error):
        return "database_not_set_up", "the database is not set up as this release needs it"
    if is_timeout(error):
        return "query_timeout", "the answer takes the database too long; ask for less, by more filters"
    if is_locked(error):
        return "database_locked", "another transaction is in the way; try again"
    raise error


def sqlstate(error: Exception) -> str | None:
    """Return the SQLSTATE that PostgreSQL gave; None where it did not answer."""
    state: str | None = getattr(getattr(error, "orig", None), "sqlstate", None)
    return state
