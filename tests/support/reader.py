"""A reader of the documentation, who does what a page shows, in a shell, one block after the other."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from app.core.config import ROOT
from stack.debian import library_path, unpacked
from stack.embedded import Stack
from stack.paths import PACKAGES
from tests.support.eventually import eventually
from tests.support.pages import Block
from tests.support.user import User

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# What a page shows, and what stands there for each reader: `01a2…` in the path of a call, or a whole id.
SHOWN_ID = re.compile(rf"(requests|plans|batches)/(?:01a2…|{UUID})")
DOCTOR = re.compile(r"^((?:dns-orchestrator|python -m app\.cli) doctor)$", re.MULTILINE)
# "failed zone a.test, 127.0.0.1:53, to answer: …", or "backend bind<tab>failed<tab>a.test at …".
UNWELL = re.compile(r"^(?:failed |[^\t\n]+\tfailed\t).*$", re.MULTILINE)
OF_ZONE = re.compile(r"^failed zone ([^\s,:]+)|\tfailed\t(\S+) at ")
SHOWN_TO_COMMAND = re.compile(rf"(dns-orchestrator (?:status|undo)) {UUID}")
TOLD = {
    "requests": re.compile(rf'(?:"id":\s?"|\()({UUID})(?:",\s?"action"|\)$)', re.MULTILINE),
    "plans": re.compile(rf'(?:"plan_id":\s?"|[Pp]lan )({UUID})'),
    "batches": re.compile(rf'"batch_id":\s?"({UUID})"'),
    "state": re.compile(r'"state":\s?"([0-9a-f]{64})"'),
}
WAITING = {"scheduled", "awaiting_approval", "cancelled"}  # for a time or for somebody, or for nothing more
_CURL = '#!/bin/sh\nexec {curl} --fail-with-body --silent --show-error "$@"\n'
_DIG = '#!/bin/sh\nLD_LIBRARY_PATH="{libraries}" exec {root}/usr/bin/dig "$@"\n'


class Reader:
    """Follows pages on a running stack: addresses are the stack's, ids those that were told before."""

    def __init__(self, stack: Stack, user: User, folder: Path, programs: Path, **variables: str) -> None:
        self.user = user
        self.ids: dict[str, str] = {}
        self._folder = folder
        self._zones = {each.partition("=")[0] for each in stack.env["BOOTSTRAP_ZONES"].split(",")}
        self._here = {
            "localhost:8000/api/v1": str(user.api.base_url).rstrip("/").removeprefix("http://"),
            "http://localhost:8000": str(user.api.base_url.join("/")).rstrip("/"),
            "-p 21053": f"-p {stack.ports.dns}",
            "port=21053": f"port={stack.ports.dns}",
        }
        address = str(user.api.base_url.join("/"))
        here = {
            "PATH": f"{self._programs()}:{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DNS_ORCHESTRATOR_URL": address,
            "HOME": str(folder),
        }
        self._environment = {**os.environ, **stack.env, **variables, **here}
        (folder / ".stack").mkdir()
        settings = "".join(f"{name}={value}\n" for name, value in {**stack.env, **variables}.items())
        (folder / ".stack" / "env").write_text(settings)
        (folder / ".venv" / "bin").mkdir(parents=True)
        (folder / ".venv" / "bin" / "activate").write_text("")
        for path in ROOT.iterdir():
            if not path.name.startswith("."):
                (folder / path.name).symlink_to(path)

    def _programs(self) -> Path:
        """Make the programs that a page takes for granted; return their folder."""
        programs = self._folder / "programs"
        programs.mkdir()
        root, server = (unpacked(name, PACKAGES) for name in ("bind9-dnsutils", "bind9"))
        libraries = f"{library_path(root)}:{library_path(server)}"
        curl = subprocess.run(["which", "curl"], capture_output=True, text=True, check=True).stdout.strip()
        (programs / "curl").write_text(_CURL.format(curl=curl))
        (programs / "dig").write_text(_DIG.format(libraries=libraries, root=root))
        for path in programs.iterdir():
            path.chmod(0o755)
        return programs

    def follow(self, block: Block, here: Mapping[str, str] | None = None) -> str:
        """Run a block, and wait until what it has asked for is settled. Returns what it has printed."""
        words = SHOWN_ID.sub(lambda found: f"{found[1]}/{self.ids[found[1]]}", block.text)
        words = SHOWN_TO_COMMAND.sub(lambda found: f"{found[1]} {self.ids['requests']}", words)
        words = words.replace("a8e1…", self.ids.get("state", ""))
        for shown, real in {**self._here, **(here or {})}.items():
            words = words.replace(shown, real)
        state, folder = self._folder / "state", self._folder / "cwd"
        words = DOCTOR.sub(r"\1 || test $? = 1", words)  # zones of other tests may be unwell
        before = f"[ ! -e {state} ] || {{ . {state}; cd $(cat {folder}); }}"
        script = f"{before}\n{words}\nexport -p > {state}; pwd > {folder}\n"
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{block.place}\n{words}\n{done.stdout}{done.stderr}"
        self._require_well(done.stdout)
        self._remember(done.stdout)
        return done.stdout

    def _require_well(self, output: str) -> None:
        """What `doctor` finds wrong may be zones of other tests on the same stack, and nothing else."""
        for line in UNWELL.findall(output):
            zone = OF_ZONE.search(line)
            assert zone is not None, line
            assert (zone[1] or zone[2]) not in self._zones, line

    def _remember(self, output: str) -> None:
        for kind, pattern in TOLD.items():
            if found := pattern.findall(output):
                self.ids[kind] = found[-1] if kind == "state" else max(found)  # ids grow with time
        for request in map(self.user.request, dict.fromkeys(TOLD["requests"].findall(output))):
            if request["status"] not in WAITING:
                [settled] = self.user.wait_until_settled([request["id"]])
                assert settled["status"] == "succeeded", settled
        for zone in re.findall(r'"zone":\s?"([^"]+)",\s?"state":\s?"(?:wanted|running)"', output):
            eventually(partial(self._imported, zone))

    def _imported(self, zone: str) -> bool:
        state = self.user.api.get(f"/zones/{zone}/import").json()["state"]
        assert state != "failed"
        return bool(state == "done")
