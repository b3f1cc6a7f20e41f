"""Hands events on to webhooks."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.store.outbox import Event


def fan_out(session: Session, events: Sequence[Event]) -> None:
    """Note for each webhook that wants them that these events are to be delivered.

    In the transaction that removes them from the outbox. They are in order for each request.
    """
