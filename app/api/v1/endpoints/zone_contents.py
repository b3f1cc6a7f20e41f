"""What zones hold: imports, and exports as master files."""

import zlib
from functools import partial

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from app.api import openapi
from app.api.auth import TheCaller, needs
from app.api.body import JsonRoute, decode_json
from app.api.zone_answers import import_out
from app.core.config import settings
from app.core.database import reading
from app.core.threads import run_to_the_end
from app.domain.errors import InvalidInput
from app.domain.origin import Source
from app.domain.permissions import Right
from app.domain.reasons import MAX_REASONS, at_most
from app.schemas.request import ZoneImport
from app.schemas.response import ImportOut
from app.services.requests.validate import shape_reasons
from app.services.zones import imports
from app.services.zones.export import export_zone

router = APIRouter(prefix="/zones", tags=["zones"], route_class=JsonRoute)

_MASTER_FILES = ("text/dns", "text/plain")  # RFC 4027
_GZIP = 31  # zlib's word for gzip, with the largest window


@router.post(
    "/{name:path}/import",
    status_code=202,
    summary="Import a zone",
    responses=openapi.BODY | openapi.NO_ZONE | openapi.IMPORT_RUNNING,
    openapi_extra=openapi.IMPORT_BODY,
)
@needs(Right.MANAGE_ZONES)
async def import_zone(name: str, request: Request, response: Response, caller: TheCaller) -> ImportOut:
    """A worker reads the zone from its primary or, with a body, from that master file; it changes nothing.

    What nothing is recorded of is recorded as it is found, as nobody's. What is recorded otherwise stays, and
    is shown as drift once the primary has been asked about it. A file of up to 1 MB is read before the
    answer; what is wrong with a larger one is in `GET …/import`. With `{"catalog": true}` the zone is a
    catalog (RFC 9432): its members are registered on the same backend, and imported.
    """
    source, file = await _read_order(request)
    found = await run_to_the_end(partial(imports.order_import, caller, name, source, file))
    response.headers["Location"] = f"/api/v1/zones/{found.zone}/import"
    return import_out(found)


@router.get("/{name:path}/import", summary="Show the last import of a zone", responses=openapi.NO_ZONE)
@needs(Right.READ_ALL)
def show_import(name: str) -> ImportOut:
    """How far it is, or why it has failed."""
    with reading() as session:
        return import_out(imports.find_import(session, name))


@router.get(
    "/{name:path}/export",
    summary="Export a zone",
    responses=openapi.NO_ZONE | openapi.EXPORT,
    response_class=StreamingResponse,
)
@needs(Right.READ_ALL)
def show_export(name: str) -> StreamingResponse:
    """A zone that was imported, as a master file: what is recorded of it, and its SOA.

    What whoever signs the zone makes is not in it.
    """
    with reading() as session:
        parts = export_zone(session, name)
    return StreamingResponse(parts, media_type="text/dns; charset=utf-8")


async def _read_order(request: Request) -> tuple[Source, bytes | None]:
    """Return what is to be imported from, and the master file if it is one, compressed."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = media_type == "application/json"
    file = await _compressed_body(request, settings().max_body if is_json else settings().max_import_body)
    if file is None:
        return Source.TRANSFER, None
    if is_json:
        order = _read_json(zlib.decompress(file, _GZIP))
        return (Source.CATALOG if order.catalog else Source.TRANSFER), None
    if media_type not in _MASTER_FILES:
        raise HTTPException(415, "the body must be a master file, as text/dns, or application/json")
    return Source.FILE, file


async def _compressed_body(request: Request, most: int) -> bytes | None:
    """Return the body in a fraction of its memory, as it comes; None where there is none.

    Raises HTTPException 413 where it has more than so many bytes, 408.
    """
    compressor, parts, size = zlib.compressobj(1, zlib.DEFLATED, _GZIP), list[bytes](), 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise HTTPException(413, f"the body is larger than {most} bytes", {"Connection": "close"})
            parts.append(compressor.compress(part))
    except ClientDisconnect:
        raise HTTPException(408, "the client has gone") from None
    return b"".join([*parts, compressor.flush()]) if size else None


def _read_json(raw: bytes) -> ZoneImport:
    try:
        return ZoneImport.model_validate(decode_json(raw))
    except ValidationError as error:
        raise InvalidInput(at_most(MAX_REASONS, shape_reasons(error, ZoneImport))) from error
