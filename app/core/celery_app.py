"""The Celery app, with one queue of kicks. A kick that is lost costs time, never a request."""

from typing import Any

from celery import Celery

from app.core.config import settings

QUEUE = "dns_tasks"
DRAIN = "dns.drain"  # tasks are sent by name: services must not import app.tasks


def _configuration() -> dict[str, Any]:
    """Return Celery's settings, which it asks for when it first needs one of them."""
    return {
        "broker_url": settings().celery_broker_url.get_secret_value(),
        "task_default_queue": QUEUE,
        "task_serializer": "json",
        "accept_content": ["json"],  # never pickle, which runs code when it is read
        "task_ignore_result": True,
        "task_acks_late": True,
        # The sweep kicks again; a zone that kills its worker must not loop.
        "task_reject_on_worker_lost": False,
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # Redis may be away for a weekend
        "broker_transport_options": {
            "visibility_timeout": 3600,
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "health_check_interval": 10,
        },
    }


celery_app = Celery("dns")
celery_app.add_defaults(_configuration)
