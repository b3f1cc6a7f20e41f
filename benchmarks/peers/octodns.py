"""octoDNS with octodns-bind: reads YAML, sends dynamic updates (RFC 2136)."""

import json
import os
import subprocess
import time
from collections.abc import Sequence

from benchmarks.rig import Resource, Rig
from stack.nameserver import KEY_NAME, create_key
from stack.paths import STATE

_SYNC = STATE / "bench" / "bin" / "octodns-sync"


def octodns(rig: Rig, zone: str, resources: Sequence[Resource]) -> float:
    """Return the seconds that `octodns-sync` takes to add these records to a zone that has none of them."""
    folder = rig.folder / "octodns"
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(json.dumps(_configuration(rig, zone)))
    records: dict[str, object] = {
        str(resource["domain"]).removesuffix(f".{zone}"): {
            "type": resource["record_type"],
            "ttl": 300,
            "value": resource["target"],
        }
        for resource in resources
    }
    apex = {"type": "NS", "ttl": 300, "value": "ns1.example.test."}
    (folder / f"{zone}.yaml").write_text(json.dumps({"": apex, **records}, sort_keys=True))
    command = [str(_SYNC), "--config-file", str(folder / "config.yaml"), "--doit", "--force", "--quiet"]
    environment = {**os.environ, "BENCH_SECRET": create_key(rig.stack.key_file())}
    began = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - began


def _configuration(rig: Rig, zone: str) -> dict[str, object]:
    server = {
        "class": "octodns_bind.Rfc2136Provider",
        "host": rig.address,
        "port": rig.port,
        "key_name": KEY_NAME,
        "key_secret": "env/BENCH_SECRET",
        "key_algorithm": "hmac-sha256",
        "timeout": 60,
    }
    files = {
        "class": "octodns.provider.yaml.YamlProvider",
        "directory": str(rig.folder / "octodns"),
        "enforce_order": False,
    }
    return {
        "providers": {"files": files, "server": server},
        "zones": {f"{zone}.": {"sources": ["files"], "targets": ["server"]}},
    }
