"""Which tests run in the same process, one after the other: those that share something slow to start."""

from functools import cache

from xdist.scheduler import LoadScopeScheduling

# Prefixes of file names; the longest that fits counts. Each of pytest's processes begins with one, and gets
# the next when two tests are left: first those that take longest, those of few tests last.
GROUPS = (
    ("acceptance/",),
    ("client/", "browser/", "acceptance/test_traces"),  # one whole system
    ("faults/",),
    ("faults/test_matrix",),
    ("integration/kafka/",),
    ("images/",),
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
    ("integration/playbooks/test_collections",),
    ("integration/runner/process/test_supervisor",),
    ("acceptance/owner/",),
    ("unit/kafka/test_submission",),  # these two wait most of the time
    ("unit/test_example",),
)
_POSITIONS = {prefix: position for position, prefixes in enumerate(GROUPS) for prefix in prefixes}


def group_position(test: str) -> int:
    """The position of a test's group in GROUPS; tests of no group come last."""
    return _position_of_file(test.partition("::")[0].removeprefix("tests/"))


@cache
def _position_of_file(name: str) -> int:
    fitting = [prefix for prefix in _POSITIONS if name.startswith(prefix)]
    return _POSITIONS[max(fitting, key=len)] if fitting else len(GROUPS)


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each group to one process; every other file is a group of its own."""

    def _split_scope(self, nodeid: str) -> str:
        position = group_position(nodeid)
        return str(position) if position < len(GROUPS) else nodeid.partition("::")[0]
