"""Reads forms, and says afterwards that what they asked for is done."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from app.console.rendering import address
from app.domain.errors import InvalidInput
from app.domain.reasons import MAX_REASONS, at_most
from app.services.requests.validate import shape_reasons

_MAX_FIELDS = 6_000  # the grid of changes has ten for each of 500 rows
Shape = TypeVar("Shape", bound=BaseModel)


class Form:
    """What was sent by a form. How many bytes it may have, the front says."""

    def __init__(self, data: FormData) -> None:
        self._data = data

    def text(self, name: str) -> str | None:
        """Return the text of a field without the blanks around it; None for none."""
        value = self._data.get(name)
        return value.strip() or None if isinstance(value, str) else None

    def texts(self, name: str) -> Sequence[str]:
        """Return the texts of all fields of that name: what is ticked, say."""
        return [value for value in self._data.getlist(name) if not isinstance(value, UploadFile)]

    def words(self, name: str) -> Sequence[str]:
        """Return what stands between blanks and commas in a field."""
        return (self.text(name) or "").replace(",", " ").split()

    def lines(self, name: str) -> Sequence[str]:
        """Return the lines of a field that hold something, without the blanks around them."""
        return [line.strip() for line in (self.text(name) or "").splitlines() if line.strip()]

    def number(self, name: str) -> int | str | None:
        """Return the whole number in a field; the text, where it is none, for a shape to refuse."""
        text = self.text(name)
        return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else text

    def file(self, name: str) -> UploadFile | None:
        """Return the file that was chosen in a field."""
        value = self._data.get(name)
        return value if isinstance(value, UploadFile) and value.size else None

    def shown(self) -> Mapping[str, str]:
        """Return the fields as they are shown again."""
        return {name: value for name, value in self._data.items() if isinstance(value, str)}


def read_shape(shape: type[Shape], values: Mapping[str, object]) -> Shape:
    """Return the values of a form in the shape that the API has for them. Raises InvalidInput."""
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        raise InvalidInput(at_most(MAX_REASONS, shape_reasons(error, shape)), "form") from error


def _require_utf8(request: Request) -> None:
    """Raise HTTPException 400 where a form is sent in another encoding, which no page of ours does."""
    _, options = parse_options_header(request.headers.get("content-type"))
    if options.get(b"charset", b"utf-8").lower() != b"utf-8":
        raise HTTPException(400, "a form is read in UTF-8 alone")


async def _read(request: Request) -> Form:
    _require_utf8(request)
    return Form(await request.form(max_files=0, max_fields=_MAX_FIELDS))


async def _read_with_file(request: Request) -> AsyncIterator[Form]:
    _require_utf8(request)
    async with request.form(max_files=1, max_fields=_MAX_FIELDS) as data:  # which closes the file
        yield Form(data)


TheForm = Annotated[Form, Depends(_read)]
"""The form that was sent, as a parameter of a page."""

TheFormWithFile = Annotated[Form, Depends(_read_with_file)]
"""The same, of a form in which a file can be chosen."""


def done(request: Request, path: str, what: str, /, **parameters: object) -> RedirectResponse:
    """Lead to a page that says what was done, by its name in `words.DONE`: to load it again does nothing."""
    return RedirectResponse(address(request, path, done=what, **parameters), 303)
