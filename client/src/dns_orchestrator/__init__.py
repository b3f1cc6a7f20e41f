"""Client of the DNS Request Orchestrator: `Client`, and `AsyncClient` for asyncio.

from dns_orchestrator import Client

with Client() as dns:
    dns.upsert("www.example.test", "A", "192.0.2.10", ttl=60, wait=30)
"""

from dns_orchestrator.change import Change
from dns_orchestrator.client import AsyncClient, Client
from dns_orchestrator.errors import (
    AnswerError,
    ConfigurationError,
    Conflict,
    ConnectionFailed,
    Forbidden,
    InvalidInput,
    NotFound,
    NotLoggedIn,
    OrchestratorError,
    PlanStale,
    Reason,
    RequestFailed,
    StillOpen,
    TooManyRequests,
    Unavailable,
)
from dns_orchestrator.retries import Retries
from dns_orchestrator.version import VERSION

__all__ = [
    "VERSION",
    "AnswerError",
    "AsyncClient",
    "Change",
    "Client",
    "ConfigurationError",
    "Conflict",
    "ConnectionFailed",
    "Forbidden",
    "InvalidInput",
    "NotFound",
    "NotLoggedIn",
    "OrchestratorError",
    "PlanStale",
    "Reason",
    "RequestFailed",
    "Retries",
    "StillOpen",
    "TooManyRequests",
    "Unavailable",
]
