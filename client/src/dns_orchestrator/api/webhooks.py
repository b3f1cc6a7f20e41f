"""Who is told of what has become of requests."""

from collections.abc import Sequence
from uuid import UUID

from dns_orchestrator.call import Call, Flow, Group, Mode, Pause, Stream, call, flow, given, pages, stream
from dns_orchestrator.models import webhooks as models
from dns_orchestrator.models.base import Page
from dns_orchestrator.waiting import Deadline

_PAUSE = 0.5  # seconds


class Webhooks(Group[Mode]):
    """`client.webhooks`."""

    @call
    def list(self) -> Call[models.WebhookList]:
        """Return the webhooks that the caller may see."""
        return Call("GET", "/webhooks", models.WebhookList)

    @call
    def get(self, webhook_id: UUID | str) -> Call[models.Webhook]:
        """Return a webhook, and how it has gone of late."""
        return Call("GET", f"/webhooks/{webhook_id}", models.Webhook)

    @call
    def create(
        self,
        url: str,
        *,
        account_id: str | None = None,
        event_types: Sequence[str] = (),
        comment: str | None = None,
    ) -> Call[models.NewWebhook]:
        """Make a webhook. Its `secret` is what its receiver verifies with; nobody can read it a second time.

        Without an account it gets the events of every account that the caller reads; without types all.
        """
        body = given(url=url, account_id=account_id, event_types=[*event_types], comment=comment)
        return Call("POST", "/webhooks", models.NewWebhook, json=body, repeatable=False)

    @call
    def change(
        self,
        webhook_id: UUID | str,
        *,
        url: str | None = None,
        event_types: Sequence[str] | None = None,
        comment: str | None = None,
        enabled: bool | None = None,
    ) -> Call[models.Webhook]:
        """Change a webhook, or enable or disable it; the caller answers for it from then on."""
        types = _listed(event_types)
        body = given(url=url, event_types=types, comment=comment, enabled=enabled)
        return Call("PATCH", f"/webhooks/{webhook_id}", models.Webhook, json=body)

    @call
    def remove(self, webhook_id: UUID | str) -> Call[None]:
        """Remove a webhook with its deliveries."""
        return Call("DELETE", f"/webhooks/{webhook_id}", type(None), repeatable=False)

    @call
    def rotate(self, webhook_id: UUID | str) -> Call[models.NewWebhook]:
        """Give a webhook a new secret; the one before signs beside it for a day."""
        return Call("POST", f"/webhooks/{webhook_id}/rotate", models.NewWebhook, repeatable=False)

    @flow
    def test(self, webhook_id: UUID | str, *, wait: float = 0) -> Flow[models.Delivery]:
        """Have an event of no meaning posted, once; return the delivery, after `wait` seconds at most.

        It is still `pending` where no worker has posted it by then.
        """
        deadline = Deadline(wait)
        delivery: models.Delivery = yield Call("POST", f"/webhooks/{webhook_id}/test", models.Delivery)
        while delivery.status == "pending" and deadline.left:
            yield Pause(min(_PAUSE, deadline.left))
            delivery = yield _delivery(webhook_id, delivery.id)
        return delivery

    @stream
    def deliveries(
        self, webhook_id: UUID | str, *, status: str | None = None, page_size: int = 20
    ) -> Stream[models.Delivery]:
        """Give the deliveries to a webhook (pending, delivered or failed), the newest first."""
        query = {"limit": page_size, "status": status}
        path = f"/webhooks/{webhook_id}/deliveries"
        return pages(Call("GET", path, Page[models.Delivery], query=query))

    @call
    def delivery(self, webhook_id: UUID | str, delivery_id: UUID | str) -> Call[models.DeliveryDetail]:
        """Return a delivery with its event, and the beginning of the last answer."""
        return _delivery(webhook_id, delivery_id)

    @call
    def replay(self, webhook_id: UUID | str, delivery_id: UUID | str) -> Call[models.Delivery]:
        """Deliver an event once more, with the same `webhook-id`; return the new delivery."""
        path = f"/webhooks/{webhook_id}/deliveries/{delivery_id}/replay"
        return Call("POST", path, models.Delivery, repeatable=False)


def _listed(texts: Sequence[str] | None) -> Sequence[str] | None:
    return None if texts is None else list(texts)


def _delivery(webhook_id: UUID | str, delivery_id: UUID | str) -> Call[models.DeliveryDetail]:
    return Call("GET", f"/webhooks/{webhook_id}/deliveries/{delivery_id}", models.DeliveryDetail)
