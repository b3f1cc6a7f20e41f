"""What is there after a row: in the database, in the API's answers, on both servers, and on the machine."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.faults.matrix.journal import Call
from tests.faults.matrix.leftovers import files_left, processes_left
from tests.faults.matrix.results import Outgoing
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.system import APIS
from tests.faults.matrix.zone_files import Step, owner_of, steps_of, whole_zone
from tests.support.zone_model import Asked, Key, RRset, rrset


@dataclass(frozen=True)
class SeenRequest:
    """A row of `dns_requests`, and the statuses to which it changed, in their order."""

    id: str
    seq: int
    account: str
    key: str
    zone: str
    asked: Asked
    atomic_id: str | None
    status: str
    error: str | None
    events: Sequence[str]

    @property
    def fate(self) -> str:
        """The code of its error, or else its status."""
        return self.error or self.status


@dataclass(frozen=True)
class Seen:
    """All that the judge compares. RRsets are by zone."""

    calls: Sequence[Call]
    zones: Sequence[str]
    requests: Sequence[SeenRequest]  # by `seq`
    shown: Mapping[str, str]  # by request: the status that the API tells
    records: Mapping[str, Mapping[Key, RRset]]
    servers: Mapping[str, Mapping[str, Mapping[Key, RRset]]]  # by server
    steps: Mapping[str, Sequence[Step]]
    outgoing: Mapping[str, Sequence[Outgoing]] | None  # by request, as they came; None: nobody asks
    processes: Sequence[str]  # that are left over, in words
    files: Sequence[str]
    excused: Collection[str] = ()  # codes with which requests may fail


_REQUESTS = """
    SELECT request.id::text AS id, request.seq, request.account_id AS account,
           coalesce(request.idempotency_key, '') AS key,
           request.zone, request.action, request.name, request.record_type, request.rdata, request.ttl,
           request.atomic_id::text AS atomic_id, request.status, request.error_code AS error,
           ARRAY(SELECT event.status FROM dns_request_events AS event
                  WHERE event.request_id = request.id AND event.changes_status ORDER BY event.id) AS events
      FROM dns_requests AS request
     WHERE request.zone = ANY(%s)
     ORDER BY request.seq
"""
_RECORDS = "SELECT zone, name, record_type, ttl, rdata FROM dns_records WHERE zone = ANY(%s)"


def look(scene: Scene, calls: Sequence[Call], connection: psycopg.Connection[Any]) -> Seen:
    """Look at everything."""
    zones, servers = list(scene.zones), scene.system.servers
    key_file = servers.bind.key_file
    requests = requests_of(connection, zones)
    return Seen(
        calls=calls,
        zones=zones,
        requests=requests,
        shown=_shown(scene),
        records=records_of(connection, zones),
        servers={
            server: {zone: whole_zone(zone, port, key_file) for zone in zones}
            for server, port in servers.dns_ports.items()
        },
        steps={zone: steps_of(zone, servers.dns_ports["bind"], key_file) for zone in zones},
        outgoing={each.id: scene.system.results.of(each.id) for each in requests} if scene.told else None,
        processes=[*processes_left(scene.system), *scene.problems],
        files=files_left(scene.system),
        excused=scene.excused,
    )


def requests_of(connection: psycopg.Connection[Any], zones: Sequence[str]) -> list[SeenRequest]:
    """Return the requests for zones, by `seq`, as a transaction sees them."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return [_request(**row) for row in cursor.execute(_REQUESTS, [zones])]


def _request(
    action: str, name: str, record_type: str, rdata: Sequence[str], ttl: int, zone: str, **row: Any
) -> SeenRequest:
    values = tuple(rrset(ttl, rdata).values)
    return SeenRequest(asked=Asked(action, owner_of(name, zone), record_type, values, ttl), zone=zone, **row)


def records_of(connection: psycopg.Connection[Any], zones: Sequence[str]) -> dict[str, dict[Key, RRset]]:
    """Return the recorded RRsets by zone, as a transaction sees them."""
    found: dict[str, dict[Key, RRset]] = {zone: {} for zone in zones}
    for zone, name, kind, ttl, rdata in connection.execute(_RECORDS, [zones]):
        found[zone][Key(owner_of(name, zone), kind)] = rrset(ttl, rdata)
    return found


def _shown(scene: Scene) -> dict[str, str]:
    """Return what the API tells of each request, one process after the other."""
    found: dict[str, str] = {}
    with scene.system.client(scene.system.admin, timeout=30) as client:
        for number, zone in enumerate(scene.zones):
            url = f"{scene.system.url(APIS[number % len(APIS)])}/api/v1/dns/requests"
            page: dict[str, Any] = {"next_cursor": ""}
            while page["next_cursor"] is not None:
                parameters = {"zone": zone, "limit": "1000", "cursor": page["next_cursor"]}
                answer = client.get(url, params={name: value for name, value in parameters.items() if value})
                page = answer.raise_for_status().json()
                found |= {request["id"]: request["status"] for request in page["items"]}
    return found
