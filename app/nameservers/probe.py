"""Ask a server something harmless, to find out whether a zone could be changed and verified there."""

from pathlib import Path

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update

from app.domain.server import Server
from app.nameservers.connect import connect
from app.nameservers.errors import NoTicket, ServerUnreachable
from app.nameservers.key_file import KeyUnusable
from app.nameservers.signing import signing_key

_TSIG_ERRORS = {
    dns.tsig.PeerBadKey: "the server does not know the key (BADKEY): its name or algorithm differs",
    dns.tsig.PeerBadSignature: "the key's secret is another on the server (BADSIG)",
    dns.tsig.PeerBadTime: "the clocks differ by more than TSIG allows (BADTIME)",
}
_REFUSES = "zone_refuses_updates"
_NOT_THERE = "zone_not_loaded"
_REFUSALS = {
    dns.rcode.REFUSED: (_REFUSES, "REFUSED: the key may not change the zone, or the zone is frozen"),
    dns.rcode.NOTAUTH: (_NOT_THERE, "NOTAUTH: the server does not serve the zone"),
    dns.rcode.NOTZONE: (_NOT_THERE, "NOTZONE: the server does not serve the zone"),
    dns.rcode.NOTIMP: (_REFUSES, "NOTIMP: the server takes no dynamic updates"),
}


class ProbeFailed(Exception):
    """The server did not answer as it should; the text says how, and what that means.

    `code` is one of those that backends and zones rest for, or `transfer_refused`.
    """

    def __init__(self, words: str, code: str) -> None:
        super().__init__(words)
        self.code = code


def ask_serial(server: Server, zone: str, timeout: float) -> int:
    """Return the zone's serial as the server answers it with authority. Raises ProbeFailed."""
    query = dns.message.make_query(zone, dns.rdatatype.SOA, flags=0)
    answer = _exchange(server, query, server.key_file, timeout)
    if answer.rcode() != dns.rcode.NOERROR:
        said = dns.rcode.to_text(answer.rcode())
        raise ProbeFailed(f"{said}: the server does not serve the zone", _NOT_THERE)
    found = answer.get_rrset(answer.answer, dns.name.from_text(zone), dns.rdataclass.IN, dns.rdatatype.SOA)
    if found is None or not answer.flags & dns.flags.AA:
        raise ProbeFailed("it does not answer with authority: the zone is not loaded there", _NOT_THERE)
    return int(found[0].serial)


def try_update(server: Server, zone: str, key_file: Path | None, timeout: float) -> None:
    """Send an update that changes nothing, signed with the key. Raises ProbeFailed when it is not taken."""
    answer = _exchange(server, dns.update.UpdateMessage(zone), key_file, timeout)
    if answer.rcode() != dns.rcode.NOERROR:
        said = dns.rcode.to_text(answer.rcode())
        code, words = _REFUSALS.get(answer.rcode(), ("zone_failed", f"the server answers {said}"))
        raise ProbeFailed(words, code)


def try_transfer(server: Server, zone: str, timeout: float) -> None:
    """Ask for the whole zone (RFC 5936), and read the first message. Raises ProbeFailed if it is refused."""
    query = dns.message.make_query(zone, dns.rdatatype.AXFR, flags=0)
    answer = _exchange(server, query, server.key_file, timeout)
    said = dns.rcode.to_text(answer.rcode())
    if answer.rcode() in (dns.rcode.SERVFAIL, dns.rcode.NOTAUTH):
        raise ProbeFailed(f"{said}: the zone is not loaded there", _NOT_THERE)
    if answer.rcode() != dns.rcode.NOERROR or not answer.answer:
        words = f"{said}: the server does not transfer the zone to this address, or for this key"
        raise ProbeFailed(words, "transfer_refused")


def _exchange(
    server: Server, query: dns.message.Message, key_file: Path | None, timeout: float
) -> dns.message.Message:
    try:
        key = signing_key(server._replace(key_file=key_file), timeout)
        if key is not None:
            query.use_tsig(key)
        with connect(server, timeout) as sock:
            return dns.query.tcp(query, server.address, timeout=timeout, sock=sock)
    except NoTicket as error:
        raise ProbeFailed(f"{error.why}: {error.detail}", error.code) from error
    except ServerUnreachable as error:
        raise ProbeFailed(error.why, error.code) from error
    except KeyUnusable as error:
        raise ProbeFailed(str(error), error.code) from error
    except dns.tsig.PeerError as error:
        words = _TSIG_ERRORS.get(type(error), f"the signature is refused: {error}")
        raise ProbeFailed(words, "tsig_refused") from error
    except (dns.exception.DNSException, OSError, EOFError) as error:
        raise _no_proper_answer(error, is_signed=query.had_tsig) from error


def _no_proper_answer(error: Exception, *, is_signed: bool) -> ProbeFailed:
    if is_signed and type(error) is dns.exception.FormError:  # a lack of a signature has no class of its own
        words = "it answers without a signature: it refuses this, or does not know the key"
        return ProbeFailed(words, "tsig_refused")
    return ProbeFailed(f"no proper answer: {str(error) or type(error).__name__}", "server_unreachable")
