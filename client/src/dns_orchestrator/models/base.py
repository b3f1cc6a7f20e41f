"""What every shape of an answer is."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

Item = TypeVar("Item")


class Model(BaseModel):
    """A part of an answer. Fields that a newer API gives are kept, and need no newer client."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)


class Page(Model, Generic[Item]):
    """A part of a list. It can be short, even empty: the last one has no cursor."""

    items: list[Item]
    next_cursor: str | None = None
