"""Questions that are signed with a Kerberos context (RFC 3645), to BIND, with tickets of a real KDC."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.domain.change import RRsetKey
from app.domain.expectation import Answer
from app.domain.server import Kerberos, Server
from app.nameservers.probe import ProbeFailed, ask_serial, try_update
from app.nameservers.resolver import ask
from app.nameservers.serials import ask_serials
from app.nameservers.transfer import Limits, TransferFailed, transfer
from stack.embedded import Stack
from tests.support.eventually import eventually
from tests.support.kerberos import (
    ADDRESS,
    BRIEF,
    BRIEF_LIFE,
    GENERATED,
    PRIVATE_ZONE,
    SERVER,
    SERVICE,
    STRANGER,
    USER,
    ZONE,
    Realm,
    realm_with_bind,
)

KEY = RRsetKey(f"www.{PRIVATE_ZONE}", "A")
MANY = [KEY, *(RRsetKey(f"h{number}.{PRIVATE_ZONE}", "A") for number in range(500))]
LIMITS = Limits(idle=5, seconds=20, octets=1_000_000)
SHOWN = Answer(300, frozenset({ADDRESS}))


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    with realm_with_bind(tmp_path_factory.mktemp("realm")) as found:
        yield found


@dataclass
class Asker:
    """Asks BIND as a principal; other tests have no tickets in its cache."""

    realm: Realm
    cache: str

    def server(self, whose: str = USER, **kerberos: object) -> Server:
        keytab, cache = self.realm.keytab(whose), f"{self.cache}-{whose}"
        own = {"principal": whose, "keytab": keytab, "ccache": cache}
        service = str(kerberos.pop("service", SERVICE))
        return Server(SERVER, self.realm.ports.dns, None, Kerberos(service, **(own | kerberos)))  # type: ignore[arg-type]

    def ask(self, server: Server, timeout: float = 5) -> Answer:
        return ask(server, [KEY], timeout, zone=PRIVATE_ZONE)[KEY]


@pytest.fixture
def asker(realm: Realm, request: pytest.FixtureRequest) -> Asker:
    return Asker(realm, f"MEMORY:{request.node.name}")


def test_who_asks_is_known_by_the_ticket(asker: Asker) -> None:
    answers = ask(asker.server(), MANY, timeout=5, doubt=lambda *_: True, zone=PRIVATE_ZONE)
    assert answers.pop(KEY) == SHOWN
    assert set(answers.values()) == {Answer(None, frozenset())}
    assert asker.ask(asker.server(STRANGER)).error == "the server answers REFUSED"
    assert asker.ask(asker.server()._replace(kerberos=None)).error == "the server answers REFUSED"


def test_the_first_principal_of_the_keytab_is_meant_where_none_is_named(asker: Asker) -> None:
    assert asker.ask(asker.server(principal=None)) == SHOWN


def test_serials_and_probes_are_signed(asker: Asker) -> None:
    assert ask_serials(asker.server(), [PRIVATE_ZONE], 5) == {PRIVATE_ZONE: 1}
    assert ask_serial(asker.server(), PRIVATE_ZONE, 5) == 1
    try_update(asker.server(), ZONE, None, 5)
    with pytest.raises(ProbeFailed, match="REFUSED"):
        try_update(asker.server(STRANGER), PRIVATE_ZONE, None, 5)


def test_a_transfer_of_several_messages(asker: Asker) -> None:
    with transfer(asker.server(), ZONE, LIMITS) as found:
        assert len(list(found.records())) > GENERATED
    with pytest.raises(TransferFailed, match="REFUSED"), transfer(asker.server(STRANGER), ZONE, LIMITS):
        pass


def test_a_context_that_the_server_has_forgotten_is_negotiated_anew(asker: Asker) -> None:
    forgets = iter([True])

    def doubt(*_: object) -> bool:
        if next(forgets, False):
            asker.realm.forget_contexts()
        return True

    answers = ask(asker.server(), MANY, timeout=5, doubt=doubt, zone=PRIVATE_ZONE)
    assert next(forgets, None) is None
    assert {answer.error for answer in answers.values()} == {None}


def test_a_ticket_that_is_over_is_renewed(asker: Asker) -> None:
    assert asker.ask(asker.server(BRIEF)) == SHOWN
    cache_alone = asker.server(BRIEF, keytab=None)
    assert asker.ask(cache_alone) == SHOWN
    time.sleep(BRIEF_LIFE + 1.5)
    assert "can't be used" in str(asker.ask(cache_alone).error)
    assert asker.ask(asker.server(BRIEF)) == SHOWN


def test_a_kdc_that_is_away_or_silent_is_an_absence(asker: Asker, logged: Callable[[], str]) -> None:
    with asker.realm.kdc_away():
        assert asker.ask(asker.server()).error == "no KDC gives a ticket for it"
        assert "Cannot contact any KDC" in logged()
    with asker.realm.kdc_silent():
        begun = time.monotonic()
        assert asker.ask(asker.server(), timeout=0.5).error == "no KDC gives a ticket for it"
        assert "no ticket within 0.5 s" in logged()
        assert time.monotonic() - begun < 8
    eventually(lambda: asker.ask(asker.server()) == SHOWN, limit=20)


@pytest.mark.parametrize(
    ("kerberos", "words"),
    [
        ({"principal": "nobody@AD.TEST"}, "the keytab has no key of"),
        ({"keytab": Path("/nowhere.keytab")}, "the keytab has no key of"),
        ({"service": "DNS/elsewhere"}, "DNS/elsewhere@AD.TEST not found"),
        ({"service": "krbtgt/AD.TEST"}, "refuses a context"),
    ],
)
def test_what_keeps_a_context_from_being_negotiated(
    asker: Asker, logged: Callable[[], str], kerberos: dict[str, object], words: str
) -> None:
    error = str(asker.ask(asker.server(**kerberos)).error)  # type: ignore[arg-type]
    assert "can't be used" in error
    assert "keytab" not in error  # which requesters read
    assert words in logged()


def test_a_server_that_negotiates_no_contexts(
    asker: Asker, infrastructure: Stack, logged: Callable[[], str]
) -> None:
    port = int(infrastructure.env["DNS_SERVER"].rpartition(":")[2])
    assert "can't be used" in str(asker.ask(asker.server()._replace(port=port)).error)
    assert "refuses a context" in logged()


def test_without_the_library_the_words_say_what_to_install() -> None:
    script = """if True:
        from app.nameservers import gssapi
        gssapi.LIBRARY = "libnowhere.so"
        try:
            gssapi.Context("DNS/localhost", None, {})
        except gssapi.LibraryMissing as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "libnowhere.so is missing: Debian's package libgssapi-krb5-2 has it"
    assert done.stderr == ""
