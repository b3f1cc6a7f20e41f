"""The baseline's worker: `celery -A benchmarks.baseline.tasks worker`."""

import os
from uuid import UUID

from celery import Celery

from benchmarks.baseline.models import Request, Session

celery_app = Celery("baseline", broker=os.environ["CELERY_BROKER_URL"])
celery_app.conf.task_default_queue = "baseline"
celery_app.conf.task_ignore_result = True


@celery_app.task  # type: ignore[untyped-decorator]
def process(request_id: str) -> None:
    """Set the status twice, and do nothing else."""
    _set_status(request_id, "running")
    _set_status(request_id, "succeeded")


def _set_status(request_id: str, status: str) -> None:
    with Session() as session:
        request = session.get_one(Request, UUID(request_id))
        request.status = status
        session.commit()
