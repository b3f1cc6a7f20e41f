"""What servers let the key change: the addresses of two names, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stack.embedded import Stack

ALLOWED = ("www", "ok")  # owner names
KNOT_ACTIONS = f"""update
    update-type: [A, AAAA]
    update-owner: name
    update-owner-name: [{", ".join(ALLOWED)}]"""


def set_policy(stack: Stack, zone: str, policy: str) -> None:
    """Have BIND load a zone of the stack anew, with this `allow-update` or `update-policy`."""
    stack.rndc("delzone", zone)
    stack.rndc("addzone", zone, f'{{ type primary; file "zones/{zone}"; {policy}; }};')


def allow_addresses(stack: Stack, zone: str) -> None:
    """Have BIND let the key change the addresses of the allowed names alone."""
    grants = "".join(f"grant orchestrator name {owner}.{zone} A AAAA; " for owner in ALLOWED)
    set_policy(stack, zone, f"update-policy {{ {grants}}}")


@contextmanager
def knot_that_allows_addresses(folder: Path) -> Iterator[Stack]:
    """Run a Knot that lets the key change the addresses of the allowed names alone, in all zones."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("stack.knot.ACTIONS", KNOT_ACTIONS)
        with Stack(folder, parts=["knot"]) as stack:
            yield stack


_DROPS_TXT = "function updatepolicy(update) return update:getQType() ~= pdns.TXT end"


@contextmanager
def powerdns_that_drops_txt(folder: Path) -> Iterator[Stack]:
    """Run a PowerDNS that says NOERROR to dynamic updates of TXT, and does not make them."""
    script = folder / "policy.lua"
    script.write_text(_DROPS_TXT)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("stack.powerdns.MORE_SETTINGS", f"lua-dnsupdate-policy-script={script}\n")
        with Stack(folder / "stack", parts=["powerdns"]) as stack:
            yield stack
