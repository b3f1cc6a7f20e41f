"""How much each account may have, and ask for."""

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Quota:
    """What one account may have at a time, and ask for within a minute; 0: any number."""

    open_requests: int = 0
    records: int = 0  # RRsets that it owns
    requests_per_minute: int = 0  # that are accepted

    @property
    def is_measured(self) -> bool:
        """Whether it has to be looked up how much is used, beside what is open."""
        return bool(self.records or self.requests_per_minute)


QUOTA_NAMES = tuple(field.name for field in fields(Quota))


class Quotas:
    """The quota of each account: its own, and the default for whatever that does not say."""

    def __init__(self, default: Quota, own: Mapping[str, Mapping[str, int]] | None = None) -> None:
        self.default = default
        plain = {name: getattr(default, name) for name in QUOTA_NAMES}
        self._of = {account: Quota(**{**plain, **said}) for account, said in (own or {}).items()}
        all_of_them = (default, *self._of.values())
        self.any_open = any(each.open_requests for each in all_of_them)
        self.any_measured = any(each.is_measured for each in all_of_them)

    def of(self, account: str) -> Quota:
        """Return the account's quota."""
        return self._of.get(account, self.default) if self._of else self.default
