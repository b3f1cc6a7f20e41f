"""Makes pages of templates.

Every template knows `me` (who looks at it), `may("steer")` (whether he has that right), `url("/requests",
status="failed")` (an address within the console), `has_page("/zones")` and `ui` (the macros of macros.html).
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from app.console import words
from app.console.auth import caller_of, has_right
from app.console.menu import entries_for, entry_of
from app.core.config import settings
from app.domain.change import NOTHING
from app.domain.lifecycle import OPEN, Status
from app.domain.permissions import Right

FOLDER = Path(__file__).parent
PART = "part"  # the parameter that asks for one block of a page: a live part, fetched again
_NOT_KEPT = frozenset({PART, "done"})  # of a page's address, where somebody comes back to it


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,  # everything, whatever the template is called
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {name: getattr(words, name) for name in words.FILTERS}
    made.globals |= {"Status": Status, "OPEN": OPEN, "asked_values": words.asked_values, "nothing": NOTHING}
    return made


_ENVIRONMENT = _environment()


def show(request: Request, template: str, status_code: int = 200, **values: Any) -> HTMLResponse:
    """Return a page; only the block of it that the parameter `part` names, where it has one of that name."""
    found = _ENVIRONMENT.get_template(template)
    context = {**_common(request), **values}
    part = request.query_params.get(PART)
    if part is not None and part in found.blocks:
        return HTMLResponse(_block(found, part, context), status_code)
    return HTMLResponse(found.render(context), status_code)


def address(request: Request, path: str, /, **parameters: object) -> str:
    """Return the address of a page of the console; parameters that are None or empty are left out."""
    given = {name: str(value) for name, value in parameters.items() if value not in (None, "")}
    root: str = request.scope.get("root_path", "")
    return f"{root}{path}" + (f"?{urlencode(given)}" if given else "")


def here(request: Request) -> str:
    """Return the address of the page that is called, below that of the console."""
    path: str = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    given = [(name, value) for name, value in request.query_params.multi_items() if name not in _NOT_KEPT]
    return quote(path) + (f"?{urlencode(given)}" if given else "")


def _common(request: Request) -> Mapping[str, Any]:
    """Return what every template knows."""
    caller = caller_of(request)
    path: str = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    common: dict[str, Any] = {
        "me": caller.principal if caller else None,
        "may": lambda right: has_right(caller, Right(right)),
        "url": partial(address, request),
        "has_page": lambda path: path in request.app.state.console_paths,
        "query": dict(request.query_params),
        "done": words.DONE.get(request.query_params.get("done", "")),
        "path": path,
        "menu": entries_for(caller, request.app.state.console_paths),
        "entry": entry_of(path),
        "open_to_all": settings().auth == "off",
        "simulated": settings().simulated,
    }
    macros: Callable[..., object] = _ENVIRONMENT.get_template("macros.html").make_module
    return {**common, "ui": macros(common)}


def _block(template: Template, name: str, context: dict[str, Any]) -> str:
    return "".join(template.blocks[name](template.new_context(context)))
