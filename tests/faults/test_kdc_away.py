"""A KDC that is away keeps nobody from being served in the end: no request fails for it."""

from pathlib import Path

import pytest

from stack.embedded import Stack
from stack.inventory import write_backend
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.kerberos import SERVER, USER, ZONE, realm_with_bind
from tests.support.user import User

pytestmark = pytest.mark.thorough

BACKEND = "directory"


def test_the_backend_rests_until_a_kdc_answers(stack: Stack, user: User, tmp_path: Path) -> None:
    with realm_with_bind(tmp_path) as realm:
        Path(stack.env["KRB5_CONFIG"]).write_text((tmp_path / "krb5.conf").read_text())
        inventory, keytab = Path(stack.env["INVENTORY"]), str(realm.keytab(USER))
        write_backend(inventory, BACKEND, SERVER, realm.ports.dns, dns_gss_keytab=keytab)
        user.wait_for_backend(BACKEND)
        user.serve(ZONE, BACKEND)
        with realm.kdc_away():
            asked = user.submit(body(ZONE, "one"), body(ZONE, "two"))
            eventually(lambda: fault(user) == "kdc_unreachable", limit=30)
            assert {user.request(request_id)["status"] for request_id in asked} <= {"pending", "running"}
        assert {request["status"] for request in user.wait_until_settled(asked)} == {"succeeded"}
        assert fault(user) is None


def fault(user: User) -> str | None:
    """The code of what the backend rests for."""
    (backend,) = (item for item in user.backends() if item["name"] == BACKEND)
    return backend["fault"] and str(backend["fault"]["code"])
