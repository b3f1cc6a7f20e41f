"""What errors mean that no server has given: libpq's own, and psycopg's."""

import psycopg
import psycopg.errors
import pytest
from psycopg import pq
from sqlalchemy.exc import DBAPIError

from app.core.database_errors import is_unavailable, may_recover


def lost_in_a_result() -> psycopg.Error:
    """What psycopg makes of a result that libpq has made, since the connection ended half-way."""
    connection = pq.PGconn.connect(b"host=127.0.0.1 port=1 connect_timeout=1")
    return psycopg.errors.error_from_result(connection.make_empty_result(pq.ExecStatus.FATAL_ERROR))


@pytest.mark.parametrize(
    ("error", "unavailable"),
    [
        (lost_in_a_result(), True),
        (psycopg.OperationalError("consuming input failed: server closed the connection"), True),
        (psycopg.InterfaceError("the connection is lost"), True),
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"), False),
        (psycopg.ProgrammingError("the query has 1 placeholder but 2 parameters were passed"), False),
    ],
)
def test_a_lost_connection_is_a_database_that_is_unavailable(error: psycopg.Error, unavailable: bool) -> None:
    wrapped = DBAPIError.instance("SELECT 1", {}, error, psycopg.Error)
    assert isinstance(wrapped, DBAPIError)
    assert is_unavailable(wrapped) == may_recover(wrapped) == unavailable
