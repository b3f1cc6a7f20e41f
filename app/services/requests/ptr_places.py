"""Where the PTRs of addresses belong: which RRset of which zone each of them is, or becomes, a part of."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from app.core.database import AnySession
from app.domain.checks import Checks
from app.domain.names import lineages, longest_match
from app.domain.permissions import Asked
from app.domain.rdata import RecordType
from app.domain.reverse import Elsewhere, Place, find_place, parts, possible_cuts, reverse_name
from app.domain.simulated_zone import simulated_zone
from app.domain.zone_settings import PLAIN, ZoneSettings
from app.services.requests.simulation import simulates
from app.store import records, zones


class PtrPlaces(NamedTuple):
    """Places of PTRs by their reverse names, and the zones that were looked at for them."""

    places: Mapping[str, Place | Elsewhere]
    served: Mapping[str, ZoneSettings]

    def asked_with(self, asked: Asked, addresses: Iterable[str]) -> list[Asked]:
        """Return the changes of PTRs that are asked for with a change of these addresses.

        About a PTR that is left to others is decided at its reverse name, as far as that is in a zone.
        """
        found = (self._spot(reverse_name(address)) for address in addresses)
        return [
            asked._replace(zone=spot.zone, name=spot.name, type=RecordType.PTR.value)
            for spot in found
            if spot is not None
        ]

    def _spot(self, name: str) -> Place | None:
        zone = longest_match(name, self.served)
        return spot_of(self.places[name]) or (Place(zone, name) if zone else None)


NOWHERE = PtrPlaces({}, {})


def spot_of(place: Place | Elsewhere) -> Place | None:
    """Return where the PTR is, also if a delegation hides it there; None where it is in no zone of ours."""
    return place.hidden if isinstance(place, Elsewhere) else place


def find_ptr_places(session: AnySession, names: Collection[str]) -> PtrPlaces:
    """Return where the PTR of each reverse name belongs."""
    if not names:
        return NOWHERE
    part_zones = {part.zone for name in names for part in parts(name)}
    served = zones.existing(session, lineages(names) | part_zones)
    if simulates(session):
        made_up = {simulated_zone(name) for name in names if longest_match(name, served) is None}
        served |= dict.fromkeys(made_up, PLAIN[Checks.WARN])
    aliases = {
        Place(row.zone, row.name): row.rdata[0].removesuffix(".")
        for row in records.at_names(session, names)
        if row.record_type == RecordType.CNAME
    }
    if aliases:
        served |= zones.existing(session, lineages(aliases.values()))
    cuts = records.delegations(session, part_zones | possible_cuts({*names, *aliases.values()}, served))
    return PtrPlaces({name: find_place(name, served, aliases, cuts) for name in names}, served)
