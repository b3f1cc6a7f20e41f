"""The pages about webhooks."""

import re

from tests.support.console import Guests

HOSTILE = "<script>alert(1)</script>"


def test_a_webhook_from_its_form_to_its_end(guests: Guests) -> None:
    reader = guests.by("requester")
    wrong = reader.post("/webhooks/new", url=f"http://127.0.0.1/{HOSTILE}", event_type=["nonsense"])
    assert (wrong.status_code, HOSTILE in wrong.text) == (422, False)
    made = reader.post(
        "/webhooks/new",
        url="https://hooks.example.test/a",
        account_id="team-a",
        event_type=["dns.request.failed"],
        comment=HOSTILE,
    )
    assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
    assert re.search("whsec_[A-Za-z0-9+/]{43}=", made.text.replace("&#43;", "+"))
    [page] = set(re.findall(r'"/console(/webhooks/[0-9a-f-]{36})"', made.text))
    listed = reader.get("/webhooks")
    assert ("hooks.example.test" in listed.text, HOSTILE in listed.text) == (True, False)
    assert "whsec_" not in listed.text
    assert reader.post(f"{page}/disable").status_code == 303
    assert "somebody has disabled it" in reader.get(page).text
    assert reader.post(f"{page}/test").status_code == 303
    shown = reader.get(page).text
    assert "dns.webhook.test" in shown
    [delivery] = set(re.findall(rf'"/console({page}/deliveries/[0-9a-f-]{{36}})"', shown))
    assert "a test: nothing has happened" in reader.get(delivery).text
    assert reader.post(f"{delivery}/replay").status_code == 303
    assert reader.post(f"{page}/enable").status_code == 303
    assert "whsec_" in reader.post(f"{page}/rotate").text
    assert guests.by("requester", accounts=("team-b",)).get(page).status_code == 404
    assert reader.post(f"{page}/remove").status_code == 303
    assert reader.get(page).status_code == 404
