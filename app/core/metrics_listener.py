"""The HTTP listener of a worker or a consumer, for Prometheus: `METRICS_LISTEN`."""

from prometheus_client import start_http_server
from prometheus_client.registry import Collector

from app.core import metrics
from app.core.config import settings
from app.core.logging import get_logger
from app.core.setting_types import host_and_port

log = get_logger(__name__)


def listen(*more: Collector) -> None:
    """Answer to Prometheus from now on, in a thread, if the settings say where; also what `more` tell.

    Nothing else depends on it: where it can't be, the log says so.
    """
    address = settings().metrics_listen
    if not address:
        return
    host, port = host_and_port(address)
    try:
        start_http_server(port, host, metrics.registry(*more))
    except OSError as error:
        log.error(
            "metrics are not shown: nothing can listen at METRICS_LISTEN. Give each process of a machine a"
            " port of its own, and start it again",
            address=address,
            reason=str(error),
        )
    else:
        log.info("metrics are shown", address=f"http://{address}/metrics")
