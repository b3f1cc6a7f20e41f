"""The baseline's table and sessions."""

import os
from datetime import UTC, datetime
from uuid import UUID, uuid4

from sqlalchemy import JSON, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"))
Session = sessionmaker(engine)


class Base(DeclarativeBase):
    """The baseline's tables."""


class Request(Base):
    """A request for a change."""

    __tablename__ = "baseline_requests"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    account_id: Mapped[str]
    resource: Mapped[dict[str, object]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(default="pending")
    created_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
