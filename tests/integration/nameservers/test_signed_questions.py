"""Questions that are signed by TSIG, to a server whose views are chosen by key."""

import base64
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.message
import dns.name
import dns.rcode
import dns.tsig
import pytest

from app.domain.change import RRsetKey
from app.domain.expectation import Answer
from app.domain.server import Server
from app.nameservers.key_file import KeyUnusable, read_key
from app.nameservers.resolver import ask
from app.nameservers.tsig import Signer
from stack.embedded import Stack
from stack.nameserver import create_key
from tests.support.views import VIEWS, ZONE, Views, bind_with_views

KEY = RRsetKey(f"www.{ZONE}", "A")
MANY = [KEY, *(RRsetKey(f"h{i}.{ZONE}", "A") for i in range(500))]


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Views]:
    with bind_with_views(tmp_path_factory.mktemp("views")) as found:
        yield found


@pytest.mark.parametrize("view", VIEWS)
def test_a_key_chooses_the_view(views: Views, view: str) -> None:
    answers = ask(views.signed(view), MANY, timeout=10, doubt=lambda *_: True, zone=ZONE)
    assert answers.pop(KEY) == Answer(300, frozenset({VIEWS[view]}))
    assert set(answers.values()) == {Answer(None, frozenset())}


def test_without_a_key_the_zone_is_not_there(views: Views) -> None:
    assert ask(views.server, [KEY], timeout=10)[KEY].error == "the server answers REFUSED"


def test_a_key_that_the_server_does_not_have(views: Views, tmp_path: Path) -> None:
    create_key(tmp_path / "unknown.key", "unknown")
    create_key(tmp_path / "inside.key", "inside")  # the right name, another secret
    for name in ("unknown", "inside"):
        answer = ask(views.server._replace(key_file=tmp_path / f"{name}.key"), [KEY], timeout=10)[KEY]
        assert "the server refuses the key" in str(answer.error)


def test_a_key_that_powerdns_and_knot_do_not_have(more_name_servers: Stack, tmp_path: Path) -> None:
    create_key(tmp_path / "unknown.key", "unknown")
    for variable in ("KNOT_SERVER", "POWERDNS_SERVER"):
        address, _, port = more_name_servers.env[variable].rpartition(":")
        key = RRsetKey("www.example.test", "A")
        server = Server(address, int(port), tmp_path / "unknown.key")
        assert ask(server, [key], timeout=10)[key].error


@pytest.mark.parametrize("server", ["knot", "powerdns"])
def test_signed_questions_to_other_servers(more_name_servers: Stack, server: str) -> None:
    address, _, port = more_name_servers.env[f"{server.upper()}_SERVER"].rpartition(":")
    key = RRsetKey("ns1.example.test", "A")
    signed = Server(address, int(port), more_name_servers.key_file(server))
    assert ask(signed, [key], timeout=10)[key] == Answer(300, frozenset({"127.0.0.1"}))


def test_a_key_file_that_cannot_be_used(views: Views, tmp_path: Path, logged: Callable[[], str]) -> None:
    answer = ask(views.server._replace(key_file=tmp_path / "none.key"), [KEY], timeout=10)[KEY]
    assert "can't be used" in str(answer.error)
    assert str(tmp_path) not in str(answer.error)  # which requesters read
    assert "none.key" in logged()


def secret_of(path: Path) -> str:
    (found,) = re.findall(r'secret "(.*)"', path.read_text())
    return str(found)


def test_no_log_holds_the_secret(views: Views, tmp_path: Path, logged: Callable[[], str]) -> None:
    ask(views.signed("inside"), [KEY], timeout=10)
    broken = tmp_path / "broken.key"
    broken.write_text(views.key_file("inside").read_text().replace("hmac-sha256", "hmac-sha0"))
    error = ask(views.server._replace(key_file=broken), [KEY], timeout=10)[KEY].error
    with pytest.raises(KeyUnusable) as refused:
        read_key(broken)
    secret = secret_of(broken)
    assert secret not in f"{logged()} {error} {refused.value}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        'key "a" { algorithm hmac-sha256; };',
        'key "a" { secret "c2VjcmV0"; };',
        'key "a" { algorithm none; secret "c2VjcmV0"; };',
        'key "a" { algorithm hmac-md5; secret "c2VjcmV0"; }; key "b" { algorithm hmac-md5; secret "eA=="; };',
        'key "a" { algorithm hmac-sha256; secret "=="; };',
    ],
)
def test_what_is_no_key_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.key").write_text(text)
    with pytest.raises(KeyUnusable):
        read_key(tmp_path / "a.key")


@pytest.mark.parametrize(
    "text",
    [
        'key "A-Key" {\n algorithm hmac-sha512;\n secret "c2VjcmV0";\n};\n',
        "/* old\n one */ key A-Key { // which\n secret c2VjcmV0; # what\n algorithm HMAC-SHA512; }",
    ],
)
def test_key_files(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.key").write_text(text)
    key = read_key(tmp_path / "a.key")
    assert (key.name.to_text(), key.secret) == ("a-key.", b"secret")
    assert key.algorithm == dns.tsig.HMAC_SHA512


SIGNING = dns.tsig.Key("key.", base64.b64encode(b"x" * 32).decode())
ANOTHER = dns.tsig.Key("key.", base64.b64encode(b"y" * 32).decode())


def reply_to(query: bytes, key: dns.tsig.Key | None, mac: bytes) -> bytes:
    reply = dns.message.make_response(dns.message.from_wire(query, keyring=False))
    if key is None:
        return reply.to_wire()
    reply.use_tsig(key)
    reply.request_mac = mac
    return reply.to_wire()


def test_replies_with_wrong_signatures() -> None:
    signer = Signer(SIGNING)
    query, mac = signer.sign(dns.message.make_query("www.example.test", "A", id=7).to_wire())
    dns.message.from_wire(query, keyring=SIGNING)  # raises when the signature is not right
    good = reply_to(query, SIGNING, mac)
    assert signer.check(good, mac) is None
    assert signer.check(good[:30] + bytes([good[30] ^ 1]) + good[31:], mac)
    assert signer.check(good, mac[::-1])
    assert signer.check(reply_to(query, ANOTHER, mac), mac)
    assert signer.check(reply_to(query, None, mac), mac) == "the reply is not signed"
    for length in range(12, len(good)):
        assert signer.check(good[:length], mac)


def test_an_unsigned_refusal_passes_as_what_it_is() -> None:
    refusal = dns.message.make_response(dns.message.make_query("www.example.test", "A"))
    refusal.set_rcode(dns.rcode.NOTAUTH)
    assert Signer(SIGNING).check(refusal.to_wire(), b"") is None


def test_a_reply_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    signer = Signer(SIGNING)
    query, mac = signer.sign(dns.message.make_query("www.example.test", "A").to_wire())
    good = reply_to(query, SIGNING, mac)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 1000)
    assert signer.check(good, mac)
