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
from app.nameservers.errors import ServerUnreachable
from app.nameservers.key_file import KeyUnusable, read_key

_TSIG_ERRORS = {
    dns.tsig.PeerBadKey: "the server does not know the key (BADKEY): its name or algorithm differs",
    dns.tsig.PeerBadSignature: "the key's secret is another on the server (BADSIG)",
    dns.tsig.PeerBadTime: "the clocks differ by more than TSIG allows (BADTIME)",
}
_REFUSALS = {
    dns.rcode.REFUSED: "REFUSED: the key may not change the zone, or the zone is frozen",
    dns.rcode.NOTAUTH: "NOTAUTH: the server does not serve the zone",
    dns.rcode.NOTZONE: "NOTZONE: the server does not serve the zone",
    dns.rcode.NOTIMP: "NOTIMP: the server takes no dynamic updates",
}


class ProbeFailed(Exception):
    """The server did not answer as it should; the text says how, and what that means."""


def ask_serial(server: Server, zone: str, timeout: float) -> int:
    """Return the zone's serial as the server answers it with authority. Raises ProbeFailed."""
    query = dns.message.make_query(zone, dns.rdatatype.SOA, flags=0)
    answer = _exchange(server, query, server.key_file, timeout)
    if answer.rcode() != dns.rcode.NOERROR:
        raise ProbeFailed(f"{dns.rcode.to_text(answer.rcode())}: the server does not serve the zone")
    found = answer.get_rrset(answer.answer, dns.name.from_text(zone), dns.rdataclass.IN, dns.rdatatype.SOA)
    if found is None or not answer.flags & dns.flags.AA:
        raise ProbeFailed("it does not answer with authority: the zone is not loaded there")
    return int(found[0].serial)


def try_update(server: Server, zone: str, key_file: Path | None, timeout: float) -> None:
    """Send an update that changes nothing, signed with the key. Raises ProbeFailed when it is not taken."""
    answer = _exchange(server, dns.update.UpdateMessage(zone), key_file, timeout)
    if answer.rcode() != dns.rcode.NOERROR:
        said = dns.rcode.to_text(answer.rcode())
        raise ProbeFailed(_REFUSALS.get(answer.rcode(), f"the server answers {said}"))


def _exchange(
    server: Server, query: dns.message.Message, key_file: Path | None, timeout: float
) -> dns.message.Message:
    try:
        if key_file:
            key = read_key(key_file)
            query.use_tsig(key)
        with connect(server, timeout) as sock:
            return dns.query.tcp(query, server.address, timeout=timeout, sock=sock)
    except (ServerUnreachable, KeyUnusable) as error:
        raise ProbeFailed(str(error)) from error
    except dns.tsig.PeerError as error:
        raise ProbeFailed(_TSIG_ERRORS.get(type(error), f"the signature is refused: {error}")) from error
    except (dns.exception.DNSException, OSError, EOFError) as error:
        words = str(error) or type(error).__name__
        raise ProbeFailed(f"no proper answer: {words}") from error
