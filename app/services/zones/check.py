"""What a zone needs of its servers to be changed, verified and read here: each of them is asked for it."""

import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import httpx2

from app.core.startup import cause
from app.domain.server import Server
from app.domain.zone_key import dns_name
from app.nameservers.probe import ProbeFailed, ask_serial, try_transfer, try_update
from app.runner.ansible.inventory import (
    Variables,
    authoritative_servers,
    host_variables,
    primary_servers,
    run_limits,
)
from app.services.zones.servers import for_transfers

_TIMEOUT = 5.0  # seconds for one question
_AT_ONCE = 16  # questions to DNS servers
# Of a file of keys or certificates, or of the API and its address.
_FAULTS = (OSError, ValueError, httpx2.HTTPError, httpx2.InvalidURL)
_API_SAYS = {
    HTTPStatus.UNAUTHORIZED: ("auth_refused", "401: the API key is refused"),
    HTTPStatus.NOT_FOUND: ("zone_not_loaded", "404: the API does not know the zone"),
}


class Need(StrEnum):
    """What a server is asked for."""

    ANSWER = "answer"  # with authority: what is verified
    UPDATE = "update"  # signed with the key: how changes are made
    API = "api"  # the same over HTTP
    TRANSFER = "transfer"  # of the whole zone: for imports, and to see what others change


@dataclass(frozen=True, slots=True)
class ZoneFinding:
    """How one server fulfils one need of a zone; without a code it does."""

    zone: str
    server: str
    need: Need
    code: str | None
    words: str


class Question(NamedTuple):
    """What one server is asked about a zone; `ask` returns the answer in words, or raises."""

    zone: str
    server: str
    need: Need
    ask: Callable[[], str]


def questions_about(inventory: Path, backend: str, zones: Iterable[str]) -> list[Question]:
    """Return what the servers of a backend are asked about these zones. Raises InventoryError."""
    run_limits(inventory, backend)
    variables = host_variables(inventory, backend)
    servers, primaries = authoritative_servers(inventory, backend), primary_servers(inventory, backend)
    return [
        question
        for zone in zones
        for question in (
            *_of_verified(servers, primaries, zone),
            *_of_primaries(variables, primaries, zone),
        )
    ]


def look(questions: Sequence[Question]) -> Iterator[ZoneFinding]:
    """Ask all of these, and yield what was found in the same order."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        yield from threads.map(_asked, questions)


def _of_verified(servers: Sequence[Server], primaries: Sequence[Server], zone: str) -> Iterator[Question]:
    for each in servers:
        yield Question(zone, str(each), Need.ANSWER, partial(_serial, each, _with_key(each, primaries), zone))


def _of_primaries(variables: Variables, primaries: Sequence[Server], zone: str) -> Iterator[Question]:
    apis = list(_apis(variables))
    for api in apis:
        yield Question(zone, api.url, Need.API, partial(_zone_of_api, api, zone))
    for primary in primaries:
        if not apis:
            yield Question(zone, str(primary), Need.UPDATE, partial(_update, primary, zone))
        signed = for_transfers(variables, primary)
        yield Question(zone, str(primary), Need.TRANSFER, partial(_transfer, signed, zone))


class _Api(NamedTuple):
    """One API of PowerDNS, as `dns_api_url` names it."""

    url: str
    key_file: str
    ca_file: str | None


def _apis(variables: Variables) -> Iterator[_Api]:
    written = variables.get("dns_api_url") or []
    key_file, ca_file = variables.get("dns_api_key_file"), variables.get("dns_api_ca_file")
    for item in written if isinstance(written, list) else [written]:
        own = item if isinstance(item, dict) else {"url": item}
        trusted = own.get("ca_file", ca_file)
        yield _Api(str(own.get("url")), str(own.get("key_file", key_file)), str(trusted) if trusted else None)


def _asked(question: Question) -> ZoneFinding:
    found = ZoneFinding(question.zone, question.server, question.need, None, "")
    try:
        return replace(found, words=question.ask())
    except ProbeFailed as error:
        return replace(found, code=error.code, words=str(error))
    except _FAULTS as error:
        return replace(found, code="server_unreachable", words=cause(error) or type(error).__name__)


def _with_key(server: Server, primaries: Sequence[Server]) -> Server | None:
    """Return a server that is asked without a key as updates come to it; None where they have no key."""
    if server.key_file or server.kerberos:
        return None
    return next((each for each in primaries if str(each) == str(server) and each.key_file), None)


def _serial(server: Server, with_key: Server | None, zone: str) -> str:
    """Return the serial. Raises ProbeFailed where the key of the updates leads to another view."""
    for _ in range(2):  # it may grow between two questions
        serial = ask_serial(server, dns_name(zone), _TIMEOUT)
        if with_key is None or _serial_with_key(with_key, zone) in (serial, None):
            return f"serial {serial}"
    words = (
        f"with the key of the updates it has another serial than without, {serial}: two views, it seems."
        " Name the key in dns_verify_key_file, or what is changed in one is looked for in the other"
    )
    raise ProbeFailed(words, "view_differs")


def _serial_with_key(server: Server, zone: str) -> int | None:
    try:
        return ask_serial(server, dns_name(zone), _TIMEOUT)
    except ProbeFailed:  # the key is for updates alone: the update that is tried says whether it is good
        return None


def _update(server: Server, zone: str) -> str:
    try_update(server, dns_name(zone), server.key_file, _TIMEOUT)
    is_signed = server.key_file or server.kerberos
    return "the key may change the zone" if is_signed else "updates are taken without a key"


def _transfer(server: Server, zone: str) -> str:
    try_transfer(server, dns_name(zone), _TIMEOUT)
    return "the zone is transferred"


def _zone_of_api(api: _Api, zone: str) -> str:
    try:
        key = Path(api.key_file).expanduser().read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ProbeFailed(f"the file of the API key can't be read: {cause(error)}", "key_unusable") from error
    context = ssl.create_default_context(cafile=api.ca_file)
    url = f"{api.url.rstrip('/')}/api/v1/servers/localhost/zones/{quote(dns_name(zone))}.?rrsets=false"
    status = httpx2.get(url, headers={"X-API-Key": key}, timeout=_TIMEOUT, verify=context).status_code
    if status != HTTPStatus.OK:
        code, words = _API_SAYS.get(HTTPStatus(status), ("zone_failed", f"the API answers {status}"))
        raise ProbeFailed(words, code)
    return "the API knows the zone and takes the key"
