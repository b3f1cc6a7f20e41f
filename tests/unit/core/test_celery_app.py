"""The settings of Celery that recovery depends on."""

from app.core.celery_app import celery_app


def test_a_worker_never_gives_up_on_redis() -> None:
    assert celery_app.conf.broker_connection_max_retries is None
    assert celery_app.conf.broker_connection_retry
    assert celery_app.conf.broker_connection_retry_on_startup
