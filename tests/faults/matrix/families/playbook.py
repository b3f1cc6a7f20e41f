"""A playbook that is not what it should be. See playbook.yml for what the gates do."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from app.domain.lifecycle import Status
from tests.faults.matrix.faults import fault
from tests.faults.matrix.scene import Scene
from tests.support.eventually import eventually

_NOT_KEPT = "not_kept"  # what the primary answers is not what the playbook has said
_FOLLOWING = ("rrset_missing", "cname_conflict", "atomic_failed")  # what others have that rely on a lie
_FAILED = "SELECT FROM dns_requests WHERE zone = ANY(%s) AND error_code = %s"
_LOST = "SELECT FROM dns_requests WHERE zone = ANY(%s) AND status = %s AND lost_runs > 0"
_RUN_TIMEOUT = 2  # seconds


@fault(lasts=3)
def playbook_fails(scene: Scene) -> Iterator[None]:
    """Whatever it is to do: that is no fault of a request."""
    with scene.system.gate("fails"):
        eventually(partial(_finds, scene, _LOST, Status.PENDING))
        yield


@fault(lasts=3)
def playbook_does_nothing(scene: Scene) -> Iterator[None]:
    """It ends well, without a result for anybody: the servers are asked, and it is tried again."""
    with scene.system.gate("does-nothing"):
        eventually(partial(_finds, scene, _LOST, Status.PENDING))
        yield


@fault(lasts=3)
def playbook_lies(scene: Scene) -> Iterator[None]:
    """It says of each change that it is applied, and sends nothing: whom it lies about fails."""
    scene.excuse(_NOT_KEPT, *_FOLLOWING)
    with scene.system.gate("lies"):
        eventually(partial(_finds, scene, _FAILED, _NOT_KEPT))
        yield


@fault(lasts=3)
def playbook_hangs(scene: Scene) -> Iterator[None]:
    """Each run until its time is over, which the inventory sets."""
    variables = scene.system.servers.inventory / "host_vars" / "bind.yml"
    variables.parent.mkdir(exist_ok=True)
    variables.write_text(f"dns_run_timeout: {_RUN_TIMEOUT}\n")
    try:
        with scene.system.gate("before-sent"):
            eventually(partial(_finds, scene, _LOST, Status.PENDING))
            yield
    finally:
        variables.unlink()
        with suppress(OSError):
            variables.parent.rmdir()


def _finds(scene: Scene, query: str, value: str) -> bool:
    """Whether there is a request as the query wants it."""
    with scene.system.connect() as connection:
        return connection.execute(query, [list(scene.zones), value]).rowcount > 0
