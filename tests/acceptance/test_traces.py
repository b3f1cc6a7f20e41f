"""One request's trace, from the door to its settlement, as a collector gets it."""

import json
import secrets
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from stack.embedded import Stack
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.otlp import Collector, Span
from tests.support.user import User

ZONE = "example.test"


@pytest.fixture(scope="module")
def tracing_user(whole_system: Stack) -> Iterator[User]:
    user = User(whole_system.env)
    user.wait_until_ready()
    yield user
    user.api.close()


def new_traceparent() -> tuple[str, str]:
    """Return a trace's id, and the header that names it."""
    trace = secrets.token_hex(16)
    return trace, f"00-{trace}-{secrets.token_hex(8)}-01"


def _kind(name: str) -> str:
    return name.split(" ")[0] if name.startswith(("task", "ask", "update")) else name


def spans_with(collector: Collector, trace: str, *names: str) -> list[Span]:
    """Wait until the collector has spans of these names in the trace; return all of it."""

    def found() -> list[Span] | None:
        spans = collector.of_trace(trace)
        have = {_kind(span.name) for span in spans}
        return spans if have >= set(names) else None

    return eventually(found)


def test_a_call_is_one_trace_from_the_door_to_its_settlement(
    collector: Collector, tracing_user: User, whole_system: Stack
) -> None:
    trace, traceparent = new_traceparent()
    answer = tracing_user.api.post(
        "/dns/create", json=body(ZONE, "traced"), headers={"traceparent": traceparent}
    )
    [settled] = tracing_user.wait_until_settled([answer.json()["id"]])
    assert settled["status"] == "succeeded"
    names = ("group commit", "kick", "wait", "drain", "ansible run", "task", "update")
    spans = spans_with(collector, trace, *names, "verify", "ask", "settle")
    assert {span.service for span in spans} == {"dns-orchestrator-api", "dns-orchestrator-worker"}
    known = {span.id for span in spans} | {traceparent.split("-")[2]}
    assert [span for span in spans if span.parent not in known] == []
    [door] = [span for span in spans if span.parent == traceparent.split("-")[2]]
    assert door.name.startswith("POST")
    assert door.attributes["http.response.status_code"] == 202
    [update] = [span for span in spans if _kind(span.name) == "update"]
    assert update.name == f"update {whole_system.env['DNS_SERVER']}"
    assert update.attributes["dns.rcode"] == "NOERROR"
    [task] = [span for span in spans if span.id == update.parent]
    assert _kind(task.name) == "task"
    [run] = [span for span in spans if span.id == task.parent]
    assert run.began <= update.began <= update.ended <= run.ended  # a task begins when its worker hears of it
    lines = [
        json.loads(line) for line in whole_system.output("worker").splitlines() if settled["run_id"] in line
    ]
    assert {line["trace_id"] for line in lines} == {trace}


def test_requests_of_one_run_are_linked_with_it(collector: Collector, tracing_user: User) -> None:
    items, traces = [], []
    for number in range(3):
        trace, traceparent = new_traceparent()
        traces.append(trace)
        items.append({**body(ZONE, f"linked{number}"), "action": "create", "traceparent": traceparent})
    tracing_user.wait_until_settled(tracing_user.submit(*items))
    for trace in traces:
        spans = spans_with(collector, trace, "drain")
        [drain] = [span for span in spans if span.name == "drain"]
        if drain.links:
            [shared] = drain.links
            [together] = [span for span in spans_with(collector, shared, "settle") if span.name == "drain"]
            assert trace in together.links


def test_a_message_goes_on_with_its_senders_trace(
    collector: Collector, tracing_user: User, whole_system: Stack
) -> None:
    trace, traceparent = new_traceparent()
    producer = Producer({"bootstrap.servers": whole_system.env["KAFKA_BROKER_URL"]})
    value = json.dumps(body(ZONE, "traced-message"))
    producer.produce(whole_system.env["KAFKA_DNS_TOPIC"], value, headers={"traceparent": traceparent})
    assert producer.flush(30) == 0
    spans = spans_with(collector, trace, "process batch", "drain", "settle")
    assert "dns-orchestrator-consumer" in {span.service for span in spans}


@pytest.mark.parametrize("wrong", ["00-" + "0" * 32 + "-" + "1" * 16 + "-01", "x" * 100])
def test_what_is_no_traceparent_is_ignored(tracing_user: User, wrong: str) -> None:
    answer = tracing_user.api.post("/dns/create", json=body(ZONE, "odd"), headers={"traceparent": wrong})
    assert answer.status_code == 202, answer.text
