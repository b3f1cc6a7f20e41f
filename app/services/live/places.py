"""How many may follow at the same time: in this process, and of them those who call for the same accounts."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from app.domain.errors import Overloaded, TooManyFollowers
from app.domain.permissions import Principal


class Places:
    """`most` places, `most_of_each` of them for those who call for the same accounts.

    Who calls for everybody, as all do where nobody is asked who he is, may have all of them.
    """

    def __init__(self, most: int, most_of_each: int) -> None:
        self._most = most
        self._most_of_each = most_of_each
        self._taken = 0
        self._of_each: Counter[object] = Counter()

    @contextmanager
    def taken(self, principal: Principal, number: int = 1) -> Iterator[None]:
        """Hold so many places during the block. Raises Overloaded, TooManyFollowers if too few are left."""
        whose = None if principal.speaks_for_any else principal.accounts or principal.name
        if whose is not None and self._of_each[whose] + number > self._most_of_each:
            raise TooManyFollowers
        if self._taken + number > self._most:
            raise Overloaded("as many follow requests here as may at the same time; try again")
        self._hold(whose, number)
        try:
            yield
        finally:
            self._hold(whose, -number)

    def _hold(self, whose: object, number: int) -> None:
        self._taken += number
        if whose is not None:
            self._of_each[whose] += number
            if not self._of_each[whose]:
                del self._of_each[whose]
