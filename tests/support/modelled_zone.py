"""A zone that the product serves on BIND, and the model of it: changes are made to both."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import dns.name
import dns.query
import dns.rcode
import dns.update
from fastapi.testclient import TestClient

from app.core.database import transaction
from app.domain.change import Action, RRsetState
from app.runner.protocol import Runner
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.requests.draft import RawChange
from app.services.requests.submission import Accepted
from app.services.requests.submit import submit
from app.services.requests.validate import read_changes
from stack.embedded import Stack
from tests.support.builders import body
from tests.support.zone_model import Asked, Key, RRset, ZoneModel, after, rrset
from tests.support.zones import ZoneUnderTest


class Unit(NamedTuple):
    """Changes of one call; `atomic`: all or none."""

    asked: Sequence[Asked]
    atomic: bool = False


class Foreseen(NamedTuple):
    """A request, its change, and by the model: what may become of it, the RRset before and after it."""

    id: str
    asked: Asked
    fates: frozenset[str]
    before: RRset
    after: RRset


class ModelledZone:
    """A new zone with SOA and NS only, which the product serves."""

    def __init__(self, client: TestClient, stack: Stack, runner: Runner) -> None:
        self.name = f"t-{secrets.token_hex(4)}.test"
        stack.add_zone(self.name)
        client.post("/api/v1/zones", json={"name": self.name, "backend": "bind"}).raise_for_status()
        self._client = client
        self._runner = runner
        self._zone = ZoneUnderTest(stack, self.name)
        self.model = ZoneModel(self.transfer())

    def submit(self, unit: Unit) -> list[str]:
        """Submit changes; return the ids of their requests."""
        raw = [
            RawChange(Action(asked.action), self._body(asked), expect=_expected(asked))
            for asked in unit.asked
        ]
        with transaction() as session:
            results = submit(session, read_changes(raw), atomic=unit.atomic, grouped=unit.atomic)
        assert all(isinstance(result, Accepted) for result in results), results
        return [str(result.request.id) for result in results if isinstance(result, Accepted)]

    def foresee(self, unit: Unit, ids: Sequence[str]) -> Iterator[Foreseen]:
        """Apply changes that were submitted to the model."""
        if unit.atomic:
            trial = ZoneModel(self.model.rrsets)
            each_may_have = self.model.apply_all_or_none(unit.asked)
            for request_id, asked, fates in zip(ids, unit.asked, each_may_have, strict=True):
                there = trial.at(asked.key)
                trial.put(asked.key, after(asked, there))
                yield Foreseen(request_id, asked, fates, there, trial.at(asked.key))
            return
        for request_id, asked in zip(ids, unit.asked, strict=True):
            there = self.model.at(asked.key)
            fates = frozenset({self.model.apply(asked)})
            yield Foreseen(request_id, asked, fates, there, self.model.at(asked.key))

    def drain(self) -> None:
        """Have a worker do what was submitted."""
        drain(self.name, self._runner, make_backends())

    def undo(self, request_id: str) -> Any:
        """Ask for an undo; return the answer."""
        return self._client.post(f"/api/v1/dns/requests/{request_id}/undo")

    def settled(self, ids: Sequence[str]) -> dict[str, Any]:
        """Return the requests as the API shows them, by id."""
        url = "/api/v1/dns/requests"
        return {each: self._client.get(f"{url}/{each}").raise_for_status().json() for each in ids}

    def records(self) -> dict[Key, RRset]:
        """Return the records of the zone as the API shows them."""
        parameters: dict[str, str | int] = {"zone": self.name, "limit": 1000}
        answer = self._client.get("/api/v1/dns/records", params=parameters).raise_for_status()
        return {self.key_of(item): state_of(item) for item in answer.json()["items"]}

    def change_beside(self, asked: Asked) -> None:
        """Make a change as anybody does who has the key; what BIND would pass over is left out."""
        made = after(asked, self.model.at(asked.key))
        others = self.model.others(asked)
        beside_alias = bool(others) if asked.type == "CNAME" else "CNAME" in others
        several = asked.type in ("CNAME", "DNAME") and len(made.values) > 1
        both = {"NS", "DNAME"} <= others | {asked.type}  # which BIND takes, and no server should have
        if asked.key == ("@", "NS") or (made.values and (beside_alias or several or both)):
            return
        name = dns.name.from_text(self._zone.full(asked.owner))
        update = dns.update.UpdateMessage(self.name)
        update.use_tsig(self._zone.key)
        update.delete(name, asked.type)
        if made.values:
            update.add(name, made.ttl or 0, asked.type, *_texts(asked.type, made.values))
        target = self._zone.target
        reply = dns.query.tcp(update, target.address, port=target.port, timeout=30)
        assert reply.rcode() == dns.rcode.NOERROR, asked
        self.model.put(asked.key, made)

    def transfer(self) -> dict[Key, RRset]:
        """Return the zone's RRsets but its SOA, as the server transfers them."""
        found: dict[Key, set[str]] = {}
        ttls: dict[Key, int] = {}
        for line in self._zone.transfer():
            name, ttl, _, kind, value = line.split(" ", 4)
            key = Key(self._owner(name.removesuffix(".")), kind)
            found.setdefault(key, set()).add(value)
            ttls[key] = int(ttl)
        return {key: rrset(ttls[key], values) for key, values in found.items()}

    def key_of(self, resource: Mapping[str, Any]) -> Key:
        """Return which RRset a resource or a record is about."""
        return Key(self._owner(resource["domain"]), resource["record_type"])

    def _owner(self, name: str) -> str:
        return name.removesuffix(self.name).removesuffix(".") or "@"

    def _body(self, asked: Asked) -> dict[str, Any]:
        config = {"ttl": asked.ttl}
        kind, target = asked.type, list(asked.values)
        made = body(self.name, asked.owner, record_type=kind, target=target, config=config)
        if not asked.values:
            del made["resource"]["target"]
        return made


def fate(request: Mapping[str, Any]) -> str:
    """Return what became of a request: the code of its error, or else its status."""
    return str(request["error"]["code"] if request["error"] else request["status"])


def state_of(shown: Mapping[str, Any]) -> RRset:
    """Return an RRset as the API shows it."""
    return rrset(shown["ttl"], shown["target"])


def _expected(asked: Asked) -> RRsetState | None:
    if asked.expect is None:
        return None
    return RRsetState(asked.expect.ttl, tuple(sorted(_texts(asked.type, asked.expect.values))))


def _texts(kind: str, meanings: frozenset[str]) -> list[str]:
    """Return values as a zone file has them."""
    return [f'"{value}"' if kind == "TXT" else value for value in meanings]
