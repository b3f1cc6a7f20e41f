"""BIND's `nsupdate`: dynamic updates and nothing else, so nothing can be much faster."""

import os
import subprocess
import time
from collections.abc import Sequence

from benchmarks.rig import Resource, Rig
from stack.debian import library_path, unpacked
from stack.paths import PACKAGES

_PER_MESSAGE = 1_000  # records; 2,000 do not fit into a message


def nsupdate(rig: Rig, zone: str, resources: Sequence[Resource]) -> float:
    """Return the seconds that it takes to add these records to a zone. It verifies and records nothing."""
    script = [f"server {rig.address} {rig.port}", f"zone {zone}"]
    for index, resource in enumerate(resources):
        if index and index % _PER_MESSAGE == 0:
            script.append("send")
        script.append(f"update add {resource['domain']} 300 {resource['record_type']} {resource['target']}")
    text = "\n".join([*script, "send", ""])
    tools, libraries = unpacked("bind9-dnsutils", PACKAGES), unpacked("bind9", PACKAGES)
    environment = {**os.environ, "LD_LIBRARY_PATH": f"{library_path(tools)}:{library_path(libraries)}"}
    command = [str(tools / "usr/bin/nsupdate"), "-v", "-k", str(rig.stack.key_file())]
    began = time.perf_counter()
    subprocess.run(command, input=text, text=True, env=environment, check=True)
    return time.perf_counter() - began
