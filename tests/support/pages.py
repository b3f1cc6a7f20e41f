"""The pages of the documentation, and what they show: commands, bodies, answers and configurations.

Each such block is run, or judged, by a test. Which one is said here alone; tests/unit/docs/test_blocks.py
finds those that nobody runs.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from app.core.config import ROOT

FOLDERS = ("docs", "examples", "playbooks/roles", "client")
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "benchmarks/README.md")),
    *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.md"))),
]
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
NO_COMMAND = {
    "text",
    "records",
}  # drawings and usage; records.md has a test of its own that reads all of these
JUDGED = {"json", "yaml", "env", "named"}  # by unit/docs/test_shown.py, and integration/docs/test_named.py

# The pages whose commands tests/acceptance/test_pages.py runs, all of them in their order.
FOLLOWED = (
    "README.md",
    "docs/tutorial/first-change.md",
    "docs/tutorial/api.md",
    "docs/how-to/own-bind.md",
    "docs/how-to/powerdns.md",
    "client/README.md",
    "docs/how-to/dns-servers.md",
    "docs/how-to/imports.md",
    "docs/how-to/drift.md",
    "docs/how-to/views.md",
    "docs/how-to/undo.md",
    "docs/how-to/webhooks.md",
    "docs/reference/api.md",
    "docs/reference/playbooks.md",
    "docs/reference/zone-settings.md",
)
# The same, where the API asks who calls.
FOLLOWED_BY_TOKEN = ("docs/how-to/access.md", "docs/how-to/approvals.md", "docs/reference/access.md")

_MIGRATE = "tests/acceptance/test_migrate.py"
_RESTORED = "tests/integration/services/zones/test_restored.py"
_PARTITIONS = "tests/integration/services/test_partitions.py"
_OWNER = "tests/acceptance/owner/test_by_hand.py"
# Other commands: words of the block, and the test that runs them.
ELSEWHERE: Mapping[str, Mapping[str, str]] = {
    "README.md": {
        "make demo": "tests/acceptance/test_demo.py",
        "docker-compose up": "tests/images/test_compose.py",
        "uvicorn app.main:app --reload": _OWNER,
    },
    "docs/tutorial/first-change.md": {"make client": "tests/client/test_changes.py"},
    "client/README.md": {
        "[profiles.production]": "tests/client/test_settings.py",
        "RequestFailed": "tests/client/test_readme.py",
        "AsyncClient": "tests/client/test_readme.py",
    },
    "docs/how-to/growth.md": {"partitions list": _PARTITIONS},
    "docs/how-to/imports.md": {'"catalog": true': "tests/integration/api/test_zone_contents.py"},
    "docs/how-to/migrate.md": dict.fromkeys(
        (
            "named-checkconf -l",
            "X-API-Key",
            "ls /etc/bind/zones",
            "for file in",
            "zones list",
            "dns/upsert",
            "/drift",
        ),
        _MIGRATE,
    ),
    "docs/how-to/production.md": {
        "roles.sql": "tests/integration/core/test_roles.py",
        **dict.fromkeys(("pg_dump --format", "pg_restore", "cli restored"), _RESTORED),
    },
    "docs/how-to/requests.md": {"requests/retry": "tests/integration/api/test_cancel_retry.py"},
    "docs/reference/events.md": {"examples/results.py": "tests/acceptance/test_kafka_example.py"},
    "docs/reference/limits.md": {"--ssl-certfile": "tests/integration/api/doors/test_tls.py"},
}
# Commands that no test runs: words of the block, and why.
_WINDOWS = "it needs a domain controller"
_SYSTEMD = "it sets a machine up, as root; tests/unit/deploy/test_systemd.py judges the units"
NOT_RUN: Mapping[str, Mapping[str, str]] = {
    "README.md": {
        "make test": "it is what runs the tests",
    },
    "docs/tutorial/first-change.md": {"make up": "it starts what the test has running"},
    "docs/how-to/own-bind.md": {"umask 077": "it writes into /etc of the reader's server"},
    "docs/how-to/powerdns.md": {
        "api=yes": "a file of the reader's server; the stack writes one with the same words",
        "dnsupdate=yes": "the same",
        "pdnsutil": "it writes into the reader's PowerDNS",
    },
    "docs/how-to/access.md": {
        "make up": "it starts a second stack; the API of the test has these settings",
        "docker-compose exec": "it needs docker; the commands in the container are those above",
    },
    "docs/how-to/active-directory.md": {
        "New-ADUser": _WINDOWS,
        "samba-tool": _WINDOWS,
        "dsacls": _WINDOWS,
        "Set-DnsServerPrimaryZone": _WINDOWS,
        "kadmin": "it asks the KDC of the reader; tests/support/kerberos.py makes the same keytab",
        "[libdefaults]": "a file of the system; tests/support/kerberos.py writes one with the same words",
    },
    "docs/how-to/webhooks.md": {"make up": "it starts what the test has running, with these settings"},
    "docs/how-to/migrate.md": {
        "umask 077": "it writes into /etc of the reader's server",
        "pdnsutil": "it writes into the reader's PowerDNS",
    },
    "docs/how-to/systemd.md": dict.fromkeys(
        ("useradd", "install -m 0400", "systemctl enable --now dns-orchestrator-api", "systemd-run"), _SYSTEMD
    ),
    "docs/reference/kafka.md": {"kcat": "it needs kcat; README has the same with examples/send.py"},
}


class Block(NamedTuple):
    """What stands between two fences of a page."""

    page: str  # its path in the repository
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """Where it is, and how it begins."""
        return f"{self.page}:{self.line}: {self.text.partition(chr(10))[0][:70]}"


@cache
def blocks(page: str) -> list[Block]:
    """Return the blocks of a page, without the blanks by which they are indented."""
    text = (ROOT / page).read_text()
    return [
        Block(
            page,
            text[: found.start()].count("\n") + 1,
            found[2],
            re.sub(f"^{found[1]}", "", found[3], flags=re.MULTILINE),
        )
        for found in BLOCK.finditer(text)
    ]


def all_blocks() -> list[Block]:
    """Return the blocks of all pages."""
    return [block for path in PAGES for block in blocks(str(path.relative_to(ROOT)))]


def shown(page: str, words: str) -> Block:
    """Return the one block of a page that has these words."""
    found: Block
    [found] = [block for block in blocks(page) if words in block.text]
    return found


def exception(block: Block) -> str | None:
    """Return who else runs a block of commands, or why nobody does; None: it is followed with its page."""
    said = {**ELSEWHERE.get(block.page, {}), **NOT_RUN.get(block.page, {})}
    return next((who for words, who in said.items() if words in block.text), None)


def followed(page: str) -> list[Block]:
    """Return the blocks of a page that are followed, in their order."""
    return [each for each in blocks(page) if each.language == "bash" and exception(each) is None]
