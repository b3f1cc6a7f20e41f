"""The alerts, by promtool, each with a runbook entry; and the queries of the dashboard."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml  # type: ignore[import-untyped]

from app.core.metric_types import Histogram
from docs.generate.metrics import listed
from stack.paths import ROOT
from tests.support.prometheus import FOLDER, RULES, dashboard_queries, installed

RUNBOOK = (ROOT / "docs" / "how-to" / "monitoring.md").read_text()
ALERTS: Mapping[str, Mapping[str, Any]] = {
    rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
}
METRICS = [metric for _, metric in listed()]
OF_OTHERS = {"up", "process_cpu_seconds_total"}  # of Prometheus, and of every process


class Case(NamedTuple):
    """When an alert fires: of these series, each a value a minute, and with these labels."""

    series: Mapping[str, str]
    labels: Mapping[str, str] = {}
    minutes: int = 45


def settled(failed: int) -> Mapping[str, str]:
    name = "dns_orchestrator_requests_settled_total"
    return {
        f'{name}{{status="succeeded",code="none"}}': "0+10x60",
        f'{name}{{status="failed",code="refused"}}': f"0+{failed}x60",
    }


def runs(well: int, failed: int) -> Mapping[str, str]:
    name = 'dns_orchestrator_runs_total{backend="bind",end='
    return {f'{name}"ok"}}': f"0+{well}x60", f'{name}"timeout"}}': f"0+{failed}x60"}


def verified(slow: int) -> Mapping[str, str]:
    name = "dns_orchestrator_request_verified_seconds_bucket"
    return {f'{name}{{le="60"}}': "0+100x60", f'{name}{{le="120"}}': f"0+{100 + slow}x60"} | {
        f'{name}{{le="+Inf"}}': f"0+{100 + slow}x60"
    }


def open_requests(number: int, limit: int) -> Mapping[str, str]:
    return {
        'dns_orchestrator_requests_open{instance="a",status="pending"}': f"{number}x60",
        'dns_orchestrator_requests_open{instance="a",status="scheduled"}': "999999x60",
        'dns_orchestrator_requests_open{instance="b",status="pending"}': f"{number}x60",
        'dns_orchestrator_requests_open_limit{instance="a"}': f"{limit}x60",
    }


BIND, API = {"backend": "bind"}, {"job": "dns-orchestrator-api", "instance": "api:8000"}
UP = 'up{job="dns-orchestrator-api",instance="api:8000"}'
DEPENDENCY = 'dns_orchestrator_dependency_up{dependency="redis",instance="a"}'
OVERLOADED = 'dns_orchestrator_calls_refused_total{code="backlog_full"}'
BACKEND_A, BACKEND_B = (f'dns_orchestrator_backend_up{{backend="bind",instance="{each}"}}' for each in "ab")
RESTING = 'dns_orchestrator_backend_resting_zones{backend="bind"}'
LAGS = [f'dns_orchestrator_kafka_lag_messages{{topic="t",partition="{number}"}}' for number in range(2)]
EVENTS = 'dns_orchestrator_events_oldest_seconds{listener="kafka"}'
HOOKS = {state: f'dns_orchestrator_webhooks{{state="{state}"}}' for state in ("well", "failing", "disabled")}
TABLE = {"table": "dns_requests"}
AHEAD, DEFAULT, OVERDUE = (
    f'dns_orchestrator_{name}{{table="dns_requests"}}'
    for name in ("ahead_partitions", "default_partition_rows", "retention_overdue_seconds")
)
DEAD = 'dns_orchestrator_kafka_messages_total{outcome="dead_letter"}'
WRONG = 'dns_orchestrator_access_refused_total{code="credentials_invalid"}'
MISSING = 'dns_orchestrator_access_refused_total{code="credentials_missing"}'

FIRES = {
    "DnsOrchestratorDown": Case({UP: "0x60"}, API),
    "DnsOrchestratorDependencyDown": Case({DEPENDENCY: "0x60"}, {"dependency": "redis"}),
    "DnsOrchestratorStatsMissing": Case({"dns_orchestrator_stats_up": "0x60"}),
    "DnsOrchestratorQueueStands": Case({"dns_orchestrator_oldest_pending_seconds": "1+60x60"}),
    "DnsOrchestratorBacklogNearlyFull": Case(open_requests(90, 100)),
    "DnsOrchestratorOverloaded": Case({OVERLOADED: "0+1x60"}),
    "DnsOrchestratorBackendUnavailable": Case({BACKEND_A: "0x60", BACKEND_B: "0x60"}, BIND),
    "DnsOrchestratorZonesRest": Case({RESTING: "1x60"}, BIND),
    "DnsOrchestratorSlow": Case(verified(slow=10)),
    "DnsOrchestratorRequestsFail": Case(settled(failed=5)),
    "DnsOrchestratorRunsFail": Case(runs(well=1, failed=3), BIND),
    "DnsOrchestratorLeasesLost": Case({"dns_orchestrator_leases_lost_total": "0+1x60"}),
    "DnsOrchestratorServersBehind": Case({"dns_orchestrator_servers_behind": "1x60"}),
    "DnsOrchestratorDrift": Case({"dns_orchestrator_drift_rrsets": "1x60"}),
    "DnsOrchestratorKafkaLag": Case({LAGS[0]: "600x60", LAGS[1]: "600x60"}, {"topic": "t"}),
    "DnsOrchestratorDeadLetters": Case({DEAD: "0x35 1x20"}),
    "DnsOrchestratorEventsWait": Case({EVENTS: "0+60x60"}, {"listener": "kafka"}),
    "DnsOrchestratorWebhooksDisabled": Case({HOOKS["disabled"]: "1x60"}),
    "DnsOrchestratorWebhooksFail": Case({HOOKS["failing"]: "2x60", HOOKS["well"]: "0x60"}, minutes=50),
    "DnsOrchestratorNoPartitionAhead": Case({AHEAD: "1x10 0x200"}, TABLE, minutes=200),
    "DnsOrchestratorDefaultPartition": Case({DEFAULT: "1x80"}, TABLE, minutes=70),
    "DnsOrchestratorRetentionOverdue": Case({OVERDUE: "80000+600x80"}, TABLE, minutes=79),
    "DnsOrchestratorWrongCredentials": Case({WRONG: "0+10x60"}),
}
CALM = {
    "DnsOrchestratorDown": Case({UP: "1x60"}),
    "DnsOrchestratorDependencyDown": Case({DEPENDENCY: "1x60"}),
    "DnsOrchestratorStatsMissing": Case({"dns_orchestrator_stats_up": "0x5 1x60"}),
    "DnsOrchestratorQueueStands": Case({"dns_orchestrator_oldest_pending_seconds": "30x60"}),
    "DnsOrchestratorBacklogNearlyFull": Case(open_requests(90, 0)),  # no limit
    "DnsOrchestratorOverloaded": Case({OVERLOADED: "7x60"}),
    "DnsOrchestratorBackendUnavailable": Case({BACKEND_A: "0x60", BACKEND_B: "1x60"}),
    "DnsOrchestratorZonesRest": Case({RESTING: "1x5 0x60"}),
    "DnsOrchestratorSlow": Case(verified(slow=1)),
    "DnsOrchestratorRequestsFail": Case(settled(failed=1)),
    "DnsOrchestratorRunsFail": Case(runs(well=3, failed=1)),
    "DnsOrchestratorLeasesLost": Case({"dns_orchestrator_leases_lost_total": "0x35 1x20"}),
    "DnsOrchestratorServersBehind": Case({"dns_orchestrator_servers_behind": "1x35 0x20"}),
    "DnsOrchestratorDrift": Case({"dns_orchestrator_drift_rrsets": "0x60"}),
    "DnsOrchestratorKafkaLag": Case({LAGS[0]: "600x60", LAGS[1]: "300x60"}),
    "DnsOrchestratorDeadLetters": Case({DEAD: "5x60"}),
    "DnsOrchestratorEventsWait": Case({EVENTS: "60x60"}),
    "DnsOrchestratorWebhooksDisabled": Case({HOOKS["disabled"]: "0x60"}),
    "DnsOrchestratorWebhooksFail": Case({HOOKS["failing"]: "2x60", HOOKS["well"]: "1x60"}),
    "DnsOrchestratorNoPartitionAhead": Case({AHEAD: "1x180 0x20"}, minutes=200),
    "DnsOrchestratorDefaultPartition": Case({DEFAULT: "1x50 0x30"}, minutes=70),
    "DnsOrchestratorRetentionOverdue": Case({OVERDUE: "80000x80"}, minutes=79),
    "DnsOrchestratorWrongCredentials": Case({MISSING: "0+10x60"}),
}


def run(*words: str, folder: Path) -> None:
    done = subprocess.run(
        [installed() / "promtool", *words], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def expected(alert: str, case: Case) -> Mapping[str, Any]:
    def of_label(found: re.Match[str]) -> str:
        return case.labels[found[1]]

    words = re.sub(r"\{\{ \$labels\.(\w+) \}\}", of_label, ALERTS[alert]["annotations"]["summary"])
    return {"exp_labels": {**case.labels, **ALERTS[alert]["labels"]}, "exp_annotations": {"summary": words}}


def promtool_test(cases: Mapping[str, Case], *, fire: bool) -> Mapping[str, Any]:
    """All at once: each rule is evaluated for each minute of each test."""
    series = [(name, values) for case in cases.values() for name, values in case.series.items()]
    assert len(dict(series)) == len(series), "two alerts would have the same series with other values"
    return {
        "name": "all fire" if fire else "all are calm",
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series],
        "alert_rule_test": [
            {
                "eval_time": f"{case.minutes}m",
                "alertname": alert,
                "exp_alerts": [expected(alert, case)] if fire else [],
            }
            for alert, case in cases.items()
        ],
    }


def test_each_alert_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    assert FIRES.keys() == CALM.keys() == ALERTS.keys()
    tests = [promtool_test(FIRES, fire=True), promtool_test(CALM, fire=False)]
    text = yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests})
    (tmp_path / "tests.yml").write_text(text)
    run("test", "rules", "tests.yml", folder=tmp_path)


def test_the_configuration_is_prometheus(tmp_path: Path) -> None:
    text = (FOLDER / "prometheus.yml").read_text()
    (tmp_path / "prometheus.yml").write_text(text.replace("/etc/prometheus/rules.yml", str(RULES)))
    run("check", "config", "prometheus.yml", folder=tmp_path)


def test_each_alert_has_a_runbook_entry() -> None:
    assert re.findall(r"^### (DnsOrchestrator\w+)$", RUNBOOK, re.MULTILINE) == list(ALERTS)
    for entry in re.split(r"^### DnsOrchestrator\w+$", RUNBOOK, flags=re.MULTILINE)[1:]:
        assert "**Do:**" in entry


def series() -> Iterator[str]:
    """The names of all series that there are."""
    for metric in METRICS:
        endings = ("_bucket", "_sum", "_count") if isinstance(metric, Histogram) else (metric.ending,)
        yield from (metric.name + ending for ending in endings)


@pytest.mark.parametrize(
    "query",
    [*dashboard_queries(), *(alert["expr"] for alert in ALERTS.values())],
    ids=lambda query: query[:40],
)
def test_queries_name_metrics_and_labels_that_there_are(query: str) -> None:
    named = set(re.findall(r"\b(dns_orchestrator_\w+|up|process_\w+)\b", query))
    assert named
    assert named <= {*series(), *OF_OTHERS}
    labels = {label for metric in METRICS for label in metric.labels}
    used = {word for words in re.findall(r"by \(([\w, ]+)\)", query) for word in words.split(", ")}
    assert used <= {*labels, "le", "instance"}


def test_the_queries_of_the_dashboard_can_be_read(tmp_path: Path) -> None:
    rules = [{"record": f"query:{number}", "expr": each} for number, each in enumerate(dashboard_queries())]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    run("check", "rules", "rules.yml", folder=tmp_path)


def test_the_dashboard_shows_every_metric() -> None:
    shown = " ".join(dashboard_queries())
    missing = [metric.name for metric in METRICS if metric.name not in shown]
    assert missing == [
        f"dns_orchestrator_{name}" for name in ("stats_up", "requests_open_limit", "drift_zones")
    ]
