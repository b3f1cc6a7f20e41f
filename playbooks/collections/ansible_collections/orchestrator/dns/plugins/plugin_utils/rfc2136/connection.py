"""One TCP connection to a DNS server, signed by TSIG (RFC 8945), with many messages under way at a time.

A Kerberos context signs as a key does (RFC 3645). One that the server has forgotten is negotiated anew.

The app has a client like this one for the queries that verify a change (`app/nameservers`). They can't share
code: Ansible runs in processes of its own, which have the collection and can't import the app.
"""

import socket
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import NamedTuple, Self

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.tsig
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import KeyRefused, NoAnswer, Unreachable
from dns.opcode import Opcode
from dns.rcode import Rcode

from .kerberos import Kerberos, new_context
from .sent_updates import told
from .tkey import ContextKey

WINDOW = 256  # messages under way at a time: so few that the buffers of neither side fill up
REFILL = 64  # messages that are sent together, so that the server is never idle and sending costs little


class Target(NamedTuple):
    """The server to send to; timeouts are in seconds."""

    address: str  # an IP address or a host name
    port: int
    connect_timeout: float
    answer_timeout: float
    max_changes: int | None = None  # in one message; None for as many as fit

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Connection:
    """A connection from `with` to the end of its block.

    Raises Unreachable if it can't be opened, and BatchFault if no context can be negotiated.
    """

    def __init__(self, target: Target, key: dns.tsig.Key | Kerberos | None) -> None:
        self.target = target
        self._kerberos = key if isinstance(key, Kerberos) else None
        self._key = None if isinstance(key, Kerberos) else key
        self._limit = target.answer_timeout

    def __enter__(self) -> Self:
        address = (self.target.address, self.target.port)
        try:
            self._socket = socket.create_connection(address, self.target.connect_timeout)
        except OSError as error:
            reason = error.strerror or str(error)
            raise Unreachable(f"no connection to {self.target}: {reason}") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self._socket.makefile("rb")
        try:
            self._renew_context()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()
        self._socket.close()

    def exchange(self, message: dns.message.Message) -> dns.message.Message:
        """Send a message and return its answer, whose signature is checked. Raises NoAnswer, KeyRefused."""
        if message.opcode() != Opcode.UPDATE:
            return self.read(self.pipeline([message])[0], message)
        with told(str(self.target)) as answers:
            answers += self.pipeline([message])
        return self.read(answers[0], message)

    def exchange_first(self, message: dns.message.Message) -> dns.message.Message:
        """Exchange the first message: a silent server gets no more time for it than for a connection."""
        self._limit = min(self.target.connect_timeout, self.target.answer_timeout)
        answer = self.exchange(message)
        self._limit = self.target.answer_timeout
        return answer

    def pipeline(self, messages: Sequence[dns.message.Message]) -> list[bytes]:
        """Send messages without waiting for each answer; return the answers in the same order, as octets.

        Each message needs an id of its own. What is refused for a context that the server has forgotten is
        sent once more with a new one: nothing of it was carried out (RFC 8945 5.2). Raises NoAnswer.
        """
        if isinstance(self._key, ContextKey) and self._key.is_over:
            self._renew_context()
        answers = self._send_and_receive(messages)
        if forgotten := [index for index, wire in enumerate(answers) if self._is_forgotten(wire)]:
            self._renew_context()
            again = self._send_and_receive([messages[index] for index in forgotten])
            for index, wire in zip(forgotten, again, strict=True):
                answers[index] = wire
        return answers

    def _send_and_receive(self, messages: Sequence[dns.message.Message]) -> list[bytes]:
        answers: dict[int, bytes] = {}
        unsent = iter(messages)
        self._send(islice(unsent, WINDOW))
        while len(answers) < len(messages):
            wire = self._receive()
            answers[int.from_bytes(wire[:2])] = wire
            if len(answers) % REFILL == 0:
                self._send(islice(unsent, REFILL))
        try:
            return [answers[message.id] for message in messages]
        except KeyError:
            raise NoAnswer(f"{self.target} answered a message that was not sent") from None

    def transfer(self, zone: dns.name.Name) -> Iterator[dns.message.Message]:
        """Yield the messages of a transfer of the zone (AXFR), on a connection of its own.

        Raises what dnspython raises where the server grants none, or it takes longer than an answer may.
        """
        address, port = self._socket.getpeername()[:2]
        key, limit = self._key if self._signs_questions else None, self.target.answer_timeout
        yield from dns.query.xfr(
            address,
            zone,
            port=port,
            keyring=None if key is None else {key.name: key},
            keyname=None if key is None else key.name,
            keyalgorithm=dns.tsig.default_algorithm if key is None else key.algorithm,
            relativize=False,
            timeout=limit,
            lifetime=limit,
        )

    def read(self, wire: bytes, asked: dns.message.Message) -> dns.message.Message:
        """Return the answer to a message, with its signature checked. Raises NoAnswer, KeyRefused."""
        try:
            answer = dns.message.from_wire(wire, keyring=False)  # does not check a signature
            if asked.tsig is not None and answer.had_tsig and not self._is_echo(answer, asked):
                return dns.message.from_wire(wire, keyring=self._key, request_mac=asked.mac)
        except dns.tsig.PeerError as error:
            reason = _KEY_REFUSALS.get(type(error), "it does not accept the signature")
            raise KeyRefused(f"{self.target} refused the TSIG key: {reason}") from error
        except dns.exception.DNSException as error:
            raise NoAnswer(f"the answer of {self.target} can't be read or trusted: {error}") from error
        return self._accept_unsigned(answer, asked)

    def _send(self, messages: Iterable[dns.message.Message]) -> None:
        self._send_octets(b"".join(map(self._write, messages)))

    def _send_octets(self, octets: bytes) -> None:
        try:
            self._socket.settimeout(self._limit)
            self._socket.sendall(octets)
        except OSError as error:
            raise NoAnswer(f"the connection to {self.target} broke: {error.strerror or error}") from error

    def _write(self, message: dns.message.Message) -> bytes:
        if self._key is not None and (self._signs_questions or message.opcode() == Opcode.UPDATE):
            message.use_tsig(self._key)
        wire = message.to_wire(max_size=65535)
        return struct.pack("!H", len(wire)) + wire

    def _receive(self) -> bytes:
        """Return the next message. It has to be there in time as a whole, not an octet now and then."""
        deadline = time.monotonic() + self._limit
        (length,) = struct.unpack("!H", self._receive_exactly(2, deadline))
        return self._receive_exactly(length, deadline)

    def _receive_exactly(self, length: int, deadline: float) -> bytes:
        received = bytearray()
        while len(received) < length:
            try:
                self._socket.settimeout(max(0.001, deadline - time.monotonic()))
                part = self._stream.read1(length - len(received))
            except OSError as error:
                raise NoAnswer(f"{self.target} does not answer: {error.strerror or error}") from error
            if not part:
                raise NoAnswer(f"{self.target} closed the connection without an answer")
            received += part
        return bytes(received)

    def _accept_unsigned(
        self, answer: dns.message.Message, asked: dns.message.Message
    ) -> dns.message.Message:
        """Return an unsigned answer if we sign nothing either, or if it is a refusal.

        A server that knows the key signs its refusals, too. PowerDNS answers a key that it does not know
        unsigned: NOTAUTH to a query. Raises NoAnswer, KeyRefused.
        """
        is_signed = asked.tsig is not None
        if is_signed and answer.rcode() == Rcode.NOTAUTH and asked.opcode() == Opcode.QUERY:
            raise KeyRefused(f"{self.target} refused the TSIG key (NOTAUTH, not signed)")
        if is_signed and answer.rcode() == Rcode.NOERROR:
            raise NoAnswer(f"the answer of {self.target} is not signed")
        return answer

    # --- Kerberos

    def _renew_context(self) -> None:
        if self._kerberos is not None:
            limit = min(self.target.connect_timeout, self.target.answer_timeout)
            self._key = new_context(self._kerberos, self.target, self._exchange_unsigned, limit)

    def _exchange_unsigned(self, message: dns.message.Message) -> bytes:
        wire = message.to_wire(max_size=65535)
        self._send_octets(struct.pack("!H", len(wire)) + wire)
        return self._receive()

    @property
    def _signs_questions(self) -> bool:
        """Active Directory answers everybody, and is not known to sign its answers to questions."""
        return self._kerberos is None or self._kerberos.signs_questions

    def _is_forgotten(self, wire: bytes) -> bool:
        if self._kerberos is None or wire[3] & 0x0F != Rcode.NOTAUTH:
            return False
        try:
            answer = dns.message.from_wire(wire, keyring=False)
        except dns.exception.DNSException:
            return False
        return answer.tsig_error in (Rcode.BADKEY, Rcode.BADTIME)

    def _is_echo(self, answer: dns.message.Message, asked: dns.message.Message) -> bool:
        """Whether it is a refusal with our own signature: Windows refuses so what its policy forbids."""
        return self._kerberos is not None and answer.rcode() != Rcode.NOERROR and answer.mac == asked.mac


_KEY_REFUSALS: dict[type[Exception], str] = {
    dns.tsig.PeerBadKey: "it has no key of this name and algorithm (NOTAUTH, BADKEY)",
    dns.tsig.PeerBadSignature: "it has another secret (NOTAUTH, BADSIG)",
    dns.tsig.PeerBadTime: "its clock and ours differ too much (NOTAUTH, BADTIME)",
    dns.tsig.PeerBadTruncation: "the signature is too short (NOTAUTH, BADTRUNC)",
}
