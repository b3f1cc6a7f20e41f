"""Which tests run in one process, after each other: those that share what takes long to start."""

from xdist.scheduler import LoadScopeScheduling

# The beginnings of files' names. What takes longest comes first, so that it does not end last.
GROUPS = (
    ("kafka/test_brokers", "kafka/test_faults", "kafka/test_consumer_health"),
    ("kafka/",),
    ("acceptance/test_demo",),
    ("acceptance/",),
    ("faults/",),
    ("integration/test_playbook_collections",),
    ("integration/test_runner_processes",),
    (  # one fork server for the shipped playbook
        "integration/test_api_plan",
        "integration/test_playbook_forecast",
        "integration/test_playbook_provision",
        "integration/test_playbook_secrets",
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
