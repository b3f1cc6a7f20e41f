"""`make demo`: follow two requests and a batch from their submission to a real DNS server's answers."""

import argparse
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import dns.message
import dns.name
import dns.query
import dns.rdatatype
import httpx2
from confluent_kafka import Producer
from rich.console import Console
from rich.table import Table

from stack.command import run
from stack.embedded import Stack
from stack.errors import StackError
from stack.paths import STATE

ACCOUNT = "demo"
PATIENCE = 60.0  # seconds within which a request must have finished
POLL = 0.05  # seconds between two calls that ask for a request's state

_STYLES = {"succeeded": "bold green", "failed": "bold red", "pending": "dim", "verifying": "yellow"}

OVER_HTTP: dict[str, Any] = {"record_type": "A", "domain": "www.example.test", "target": "192.0.2.10"}
OVER_KAFKA: dict[str, Any] = {
    "record_type": "TXT",
    "domain": "example.test",
    "target": "v=spf1 mx -all",
    "comment": "came in over Kafka",
}
BATCH: tuple[dict[str, Any], ...] = (
    {"record_type": "AAAA", "domain": "www.example.test", "target": "2001:db8::10"},
    {"record_type": "CNAME", "domain": "blog.example.test", "target": "www.example.test"},
    {"record_type": "A", "domain": "mail.example.test", "target": ["192.0.2.25", "192.0.2.26"]},
    {
        "record_type": "MX",
        "domain": "example.test",
        "target": "mail.example.test",
        "config": {"priority": 10, "ttl": 3600},
    },
    {
        "record_type": "SRV",
        "domain": "_sip._tcp.example.test",
        "target": "mail.example.test",
        "config": {"extra_config": {"weight": 5, "port": 5060}},
    },
    {"record_type": "CAA", "domain": "example.test", "target": '0 issue "ca.example.net"'},
    {"record_type": "PTR", "domain": "10.2.0.192.in-addr.arpa", "target": "www.example.test"},
    {
        "record_type": "PTR",
        "domain": "0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
        "target": "www.example.test",
    },
)
# What the DNS server must answer in the end: values in presentation format.
ANSWERS: Mapping[tuple[str, str], set[str]] = {
    ("www.example.test", "A"): {"192.0.2.10"},
    ("example.test", "TXT"): {'"v=spf1 mx -all"'},
    ("www.example.test", "AAAA"): {"2001:db8::10"},
    ("blog.example.test", "CNAME"): {"www.example.test."},
    ("mail.example.test", "A"): {"192.0.2.25", "192.0.2.26"},
    ("example.test", "MX"): {"10 mail.example.test."},
    ("_sip._tcp.example.test", "SRV"): {"0 5 5060 mail.example.test."},
    ("example.test", "CAA"): {'0 issue "ca.example.net"'},
    ("10.2.0.192.in-addr.arpa", "PTR"): {"www.example.test."},
    (BATCH[7]["domain"], "PTR"): {"www.example.test."},
}


@dataclass
class Demo:
    """The demo on a running stack, whose settings are `env`."""

    env: Mapping[str, str]
    console: Console

    def __post_init__(self) -> None:
        self.api = httpx2.Client(base_url=self.env["API_URL"].removesuffix("/dns/create"), timeout=10)

    def run(self) -> bool:
        """Run all steps; return whether every request succeeded and every answer is right."""
        succeeded = [self.over_http(), self.over_kafka(), self.batch()]
        if self.env["EXECUTOR"] == "simulated":
            self.console.print(
                "There is no DNS server here: nothing was applied, so there is nothing to ask."
            )
            return all(succeeded)
        return self.answers() and all(succeeded)

    def over_http(self) -> bool:
        """Ask for one A record by `POST /api/v1/dns/create`."""
        body = {"context": {"account_id": ACCOUNT}, "resource": OVER_HTTP}
        self._title("1  One request over HTTP")
        self.console.print(f"curl {self.env['API_URL']} -H 'Content-Type: application/json' \\")
        self.console.print(f"     -d '{json.dumps(body)}'", markup=False)
        answer = self.api.post("/dns/create", json=body)
        self.console.print(f"{answer.status_code} {answer.reason_phrase}", style="bold")
        return self._follow([answer.raise_for_status().json()["id"]])

    def over_kafka(self) -> bool:
        """Ask for one TXT record by a message on the topic."""
        topic = self.env["KAFKA_DNS_TOPIC"]
        self._title(f"2  One message on the Kafka topic {topic}")
        value = json.dumps({"context": {"account_id": ACCOUNT}, "resource": OVER_KAFKA})
        self.console.print(value, markup=False)
        producer = Producer({"bootstrap.servers": self.env["KAFKA_BROKER_URL"]})
        producer.produce(topic, value.encode(), key=OVER_KAFKA["domain"].encode())
        producer.flush(10)
        with self.console.status("waiting for the consumer to take it"):
            request_id = self._taken_from_kafka()
        return self._follow([request_id])

    def batch(self) -> bool:
        """Ask for the other record types in one call."""
        self._title(f"3  {len(BATCH)} changes in one batch, in three zones")
        items = [{"context": {"account_id": ACCOUNT}, "resource": resource} for resource in BATCH]
        answer = self.api.post("/dns/batch", json={"requests": items}).raise_for_status()
        results = answer.json()["results"]
        refused = [result["errors"] for result in results if "errors" in result]
        if refused:
            self.console.print(refused, style="bold red")
            return False
        return self._follow([result["request"]["id"] for result in results])

    def answers(self) -> bool:
        """Ask the DNS server as `dig` would, and compare its answers with what they must be."""
        server = self.env["DNS_SERVER"]
        self._title(f"4  What the DNS server at {server} answers")
        table = Table("name", "type", "TTL", "answer", "", box=None, header_style="dim", pad_edge=False)
        right = True
        for (name, kind), wanted in ANSWERS.items():
            ttl, values = _dig(server, name, kind)
            good = values == wanted
            right = right and good
            mark = "[green]right[/]" if good else f"[bold red]wrong, expected {sorted(wanted)}[/]"
            table.add_row(name, kind, ttl, "\n".join(sorted(values)) or "nothing", mark)
        self.console.print(table, soft_wrap=False)
        return right

    def _title(self, text: str) -> None:
        self.console.print(f"\n[bold cyan]{text}[/]")

    def _taken_from_kafka(self) -> str:
        for _ in _poll():
            items = self.api.get("/dns/requests", params={"source": "kafka", "limit": 1}).json()["items"]
            if items:
                return str(items[0]["id"])
        raise StackError("The consumer has not taken the message.")

    def _follow(self, ids: list[str]) -> bool:
        """Print the events of the first request as they come, then how long each request took."""
        shown = 0
        for _ in _poll():
            request = self.api.get(f"/dns/requests/{ids[0]}").json()
            for event in request["events"][shown:]:
                self._event(event)
            shown = len(request["events"])
            if request["finished_at"]:
                break
        ended = [self._ended(request_id) for request_id in ids]
        return all(ended)

    def _event(self, event: Mapping[str, str]) -> None:
        at, status = event["at"][11:23], event["status"]
        self.console.print(f"  [dim]{at}[/]  [{_STYLES.get(status, 'cyan')}]{status:<9}[/]", end="  ")
        self.console.print(event["message"], markup=False)

    def _ended(self, request_id: str) -> bool:
        for _ in _poll():
            request = self.api.get(f"/dns/requests/{request_id}").json()
            if request["finished_at"]:
                break
        resource = request["resource"]
        took = _seconds(request["finished_at"]) - _seconds(request["created_at"])
        status = f"[{_STYLES.get(request['status'], '')}]{request['status']}[/]"
        self.console.print(f"  {resource['record_type']:<5} {resource['domain']}  {status} in {took:.2f} s")
        return bool(request["status"] == "succeeded")


def main() -> int:
    """Start the stack, run the demo, stop the stack; return 0 when every answer was right."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--logs", action="store_true", help="show every process's log as well")
    arguments = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    began = time.monotonic()
    directory = STATE / "demo"
    shutil.rmtree(directory, ignore_errors=True)
    try:
        return _show(directory, console, arguments.logs, began)
    except (StackError, httpx2.HTTPError) as error:
        console.print(f"[bold red]The demo did not work:[/] {error}")
        return 1


def _show(directory: Path, console: Console, logs: bool, began: float) -> int:
    def log(name: str, line: str) -> None:
        if logs or name == "stack":
            console.print(f"[dim]{name:>9} |[/] ", end="")
            console.print(line, markup=False)

    console.print("[bold cyan]Starting PostgreSQL, Valkey, Kafka, BIND and the orchestrator[/]")
    with Stack(directory, app=True, log=log, may_simulate=True) as stack:
        console.print(f"Everything is ready after {time.monotonic() - began:.1f} s.")
        demo = Demo(stack.env, console)
        with demo.api:
            good = demo.run()
        console.print("\n[bold cyan]Stopping[/]")
    shutil.rmtree(directory, ignore_errors=True)
    took = time.monotonic() - began
    verdict = (
        "[bold green]Every answer is right.[/]" if good else "[bold red]Something is not as it should be.[/]"
    )
    console.print(f"\n{verdict} The demo took {took:.1f} s.")
    console.print(
        "Next: `make up` leaves all of it running; the API explains itself at http://127.0.0.1:8000/docs;\n"
        "README.md shows the calls, docs/reference/playbooks.md how to plug in a playbook of your own."
    )
    return 0 if good else 1


def _poll() -> Iterator[None]:
    """Yield every POLL seconds, for PATIENCE seconds. Raises StackError after that."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        yield
        time.sleep(POLL)
    raise StackError(f"This took longer than {PATIENCE:.0f} s.")


def _dig(server: str, name: str, kind: str) -> tuple[str, set[str]]:
    """Return the TTL and the values of the answer to one plain query over UDP."""
    address, _, port = server.rpartition(":")
    query = dns.message.make_query(name, kind)
    reply = dns.query.udp(query, address, port=int(port), timeout=5)
    rrset = reply.get_rrset(
        reply.answer, dns.name.from_text(name), query.question[0].rdclass, dns.rdatatype.from_text(kind)
    )
    return (str(rrset.ttl), {rdata.to_text() for rdata in rrset}) if rrset else ("", set())


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


if __name__ == "__main__":
    run(main)
