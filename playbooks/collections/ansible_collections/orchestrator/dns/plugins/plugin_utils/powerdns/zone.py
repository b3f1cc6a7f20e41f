"""A zone on a PowerDNS server: find it, read it, change it."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

import dns.exception
import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import Unreachable

from .api import Api, Refused
from .node import Node, read_nodes
from .step import Step, make_body

MAX_NAMES = 100  # to read one by one; for more it takes less time to read a zone of ten thousand RRsets


class NotServed(Exception):
    """The server does not have the zone."""


class Zone:
    """A zone as the server has it. To make one raises NotServed, Unreachable, KeyRefused."""

    def __init__(self, api: Api, name: dns.name.Name) -> None:
        self._api = api
        self.name = name
        self.max_changes = api.max_changes
        self._path = f"/zones/{quote(self._find_id(), safe='=')}"

    def read(self, names: Collection[dns.name.Name]) -> dict[dns.name.Name, Node]:
        """Return what is at the owner names. Raises Unreachable, KeyRefused."""
        try:
            if len(names) <= MAX_NAMES and self._shows_disabled_records_of_a_name():
                return self._read_by_name(names)
        except Refused:
            pass  # PowerDNS does not accept one of the names
        try:
            return self._read_nodes(names)
        except Refused as error:
            raise Unreachable(f"{self._api} does not answer queries for its records: {error}") from error

    def apply(self, steps: Iterable[Step]) -> None:
        """Carry out all of the steps, or none. Raises Refused, NoAnswer, Unreachable, KeyRefused."""
        self._api.patch(self._path, make_body(steps))

    def _shows_disabled_records_of_a_name(self) -> bool:
        """Whether PowerDNS is new enough: before 5.0 it shows them only in the whole zone."""
        server = self._api.get("")
        with self._expecting_its_format():
            return int(server["version"].partition(".")[0]) >= 5

    def _read_by_name(self, names: Iterable[dns.name.Name]) -> dict[dns.name.Name, Node]:
        nodes: dict[dns.name.Name, Node] = {}
        for name in names:
            nodes |= self._read_nodes([name], rrset_name=name.to_text(), include_disabled="true")
        return nodes

    def _read_nodes(self, names: Collection[dns.name.Name], **query: str) -> dict[dns.name.Name, Node]:
        answer = self._api.get(self._path, **query)
        with self._expecting_its_format():
            return read_nodes(answer["rrsets"], names)

    def _find_id(self) -> str:
        try:
            zones = self._api.get("/zones", zone=self.name.to_text(), dnssec="false")
        except Refused as error:
            raise Unreachable(f"{self._api} does not list its zones: {error}") from error
        with self._expecting_its_format():
            for zone in zones:
                if dns.name.from_text(zone["name"]) == self.name:
                    return str(zone["id"])
        raise NotServed(f"{self._api} does not have the zone {self.name.to_text(omit_final_dot=True)}")

    @contextmanager
    def _expecting_its_format(self) -> Iterator[None]:
        """Raise Unreachable if an answer is not as PowerDNS writes it."""
        try:
            yield
        except (KeyError, TypeError, AttributeError, ValueError, dns.exception.DNSException) as error:
            raise Unreachable(f"{self._api} answers in an unknown format: {error!r}") from error
