"""A zone on a PowerDNS server: find it, read it, change it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import dns.exception
import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import (
    BatchFault,
    Unreachable,
    ZoneFailed,
    ZoneNotLoaded,
    ZoneRefusesUpdates,
)

from .api import Api, Refused
from .node import Node, read_nodes, with_ttls
from .refusal import is_server_failure
from .step import Step, make_body

MAX_NAMES = 100  # to read one by one; for more it takes less time to read a zone of ten thousand RRsets


_NOTIFYING_KINDS = ("master", "primary", "producer")


class Zone:
    """A zone as the server has it. To make one raises BatchFault."""

    def __init__(self, api: Api, name: dns.name.Name) -> None:
        self._api = api
        self.name = name
        self.max_changes = api.max_changes
        zone_id, self._kind = self._find()
        self._path = f"/zones/{quote(zone_id, safe='=')}"
        self._serial: int | None = None  # before the first change

    def read(
        self, names: Collection[dns.name.Name], above: Collection[dns.name.Name] = ()
    ) -> dict[dns.name.Name, Node]:
        """Return what is at the owner names, and at all names below those `above`. Raises BatchFault."""
        try:
            if not above and len(names) <= MAX_NAMES and self._shows_disabled_records_of_a_name():
                return self._read_by_name(names)
        except Refused:
            pass  # PowerDNS does not accept one of the names
        try:
            return self._read_nodes(names, above)
        except Refused as error:
            raise self.fault(error, "read") from error

    def read_ttls(self, nodes: Mapping[dns.name.Name, Node]) -> dict[dns.name.Name, Node]:
        """Return the nodes with what the zone's export says about their TTLs. Raises BatchFault."""
        try:
            return with_ttls(nodes, self._api.get_text(f"{self._path}/export"))
        except Refused:
            return dict(nodes)

    def apply(self, steps: Iterable[Step]) -> None:
        """Carry out all of the steps, or none. Raises Refused, BatchFault."""
        self._api.patch(self._path, make_body(steps))

    def notify(self) -> str:
        """Have the secondaries told of a change; return why they may not notice, or nothing if they should.

        PowerDNS's API sends no NOTIFY by itself, and who asks for one is not told whether the serial grew.
        """
        try:
            if why := self._why_serial_stays():
                return why
            if self._kind in _NOTIFYING_KINDS:
                self._api.put(f"{self._path}/notify")
        except (Refused, BatchFault) as error:
            return f"the secondaries could not be notified: {error}"
        return ""

    def _why_serial_stays(self) -> str:
        """Return why secondaries keep what they have; nothing if the serial has grown (RFC 1982)."""
        answer = self._api.get(self._path, rrsets="false")
        with self._expecting_its_format():
            serial, edit, kind = (
                _serial(answer),
                str(answer.get("soa_edit_api") or ""),
                str(answer.get("kind")),
            )
        before = self._serial
        if before is None or serial is None or 0 < (serial - before) % 2**32 < 2**31:
            return ""
        setting = f"its SOA-EDIT-API is {edit}" if edit else "it has no SOA-EDIT-API"
        moved = "stays" if serial == before else "goes back to"
        unnotified = (
            "" if self._kind in _NOTIFYING_KINDS else f", and a zone of the kind {kind} sends no NOTIFY"
        )
        return (
            f"the serial of the zone {moved} {serial}, since {setting}{unnotified}: servers that transfer the"
            " zone keep what they have; SOA-EDIT-API DEFAULT lets it grow"
        )

    def fault(self, error: Refused, verb: str) -> BatchFault:
        """Return what is wrong with the zone where the server refuses to read it, or any change of it."""
        zone = self.name.to_text(omit_final_dot=True)
        if error.status == 404:
            return ZoneNotLoaded(f"{self._api} does not have the zone {zone}: {error}")
        if is_server_failure(error):
            return ZoneFailed(
                f"{self._api} fails to {verb} the zone {zone}: {error}; one record that it can't parse is "
                "enough: its log, or pdnsutil check-zone, names it"
            )
        return ZoneRefusesUpdates(f"{self._api} refuses to {verb} the zone {zone}: {error}")

    def _shows_disabled_records_of_a_name(self) -> bool:
        """Whether PowerDNS is new enough: before 5.0 it shows them only in the whole zone."""
        server = self._api.get("")
        with self._expecting_its_format():
            return int(server["version"].partition(".")[0]) >= 5

    def _read_by_name(self, names: Iterable[dns.name.Name]) -> dict[dns.name.Name, Node]:
        nodes: dict[dns.name.Name, Node] = {}
        for name in names:
            nodes |= self._read_nodes([name], (), rrset_name=name.to_text(), include_disabled="true")
        return nodes

    def _read_nodes(
        self, names: Collection[dns.name.Name], above: Collection[dns.name.Name], **query: str
    ) -> dict[dns.name.Name, Node]:
        answer = self._api.get(self._path, **query)
        with self._expecting_its_format():
            self._serial = _serial(answer) if self._serial is None else self._serial
            return read_nodes(answer["rrsets"], names, above)

    def _find(self) -> tuple[str, str]:
        """Return the zone's id, and its kind in lower case."""
        try:
            zones = self._api.get("/zones", zone=self.name.to_text(), dnssec="false")
        except Refused as error:
            if is_server_failure(error):
                raise self.fault(error, "find") from error
            raise Unreachable(f"{self._api} does not list its zones: {error}") from error
        with self._expecting_its_format():
            for zone in zones:
                if dns.name.from_text(zone["name"]) == self.name:
                    return str(zone["id"]), str(zone.get("kind")).lower()
        raise ZoneNotLoaded(f"{self._api} does not have the zone {self.name.to_text(omit_final_dot=True)}")

    @contextmanager
    def _expecting_its_format(self) -> Iterator[None]:
        """Raise Unreachable if an answer is not as PowerDNS writes it."""
        try:
            yield
        except (KeyError, TypeError, AttributeError, ValueError, dns.exception.DNSException) as error:
            raise Unreachable(f"{self._api} answers in an unknown format: {error!r}") from error


def _serial(answer: Mapping[str, Any]) -> int | None:
    """Return the serial that the server answers: `edited_serial`, where SOA-EDIT makes another of it."""
    found = answer.get("edited_serial") or answer.get("serial")
    return found if isinstance(found, int) else None
