"""The two clients: `Client` blocks, `AsyncClient` awaits."""

import re
from types import TracebackType
from typing import Generic, Self, TypeVar

import httpx2

from dns_orchestrator.api.access import Access
from dns_orchestrator.api.batches import Batches
from dns_orchestrator.api.plans import Plans
from dns_orchestrator.api.requests import Requests
from dns_orchestrator.api.runs import Runs
from dns_orchestrator.api.service import Service
from dns_orchestrator.api.webhooks import Webhooks
from dns_orchestrator.api.zones import Backends, DriftCalls, Records, Zones
from dns_orchestrator.call import Awaiting, Blocking, Driver, Mode
from dns_orchestrator.drivers import AwaitingDriver, BlockingDriver
from dns_orchestrator.errors import ConfigurationError
from dns_orchestrator.retries import Retries
from dns_orchestrator.settings import Settings, find_settings
from dns_orchestrator.version import VERSION

TIMEOUT = 30.0  # seconds
_CONNECT_TIMEOUT = 5.0  # seconds
_TOKEN = re.compile("[!-~]+")  # what a header may have
Http = TypeVar("Http", httpx2.Client, httpx2.AsyncClient)


class _Calls(Batches[Mode], Generic[Mode]):
    """What both clients can do. It is one object with all calls, those that ask for changes its own."""

    def __init__(self, driver: Driver, settings: Settings, source: str) -> None:
        super().__init__(driver, settings.account_id, source)
        self.settings = settings
        self.requests: Requests[Mode] = Requests(driver)
        self.plans: Plans[Mode] = Plans(driver)
        self.zones: Zones[Mode] = Zones(driver)
        self.records: Records[Mode] = Records(driver)
        self.drift: DriftCalls[Mode] = DriftCalls(driver)
        self.backends: Backends[Mode] = Backends(driver)
        self.runs: Runs[Mode] = Runs(driver)
        self.webhooks: Webhooks[Mode] = Webhooks(driver)
        self.access: Access[Mode] = Access(driver)
        self.service: Service[Mode] = Service(driver)


class Client(_Calls[Blocking]):
    """A client whose calls block.

        with Client() as dns:
            dns.upsert("www.example.test", "A", "192.0.2.10", ttl=60, wait=30)

    What is not given comes from the environment (`DNS_ORCHESTRATOR_URL`, `DNS_ORCHESTRATOR_TOKEN`,
    `DNS_ORCHESTRATOR_ACCOUNT`), else from the profile, else it is that of `make up`. `source` is the label
    that requests have; `timeout` is in seconds. Every call raises OrchestratorError.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        account_id: str | None = None,
        profile: str | None = None,
        source: str = "python",
        timeout: float = TIMEOUT,
        retries: Retries | None = None,
        user_agent: str = f"dns-orchestrator-python/{VERSION}",
    ) -> None:
        settings = find_settings(url, token, account_id, profile)
        self.http = _http(httpx2.Client, settings, user_agent, timeout)
        super().__init__(BlockingDriver(self.http, retries or Retries()), settings, source)

    def close(self) -> None:
        """Close its connections."""
        self.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Calls[Awaiting]):
    """The same, with calls that are awaited.

    async with AsyncClient() as dns:
        await dns.upsert("www.example.test", "A", "192.0.2.10", ttl=60, wait=30)
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        account_id: str | None = None,
        profile: str | None = None,
        source: str = "python",
        timeout: float = TIMEOUT,
        retries: Retries | None = None,
        user_agent: str = f"dns-orchestrator-python/{VERSION}",
    ) -> None:
        settings = find_settings(url, token, account_id, profile)
        self.http = _http(httpx2.AsyncClient, settings, user_agent, timeout)
        super().__init__(AwaitingDriver(self.http, retries or Retries()), settings, source)

    async def close(self) -> None:
        """Close its connections."""
        await self.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _http(kind: type[Http], settings: Settings, user_agent: str, seconds: float) -> Http:
    """Return what makes the calls. Raises ConfigurationError."""
    headers = {"User-Agent": user_agent}
    if settings.token:
        if not _TOKEN.fullmatch(settings.token):
            raise ConfigurationError("the token has characters that no token has")
        headers["Authorization"] = f"Bearer {settings.token}"
    timeout = httpx2.Timeout(seconds, connect=min(seconds, _CONNECT_TIMEOUT))
    try:
        return kind(base_url=settings.url, headers=headers, timeout=timeout)
    except (httpx2.InvalidURL, OSError, ImportError, ValueError) as error:
        words = "the URL, a proxy's, or the file of certificates can't be used"
        raise ConfigurationError(f"{words}: {error}") from error
