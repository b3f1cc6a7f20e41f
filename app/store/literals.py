"""Ids that are written into the text of statements.

When a session has asked ten times, PostgreSQL makes a plan for any parameters. Where an id is one of them
and bounds the partitions, that would be a plan of all partitions.
"""

from uuid import UUID

from sqlalchemy import BindParameter, TextClause, Uuid, bindparam, text


def in_text(value: UUID) -> BindParameter[UUID]:
    """Return an id that is written into the text of a statement."""
    return bindparam(None, value, type_=Uuid(), unique=True, literal_execute=True)


def with_literals(sql: str, *names: str) -> TextClause:
    """Return a statement into whose text the ids with these names are written."""
    return text(sql).bindparams(*(bindparam(name, type_=Uuid(), literal_execute=True) for name in names))
