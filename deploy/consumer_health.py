"""Health check of the consumer: the exit status is 0 when its group has a member on this host."""

import socket
import sys

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from app.core.config import settings
from app.core.setting_types import without_secrets

_NEVER_NAMED = " (the embedded stack's never does: look at the consumer's log)"
TIMEOUT = 5  # seconds within which the broker must answer


def main() -> int:
    """Ask the broker for the members of the group; return 0 when one of them is on this host, else 1."""
    group = settings().kafka_group_id
    admin = AdminClient({**settings().kafka, "log_level": 0})
    try:
        found = admin.describe_consumer_groups([group], request_timeout=TIMEOUT)[group].result()
    except KafkaException as error:
        server = without_secrets(settings().kafka_broker_url)
        sys.stderr.write(f"{server} (KAFKA_BROKER_URL): {error.args[0].str()}\n")
        return 1
    ours = own_addresses()
    hosts = [member.host.lstrip("/") for member in found.members]
    known = f"members on {', '.join(hosts)}" if hosts else f"the broker names no member{_NEVER_NAMED}"
    sys.stderr.write(f"group {group}: {known}\n")
    return 0 if ours.intersection(hosts) else 1


def own_addresses() -> set[str]:
    """Return the addresses by which a broker may know this host."""
    found = socket.getaddrinfo(socket.gethostname(), None, proto=socket.IPPROTO_TCP)
    return {"127.0.0.1", "::1"} | {str(address[0]) for *_, address in found}


if __name__ == "__main__":
    sys.exit(main())
