"""What a client asks for next: changes of his names, which succeed if they are applied in order."""

from collections.abc import Sequence
from itertools import count
from random import Random
from typing import NamedTuple

from tests.support.zone_model import SUCCEEDED, Asked, Key, ZoneModel

_HOSTS, _ALIASES = 4, 2  # names of a lane in each zone
_TTLS = (60, 300, 900)
_MOST_VALUES = 4

_numbers = count(1)  # no value is written twice: so it shows where one comes from


class Wish(NamedTuple):
    """Changes to ask for in one call."""

    changes: Sequence[tuple[str, Asked]]  # with their zones
    atomic: bool = False


class Wishes:
    """The names of one lane in the zones of a row, as they are after all that it has asked for."""

    def __init__(self, lane: str, zones: Sequence[str], random: Random) -> None:
        self._lane, self._random = lane, random
        self._zones = {zone: ZoneModel({}) for zone in zones}

    def next(self) -> Wish:
        """Return what to ask for now."""
        zone = self._random.choice(list(self._zones))
        match self._random.choices(("one", "many", "atomic", "swap", "ghost"), (50, 20, 12, 13, 5))[0]:
            case "many":
                zones = self._random.choices(list(self._zones), k=self._random.randint(2, 6))
                return Wish([(each, self._change(each)) for each in zones])
            case "atomic":
                return Wish([(zone, each) for each in self._several(zone)], atomic=True)
            case "swap":
                return Wish([(zone, each) for each in self._swap(zone)], atomic=True)
            case "ghost":  # nobody makes it: it has to fail
                return Wish([(zone, Asked("update", f"{self._lane}-ghost", "A", (_address(),), 300))])
        return self.one()

    def one(self) -> Wish:
        """Return a wish for a single change."""
        zone = self._random.choice(list(self._zones))
        return Wish([(zone, self._change(zone))])

    def _several(self, zone: str) -> list[Asked]:
        """Return changes of different names."""
        hosts = self._random.sample(range(_HOSTS), k=self._random.randint(2, _HOSTS))
        return [self._change(zone, host) for host in hosts]

    def _change(self, zone: str, host: int | None = None) -> Asked:
        number = self._random.randrange(_HOSTS) if host is None else host
        kind = self._random.choice(("A", "A", "TXT"))
        key = Key(f"{self._lane}-h{number}", kind)
        there = self._zones[zone].at(key)
        if not there.values:
            return self._wish(zone, key, self._random.choice(("create", "upsert")))
        actions = ["update", "upsert", "delete", "delete value"]
        if len(there.values) < _MOST_VALUES:
            actions += ["create", "create"]
        action = self._random.choice(actions)
        if action == "delete value":
            return self._wish(zone, key, "delete", self._random.choice(sorted(there.values)))
        return self._wish(zone, key, action)

    def _swap(self, zone: str) -> list[Asked]:
        """Return changes that put a CNAME in the place of an address, or an address in that of a CNAME."""
        owner = f"{self._lane}-c{self._random.randrange(_ALIASES)}"
        address, alias = Key(owner, "A"), Key(owner, "CNAME")
        if self._zones[zone].at(alias).values:
            return [self._wish(zone, alias, "delete"), self._wish(zone, address, "create")]
        gone = [self._wish(zone, address, "delete")] if self._zones[zone].at(address).values else []
        return [*gone, self._wish(zone, alias, "create")]

    def _wish(self, zone: str, key: Key, action: str, value: str | None = None) -> Asked:
        values: tuple[str, ...] = () if value is None else (value,)
        if action != "delete":
            values = (_value(key.type),)
        asked = Asked(action, key.owner, key.type, values, self._random.choice(_TTLS))
        fate = self._zones[zone].apply(asked)
        assert fate == SUCCEEDED, (asked, fate)
        return asked


def _value(kind: str) -> str:
    match kind:
        case "TXT":
            return f"v{next(_numbers)}"
        case "CNAME":
            return f"t{next(_numbers)}.target.example."
    return _address()


def _address() -> str:
    number = next(_numbers)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
