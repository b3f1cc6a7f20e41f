"""Views of the name space: in which served zone a name lies depends on where it is asked from."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from app.domain.names import lineage, longest_match
from app.domain.zone_key import AT, zone_key


class Several(NamedTuple):
    """A name that is served in several views, and in no zone without one: which is meant, is not said."""

    name: str
    views: Sequence[str]

    @property
    def why(self) -> str:
        """Say so, with the views that there are."""
        return f"{self.name} is served in several views: {', '.join(self.views)}"


class Views:
    """Which of the served zones, given by their keys, a normalized name lies in."""

    def __init__(self, served: Collection[str]) -> None:
        self.served = served
        self._of: dict[str, list[str]] = {}
        for key in served:
            if AT in key:
                name, _, view = key.partition(AT)
                self._of.setdefault(name, []).append(view)

    def of(self, name: str) -> Sequence[str]:
        """Return the views that have a zone of that name."""
        return sorted(self._of.get(name, ()))

    def above(self, name: str) -> Mapping[str, Sequence[str]]:
        """Return the views that have a zone of the name, or of one above it, by the names of the zones."""
        return {parent: self.of(parent) for parent in lineage(name) if parent in self._of} if self._of else {}

    def zone_at(self, name: str, view: str | None) -> str | Several | None:
        """Return the zone of exactly that name: the view's own, or the one without a view.

        From no view it is the one without a view, or else the only one.
        """
        if view is not None and (own := zone_key(name, view)) in self.served:
            return own
        if name in self.served:
            return name
        if view is not None or name not in self._of:
            return None
        views = self.of(name)
        return Several(name, views) if len(views) > 1 else zone_key(name, views[0])

    def zone_of(self, name: str, view: str | None = None) -> str | Several | None:
        """Return the longest match of the name among the zones that are seen from the view."""
        if not self._of:
            return longest_match(name, self.served)
        found = (self.zone_at(parent, view) for parent in lineage(name))
        return next((zone for zone in found if zone is not None), None)

    def own_zone_of(self, name: str, view: str) -> str | None:
        """Return the longest match of the name among the zones that lie in the view."""
        keys = (zone_key(parent, view) for parent in lineage(name))
        return next((key for key in keys if key in self.served), None)

    def known_zone_of(self, name: str, view: str | None) -> str | None:
        """Return the same as `zone_of`; None also where which zone is meant is not said."""
        zone = self.zone_of(name, view)
        return zone if isinstance(zone, str) else None

    def known_zone_at(self, name: str, view: str | None) -> str | None:
        """Return the same as `zone_at`; None also where which zone is meant is not said."""
        zone = self.zone_at(name, view)
        return zone if isinstance(zone, str) else None
