"""The API's own documentation, a page that fetches nothing from elsewhere; and where `/` leads."""

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from app.core.config import settings

PAGE = "/docs"
_ASSETS = f"{PAGE}/assets"
_FILES = Path(fastapi_offline.__file__).parent / "static"


def openapi_url() -> str | None:
    """Return the path of the OpenAPI document; None where the documentation is turned off."""
    return "/openapi.json" if settings().docs else None


def install(app: FastAPI) -> None:
    """Add the page, and let `/` lead to it, or to the readiness where it is turned off."""
    if settings().docs:
        app.mount(_ASSETS, StaticFiles(directory=_FILES))
        app.add_api_route(PAGE, _page, include_in_schema=False)
    app.add_api_route("/", _lead, include_in_schema=False)


async def _page(request: Request) -> HTMLResponse:
    root = request.scope.get("root_path", "")
    return get_swagger_ui_html(
        openapi_url=f"{root}{openapi_url()}",
        title=request.app.title,
        swagger_js_url=f"{root}{_ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{root}{_ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{root}{_ASSETS}/favicon.png",
    )


async def _lead(request: Request) -> RedirectResponse:
    root = request.scope.get("root_path", "")
    return RedirectResponse(root + (PAGE if settings().docs else "/readyz"))
