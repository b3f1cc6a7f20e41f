"""Which tests run in the same process, one after the other: those that share something slow to start."""

from xdist.scheduler import LoadScopeScheduling

# Prefixes of file names. The groups that take longest come first, so that the run does not end with them.
GROUPS = (
    (
        "integration/kafka/test_brokers",
        "integration/kafka/test_faults",
        "integration/kafka/test_consumer_health",
    ),
    ("integration/kafka/",),
    ("images/",),
    ("browser/",),
    ("acceptance/test_demo",),
    ("acceptance/owner/",),
    ("acceptance/",),
    ("client/",),
    ("faults/",),
    ("integration/playbooks/test_collections",),
    ("integration/runner/process/test_supervisor",),
    (  # one fork server for the shipped playbook
        "integration/api/test_plan",
        "integration/playbooks/test_dry_run",
        "integration/playbooks/rfc2136/test_provision",
        "integration/playbooks/rfc2136/test_kerberos",
        "integration/playbooks/powerdns/test_provision",
        "integration/playbooks/test_secrets",
        "integration/services/drain/test_random_changes",
        "integration/services/drain/test_any_order",
    ),
)


def group_position(test: str) -> int:
    """The position of a test's group in GROUPS; tests of no group come last."""
    name = test.removeprefix("tests/")
    return next((position for position, names in enumerate(GROUPS) if name.startswith(names)), len(GROUPS))


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each group to one process; every other file is a group of its own."""

    def _split_scope(self, nodeid: str) -> str:
        position = group_position(nodeid)
        return str(position) if position < len(GROUPS) else nodeid.partition("::")[0]
