"""A zone on a PowerDNS server: found, read and changed."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

import dns.exception
import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import Unreachable

from .api import Api, Refused
from .node import Node, read_nodes
from .step import Step, make_body

MAX_QUESTIONS = 100  # more take longer than a zone of ten thousand RRsets


class NotServed(Exception):
    """The server does not have the zone."""


class Zone:
    """Raises NotServed, Unreachable, KeyRefused."""

    def __init__(self, api: Api, name: dns.name.Name) -> None:
        self._api = api
        self.name = name
        self.max_changes = api.max_changes
        self._path = f"/zones/{quote(self._find_id(), safe='=')}"

    def read(self, names: Collection[dns.name.Name]) -> dict[dns.name.Name, Node]:
        """Return what is at the owner names. Raises Unreachable, KeyRefused."""
        try:
            if len(names) <= MAX_QUESTIONS and self._tells_disabled_records_by_name():
                return self._ask_for_each(names)
        except Refused:
            pass  # some name is none to PowerDNS
        try:
            return self._ask(names)
        except Refused as error:
            raise Unreachable(f"{self._api} does not say what is there: {error}") from error

    def change(self, packet: Iterable[Step]) -> None:
        """Carry out every step, or none. Raises Refused, NoAnswer, Unreachable, KeyRefused."""
        self._api.patch(self._path, make_body(packet))

    def _tells_disabled_records_by_name(self) -> bool:
        """Whether PowerDNS is new enough: before 5.0 it tells them only of the zone as a whole."""
        server = self._api.get("")
        with self._understanding():
            return int(server["version"].partition(".")[0]) >= 5

    def _ask_for_each(self, names: Iterable[dns.name.Name]) -> dict[dns.name.Name, Node]:
        nodes: dict[dns.name.Name, Node] = {}
        for name in names:
            nodes |= self._ask([name], rrset_name=name.to_text(), include_disabled="true")
        return nodes

    def _ask(self, names: Collection[dns.name.Name], **query: str) -> dict[dns.name.Name, Node]:
        answer = self._api.get(self._path, **query)
        with self._understanding():
            return read_nodes(answer["rrsets"], names)

    def _find_id(self) -> str:
        try:
            zones = self._api.get("/zones", zone=self.name.to_text(), dnssec="false")
        except Refused as error:
            raise Unreachable(f"{self._api} does not say which zones it has: {error}") from error
        with self._understanding():
            for zone in zones:
                if dns.name.from_text(zone["name"]) == self.name:
                    return str(zone["id"])
        raise NotServed(f"{self._api} does not have the zone {self.name.to_text(omit_final_dot=True)}")

    @contextmanager
    def _understanding(self) -> Iterator[None]:
        try:
            yield
        except (KeyError, TypeError, AttributeError, ValueError, dns.exception.DNSException) as error:
            raise Unreachable(f"{self._api} answers what is not understood: {error!r}") from error
