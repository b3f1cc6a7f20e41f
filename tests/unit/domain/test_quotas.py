"""The quota of each account: its own, and the default for whatever that does not say."""

from app.domain.quotas import Quota, Quotas


def test_what_is_said_of_an_account_counts_and_else_the_default() -> None:
    quotas = Quotas(Quota(open_requests=5, records=7), {"a": {"records": 0}, "b": {"requests_per_minute": 1}})
    assert quotas.of("a") == Quota(5, 0, 0)
    assert quotas.of("b") == Quota(5, 7, 1)
    assert quotas.of("c") == Quota(5, 7, 0)


def test_whether_there_is_anything_to_count() -> None:
    nothing = Quotas(Quota())
    assert (nothing.any_open, nothing.any_measured) == (False, False)
    assert Quotas(Quota(open_requests=1)).any_open
    assert not Quotas(Quota(open_requests=1)).any_measured
    assert Quotas(Quota(), {"a": {"records": 1}}).any_measured
