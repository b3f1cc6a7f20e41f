"""What tests of settling and resting need: how long to wait, and faults of a backend and of a zone."""

from app.domain.retry_policy import Scope
from app.domain.settlement import Fault
from app.store.queue import Timing

TIMING = Timing(verify_deadline=60, verify_pause=1, retry_pause=1, longest_pause=30)

NO_CONNECTION = Fault(Scope.BACKEND, "server_unreachable", "connection refused")
FROZEN = Fault(Scope.ZONE, "zone_refuses_updates", "the zone is frozen")
