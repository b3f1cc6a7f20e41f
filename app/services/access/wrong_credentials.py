"""What becomes of credentials that are not good, at whichever door: they are counted, audited and logged."""

from app.core.logging import get_logger
from app.services.access.failures import FailedTries
from app.services.access.identify import WhyNot, source_of
from app.services.access.oidc.verify import is_jwt
from app.services.access.refusals import NOBODY, Refusals

log = get_logger(__name__)

_OF_KNOWN_TOKENS = frozenset({WhyNot.WRONG, WhyNot.REVOKED, WhyNot.EXPIRED, WhyNot.ELSEWHERE})
_PREFIX = len("dnso_") + 12 + 1


class WrongCredentials:
    """Notes tries that have failed; the doors of a process share one."""

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals
        self._failed = FailedTries()

    def wait_of(self, address: str | None) -> float:
        """Return how many seconds somebody there has to wait before a try that costs others something."""
        return self._failed.wait_of(source_of(address))

    def note(self, why: WhyNot, shown: str, address: str | None) -> float:
        """Note a try. Return how many seconds who has made it has to wait now; 0: none."""
        self._refusals.note(NOBODY, "credentials_invalid", why.value, address)
        wait = self._failed.note(source_of(address))
        if not wait:
            known = shown[:_PREFIX] if why in _OF_KNOWN_TOKENS and not is_jwt(shown) else None
            log.warning("call refused: wrong credentials", why=why.value, token=known, address=address)
        return wait
