"""A client over HTTP: where a call gets no answer it is repeated at the other API, with the same key."""

import time
from collections.abc import Sequence
from random import Random
from threading import Event
from typing import Any

import httpx2

from tests.faults.matrix.journal import Call, Item, Journal
from tests.faults.matrix.lane import Lane
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.system import APIS
from tests.support.builders import body

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0  # seconds
_OPEN = frozenset(("pending", "running", "verifying"))


class HttpLane(Lane):
    """Single calls and batches; now and then an accepted call once more, as after a lost answer."""

    def __init__(
        self, name: str, scene: Scene, journal: Journal, random: Random, account: str, api: str
    ) -> None:
        super().__init__(name, scene, journal, random, account)
        self._client = scene.system.client(scene.system.tokens[account])
        self._api = APIS.index(api)
        self._last: Call | None = None

    def step(self, give_up: Event) -> None:
        """Ask for something new, or repeat the last call."""
        if self._last is not None and self.random.random() < 0.1:
            self._make(self._last, give_up)
            return
        call = self.begin(self.wishes.next())
        self._make(call, give_up)
        if call.accepted is not None:
            self._last = call

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _make(self, call: Call, give_up: Event) -> None:
        """Make the call until it is accepted."""
        pause = _FIRST_PAUSE
        while not give_up.is_set():
            try:
                answer = self._send(call)
            except httpx2.TransportError as error:
                call.said.append(type(error).__name__)
                self._api = 1 - self._api
            else:
                call.said.append(str(answer.status_code))
                if self._is_final(call, answer):
                    return
                if answer.status_code >= 500:
                    self._api = 1 - self._api
            give_up.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _send(self, call: Call) -> httpx2.Response:
        url = f"{self.scene.system.url(APIS[self._api])}/api/v1/dns"
        headers = {"Prefer": "wait=2"} if self.random.random() < 0.15 else {}
        if len(call.items) == 1:
            [item] = call.items
            headers["Idempotency-Key"] = item.key
            return self._client.post(
                f"{url}/{item.asked.action}", json=body_of(item, call.account), headers=headers
            )
        batch = [body_of(item, call.account, in_batch=True) for item in call.items]
        return self._client.post(
            f"{url}/batch", json={"requests": batch, "atomic": call.atomic}, headers=headers
        )

    def _is_final(self, call: Call, answer: httpx2.Response) -> bool:
        """Note the answer; return whether the call need not be repeated."""
        if answer.status_code in (200, 202):
            self._accept(call, [answer.json()])
            return True
        if answer.status_code == 207:
            results = answer.json()["results"]
            if all(result["status_code"] < 300 for result in results):
                self._accept(call, [result["request"] for result in results])
                return True
            said = {result["status_code"]: result.get("errors") for result in results}
            if all(status < 300 or status == 429 or status >= 500 for status in said):
                call.said.append(str(max(said)))
                return False  # some of it may be accepted at another time
            call.contradictions.append(f"items were refused: {said}")
            return True
        if answer.status_code == 429 or answer.status_code >= 500:
            if answer.status_code != 503 or "retry-after" not in answer.headers:
                call.contradictions.append(f"{answer.status_code} {answer.text[:300]} {dict(answer.headers)}")
            return False
        call.contradictions.append(f"refused: {answer.status_code} {answer.text[:300]}")
        return True

    def _accept(self, call: Call, requests: Sequence[dict[str, Any]]) -> None:
        ids = [request["id"] for request in requests]
        if call.ids and list(call.ids) != ids:
            call.contradictions.append(f"was told of {call.ids}, and then of {ids}")
        call.ids = call.ids or ids
        call.accepted = call.accepted or time.monotonic()
        for request in requests:
            if request["status"] not in _OPEN:
                call.finals[request["id"]] = request["status"]


def body_of(item: Item, account: str, *, in_batch: bool = False) -> dict[str, Any]:
    """Return the body of a call for a change, or of an item of a batch."""
    asked = item.asked
    more = {"action": asked.action, "idempotency_key": item.key} if in_batch else {}
    made = body(
        item.zone,
        asked.owner,
        record_type=asked.type,
        target=list(asked.values),
        account=account,
        config={"ttl": asked.ttl},
        **more,
    )
    if not asked.values:
        del made["resource"]["target"]
    return made
