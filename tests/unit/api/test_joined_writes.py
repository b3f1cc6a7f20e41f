"""The head of an answer goes with its body, and waits for none."""

import asyncio
from collections.abc import Callable

from app.api.joined_writes import JoinedWrites

HEAD, BODY = b"HTTP/1.1 202 Accepted\r\n\r\n", b"{}"


async def received(answer: Callable[[JoinedWrites], None], number: int) -> list[bytes]:
    """Let a server answer a client; return what each of so many reads of the client gets."""

    class Server(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            answer(JoinedWrites(transport, asyncio.get_running_loop()))

    loop = asyncio.get_running_loop()
    server = await loop.create_server(Server, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    async with asyncio.timeout(10):
        reads = [await reader.read(1_000) for _ in range(number)]
    writer.close()
    server.close()
    return reads


def test_a_head_goes_with_what_follows_at_once() -> None:
    def answer(writes: JoinedWrites) -> None:
        for part in (HEAD, BODY):
            writes.write(part)
        writes.end()

    assert asyncio.run(received(answer, 1)) == [HEAD + BODY]


def test_a_head_waits_for_nothing() -> None:
    assert asyncio.run(received(lambda writes: writes.write(HEAD), 1)) == [HEAD]


def test_a_head_alone_is_sent_before_the_connection_is_closed() -> None:
    def answer(writes: JoinedWrites) -> None:
        writes.write(HEAD)
        writes.close()

    assert asyncio.run(received(answer, 2)) == [HEAD, b""]


def test_the_heads_of_answers_one_after_the_other() -> None:
    def answer(writes: JoinedWrites) -> None:
        for _ in range(2):
            writes.write(HEAD)
            writes.end()
        writes.close()

    assert b"".join(asyncio.run(received(answer, 3))) == HEAD + HEAD
