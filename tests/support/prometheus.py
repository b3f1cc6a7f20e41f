"""Debian's Prometheus, which reads what processes of ours show, with the rules that are shipped."""

import json
import os
import subprocess
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
import yaml  # type: ignore[import-untyped]

from stack.debian import unpacked
from stack.errors import Unavailable
from stack.paths import PACKAGES, ROOT
from tests.support import http
from tests.support.eventually import eventually
from tests.support.free_port import free_port
from tests.support.processes import die_with_parent

FOLDER = ROOT / "deploy" / "prometheus"
CONFIG = FOLDER / "prometheus.yml"
RULES = FOLDER / "rules.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "dns-orchestrator.json"


@cache
def installed() -> Path:
    """The folder of its programs; where they can't be had the test is skipped, but not on CI."""
    try:
        return unpacked("prometheus", PACKAGES) / "usr" / "bin"
    except Unavailable as error:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(error))


def dashboard_queries() -> Iterator[str]:
    """The queries of all panels, with an interval in the place of Grafana's variable."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"].replace("$__rate_interval", "1m")


def quick_config() -> dict[str, Any]:
    """The configuration that is shipped, but what it does every 15 seconds is done each second."""
    described: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    described["global"] = dict.fromkeys(described["global"], "1s")
    return described


class Prometheus:
    """One that runs."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def get(self, path: str, **parameters: str) -> Any:
        """What its API answers."""
        answer = http.get(f"{self._url}/api/v1/{path}?{urlencode(parameters)}", timeout=30).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def number(self, query: str) -> float | None:
        """What a query that sums all up finds; None: nothing yet."""
        found = self.get("query", query=query)["result"]
        return float(found[0]["value"][1]) if found else None

    def targets(self) -> Mapping[str, str]:
        """How each job is: up, down or unknown."""
        return {each["labels"]["job"]: each["health"] for each in self.get("targets")["activeTargets"]}

    def rules(self) -> Mapping[str, tuple[str, str]]:
        """How each rule is, and its last error."""
        rules = [rule for group in self.get("rules")["groups"] for rule in group["rules"]]
        return {rule["name"]: (rule["health"], rule.get("lastError", "")) for rule in rules}

    def expect_all(self, jobs: Collection[str]) -> None:
        """Check what is shipped: jobs are up, alerts are evaluated, the dashboard has answers."""
        eventually(lambda: self.is_ready)
        eventually(lambda: self.targets() == dict.fromkeys(jobs, "up"))
        eventually(lambda: set(self.rules().values()) == {("ok", "")})
        assert len([self.get("query", query=query) for query in dashboard_queries()]) > 30
        eventually(lambda: self.number("max(sum by (instance) (dns_orchestrator_requests_open))") is not None)

    @property
    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return http.get(f"{self._url}/-/ready", timeout=5).status_code == 200
        except httpx2.TransportError:
            return False


@contextmanager
def running_prometheus(folder: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """Prometheus for the block, with the configuration that is shipped, but for where the jobs are."""
    described = quick_config()
    described["rule_files"] = [str(RULES)]
    for job in described["scrape_configs"]:
        job["static_configs"] = [{"targets": [targets[job["job_name"]]]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(described))
    port = free_port()
    options = [f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={folder / 'data'}"]
    command = [str(installed() / "prometheus"), "--config.file=prometheus.yml", *options]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True, preexec_fn=die_with_parent
        )
    try:
        yield Prometheus(port)
    finally:
        process.terminate()
        process.wait(30)
