"""Who owns the RRsets that changes are about, as far as the settings of their zones make that matter."""

from collections.abc import Iterable, Mapping

from app.core.database import AnySession
from app.domain.change import Action
from app.domain.names import lineage
from app.domain.ownership import MAKING, OwnedRRset
from app.domain.permissions import Effect
from app.domain.zone_key import dns_name
from app.domain.zone_settings import ZoneSettings
from app.store import records, requests


class Owners:
    """The owners of RRsets, and whoever is the first to ask for one that nobody has made yet."""

    def __init__(self, session: AnySession, names: Iterable[str], zones: Mapping[str, ZoneSettings]) -> None:
        self._zones = {zone for zone, each in zones.items() if each.rights.others is not Effect.ALLOW}
        closed = set(map(dns_name, self._zones))
        asked = (
            {name for name in names if any(parent in closed for parent in lineage(name))} if closed else ()
        )
        self._owners: dict[OwnedRRset, str | None] = {}
        if asked:
            waiting = requests.first_makers(session, asked)
            self._owners = {OwnedRRset(*key): account for key, account in waiting.items()}
            self._owners |= records.owners(session, asked)  # who changes what is there does not make it

    def of(self, zone: str, name: str, record_type: str) -> str | None:
        """Return the account that owns the RRset, or will; None: nobody, or it does not matter."""
        return self._owners.get(OwnedRRset(zone, name, record_type)) if self._owners else None

    def note(self, zone: str, name: str, record_type: str, action: Action, account: str) -> None:
        """Take note of a change that may be queued: the first that makes an RRset owns it."""
        if zone in self._zones and action in MAKING:
            self._owners.setdefault(OwnedRRset(zone, name, record_type), account)
