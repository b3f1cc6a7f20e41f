"""What is said of a server that answers a harmless question, but not as it should."""

from pathlib import Path

import dns.message
import pytest

from app.nameservers.probe import ProbeFailed, try_update
from stack.nameserver import create_key
from tests.support.name_servers import Connection, Script, serving


def send_unsigned(connection: Connection) -> None:
    for query in connection.queries():
        reply = dns.message.Message(query.id)
        reply.flags = dns.flags.QR | query.flags
        reply.question = query.question
        connection.send(reply)


def send_what_is_no_message(connection: Connection) -> None:
    for _ in connection.queries():
        connection.send_wire(b"hello")


@pytest.mark.parametrize(
    ("script", "code"),
    [(send_unsigned, "tsig_refused"), (send_what_is_no_message, "server_unreachable")],
)
def test_what_is_wrong_with_an_answer(script: Script, code: str, tmp_path: Path) -> None:
    create_key(tmp_path / "k.key")
    with serving(script) as server, pytest.raises(ProbeFailed) as failed:
        try_update(server, "example.test", tmp_path / "k.key", timeout=2)
    assert failed.value.code == code
