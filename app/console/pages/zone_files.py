"""Zones as a whole: imported, and exported as master files."""

import re
import zlib
from functools import partial
from typing import BinaryIO

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from app.console.auth import PageRoute, TheCaller, needs
from app.console.forms import TheFormWithFile, done
from app.console.rendering import show
from app.console.words import segment
from app.core.database import reading
from app.core.threads import run_to_the_end
from app.domain.errors import InvalidInput, Reason
from app.domain.origin import Source
from app.domain.permissions import Caller, Right
from app.services.zones import imports, registry
from app.services.zones.export import export_zone

router = APIRouter(prefix="/zones", route_class=PageRoute)

_GZIP = 31  # zlib's word for gzip, with the largest window
_PART = 256 * 1024  # bytes


@router.get("/{name:path}/import")
@needs(Right.READ_ALL)
def show_import(request: Request, name: str) -> Response:
    """The last import of a zone, and how far it is."""
    return _show(request, name)


@router.post("/{name:path}/import")
@needs(Right.MANAGE_ZONES)
async def import_zone(request: Request, caller: TheCaller, form: TheFormWithFile, name: str) -> Response:
    """Have a worker read the zone from its primary or, where a file was chosen, from that master file."""
    chosen = form.file("file")
    try:
        if form.text("from") not in (None, "file"):
            raise InvalidInput(
                [Reason(("from",), "enum", "a zone is imported from a file, or its primary")], "form"
            )
        if form.text("from") == "file" and chosen is None:
            raise InvalidInput([Reason(("file",), "missing", "choose a master file")], "form")
        zone = await run_to_the_end(partial(_order, caller, name, chosen.file if chosen else None))
    except InvalidInput as error:
        return await run_to_the_end(partial(_show, request, name, error))
    return done(request, f"/zones/{segment(zone)}/import", "import-asked")


@router.get("/{name:path}/export")
@needs(Right.READ_ALL)
def export(name: str) -> Response:
    """A zone that was imported, as a master file to keep."""
    with reading() as session:
        zone = registry.get_zone(session, name)
        parts = export_zone(session, name)
    file_name = re.sub(r"[^a-z0-9._@-]", "_", zone.name)
    headers = {"Content-Disposition": f'attachment; filename="{file_name}.zone"'}
    return StreamingResponse(parts, media_type="text/dns; charset=utf-8", headers=headers)


def _show(request: Request, name: str, error: InvalidInput | None = None) -> Response:
    with reading() as session:
        zone = registry.get_zone(session, name)
        found = imports.find_import(session, name)
    reasons = error.reasons if error else ()
    return show(request, "zones/import.html", 422 if error else 200, zone=zone, found=found, reasons=reasons)


def _order(caller: Caller, name: str, chosen: BinaryIO | None) -> str:
    """Return the key of the zone. Raises what `order_import` does."""
    if chosen is None:
        return imports.order_import(caller, name, Source.TRANSFER).zone
    return imports.order_import(caller, name, Source.FILE, _compressed(chosen)).zone


def _compressed(file: BinaryIO) -> bytes:
    compressor = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    parts = [compressor.compress(part) for part in iter(partial(file.read, _PART), b"")]
    return b"".join([*parts, compressor.flush()])
