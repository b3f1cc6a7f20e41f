"""How far the workers are with the zones of a row: for faults that are to meet them half-way."""

from collections.abc import Sequence
from functools import partial

import psutil

from tests.faults.matrix.scene import Scene
from tests.support.eventually import eventually

_AT_A_GATE = """
    SELECT lease.holder
      FROM dns_zone_leases AS lease JOIN ansible_runs AS run ON run.zone = lease.zone
     WHERE lease.zone = ANY(%s) AND lease.expires_at > clock_timestamp()
       AND run.finished_at IS NULL AND run.started_at < clock_timestamp() - interval '1.5 s'
"""
_VERIFYING = """
    SELECT lease.holder
      FROM dns_zone_leases AS lease
      JOIN dns_requests AS request ON request.zone = lease.zone AND request.status = 'running'
      JOIN ansible_runs AS run ON run.id = request.run_id
     WHERE lease.zone = ANY(%s) AND lease.expires_at > clock_timestamp() AND run.finished_at IS NOT NULL
"""
_SETTLING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'dns_records'::regclass"
_FAULTS = """
    SELECT count(*)
      FROM dns_zones AS zone
      LEFT JOIN dns_backends AS backend ON backend.name = zone.backend
      LEFT JOIN dns_zone_leases AS lease ON lease.zone = zone.name
     WHERE zone.name = ANY(%(zones)s)
       AND (backend.fault_code = ANY(%(codes)s) OR lease.fault_code = ANY(%(codes)s))
"""
_LATE = """
    SELECT count(*)
      FROM dns_requests AS request JOIN dns_request_events AS event ON event.request_id = request.id
     WHERE request.zone = ANY(%(zones)s) AND request.status = 'verifying'
       AND event.status = 'verifying' AND event.at < clock_timestamp() - interval '1 s'
"""


def wait_for_a_run_at_a_gate(scene: Scene, worker: str) -> None:
    """Return when a run of the worker waits at a gate."""
    eventually(partial(_holds, scene, worker, _AT_A_GATE))


def wait_for_a_verification(scene: Scene, worker: str) -> None:
    """Return when the worker asks the servers about a run that has ended."""
    eventually(partial(_holds, scene, worker, _VERIFYING), pause=0.02)


def wait_for_a_settlement(scene: Scene) -> None:
    """Return when some worker would record RRsets, and may not, since the table is locked."""
    with scene.system.connect() as connection:
        connection.autocommit = True
        eventually(lambda: connection.execute(_SETTLING).fetchone() != (0,))


def wait_for_a_fault(scene: Scene, *codes: str) -> None:
    """Return when the zones, or their backend, rest for one of these faults."""
    eventually(partial(_counts, scene, _FAULTS, codes=list(codes)))


def wait_for_a_late_verification(scene: Scene) -> None:
    """Return when some server has not answered as asked for a second."""
    eventually(partial(_counts, scene, _LATE))


def _counts(scene: Scene, query: str, **values: Sequence[str]) -> bool:
    with scene.system.connect() as connection:
        return connection.execute(query, {"zones": list(scene.zones), **values}).fetchone() != (0,)


def _holds(scene: Scene, worker: str, query: str) -> bool:
    """Whether a process of the worker holds a lease that the query finds."""
    mine = {each.pid for each in psutil.Process(scene.system.pid(worker)).children()}
    with scene.system.connect() as connection:
        holders = connection.execute(query, [list(scene.zones)]).fetchall()
    return any(int(holder.rpartition(":")[2]) in mine for (holder,) in holders)
