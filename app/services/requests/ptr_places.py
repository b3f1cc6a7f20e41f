"""Where the PTRs of addresses belong: which RRset of which zone each of them is, or becomes, a part of."""

from collections.abc import Collection, Container, Iterable, Mapping
from itertools import chain
from typing import NamedTuple

from app.core.database import AnySession
from app.domain.checks import Checks
from app.domain.names import lineages, longest_match
from app.domain.permissions import Asked
from app.domain.rdata import RecordType
from app.domain.reverse import Elsewhere, Place, find_place, parts, possible_cuts, reverse_name
from app.domain.simulated_zone import simulated_zone
from app.domain.views import Several, Views
from app.domain.zone_key import dns_name, view_of
from app.domain.zone_settings import PLAIN, ZoneSettings
from app.services.requests.simulation import simulates
from app.store import records, zones


class ReverseName(NamedTuple):
    """The reverse name of an address, and the view of the zone that has the address; None: of none."""

    name: str
    view: str | None


class PtrPlaces(NamedTuple):
    """Places of PTRs by their reverse names, and the zones that were looked at for them."""

    places: Mapping[ReverseName, Place | Elsewhere]
    served: Mapping[str, ZoneSettings]

    def asked_with(self, asked: Asked, addresses: Iterable[str]) -> list[Asked]:
        """Return the changes of PTRs that are asked for with a change of these addresses.

        About a PTR that is left to others is decided at its reverse name, as far as that is in a zone.
        """
        view = view_of(asked.zone)
        found = (self._spot(ReverseName(reverse_name(address), view)) for address in addresses)
        return [
            asked._replace(zone=spot.zone, name=spot.name, type=RecordType.PTR.value)
            for spot in found
            if spot is not None
        ]

    def _spot(self, reverse: ReverseName) -> Place | None:
        views = Views(self.served)
        own = reverse.view and views.own_zone_of(reverse.name, reverse.view)
        zone = own or views.known_zone_of(reverse.name, None)
        return spot_of(self.places[reverse]) or (Place(zone, reverse.name) if zone else None)


NOWHERE = PtrPlaces({}, {})


def spot_of(place: Place | Elsewhere) -> Place | None:
    """Return where the PTR is, also if a delegation hides it there; None where it is in no zone of ours."""
    return place.hidden if isinstance(place, Elsewhere) else place


def find_ptr_places(session: AnySession, wanted: Collection[ReverseName]) -> PtrPlaces:
    """Return where the PTR of each reverse name belongs.

    That is in a zone of its view, where one has the name and is not left by a delegation or an alias; else
    where it would be without the view.
    """
    if not wanted:
        return NOWHERE
    names = {each.name for each in wanted}
    part_zones = {part.zone for name in names for part in parts(name)}
    served = zones.serving(session, lineages(names) | part_zones)
    if simulates(session):
        made_up = {simulated_zone(name) for name in names if Views(served).zone_of(name) is None}
        served |= dict.fromkeys(made_up, PLAIN[Checks.WARN])
    aliases = {
        Place(row.zone, row.name): row.rdata[0].removesuffix(".")
        for row in records.at_names(session, names)
        if row.record_type == RecordType.CNAME
    }
    if aliases:
        served |= zones.serving(session, lineages(aliases.values()))
    seen = {view: _Seen(served, view) for view in {each.view for each in wanted}}
    cut_names = (each.possible_cuts({*names, *aliases.values()}) for each in seen.values())
    cuts = records.delegations(session, part_zones.union(*cut_names))
    for each in seen.values():
        each.know(aliases, cuts)
    return PtrPlaces({each: seen[each.view].find_place(each.name) for each in wanted}, served)


class _Space(NamedTuple):
    """Zones by their DNS names, and what is known of them, by these, too."""

    zones: Mapping[str, str | Several]
    aliases: Mapping[Place, str]
    cuts: Container[Place]

    def find_place(self, name: str) -> Place | Elsewhere:
        found = find_place(name, self.zones, self.aliases, self.cuts)
        if isinstance(found, Place):
            return self._keyed(found)
        hidden = self._keyed(found.hidden) if found.hidden else None
        return found._replace(hidden=hidden if isinstance(hidden, Place) else None)

    def _keyed(self, place: Place) -> Place | Elsewhere:
        zone = self.zones[place.zone]
        return Elsewhere(zone.why) if isinstance(zone, Several) else place._replace(zone=zone)


class _Seen:
    """The zones as they are seen from a view: its own, and all, of which its own come before others."""

    def __init__(self, served: Collection[str], view: str | None) -> None:
        views = Views(served)
        without = {name: zone for name in map(dns_name, served) if (zone := views.zone_at(name, None))}
        own: dict[str, str | Several] = {
            dns_name(key): key for key in served if view is not None and view_of(key) == view
        }
        self._own = _Space(own, {}, ())
        self._all = _Space({**without, **own}, {}, ())

    def possible_cuts(self, names: Collection[str]) -> set[str]:
        spaces = (self._own, self._all)
        return set(chain.from_iterable(possible_cuts(names, space.zones) for space in spaces if space.zones))

    def know(self, aliases: Mapping[Place, str], cuts: Iterable[Place]) -> None:
        self._own, self._all = (_with(space.zones, aliases, cuts) for space in (self._own, self._all))

    def find_place(self, name: str) -> Place | Elsewhere:
        if longest_match(name, self._own.zones) is not None:
            found = self._own.find_place(name)
            if isinstance(found, Place):
                return found
        return self._all.find_place(name)


def _with(zones: Mapping[str, str | Several], aliases: Mapping[Place, str], cuts: Iterable[Place]) -> _Space:
    """Return the zones with those of the aliases and cuts that lie in them."""

    def is_seen(place: Place) -> bool:
        return zones.get(dns_name(place.zone)) == place.zone

    def named(place: Place) -> Place:
        return place._replace(zone=dns_name(place.zone))

    return _Space(
        zones,
        {named(place): target for place, target in aliases.items() if is_seen(place)},
        {named(cut) for cut in cuts if is_seen(cut)},
    )
