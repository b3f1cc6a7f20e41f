"""What can be wrong with a batch as a whole. The texts say why, and never hold a secret.

None of it is a change's own fault. So a change that has no result by then gets the fault's code, which says
that it was not sent: the orchestrator tries it again when the server, or the zone, is well.
"""

from collections.abc import Sequence
from typing import ClassVar


class BatchFault(Exception):
    """Why no more of a batch can be sent; `code` is stable."""

    code: ClassVar[str]


class Unreachable(BatchFault):
    """There was no connection, or a query got no answer. Nothing was changed by it."""

    code = "server_unreachable"


class NoAnswer(BatchFault):
    """A message was sent, and no answer came that can be trusted: whether it was carried out is unknown.

    The code is that of the changes that were not in the message.
    """

    code = "server_unreachable"


class BackendUnusable(BatchFault):
    """What the inventory says of the server can't be used."""

    code = "backend_unknown"


class KeyFileError(BatchFault):
    """A key file can't be used. The text never quotes what the file holds."""

    code = "key_unusable"


class KeyRefused(BatchFault):
    """The server does not accept the TSIG key. Nothing was changed."""

    code = "tsig_refused"


class KerberosRefused(BatchFault):
    """The KDC or the server does not accept what the inventory says of Kerberos. Nothing was changed."""

    code = "kerberos_refused"


class KdcUnreachable(BatchFault):
    """No KDC gives a ticket: none answers, or none is known. Nothing was changed."""

    code = "kdc_unreachable"


class ApiKeyRefused(BatchFault):
    """The server does not accept the API key. Nothing was changed."""

    code = "auth_refused"


class ZoneNotLoaded(BatchFault):
    """The server does not have the zone, or not now."""

    code = "zone_not_loaded"


class ZoneRefusesUpdates(BatchFault):
    """The server takes no update of the zone at all, not even one that changes nothing."""

    code = "zone_refuses_updates"


class ZoneFailed(BatchFault):
    """The server has the zone, and fails at whatever is asked of it."""

    code = "zone_failed"


ABSENT = (Unreachable, ZoneNotLoaded, ZoneFailed)  # before any change is sent: another primary may be there


def all_absent(faults: Sequence[BatchFault]) -> BatchFault:
    """Return the fault of a batch of which all primaries are absent: the first one, in the words of all."""
    first = faults[0]
    return first if len(faults) == 1 else type(first)("; ".join(map(str, faults)))
