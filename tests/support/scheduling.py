"""Which tests run in one process, after each other: those that share what takes long to start."""

from xdist.scheduler import LoadScopeScheduling

# The beginnings of files' names. What takes longest comes first, so that it does not end last.
GROUPS = (
    (
        "integration/kafka/test_brokers",
        "integration/kafka/test_faults",
        "integration/kafka/test_consumer_health",
    ),
    ("integration/kafka/",),
    ("acceptance/test_demo",),
    ("acceptance/",),
    ("faults/",),
    ("integration/playbooks/test_collections",),
    ("integration/runner/process/test_supervisor",),
    (  # one fork server for the shipped playbook
        "integration/api/test_plan",
        "integration/playbooks/test_dry_run",
        "integration/playbooks/rfc2136/test_provision",
        "integration/playbooks/powerdns/test_provision",
        "integration/playbooks/test_secrets",
    ),
)


def rank(test: str) -> int:
    """The place of a test's group in the order; all that are not named above come last."""
    name = test.removeprefix("tests/")
    return next((place for place, names in enumerate(GROUPS) if name.startswith(names)), len(GROUPS))


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each group to one process; other files are groups by themselves."""

    def _split_scope(self, nodeid: str) -> str:
        place = rank(nodeid)
        return str(place) if place < len(GROUPS) else nodeid.partition("::")[0]
