"""The issuer's keys in memory: when it is asked, and what holds while it does not answer."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from app.domain.errors import IssuerUnavailable
from app.issuer.fetch import NotRead
from app.issuer.public_keys import PublicKeys, read_public_keys
from app.services.access.oidc.current_keys import MAX_AGE, PAUSE, REFRESH_AFTER, CurrentKeys
from tests.support.issuer import SigningKey

FIRST, SECOND = (read_public_keys({"keys": [SigningKey(key_id).jwk()]}) for key_id in ("k1", "k2"))


def in_a_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """A test that runs in an event loop."""

    @wraps(test)
    def run() -> None:
        asyncio.run(test())

    return run


class Issuer:
    """What is published, and a clock that a test turns."""

    def __init__(self) -> None:
        self.published: PublicKeys | None = FIRST
        self.now = 1000.0
        self.asked = 0
        self.answering = asyncio.Event()
        self.answering.set()
        self.keys = CurrentKeys(self._fetch, lambda: self.now)

    async def _fetch(self) -> PublicKeys:
        self.asked += 1
        await self.answering.wait()
        if self.published is None:
            raise NotRead("away")
        return self.published

    async def unavailable(self, asked: Coroutine[Any, Any, object]) -> bool:
        """Whether the answer is that it can't be told."""
        try:
            await asked
        except IssuerUnavailable:
            return True
        return False


@in_a_loop
async def test_they_are_read_once_and_again_in_the_background() -> None:
    issuer = Issuer()
    assert [await issuer.keys.keys() for _ in range(3)] == [FIRST] * 3
    assert issuer.asked == 1
    issuer.published = SECOND
    issuer.now += REFRESH_AFTER + 1
    issuer.answering.clear()
    assert await issuer.keys.keys() == FIRST  # which does not wait
    issuer.answering.set()
    await issuer.keys.read()
    assert await issuer.keys.keys() == SECOND
    assert issuer.asked == 2


@in_a_loop
async def test_who_comes_at_once_waits_for_one_answer() -> None:
    issuer = Issuer()
    issuer.answering.clear()
    waiting = [asyncio.create_task(issuer.keys.keys()) for _ in range(50)]
    await asyncio.sleep(0)
    issuer.answering.set()
    assert await asyncio.gather(*waiting) == [FIRST] * 50
    assert issuer.asked == 1


@in_a_loop
async def test_who_gives_up_keeps_nobody_else_from_the_keys() -> None:
    issuer = Issuer()
    issuer.answering.clear()
    first, second = (asyncio.create_task(issuer.keys.keys()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    issuer.answering.set()
    assert await second == FIRST


@in_a_loop
async def test_a_key_that_the_issuer_has_made_since_is_found() -> None:
    issuer = Issuer()
    await issuer.keys.keys()
    issuer.published = SECOND
    issuer.now += PAUSE
    assert (await issuer.keys.keys_with("k2", "ES256")).find("k2", "ES256")


@in_a_loop
async def test_invented_keys_cost_the_issuer_nothing() -> None:
    issuer = Issuer()
    for number in range(1000):
        assert (await issuer.keys.keys_with(f"x{number}", "ES256")).find(f"x{number}", "ES256") is None
    assert issuer.asked == 1
    issuer.now += PAUSE
    await asyncio.gather(*(issuer.keys.keys_with(f"y{number}", "ES256") for number in range(1000)))
    assert issuer.asked == 2


@in_a_loop
async def test_known_keys_go_on_while_the_issuer_is_away_but_not_for_ever() -> None:
    issuer = Issuer()
    await issuer.keys.keys()
    issuer.published = None
    issuer.now += REFRESH_AFTER + 1
    assert await issuer.keys.keys_with("k1", "ES256") == FIRST
    assert await issuer.unavailable(issuer.keys.keys_with("k2", "ES256"))  # it may be a new one
    issuer.now += MAX_AGE
    assert await issuer.unavailable(issuer.keys.keys())
    asked = issuer.asked
    assert await issuer.unavailable(issuer.keys.keys())
    assert issuer.asked == asked  # it is left alone for a while
    issuer.published = FIRST
    issuer.now += PAUSE
    assert await issuer.keys.keys() == FIRST


@in_a_loop
async def test_an_issuer_that_is_away_from_the_start() -> None:
    issuer = Issuer()
    issuer.published = None
    assert await issuer.unavailable(issuer.keys.keys())
    issuer.published = SECOND
    assert await issuer.unavailable(issuer.keys.keys())
    issuer.now += PAUSE
    assert await issuer.keys.keys() == SECOND


@in_a_loop
async def test_what_is_published_again_is_the_same() -> None:
    issuer = Issuer()
    first = await issuer.keys.keys()
    issuer.published = PublicKeys(FIRST.published, {})
    issuer.now += REFRESH_AFTER + 1
    await issuer.keys.keys()
    await issuer.keys.read()
    assert await issuer.keys.keys() is first
