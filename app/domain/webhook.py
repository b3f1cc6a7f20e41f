"""Webhooks: where events are delivered to, how they are signed, and what becomes of a delivery.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hmac
import re
from collections.abc import Iterable
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from app.domain.errors import DomainError
from app.domain.lifecycle import Status
from app.domain.names import normalize

EVENT_TYPES = tuple(f"dns.request.{status}" for status in Status)
TEST_TYPE = "dns.webhook.test"
SECRET_BYTES = 32
MAX_URL = 2_048  # characters

_VISIBLE = re.compile("[!-~]+")  # what a URL may be written with, but for a name in Unicode
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
_USUAL_PORTS = {"http": 80, "https": 443}
_WRITTEN_SECRET = "whsec_"  # noqa: S105 - how one begins
_CODE = "webhook_url_invalid"


class DeliveryStatus(StrEnum):
    """What has become of a delivery."""

    PENDING = "pending"  # not answered well yet: it is tried until it is, or the time for it is over
    DELIVERED = "delivered"
    FAILED = "failed"  # not tried any more


class WhyDisabled(StrEnum):
    """Why nothing is delivered to a webhook any more."""

    BY_HAND = "by_hand"
    GONE = "gone"  # it has answered 410: it does not want any more
    FAILING = "failing"  # it has taken nothing for three days
    BACKLOG = "backlog"  # more waits for it than is kept
    RIGHTS_LOST = "rights_lost"  # who answers for it may not read such events any more


class Target(NamedTuple):
    """The parts of a URL, as they are sent: nobody reads the text a second time, maybe otherwise."""

    scheme: str
    host: str  # a name in its A-labels, or an address
    port: int
    path: str  # with the query

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The address, where the URL has one in place of a name."""
        return _address(self.host)

    @property
    def origin(self) -> str:
        """The URL as far as no secret is in it: for the log and the audit."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _USUAL_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def read_url(text: str) -> Target:
    """Return where a URL leads. Raises DomainError."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _invalid("it is no URL") from None
    if len(text) > MAX_URL:
        raise _invalid(f"it is longer than {MAX_URL} characters")
    if parts.scheme not in _USUAL_PORTS or not parts.hostname:
        raise _invalid("it must begin with https:// and a host")
    if parts.username is not None or parts.password is not None:
        raise _invalid("it must not have a user or a password in it")
    if parts.fragment or "#" in text:
        raise _invalid("it must not have a fragment: none is sent")
    if port == 0:
        raise _invalid("its port must be 1 to 65535")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _VISIBLE.fullmatch(path) or not _VISIBLE.fullmatch(text.replace(parts.netloc, "", 1)):
        raise _invalid("its path and query must be ASCII without blanks: write the others as %xx")
    return Target(parts.scheme, _read_host(parts.hostname), port or _USUAL_PORTS[parts.scheme], path)


def sign(secrets: Iterable[bytes], event_id: str, timestamp: int, body: bytes) -> str:
    """Return the signatures by each of the secrets, as the header has them."""
    signed = f"{event_id}.{timestamp}.".encode() + body
    made = (hmac.digest(secret, signed, "sha256") for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(each).decode()}" for each in made)


def write_secret(secret: bytes) -> str:
    """Return a secret as receivers keep it."""
    return _WRITTEN_SECRET + base64.b64encode(secret).decode()


def _read_host(host: str) -> str:
    if (address := _address(host)) is not None:
        return str(address)
    name = normalize(host)
    if not _HOST.fullmatch(name):
        raise _invalid("its host is neither a name nor an address")
    return name


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(host)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.scope_id is not None:
        raise _invalid("its address must not name an interface")
    return found


def _invalid(words: str) -> DomainError:
    return DomainError(_CODE, f"this URL can't be used: {words}")
