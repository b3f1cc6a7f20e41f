"""A user of a running stack: submits changes, waits until they are settled, asks the DNS server."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.rrset
import httpx2

from tests.support.eventually import eventually
from tests.support.http import TLS


class User:
    """Talks to the API and to the DNS server that the environment names."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.api = httpx2.Client(base_url=env["API_URL"].removesuffix("/dns/create"), timeout=60, verify=TLS)
        server, _, port = env["DNS_SERVER"].rpartition(":")
        self._server, self._port = server, int(port)

    def wait_until_ready(self) -> None:
        """Wait until the API answers that it is ready."""
        eventually(self._ready)

    def _ready(self) -> bool:
        try:
            return self.api.get(self.api.base_url.join("/readyz")).is_success
        except httpx2.HTTPError:
            return False

    def serve(self, zone: str, backend: str = "bind") -> None:
        """Let the orchestrator serve a zone."""
        self.api.post("/zones", json={"name": zone, "backend": backend}).raise_for_status()

    def wait_for_backend(self, name: str) -> None:
        """Wait until a worker has found a backend in its inventory."""
        eventually(lambda: any(item["name"] == name and item["seen_at"] for item in self.backends()))

    def backends(self) -> list[dict[str, Any]]:
        """The backends as the API lists them."""
        found: list[dict[str, Any]] = self.api.get("/backends").raise_for_status().json()["items"]
        return found

    def submit(self, *items: Mapping[str, Any], atomic: bool = False, wait: int = 0) -> list[str]:
        """Submit changes in one batch; returns their ids when all are settled, or after `wait` seconds."""
        body, prefer = {"requests": items, "atomic": atomic}, {"Prefer": f"wait={wait}"} if wait else {}
        answer = self.api.post("/dns/batch", json=body, headers=prefer).raise_for_status()
        return [result["request"]["id"] for result in answer.json()["results"]]

    def request(self, request_id: str) -> dict[str, Any]:
        """A request as the API shows it now."""
        found: dict[str, Any] = self.api.get(f"/dns/requests/{request_id}").raise_for_status().json()
        return found

    def wait_until_settled(self, ids: Iterable[str]) -> list[dict[str, Any]]:
        """Wait until each of these requests has succeeded, failed or been cancelled; return them."""
        return [eventually(partial(self._settled, each), pause=0.3, first=0.1) for each in ids]

    def submit_and_wait(self, *items: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Submit changes in one batch, wait until they are settled, and return the requests."""
        return self.wait_until_settled(self.submit(*items, wait=30))

    def _settled(self, request_id: str) -> dict[str, Any] | None:
        request = self.request(request_id)
        return request if request["finished_at"] is not None else None

    def dig(self, name: str, kind: str) -> set[str]:
        """The values in the DNS server's answer, in presentation format."""
        rrset = self._ask(name, kind)
        return {rdata.to_text() for rdata in rrset} if rrset else set()

    def ttl(self, name: str, kind: str) -> int | None:
        """The TTL in the DNS server's answer; None when there is no such RRset."""
        rrset = self._ask(name, kind)
        return rrset.ttl if rrset else None

    def _ask(self, name: str, kind: str) -> dns.rrset.RRset | None:
        query = dns.message.make_query(name, kind)
        reply = dns.query.tcp(query, self._server, port=self._port, timeout=30)
        owner, rdclass = dns.name.from_text(name), query.question[0].rdclass
        return reply.get_rrset(reply.answer, owner, rdclass, dns.rdatatype.from_text(kind))


def statuses(request: Mapping[str, Any]) -> list[str]:
    """The statuses that a request went through, each change once."""
    seen: list[str] = []
    for event in request["events"]:
        if not seen or seen[-1] != event["status"]:
            seen.append(event["status"])
    return seen
