"""The types of settings, and the page that says what is wrong with them."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import NoDecode
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from app.core.networks import Network, parse_network

_MOST = 2**31 - 1
_SIMILAR = 0.85  # of two names, 0 to 1: one is taken for the other, misspelt
_POSTGRESQL = ("postgresql", "postgres")  # "postgresql+asyncpg", too: the driver is ours to choose
_REDIS = ("redis", "rediss")
_BROKER = re.compile(r"(?:[A-Z_]+://)?(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(?P<port>[0-9]+))?")
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]+)?")
_USUAL_PORTS = {"http": 80, "https": 443}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_LONGEST_WITH_DLQ = 245  # of a topic whose dead letters have a topic, too
_NO_TOPICS = (".", "..", "__consumer_offsets", "__transaction_state", "__share_group_state")
_NOT_SHOWN = ("secret", "password", "token", "url", "issuer", "environment")


def _postgresql(value: SecretStr) -> SecretStr:
    try:
        url = make_url(value.get_secret_value())
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername.partition("+")[0] not in _POSTGRESQL or not url.database:
        raise ValueError("must be postgresql://user:password@host:port/database")
    return value


def _redis(value: SecretStr) -> SecretStr:
    if not _is_url(value.get_secret_value(), _REDIS):
        raise ValueError("must be redis://:password@host:port/number, or rediss://… for TLS")
    return value


def _http(value: str) -> str:
    if not _is_url(value, ("http", "https")) or urlsplit(value).path.count("/") < 2:
        raise ValueError("must be the address of the call, http://host:port/api/v1/dns/create")
    return value


def _issuer(value: str) -> str:
    parts = urlsplit(value)
    if not _is_url(value, ("http", "https")) or parts.query or parts.fragment or parts.username:
        raise ValueError("must be the issuer's address as its tokens have it, https://login.example.org/dns")
    return value


def _public(value: str) -> str:
    parts = urlsplit(value)
    if not _is_url(value, ("http", "https")) or parts.path.strip("/") or parts.query or parts.username:
        raise ValueError(
            "must be by what browsers reach the service, without a path: https://dns.example.org"
        )
    return value.rstrip("/")


def _pairs(value: object) -> object:
    """Return the pairs of `a=b,c=d`; what stands before the last = may have others in it."""
    if not isinstance(value, str):
        return value
    pairs = [item.rpartition("=")[::2] for item in value.split(",") if item.strip()]
    if not all(left.strip() and right.strip() for left, right in pairs):
        raise ValueError("must be pairs with commas between them, dns-admins=admin,dns-users=requester")
    return [(left.strip(), right.strip()) for left, right in pairs]


def split_names(value: object) -> object:
    """Return the names of a list with commas between them."""
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


def without_secrets(address: str) -> str:
    """Return an address, a URL or not, without its user, password and options."""
    scheme, separator, rest = address.rpartition("://")
    return scheme + separator + rest.partition("?")[0].rpartition("@")[2]


def _is_url(text: str, schemes: Iterable[str]) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is none
        return False


def _brokers(value: str) -> str:
    for broker in value.split(","):
        found = _BROKER.fullmatch(broker.strip())
        if not found or not 0 < int(found["port"] or 9092) < 65_536:
            raise ValueError("must be host:port, or several with commas between them")
    return value


def _topic(value: str) -> str:
    if not _TOPIC.fullmatch(value) or value in _NO_TOPICS:
        raise ValueError(
            "must be a name that Kafka takes: 1 to 249 letters, digits, dots, hyphens and underscores,"
            " neither . nor .. nor a topic of its own"
        )
    return value


def _topic_with_dlq(value: str) -> str:
    if len(_topic(value)) > _LONGEST_WITH_DLQ:
        raise ValueError(f"must be {_LONGEST_WITH_DLQ} characters at most: {value[:9]}….dlq is a topic, too")
    return value


def host_and_port(address: str) -> tuple[str, int]:
    """Return what stands before and behind the last colon of an address; `[::1]:9100` has the host `::1`."""
    host, _, port = address.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _listen(value: str) -> str:
    found = _BROKER.fullmatch(value)
    if value and (not found or "://" in value or not 0 < int(found["port"] or 0) < 65_536):
        raise ValueError("must be host:port, 127.0.0.1:9100 or [::]:9100; 0.0.0.0 stands for every address")
    return value


def _proxies(value: tuple[str, ...]) -> tuple["Proxy", ...]:
    proxies = tuple(
        UNIX if each == UNIX else parse_network(each) for each in value
    )  # which says what is wrong
    if any(not isinstance(each, str) and not each.prefixlen for each in proxies):
        raise ValueError("everybody is no proxy: name their addresses, or the network that they are in")
    return proxies


def _networks(value: object) -> object:
    names = split_names(value)
    return tuple(map(parse_network, names)) if isinstance(names, list) else value  # which says what is wrong


def _origins(value: tuple[str, ...]) -> tuple[str, ...]:
    for origin in value:
        if not _is_origin(origin):
            raise ValueError(
                f"{origin} is no origin, written as browsers send it: https://console.example.net, or with a"
                " port that is not the usual one; no path, no *, no capitals"
            )
    return value


def _is_origin(text: str) -> bool:
    if not _ORIGIN.fullmatch(text) or not _is_url(text, _USUAL_PORTS):
        return False
    parts = urlsplit(text)
    return parts.port != _USUAL_PORTS[parts.scheme]


def _names(value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(map(_VARIABLE.fullmatch, value)):
        raise ValueError("must be names of variables, with commas between them, without values")
    return value


def _zones(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = (item.partition("=") for item in value.split(",") if item.strip())
    zones = {zone.strip(): backend.strip() for zone, _, backend in pairs}
    if not all(zone and backend for zone, backend in zones.items()):
        raise ValueError("each zone needs a backend: example.test=bind,example.org=ns1")
    return zones


def _topic_accounts(value: object) -> object:
    if not isinstance(value, str):
        return value
    found: dict[str, set[str]] = {}
    for topic, _, account in (item.partition("=") for item in value.split(",") if item.strip()):
        if not topic.strip() or not account.strip():
            raise ValueError("each topic needs an account: dns.team-a=team-a,dns.team-b=team-b")
        found.setdefault(topic.strip(), set()).add(account.strip())
    return found


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


UNIX = "unix"  # the name for whoever calls over a Unix socket
Proxy = Network | str

NonNegativeInt = Annotated[int, Field(ge=0, le=_MOST)]
PositiveInt = Annotated[int, Field(gt=0, le=_MOST)]
NonNegativeFloat = Annotated[float, Field(ge=0, le=_MOST, allow_inf_nan=False)]
PositiveFloat = Annotated[float, Field(gt=0, le=_MOST, allow_inf_nan=False)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_postgresql)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis)]
HttpUrl = Annotated[str, AfterValidator(_http)]
Listen = Annotated[str, AfterValidator(_listen)]  # empty: nowhere
Brokers = Annotated[str, AfterValidator(_brokers)]
Topic = Annotated[str, AfterValidator(_topic)]
TopicWithDlq = Annotated[str, AfterValidator(_topic_with_dlq)]
TopicAccounts = Annotated[dict[TopicWithDlq, frozenset[str]], NoDecode, BeforeValidator(_topic_accounts)]
UpperCase = BeforeValidator(_upper)
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_names)]
VariableNames = Annotated[Names, AfterValidator(_names)]
Proxies = Annotated[Names, AfterValidator(_proxies)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]
Origins = Annotated[Names, AfterValidator(_origins)]
ZonesServed = Annotated[dict[str, str], NoDecode, BeforeValidator(_zones)]
Pairs = Annotated[tuple[tuple[str, str], ...], NoDecode, BeforeValidator(_pairs)]
IssuerUrl = Annotated[str, AfterValidator(_issuer)]
PublicUrl = Annotated[str, AfterValidator(_public)]
# What a token may be signed with (RFC 7518, RFC 8037): by a private key that its issuer alone has.
SigningAlgorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
Algorithms = Annotated[
    tuple[SigningAlgorithm, ...], NoDecode, BeforeValidator(split_names), Field(min_length=1)
]


def problems(error: ValidationError) -> list[str]:
    """Return what is wrong with each setting, a line each, without the values of secrets."""
    return [_problem(dict(item)) for item in error.errors(include_url=False, include_context=False)]


def page(lines: Iterable[str]) -> str:
    """Return what a process says when it can't start with its settings."""
    listed = "\n".join(f"  {line}" for line in lines)
    return f"These settings can't be used:\n{listed}\nAll settings: docs/reference/settings.md"


def misspelt(variables: Iterable[str], known: Iterable[str]) -> Mapping[str, str]:
    """Return the variables that look like a setting, misspelt, with the setting each looks like."""
    names = set(known)
    found: dict[str, str] = {}
    for variable in variables:
        if variable.startswith("KAFKA_CONFIG_") and not variable.startswith("KAFKA_CONFIG__"):
            found[variable] = variable.replace("KAFKA_CONFIG_", "KAFKA_CONFIG__", 1)
        elif variable not in names and (like := difflib.get_close_matches(variable, names, 1, _SIMILAR)):
            found[variable] = like[0]
    return found


def _problem(item: Mapping[str, Any]) -> str:
    name = "__".join(str(part).upper() for part in item["loc"])
    words = item["msg"].removeprefix("Value error, ").removeprefix("Input ")
    value = item["input"]
    if not name:  # about several settings
        return str(words)
    secret = name.startswith("KAFKA_CONFIG") or any(word in name.lower() for word in _NOT_SHOWN)
    return f"{name}: {words}" if secret or not isinstance(value, str) else f"{name} is {value!r}: {words}"
