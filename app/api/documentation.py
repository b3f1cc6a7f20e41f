"""The API's own documentation, a page that fetches nothing from elsewhere; and where `/` leads."""

import asyncio
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import fastapi_offline
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from pydantic_core import from_json, to_json

from app.api.auth import CONSOLE
from app.core.config import settings

PAGE = "/docs"
DOCUMENT = "/openapi.json"
_ASSETS = f"{PAGE}/assets"
_FILES = Path(fastapi_offline.__file__).parent / "static"
_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


class OpenApi:
    """The OpenAPI document, made once: in a thread, since that takes long and others are to be answered."""

    def __init__(self) -> None:
        self._content: bytes | None = None
        self._turn = asyncio.Lock()

    async def answer(self, request: Request) -> Response:
        """Answer with the document; where a proxy takes a part of the path, with its address."""
        async with self._turn:
            if self._content is None:
                self._content = await run_in_threadpool(lambda: to_json(request.app.openapi()))
        content = self._content
        if root := request.scope.get("root_path", "").rstrip("/"):
            content = to_json({**from_json(content), "servers": [{"url": root}]})
        return Response(content, media_type="application/json")


def install(app: FastAPI) -> None:
    """Add the page, and let `/` lead to what there is of the console, for browsers, it, and the readiness."""
    if settings().docs:
        app.add_api_route(DOCUMENT, OpenApi().answer, include_in_schema=False)
        app.mount(_ASSETS, StaticFiles(directory=_FILES))
        app.add_api_route(PAGE, _page, include_in_schema=False)
    app.add_api_route("/", _lead, include_in_schema=False)


async def _page(request: Request) -> HTMLResponse:
    root = request.scope.get("root_path", "")
    page = get_swagger_ui_html(
        openapi_url=f"{root}{DOCUMENT}",
        title=request.app.title,
        swagger_js_url=f"{root}{_ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{root}{_ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{root}{_ASSETS}/favicon.png",
    )
    page.headers["Content-Security-Policy"] = _policy(bytes(page.body))
    return page


def _policy(page: bytes) -> str:
    """Return what a browser may load for the page: what comes from here, and the script that stands in it."""
    scripts = [f"'sha256-{b64encode(sha256(each).digest()).decode()}'" for each in _SCRIPT.findall(page)]
    return (
        f"default-src 'none'; script-src 'self' {' '.join(scripts)}; style-src 'self' 'unsafe-inline';"
        " img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )


async def _lead(request: Request) -> RedirectResponse:
    root = request.scope.get("root_path", "")
    if settings().console and "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(f"{root}{CONSOLE}/")
    return RedirectResponse(root + (PAGE if settings().docs else "/readyz"))
