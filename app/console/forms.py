"""Reads forms, and says afterwards that what they asked for is done."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData, UploadFile

from app.console.rendering import address

_MAX_FIELDS = 1_000


class Form:
    """What was sent by a form; files are none of it. How many bytes it may have, the front says."""

    def __init__(self, data: FormData) -> None:
        self._data = data

    def text(self, name: str) -> str | None:
        """Return the text of a field without the blanks around it; None for none."""
        value = self._data.get(name)
        return value.strip() or None if isinstance(value, str) else None

    def texts(self, name: str) -> Sequence[str]:
        """Return the texts of all fields of that name: what is ticked, say."""
        return [value for value in self._data.getlist(name) if not isinstance(value, UploadFile)]


async def _read(request: Request) -> Form:
    return Form(await request.form(max_files=0, max_fields=_MAX_FIELDS))


TheForm = Annotated[Form, Depends(_read)]
"""The form that was sent, as a parameter of a page."""


def done(request: Request, path: str, what: str, /, **parameters: object) -> RedirectResponse:
    """Lead to a page that says what was done, by its name in `words.DONE`: to load it again does nothing."""
    return RedirectResponse(address(request, path, done=what, **parameters), 303)
