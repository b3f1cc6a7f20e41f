"""How much the values of an RRset take together, while they are read one after the other."""

from collections.abc import Sequence

from app.domain.rdata import MAX_RDATA, RecordType, octets
from app.domain.values import is_pattern


class RRsetSize:
    """Counts the octets of values. As long as few are enough an estimate will do, which takes no time."""

    def __init__(self, record_type: RecordType) -> None:
        self._type = record_type
        self._counted = 0  # values
        self._octets = 0  # at most
        self._is_exact = False

    def fits(self, values: Sequence[str]) -> bool:
        """Return whether the canonical values fit into one message: those of the last call, and more."""
        self._count(values[self._counted :])
        if self._octets > MAX_RDATA and not self._is_exact:
            self._octets, self._is_exact = 0, True
            self._count(values)
        self._counted = len(values)
        return self._octets <= MAX_RDATA

    def _count(self, values: Sequence[str]) -> None:
        of_their_own = [value for value in values if not is_pattern(value)]  # and not for others
        self._octets += octets(self._type, of_their_own, exact=self._is_exact)
